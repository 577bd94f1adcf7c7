//! Telling webhooks: each event at least once, for 28 hours, and again on request.
//!
//! Recorded events become jobs ([`relay_events`], [`replay()`]); [`work`] does one.

mod endpoint;
mod job;
mod post;
mod relay;
mod replay;

pub use endpoint::{Answer, Post, test};
pub use job::{Delayed, EnqueueDeliveries, EventJob, Job, ReplayJob};
pub use post::{PATIENCE, Posted, SCHEDULE};
pub use relay::relay_events;
pub use replay::{ReplayError, replay};

use crate::{
    audit::Author,
    clock::Clock,
    id::{AccountId, WebhookName},
    journal::{Page, ReadJournal},
    store::Unavailable,
    webhook::Webhook,
};
use jiff::Timestamp;
use std::future::Future;

/// Does a job; what became of the event, if one was posted.
///
/// # Errors
/// When a port fails; doing it again is safe: an endpoint knows an event by its id.
pub async fn work<S>(
    store: &S,
    queue: &impl EnqueueDeliveries,
    endpoints: &impl Post,
    clock: &impl Clock,
    job: Job,
) -> Result<Option<Posted>, Unavailable>
where
    S: Health + ReadJournal,
{
    match job {
        Job::Event(job) => post::deliver(store, queue, endpoints, clock, job).await,
        Job::Replay(job) => {
            replay::replay_some(store, queue, clock, job).await?;
            Ok(None)
        }
    }
}

/// Keeps how a webhook's deliveries go.
pub trait Health: Send + Sync {
    /// The webhook, as of this instant.
    fn webhook(
        &self,
        account: &AccountId,
        name: &WebhookName,
    ) -> impl Future<Output = Result<Option<Webhook>, Unavailable>> + Send;

    /// Notes that it took nothing, unless that is noted, if it is still of that seed and
    /// version.
    fn failing(
        &self,
        webhook: &Webhook,
        now: Timestamp,
    ) -> impl Future<Output = Result<(), Unavailable>> + Send;

    /// Notes that it took something, if it is still of that seed.
    fn well(&self, webhook: &Webhook) -> impl Future<Output = Result<(), Unavailable>> + Send;

    /// Saves the disabled webhook and records `page`, if the stored one is of the version before
    /// it and has failed since `webhook.failing_since`; whether it did.
    fn disable(
        &self,
        by: &Author,
        webhook: &Webhook,
        page: &Page,
    ) -> impl Future<Output = Result<bool, Unavailable>> + Send;
}
