//! A webhook's endpoint, what it answers, and trying it.

use super::Health;
use crate::{
    clock::Clock,
    event::Event,
    id::{AccountId, WebhookName},
    store::Unavailable,
    webhook::Webhook,
};
use jiff::Timestamp;
use std::{future::Future, time::Duration};

/// Posts events to endpoints.
pub trait Post: Send + Sync {
    /// Posts the event, signed with the webhook's live secrets. What the endpoint does is an
    /// answer; it fails when nothing could be posted for a fault of ours.
    fn post(
        &self,
        webhook: &Webhook,
        event: &Event,
        now: Timestamp,
    ) -> impl Future<Output = Result<Answer, Unavailable>> + Send;
}

/// What came of a post.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// The endpoint's status, if it answered.
    pub status: Option<u16>,
    /// Why there is none.
    pub trouble: Option<String>,
    /// How long to wait before the next try, if the endpoint said.
    pub retry_after: Option<Duration>,
    /// How long it took.
    pub took: Duration,
}

impl Answer {
    /// Whether the endpoint took the event. A redirect is not followed, and takes none.
    #[must_use]
    pub fn is_taken(&self) -> bool {
        self.status.is_some_and(|s| (200..300).contains(&s))
    }

    /// Whether the endpoint wants no more.
    #[must_use]
    pub fn is_gone(&self) -> bool {
        self.status == Some(410)
    }
}

/// Posts a test event at once, whether the webhook is disabled or not; what came of it, or
/// nothing when there is no such webhook.
///
/// # Errors
/// When a port fails.
pub async fn test(
    store: &impl Health,
    endpoints: &impl Post,
    clock: &impl Clock,
    account: &AccountId,
    name: &WebhookName,
) -> Result<Option<(Event, Answer)>, Unavailable> {
    let Some(webhook) = store.webhook(account, name).await? else {
        return Ok(None);
    };
    let now = clock.now();
    let event = Event::test(&webhook, now);
    let answer = endpoints.post(&webhook, &event, now).await?;
    Ok(Some((event, answer)))
}
