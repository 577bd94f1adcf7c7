//! One message's turn: claimed, attempted, recorded, and what follows from that.

use super::{
    Attempt, Before, CLAIM, Claim, Done, Handled, Next, Recorded, SendStore, Sender,
    attempt::stays_sent,
};
use crate::{
    clock::Clock,
    dispatch::{Delayed, Enqueue, MessageJob, release},
    failure::Failure,
    pace,
    push::Push,
    store::Unavailable,
};
use jiff::{SignedDuration, Timestamp};
use std::time::Duration;

/// How long a message of a paused account waits before it is looked at again.
pub const PUT_OFF: SignedDuration = SignedDuration::from_mins(5);

impl<S, Q, P, C> Sender<'_, S, Q, P, C>
where
    S: SendStore,
    Q: Enqueue,
    P: Push,
    C: Clock,
{
    /// Does a message's job. `paused` says that the account is.
    pub(super) async fn message(
        &self,
        job: MessageJob,
        paused: bool,
    ) -> Result<Handled, Unavailable> {
        let now = self.clock.now();
        if paused && now < job.lookback_ends_at {
            let (attempt, ends) = (job.attempt, job.lookback_ends_at);
            let job = job.again(attempt, (now + PUT_OFF).min(ends));
            self.put_back(job, now).await?;
            return Ok(Done::Through.into());
        }
        let Some(job) = self.in_its_turn(job, now).await? else {
            return Ok(Done::Through.into());
        };
        let until = now.checked_add(CLAIM).unwrap_or(now);
        match self.store.claim(&job, now, until).await? {
            Claim::Settled => Ok(Done::Through.into()),
            Claim::Busy => Ok(Done::NotYet.into()),
            // The sender before died after it recorded and before it queued.
            Claim::Moved {
                attempt,
                not_before,
            } => {
                self.put_back(job.again(attempt, not_before), now).await?;
                Ok(Done::Through.into())
            }
            Claim::Granted(mut before) => {
                if paused {
                    before.trouble = Some(Failure::AccountPaused);
                }
                self.claimed(job, &before, now).await
            }
        }
    }

    /// Makes the attempt that was claimed `now`; what was recorded of it, if the claim still
    /// stood.
    async fn claimed(
        &self,
        job: MessageJob,
        before: &Before,
        now: Timestamp,
    ) -> Result<Handled, Unavailable> {
        let mut outcome = self.attempt(&job, before).await?;
        if before.has_left() {
            outcome = stays_sent(outcome);
        }
        let late = now.duration_since(job.not_before);
        let told = Recorded {
            key: job.key.clone(),
            campaign: job.place.campaign.clone(),
            left: before.taken.is_empty()
                && (outcome.next == Next::Sent || !outcome.taken.is_empty()),
            next: outcome.next.clone(),
            at: outcome.at,
            late: Duration::try_from(late).unwrap_or_default(),
        };
        let stands = self.finish(job, outcome).await?;
        Ok(Handled {
            done: Done::Through,
            recorded: stands.then_some(told),
        })
    }

    /// Puts a job on the queue, until its time.
    async fn put_back(&self, job: MessageJob, now: Timestamp) -> Result<(), Unavailable> {
        self.queue.enqueue(&[Delayed::until_due(job, now)]).await
    }

    /// The job when its turn has come; one whose turn is yet to come goes back to the queue.
    async fn in_its_turn(
        &self,
        job: MessageJob,
        now: Timestamp,
    ) -> Result<Option<MessageJob>, Unavailable> {
        if now >= job.lookback_ends_at {
            return Ok(Some(job));
        }
        let mut job = job;
        if !job.has_slot && now >= job.not_before {
            let slots = self
                .store
                .reserve(&job.key.account, 1, job.sends_per_second, now)
                .await?;
            job.not_before = slots.at(0);
            job.has_slot = true;
        }
        if job.has_slot && !pace::is_early(job.not_before, now) {
            return Ok(Some(job));
        }
        self.put_back(job, now).await?;
        Ok(None)
    }

    /// Records an outcome, then does what follows from it; whether the claim still stood.
    async fn finish(&self, job: MessageJob, outcome: Attempt) -> Result<bool, Unavailable> {
        if outcome.next == Next::Held {
            self.store.hold(&job).await?;
        }
        if !self.store.record(&job.key, job.attempt, &outcome).await? {
            // The claim ran out and another has it: what follows is theirs.
            return Ok(false);
        }
        match outcome.next {
            Next::Again {
                attempt,
                not_before,
                ..
            } => {
                let job = job.again(attempt, not_before);
                self.put_back(job, self.clock.now()).await?;
            }
            Next::Held => self.held(&job).await?,
            Next::Sent | Next::Failed(_) | Next::Expired(_) | Next::Cancelled => {}
        }
        Ok(true)
    }

    /// Comes back for a held message whose conversation closed before it was held: then the hold
    /// is gone, and nobody else does.
    async fn held(&self, job: &MessageJob) -> Result<(), Unavailable> {
        self.store.hold(job).await?;
        let (account, consumer) = (&job.key.account, &job.key.consumer);
        let standing = self.store.standing(account, consumer).await?;
        if standing.conversation.is_none() {
            release(self.store, self.queue, self.clock, account, consumer).await?;
        }
        Ok(())
    }
}
