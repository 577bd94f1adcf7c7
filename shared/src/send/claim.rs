//! Claiming a message before it leaves, so that one sender at a time has it.

use super::Attempt;
use crate::{
    dispatch::MessageJob,
    failure::Failure,
    id::DeviceId,
    message::{Message, MessageKey},
    store::Unavailable,
};
use jiff::{SignedDuration, Timestamp};
use std::{collections::BTreeSet, future::Future};

/// How long a claim holds. Longer than any attempt takes; shorter than the queue takes to
/// give a message to another.
pub const CLAIM: SignedDuration = SignedDuration::from_secs(30);

/// What asking for a message led to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Claim {
    /// It is the caller's until the claim runs out.
    Granted(Before),
    /// Somebody else has it.
    Busy,
    /// It waits for a later attempt, not before then.
    Moved {
        /// The attempt.
        attempt: u32,
        /// Not before.
        not_before: Timestamp,
    },
    /// There is nothing more to do.
    Settled,
}

/// What the attempts before came to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Before {
    /// The devices that took it.
    pub taken: BTreeSet<DeviceId>,
    /// Whether a device reported it, which proves that one has it.
    pub reported: bool,
    /// Whether the consumer replied to it.
    pub answered: bool,
    /// What kept it from leaving the last time.
    pub trouble: Option<Failure>,
}

impl Before {
    /// What the attempts before made of a message.
    #[must_use]
    pub fn of(message: Message) -> Self {
        Self {
            reported: message.delivered_at.is_some(),
            answered: message.responded_at.is_some(),
            trouble: message.trouble,
            taken: message.taken,
        }
    }

    /// Whether it left, for one device at least.
    pub(crate) fn has_left(&self) -> bool {
        !self.taken.is_empty() || self.reported || self.answered
    }
}

/// Keeps messages while they are sent.
pub trait Claims: Send + Sync {
    /// Claims the job's attempt of its message from `now` until `until`, in one write. The
    /// message keeps the job's origin.
    ///
    /// MUST grant it to one caller at a time: when the message does not exist yet, when it
    /// is queued for this attempt, or when the claim of this or an earlier attempt ran out.
    fn claim(
        &self,
        job: &MessageJob,
        now: Timestamp,
        until: Timestamp,
    ) -> impl Future<Output = Result<Claim, Unavailable>> + Send;

    /// Records what the attempt changed, if the claim of `attempt` still stands; whether it
    /// did.
    fn record(
        &self,
        key: &MessageKey,
        attempt: u32,
        outcome: &Attempt,
    ) -> impl Future<Output = Result<bool, Unavailable>> + Send;
}
