//! How long a message lives.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

/// How long a message is shown and its reply routed: 60 minutes to 30 days.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "u32", into = "u32")]
pub struct Lookback {
    minutes: u32,
}

/// A lookback was out of its bounds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a lookback is 60 minutes to 30 days, this one is {minutes} minutes")]
pub struct InvalidLookback {
    /// What was asked for.
    pub minutes: u64,
}

impl Lookback {
    /// The shortest, in minutes.
    pub const MIN_MINUTES: u32 = 60;
    /// The longest, in minutes: 30 days.
    pub const MAX_MINUTES: u32 = 30 * 24 * 60;

    /// A lookback of so many days, hours and minutes together.
    ///
    /// # Errors
    /// When the sum is below [`Self::MIN_MINUTES`] or above [`Self::MAX_MINUTES`].
    pub fn new(days: u32, hours: u32, minutes: u32) -> Result<Self, InvalidLookback> {
        let sum = u64::from(days) * 24 * 60 + u64::from(hours) * 60 + u64::from(minutes);
        u32::try_from(sum)
            .ok()
            .filter(|m| (Self::MIN_MINUTES..=Self::MAX_MINUTES).contains(m))
            .map(|minutes| Self { minutes })
            .ok_or(InvalidLookback { minutes: sum })
    }

    /// Its whole days, 0 to 30.
    #[must_use]
    pub const fn days(self) -> u32 {
        self.minutes / (24 * 60)
    }

    /// The whole hours beyond its days, 0 to 23.
    #[must_use]
    pub const fn hours(self) -> u32 {
        self.minutes / 60 % 24
    }

    /// The minutes beyond its hours, 0 to 59.
    #[must_use]
    pub const fn minutes(self) -> u32 {
        self.minutes % 60
    }

    /// When it ends, for a message accepted at `start`.
    #[must_use]
    pub fn ends_at(self, start: Timestamp) -> Timestamp {
        start
            .checked_add(SignedDuration::from_mins(i64::from(self.minutes)))
            .unwrap_or(Timestamp::MAX)
    }
}

impl Default for Lookback {
    /// 30 days.
    fn default() -> Self {
        Self {
            minutes: Self::MAX_MINUTES,
        }
    }
}

impl TryFrom<u32> for Lookback {
    type Error = InvalidLookback;

    fn try_from(minutes: u32) -> Result<Self, InvalidLookback> {
        Self::new(0, 0, minutes)
    }
}

impl From<Lookback> for u32 {
    fn from(lookback: Lookback) -> Self {
        lookback.minutes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lookback_is_60_minutes_to_30_days() {
        assert!(Lookback::new(0, 0, 59).is_err());
        assert!(Lookback::new(0, 1, 0).is_ok());
        assert!(Lookback::new(30, 0, 0).is_ok());
        assert!(Lookback::new(30, 0, 1).is_err());
        assert!(Lookback::new(31, 0, 0).is_err());
        assert!(Lookback::new(u32::MAX, u32::MAX, u32::MAX).is_err());
    }

    #[test]
    fn its_parts_add_up() {
        let lookback = Lookback::new(2, 5, 7).unwrap();
        assert_eq!(
            (lookback.days(), lookback.hours(), lookback.minutes()),
            (2, 5, 7)
        );
    }
}
