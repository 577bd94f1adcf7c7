//! The outbox: from what was stored to paced jobs, chat notifications and events.
//!
//! Whatever must happen after a write is derived from the write itself, so that nothing is
//! lost between two of them. Everything here may be done twice: the message's claim and
//! the notification's collapse id make the second time harmless.

mod announcement;
mod hold;
mod job;
mod relay;

pub use announcement::{Announce, Announcement, AppEvent, ConversationEvent, WebhookEvent};
pub use hold::{Holds, release};
pub use job::{ChatJob, Delayed, Enqueue, Job, MessageJob};
pub use relay::{relay_entry, relay_pause, relay_state};

use crate::{campaign::Chunk, clock::Clock, id::AccountId, pace::Pacer, store::Unavailable};

/// Turns a part of a campaign into jobs, each at its slot on the account's clock.
///
/// # Errors
/// When a port fails; doing it all again is safe.
pub async fn dispatch(
    pacer: &impl Pacer,
    queue: &impl Enqueue,
    clock: &impl Clock,
    chunk: &Chunk,
) -> Result<(), Unavailable> {
    let jobs = (0..)
        .zip(&chunk.recipients)
        .map(|(index, recipient)| MessageJob {
            key: chunk.key(recipient),
            place: chunk.place(index),
            variables: recipient.variables.clone(),
            lookback_ends_at: chunk.lookback_ends_at,
            not_before: chunk.created_at,
            has_slot: false,
            sends_per_second: chunk.sends_per_second,
            attempt: 0,
            origin: chunk.origin.clone(),
        })
        .collect();
    enqueue_paced(pacer, queue, clock, &chunk.account, jobs).await
}

/// Gives each of a part's jobs a slot on the account's clock and puts it on the queue.
///
/// # Errors
/// When a port fails; doing it all again is safe.
pub async fn enqueue_paced(
    pacer: &impl Pacer,
    queue: &impl Enqueue,
    clock: &impl Clock,
    account: &AccountId,
    jobs: Vec<MessageJob>,
) -> Result<(), Unavailable> {
    let count = u32::try_from(jobs.len()).unwrap_or(u32::MAX);
    let Some(per_second) = jobs.first().map(|job| job.sends_per_second) else {
        return Ok(());
    };
    let now = clock.now();
    let slots = pacer.reserve(account, count, per_second, now).await?;
    let delayed: Vec<_> = (0..)
        .zip(jobs)
        .map(|(index, job)| {
            let not_before = slots.at(index);
            let job = MessageJob {
                not_before,
                has_slot: true,
                ..job
            };
            Delayed::until_due(job, now)
        })
        .collect();
    queue.enqueue(&delayed).await
}
