//! Pacing by reservation: slots on an account's clock.
//!
//! A campaign reserves as many slots as it has recipients, with one write to the
//! account's clock, and each message waits in the queue until its slot. Nobody sleeps,
//! and accounts do not wait for one another.

use crate::{id::AccountId, store::Unavailable};
use jiff::{SignedDuration, Timestamp};
use std::{future::Future, time::Duration};

/// Slots in a row on an account's clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Slots {
    /// The first slot.
    pub start: Timestamp,
    /// Slots per second.
    pub per_second: u32,
}

impl Slots {
    /// When slot number `index`, from 0, comes.
    #[must_use]
    pub fn at(self, index: u32) -> Timestamp {
        self.start
            .checked_add(span(index, self.per_second))
            .unwrap_or(Timestamp::MAX)
    }
}

/// How long `count` slots take.
#[must_use]
pub fn span(count: u32, per_second: u32) -> SignedDuration {
    SignedDuration::from_micros(i64::from(count) * 1_000_000 / i64::from(per_second.max(1)))
}

/// The longest that a queue can delay a message: SQS's `DelaySeconds`.
pub const LONGEST_DELAY: Duration = Duration::from_mins(15);

/// How long the queue has to delay a message for a slot; more than [`LONGEST_DELAY`] takes
/// several rounds.
///
/// Queues delay by whole seconds. The nearest one makes a campaign last as long as its slots
/// do, with no message more than half of a second off.
#[must_use]
pub fn delay(slot: Timestamp, now: Timestamp) -> Duration {
    let left = slot.duration_since(now) + SignedDuration::from_millis(500);
    Duration::from_secs(u64::try_from(left.as_secs()).unwrap_or(0)).min(LONGEST_DELAY)
}

/// How long the queue has to delay a message that must not leave before `then`, as a gateway
/// may have asked.
#[must_use]
pub fn delay_at_least(then: Timestamp, now: Timestamp) -> Duration {
    let left = Duration::try_from(then.duration_since(now)).unwrap_or_default();
    let up = u64::from(left.subsec_nanos() > 0);
    Duration::from_secs(left.as_secs() + up).min(LONGEST_DELAY)
}

/// Whether a message came so long before its slot that it has to wait again. It comes early by
/// half of a second as a rule, and a little more where clocks differ.
#[must_use]
pub fn is_early(slot: Timestamp, now: Timestamp) -> bool {
    slot.duration_since(now) >= SignedDuration::from_secs(1)
}

/// Keeps accounts' clocks.
pub trait Pacer: Send + Sync {
    /// Reserves `count` slots that no one else gets, not before `now`, in one atomic write.
    fn reserve(
        &self,
        account: &AccountId,
        count: u32,
        per_second: u32,
        now: Timestamp,
    ) -> impl Future<Output = Result<Slots, Unavailable>> + Send;

    /// Until when slots are taken; `None` when none ever was.
    fn reserved_until(
        &self,
        account: &AccountId,
    ) -> impl Future<Output = Result<Option<Timestamp>, Unavailable>> + Send;
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(millis: i64) -> Timestamp {
        Timestamp::from_millisecond(millis).unwrap()
    }

    #[test]
    fn slots_keep_the_pace() {
        let slots = Slots {
            start: at(1_000),
            per_second: 10,
        };
        assert_eq!(slots.at(0), at(1_000));
        assert_eq!(slots.at(1), at(1_100));
        assert_eq!(slots.at(100), at(11_000));
    }

    #[test]
    fn no_second_gets_more_than_its_pace_when_delays_are_whole() {
        let slots = Slots {
            start: at(0),
            per_second: 10,
        };
        for second in 0..=10 {
            let arriving = (0..100)
                .filter(|i| delay(slots.at(*i), at(0)).as_secs() == second)
                .count();
            // The first and the last second share what rounding takes from the middle.
            let expected = if second % 10 == 0 { 5 } else { 10 };
            assert_eq!(arriving, expected, "second {second}");
        }
    }

    #[test]
    fn what_must_not_come_early_comes_a_little_late() {
        for (left, delay) in [(-5_000, 0), (0, 0), (1, 1), (1_000, 1), (7_001, 8)] {
            let delay = Duration::from_secs(delay);
            assert_eq!(delay_at_least(at(left), at(0)), delay, "{left} ms");
        }
        assert_eq!(delay_at_least(at(10_000_000), at(0)), LONGEST_DELAY);
    }

    #[test]
    fn a_slot_in_the_past_is_due_and_a_far_one_waits_in_rounds() {
        assert_eq!(delay(at(0), at(5_000)), Duration::ZERO);
        assert_eq!(delay(at(10_000_000), at(0)), LONGEST_DELAY);
    }

    #[test]
    fn what_comes_half_a_second_early_need_not_wait_again() {
        for left in 0..1_000 {
            assert!(!is_early(at(left), at(0)), "{left} ms");
        }
        assert!(is_early(at(1_000), at(0)));
        assert!(delay(at(1_000), at(0)) >= Duration::from_secs(1));
    }
}
