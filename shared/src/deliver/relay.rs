//! From recorded events to a job for each webhook that wants one.

use super::{Delayed, EnqueueDeliveries};
use crate::{
    clock::Clock,
    dispatch::{Announce, Announcement, WebhookEvent},
    event::{Data, Event},
    id::AccountId,
    store::Unavailable,
    webhook::ReadWebhooks,
};

/// Makes a job of each recorded event for each webhook that wants it, and announces a webhook
/// that was disabled.
///
/// # Errors
/// When a port fails; doing it all again is safe.
pub async fn relay_events(
    store: &impl ReadWebhooks,
    queue: &impl EnqueueDeliveries,
    topic: &impl Announce,
    clock: &impl Clock,
    account: &AccountId,
    events: &[Event],
) -> Result<(), Unavailable> {
    for event in events {
        if let Data::Disabled(of) = &event.data {
            let announcement = WebhookEvent {
                event: event.kind.as_str().to_owned(),
                of: of.clone(),
            };
            topic.announce(&Announcement::Webhook(announcement)).await?;
        }
    }
    let (webhooks, now) = (store.webhooks(account).await?, clock.now());
    let jobs: Vec<_> = events
        .iter()
        .flat_map(|event| webhooks.iter().map(move |webhook| (webhook, event)))
        .filter(|(webhook, event)| webhook.wants(event.kind))
        .map(|(webhook, event)| Delayed::first_try(webhook, event, now))
        .collect();
    if jobs.is_empty() {
        return Ok(());
    }
    queue.enqueue_deliveries(&jobs).await
}
