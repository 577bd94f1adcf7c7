//! Numbers of messages, and how they differ.

use crate::failure::Failure;
use std::collections::BTreeMap;

/// Numbers of messages, or differences between them. The words are those of LivePerson's
/// Outbound Reporting.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Accepted.
    pub attempted: i64,
    /// Taken by a gateway.
    pub sent: i64,
    /// Got by a device.
    pub delivered: i64,
    /// Seen by the consumer.
    pub read: i64,
    /// Answered: a conversation was created.
    pub conversations_created: i64,
    /// Of these, closed.
    pub conversations_closed: i64,
    /// Failed for good.
    pub failed: i64,
    /// Left out on purpose.
    pub skipped: i64,
    /// Not sent before the lookback ended.
    pub expired: i64,
    /// Cancelled.
    pub cancelled: i64,
    /// Failed, by reason.
    pub failures: BTreeMap<Failure, i64>,
}

impl Tally {
    /// Whether nothing differs.
    #[must_use]
    pub fn is_zero(&self) -> bool {
        *self == Self::default()
    }

    /// The numbers and their names, failures by reason left out.
    #[must_use]
    pub const fn fields(&self) -> [(&'static str, i64); 10] {
        [
            ("attempted", self.attempted),
            ("sent", self.sent),
            ("delivered", self.delivered),
            ("read", self.read),
            ("conversationscreated", self.conversations_created),
            ("conversationsclosed", self.conversations_closed),
            ("failed", self.failed),
            ("skipped", self.skipped),
            ("expired", self.expired),
            ("cancelled", self.cancelled),
        ]
    }

    /// Adds `other`, `sign` being 1 or -1.
    pub fn add(&mut self, other: &Self, sign: i64) {
        self.attempted += sign * other.attempted;
        self.sent += sign * other.sent;
        self.delivered += sign * other.delivered;
        self.read += sign * other.read;
        self.conversations_created += sign * other.conversations_created;
        self.conversations_closed += sign * other.conversations_closed;
        self.failed += sign * other.failed;
        self.skipped += sign * other.skipped;
        self.expired += sign * other.expired;
        self.cancelled += sign * other.cancelled;
        for (failure, n) in &other.failures {
            *self.failures.entry(*failure).or_default() += sign * n;
        }
        self.failures.retain(|_, n| *n != 0);
    }
}
