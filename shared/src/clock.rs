//! Time, as something a use case is given.

use jiff::{Timestamp, civil::Date, tz::TimeZone};

/// Tells the time.
pub trait Clock: Send + Sync {
    /// The present instant, in whole milliseconds: what is kept and what is answered are
    /// the same.
    fn now(&self) -> Timestamp;
}

/// The day of an instant, in UTC: what is counted or kept by the day is so by these.
#[must_use]
pub fn day(at: Timestamp) -> Date {
    at.to_zoned(TimeZone::UTC).date()
}

/// The machine's clock, moved by a fixed offset.
///
/// The offset is zero wherever the system is deployed; tests move it to see what
/// happens when a lookback ends.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock {
    offset: jiff::SignedDuration,
}

impl SystemClock {
    /// The machine's clock, `offset` ahead.
    #[must_use]
    pub const fn ahead_by(offset: jiff::SignedDuration) -> Self {
        Self { offset }
    }
}

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        let now = Timestamp::now();
        let moved = now.checked_add(self.offset).unwrap_or(now);
        Timestamp::from_millisecond(moved.as_millisecond()).unwrap_or(moved)
    }
}
