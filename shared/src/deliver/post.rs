//! Posting an event: once, and again by the schedule, until it is taken or the webhook disabled.

use super::{Answer, Delayed, EnqueueDeliveries, EventJob, Health, Post};
use crate::{
    audit::Author,
    clock::Clock,
    event,
    journal::Page,
    store::Unavailable,
    webhook::{Disabled, Reason, Webhook},
};
use jiff::{SignedDuration, Timestamp};
use std::time::Duration;

/// How long after the try before it each try of an event comes: 28 hours in all, but for 25
/// minutes.
pub const SCHEDULE: [Duration; 8] = [
    Duration::ZERO,
    Duration::from_secs(5),
    Duration::from_mins(5),
    Duration::from_mins(30),
    Duration::from_hours(2),
    Duration::from_hours(5),
    Duration::from_hours(10),
    Duration::from_hours(10),
];

/// How long a webhook may take nothing before it is disabled.
pub const PATIENCE: SignedDuration = SignedDuration::from_hours(5 * 24);

/// The subject of what the system does by itself, in the audit log.
const SYSTEM: &str = "overture";

/// What became of an event that was posted, for those who measure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Posted {
    /// The endpoint took it.
    Taken,
    /// It is tried again later.
    Later,
    /// It had its last try.
    GivenUp,
    /// The webhook was disabled over it.
    Disabled,
}

/// Posts the event of a job whose time has come; what became of it, if it was posted.
pub(super) async fn deliver(
    store: &impl Health,
    queue: &impl EnqueueDeliveries,
    endpoints: &impl Post,
    clock: &impl Clock,
    job: EventJob,
) -> Result<Option<Posted>, Unavailable> {
    let now = clock.now();
    if job.not_before > now {
        // The queue keeps a job back for a quarter of an hour at most.
        let waits = [Delayed::until_due(job, now)];
        queue.enqueue_deliveries(&waits).await?;
        return Ok(None);
    }
    let webhook = store.webhook(&job.account, &job.webhook).await?;
    let Some(webhook) = webhook.filter(|w| w.disabled.is_none()) else {
        return Ok(None);
    };
    let answer = endpoints.post(&webhook, &job.event, now).await?;
    if answer.is_taken() {
        if webhook.failing_since.is_some() {
            store.well(&webhook).await?;
        }
        return Ok(Some(Posted::Taken));
    }
    let reason = if answer.is_gone() {
        Some(Reason::Gone)
    } else {
        let since = webhook.failing_since.unwrap_or(now);
        (now.duration_since(since) >= PATIENCE).then_some(Reason::Failing)
    };
    if let Some(reason) = reason
        && disable(store, &webhook, reason, now).await?
    {
        return Ok(Some(Posted::Disabled));
    }
    if webhook.failing_since.is_none() {
        store.failing(&webhook, now).await?;
    }
    let Some(job) = next_try(job, &answer, now) else {
        return Ok(Some(Posted::GivenUp));
    };
    let waits = [Delayed::until_due(job, now)];
    queue.enqueue_deliveries(&waits).await?;
    Ok(Some(Posted::Later))
}

/// The event's next try: when the schedule or the endpoint says, whichever is later. `None` when
/// it had its last.
fn next_try(job: EventJob, answer: &Answer, now: Timestamp) -> Option<EventJob> {
    let attempt = job.attempt + 1;
    let planned = *SCHEDULE.get(usize::try_from(attempt).ok()?)?;
    let asked = answer.retry_after.unwrap_or_default();
    let longest = SCHEDULE.into_iter().max().unwrap_or_default();
    let wait = SignedDuration::try_from(planned.max(asked.min(longest))).ok()?;
    Some(EventJob {
        attempt,
        not_before: now.checked_add(wait).ok()?,
        ..job
    })
}

/// Disables a webhook and tells of it; whether it stood as it was read.
async fn disable(
    store: &impl Health,
    webhook: &Webhook,
    reason: Reason,
    now: Timestamp,
) -> Result<bool, Unavailable> {
    let by = Author {
        account: webhook.account.clone(),
        subject: SYSTEM.to_owned(),
        roles: Vec::new(),
        at: now,
    };
    let webhook = Webhook {
        disabled: Some(Disabled { at: now, reason }),
        version: webhook.version + 1,
        ..webhook.clone()
    };
    let events = event::of_disabling(&webhook).into_iter().collect();
    match Page::of(&webhook.account, None, events, now) {
        Some(page) => store.disable(&by, &webhook, &page).await,
        None => Ok(false),
    }
}
