//! Limits on the pace of calls: the generic cell rate algorithm (GCRA).
//!
//! One number is kept per bucket: when it would be empty of debt ("theoretical arrival
//! time"). A call is taken when that is no further ahead than one second's worth of
//! calls, so that a caller may use a second's calls at once, and no more.

use crate::{id::AccountId, store::Unavailable};
use jiff::{SignedDuration, Timestamp};
use std::future::Future;

/// A pace that a bucket is held to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pace {
    /// Calls per second, from 1.
    pub per_second: u32,
}

/// What a bucket says of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Decision {
    /// Whether the call is taken.
    pub taken: bool,
    /// The pace, in calls per second.
    pub limit: u32,
    /// How many more calls would be taken at once.
    pub remaining: u32,
    /// When the bucket will be as new, from now.
    pub reset_after: SignedDuration,
    /// When a call would be taken, from now; zero if this one was.
    pub retry_after: SignedDuration,
}

impl Pace {
    /// The time that one call takes up.
    #[must_use]
    pub fn step(self) -> SignedDuration {
        SignedDuration::from_micros(1_000_000 / i64::from(self.per_second.max(1)))
    }

    /// How far ahead of `now` the bucket's time may be for a call to be taken.
    #[must_use]
    pub fn tolerance(self) -> SignedDuration {
        SignedDuration::from_secs(1) - self.step()
    }

    /// What the bucket says when its time was `full_until` before the call.
    #[must_use]
    pub fn decide(self, full_until: Timestamp, now: Timestamp) -> Decision {
        let ahead = full_until.duration_since(now).max(SignedDuration::ZERO);
        let taken = ahead <= self.tolerance();
        let debt = if taken { ahead + self.step() } else { ahead };
        let room = (SignedDuration::from_secs(1) - debt).max(SignedDuration::ZERO);
        Decision {
            taken,
            limit: self.per_second,
            remaining: u32::try_from(room.as_micros() / self.step().as_micros().max(1))
                .unwrap_or(0),
            reset_after: debt,
            retry_after: if taken {
                SignedDuration::ZERO
            } else {
                ahead - self.tolerance()
            },
        }
    }
}

/// Keeps buckets.
pub trait Limiter: Send + Sync {
    /// Takes a call from the account's bucket of that name, exactly, whoever else does at
    /// the same time.
    fn take(
        &self,
        account: &AccountId,
        bucket: &str,
        pace: Pace,
        now: Timestamp,
    ) -> impl Future<Output = Result<Decision, Unavailable>> + Send;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seconds_calls_are_taken_at_once_and_no_more() {
        let pace = Pace { per_second: 10 };
        let now = Timestamp::UNIX_EPOCH;
        let mut full_until = now;
        for left in (0..10).rev() {
            let decision = pace.decide(full_until, now);
            assert!(decision.taken);
            assert_eq!(decision.remaining, left);
            full_until += pace.step();
        }
        let refused = pace.decide(full_until, now);
        assert!(!refused.taken);
        assert_eq!(refused.retry_after, pace.step());
        assert!(pace.decide(full_until, now + refused.retry_after).taken);
    }
}
