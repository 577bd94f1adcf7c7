//! Telling a consumer's devices of a new entry in the chat.

use super::{Done, SendStore, Sender, answer::backoff};
use crate::{
    clock::Clock,
    device::Takes,
    dispatch::{ChatJob, Delayed, Enqueue, Job},
    id::share,
    pace::LONGEST_DELAY,
    push::{Custom, Notification, Push},
    store::Unavailable,
};
use jiff::SignedDuration;

/// How long a chat notification may be shown.
pub const CHAT_LIFE: SignedDuration = SignedDuration::from_hours(24);

impl<S, Q, P, C> Sender<'_, S, Q, P, C>
where
    S: SendStore,
    Q: Enqueue,
    P: Push,
    C: Clock,
{
    /// Tells the consumer's devices of a new entry. Nothing is recorded: the entry waits in
    /// the chat whatever comes of it.
    pub(super) async fn chat(&self, job: ChatJob) -> Result<Done, Unavailable> {
        let expires_at = job.at.checked_add(CHAT_LIFE).unwrap_or(job.at);
        let now = self.clock.now();
        if now >= expires_at {
            return Ok(Done::Through);
        }
        let standing = self.store.standing(&job.account, &job.consumer).await?;
        let devices: Vec<_> = standing
            .devices
            .iter()
            .filter(|d| d.takes == Takes::All && !d.is_stale(now))
            .collect();
        let notification = Notification {
            account: job.account.clone(),
            title: None,
            body: job.text.clone(),
            // A message's own, so that it shows once even when a sender that died had sent it
            // as a push before the consumer wrote.
            collapse_id: job
                .transaction
                .map_or_else(|| job.entry.to_string(), |id| id.to_string()),
            expires_at,
            custom: Custom::Chat {
                conversation: job.conversation,
                originator: job.originator.clone(),
                consumer: job.consumer.clone(),
            },
        };
        let answers = self
            .hand_over(&job.consumer, &devices, &notification)
            .await?;
        let now = self.clock.now();
        let waits = answers.iter().filter_map(|answer| answer.wait(now)).max();
        if let Some(least) = waits
            && answers.iter().all(|a| a.result.is_err())
        {
            let wait = backoff(job.attempt, least, share());
            if now.checked_add(wait).is_ok_and(|at| at < expires_at) {
                let job = Job::Chat(ChatJob {
                    attempt: job.attempt + 1,
                    ..job
                });
                let delay = wait.min(LONGEST_DELAY);
                self.queue.enqueue(&[Delayed { job, delay }]).await?;
            }
        }
        Ok(Done::Through)
    }
}
