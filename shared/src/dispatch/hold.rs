//! Messages that wait for their consumer's conversation to close.

use super::{Delayed, Enqueue, MessageJob};
use crate::{
    clock::Clock,
    id::{AccountId, ConsumerId},
    message::MessageKey,
    store::Unavailable,
};
use jiff::Timestamp;
use std::future::Future;

/// Keeps messages that wait for a conversation to close.
pub trait Holds: Send + Sync {
    /// Remembers that the message waits.
    fn hold(&self, job: &MessageJob) -> impl Future<Output = Result<(), Unavailable>> + Send;

    /// What waits for the consumer's conversation to close.
    fn held(
        &self,
        account: &AccountId,
        consumer: &ConsumerId,
    ) -> impl Future<Output = Result<Vec<MessageJob>, Unavailable>> + Send;

    /// Moves the message from held to queued for its next attempt, if it is held.
    fn queue_again(
        &self,
        job: &MessageJob,
        now: Timestamp,
    ) -> impl Future<Output = Result<(), Unavailable>> + Send;

    /// Forgets that the message waits.
    fn let_go(&self, key: &MessageKey) -> impl Future<Output = Result<(), Unavailable>> + Send;
}

/// Lets go of every message that waits for the consumer's conversation to close.
///
/// # Errors
/// When a port fails; doing it again is safe.
pub async fn release(
    store: &impl Holds,
    queue: &impl Enqueue,
    clock: &impl Clock,
    account: &AccountId,
    consumer: &ConsumerId,
) -> Result<(), Unavailable> {
    let now = clock.now();
    for held in store.held(account, consumer).await? {
        let next = held.attempt + 1;
        let job = held.again(next, now);
        store.queue_again(&job, now).await?;
        let key = job.key.clone();
        queue.enqueue(&[Delayed::until_due(job, now)]).await?;
        store.let_go(&key).await?;
    }
    Ok(())
}
