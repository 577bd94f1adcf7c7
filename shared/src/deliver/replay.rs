//! Telling a webhook again of what the log has.

use super::{Delayed, EnqueueDeliveries, Health, Job, ReplayJob};
use crate::{
    clock::{self, Clock},
    id::{AccountId, WebhookName},
    journal::{self, ReadJournal},
    store::Unavailable,
};
use jiff::Timestamp;

/// Why nothing is told again.
#[derive(Debug, thiserror::Error)]
pub enum ReplayError {
    /// There is no such webhook.
    #[error("the account has no such webhook")]
    NotFound,
    /// It is told nothing.
    #[error("the webhook is disabled: enable it first")]
    Disabled,
    /// The range is none, or older than what is kept.
    #[error("must be before `to`, and no longer ago than the 14 days that events are kept")]
    Range,
    /// The store failed.
    #[error(transparent)]
    Store(#[from] Unavailable),
}

/// Tells a webhook again of what was recorded from `from` on and before `to`.
///
/// # Errors
/// When there is no such webhook, it is disabled, the range is refused, or a port fails.
pub async fn replay(
    store: &impl Health,
    queue: &impl EnqueueDeliveries,
    clock: &impl Clock,
    (account, name): (&AccountId, &WebhookName),
    (from, to): (Timestamp, Timestamp),
) -> Result<(), ReplayError> {
    let now = clock.now();
    if from >= to || now.duration_since(from) > journal::KEPT {
        return Err(ReplayError::Range);
    }
    let webhook = store.webhook(account, name).await?;
    let webhook = webhook.ok_or(ReplayError::NotFound)?;
    if webhook.disabled.is_some() {
        return Err(ReplayError::Disabled);
    }
    let job = Job::Replay(ReplayJob {
        account: account.clone(),
        webhook: name.clone(),
        from,
        to: to.min(now),
        day: clock::day(from),
        after: None,
    });
    queue.enqueue_deliveries(&[Delayed::now(job)]).await?;
    Ok(())
}

/// How many pages of the log one job tells of.
const PAGES: u32 = 4;

/// Tells of some pages, and puts a job for those behind them.
pub(super) async fn replay_some<S>(
    store: &S,
    queue: &impl EnqueueDeliveries,
    clock: &impl Clock,
    mut job: ReplayJob,
) -> Result<(), Unavailable>
where
    S: Health + ReadJournal,
{
    let webhook = store.webhook(&job.account, &job.webhook).await?;
    let Some(webhook) = webhook.filter(|w| w.disabled.is_none()) else {
        return Ok(());
    };
    let (last, now) = (clock::day(job.to), clock.now());
    while job.day <= last {
        let range = (job.from, job.to);
        let pages = store
            .pages(&job.account, job.day, range, job.after.as_deref(), PAGES)
            .await?;
        let Some(place) = pages.last().map(|page| page.place.clone()) else {
            let Ok(next) = job.day.tomorrow() else { break };
            (job.day, job.after) = (next, None);
            continue;
        };
        let mut jobs: Vec<_> = pages
            .iter()
            .flat_map(|page| &page.events)
            .filter(|event| webhook.wants(event.kind))
            .map(|event| Delayed::first_try(&webhook, event, now))
            .collect();
        job.after = Some(place);
        jobs.push(Delayed::now(Job::Replay(job)));
        return queue.enqueue_deliveries(&jobs).await;
    }
    Ok(())
}
