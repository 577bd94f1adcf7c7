//! What makes equal calls one.

use crate::id::CallId;

/// A caller's promise that equal calls are one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Idempotency {
    /// The caller's key: 1 to 255 visible ASCII characters.
    pub key: IdempotencyKey,
    /// A digest of the request, to tell equal calls.
    pub fingerprint: String,
}

/// An idempotency key: 1 to 255 visible ASCII characters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IdempotencyKey(String);

impl IdempotencyKey {
    /// Parses a key; `None` when it is empty, too long or holds other characters.
    #[must_use]
    pub fn parse(raw: &str) -> Option<Self> {
        ((1..=255).contains(&raw.len()) && raw.bytes().all(|b| b.is_ascii_graphic()))
            .then(|| Self(raw.to_owned()))
    }

    /// The key of an invitation to a call: no caller's, for it holds a space.
    pub(crate) fn of_call(call: &CallId) -> Self {
        Self(format!("call {call}"))
    }

    /// The key itself.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// How long an idempotency key is remembered, in hours.
pub const IDEMPOTENCY_HOURS: i64 = 24;
