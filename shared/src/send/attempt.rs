//! What one attempt changes of a message, and how the message goes on.

use crate::{failure::Failure, handoff::Rendered, id::DeviceId, message::Event};
use jiff::Timestamp;
use std::collections::BTreeSet;

/// What one attempt changed of a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attempt {
    /// What the consumer is shown, if it was found out.
    pub rendered: Option<Rendered>,
    /// The devices that took it this time.
    pub taken: BTreeSet<DeviceId>,
    /// How it goes on.
    pub next: Next,
    /// What to add to its history.
    pub events: Vec<Event>,
    /// When.
    pub at: Timestamp,
}

/// How a message goes on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Next {
    /// It left; nothing more to do.
    Sent,
    /// It failed for good.
    Failed(Failure),
    /// Its lookback ended, and what had kept it from leaving, if it was tried.
    Expired(Option<Failure>),
    /// Its campaign was cancelled.
    Cancelled,
    /// It waits for the conversation to close.
    Held,
    /// It is tried again.
    Again {
        /// The attempt.
        attempt: u32,
        /// Not before.
        not_before: Timestamp,
        /// What keeps it from leaving.
        trouble: Failure,
    },
}

/// A message that comes to rest before any gateway was asked.
pub(super) fn ends(
    at: Timestamp,
    rendered: Option<Rendered>,
    next: Next,
    event: &str,
    detail: &str,
) -> Attempt {
    Attempt {
        rendered,
        taken: BTreeSet::new(),
        next,
        events: vec![Event::new(at, event, detail)],
        at,
    }
}

/// A message that left before, and needs no more.
pub(super) const fn sent(at: Timestamp, rendered: Rendered) -> Attempt {
    Attempt {
        rendered: Some(rendered),
        taken: BTreeSet::new(),
        next: Next::Sent,
        events: Vec::new(),
        at,
    }
}

/// A message that fails before any gateway was asked.
pub(super) fn fails(at: Timestamp, rendered: Option<Rendered>, failure: Failure) -> Attempt {
    Attempt {
        rendered,
        taken: BTreeSet::new(),
        next: Next::Failed(failure),
        events: vec![failed(at, failure)],
        at,
    }
}

/// What left for one device was sent, whatever keeps it from the others.
pub(super) fn stays_sent(outcome: Attempt) -> Attempt {
    match outcome.next {
        Next::Failed(_) | Next::Expired(_) | Next::Cancelled => Attempt {
            next: Next::Sent,
            events: Vec::new(),
            ..outcome
        },
        _ => outcome,
    }
}

/// The last line of a failed message's history.
pub(super) fn failed(at: Timestamp, failure: Failure) -> Event {
    let detail = format!("{}: {}", failure.as_str(), failure.explanation());
    Event::new(at, "FAILED", detail)
}
