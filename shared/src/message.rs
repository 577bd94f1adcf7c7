//! One campaign's message to one consumer: its states and its history.

use crate::{
    failure::Failure,
    handoff::Rendered,
    id::{AccountId, CampaignId, ConsumerId, ConversationId, DeviceId, TransactionId},
    origin::Origin,
    store::Unavailable,
};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::{collections::BTreeSet, future::Future};

/// Which message.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct MessageKey {
    /// The brand.
    pub account: AccountId,
    /// The person it is for.
    pub consumer: ConsumerId,
    /// The message itself.
    pub transaction: TransactionId,
}

/// Where in its campaign a message stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Place {
    /// The campaign.
    pub campaign: CampaignId,
    /// The part of the campaign's recipients, from 0.
    pub chunk: u32,
    /// The recipient within the part, from 0.
    pub index: u32,
}

/// What the sender is to do with a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Phase {
    /// Wait for its turn.
    Queued,
    /// Somebody is at it.
    Sending,
    /// Wait for the consumer's conversation to close.
    Held,
    /// Nothing: it left, at least for one device.
    Sent,
    /// Nothing: it failed for good.
    Failed,
    /// Nothing: its lookback ended.
    Expired,
    /// Nothing: its campaign was cancelled.
    Cancelled,
}

impl Phase {
    /// Whether the sender is through with it.
    #[must_use]
    pub const fn is_final(self) -> bool {
        !matches!(self, Self::Queued | Self::Sending | Self::Held)
    }
}

/// A message's state, as the brand sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum State {
    /// It waits for its turn.
    Queued,
    /// It is being handed to gateways.
    Sending,
    /// It waits for the consumer's conversation to close.
    Held,
    /// A gateway took it.
    Sent,
    /// A device got it.
    Delivered,
    /// The consumer saw it.
    Read,
    /// The consumer replied.
    Responded,
    /// It failed for good.
    Failed,
    /// It was left out on purpose. In-App has no opt-out, so no message gets here yet.
    Skipped,
    /// Its lookback ended before it could leave.
    Expired,
    /// Its campaign was cancelled before it could leave.
    Cancelled,
}

impl State {
    /// All states.
    pub const ALL: [Self; 11] = [
        Self::Queued,
        Self::Sending,
        Self::Held,
        Self::Sent,
        Self::Delivered,
        Self::Read,
        Self::Responded,
        Self::Failed,
        Self::Skipped,
        Self::Expired,
        Self::Cancelled,
    ];

    /// Its name on the wire.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Queued => "QUEUED",
            Self::Sending => "SENDING",
            Self::Held => "HELD",
            Self::Sent => "SENT",
            Self::Delivered => "DELIVERED",
            Self::Read => "READ",
            Self::Responded => "RESPONDED",
            Self::Failed => "FAILED",
            Self::Skipped => "SKIPPED",
            Self::Expired => "EXPIRED",
            Self::Cancelled => "CANCELLED",
        }
    }

    /// Whether the message left.
    #[must_use]
    pub const fn is_sent(self) -> bool {
        matches!(
            self,
            Self::Sent | Self::Delivered | Self::Read | Self::Responded
        )
    }

    /// Whether nothing more will be tried.
    #[must_use]
    pub const fn is_final(self) -> bool {
        !matches!(self, Self::Queued | Self::Sending | Self::Held)
    }
}

/// One line of a message's history.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Event {
    /// When.
    pub at: Timestamp,
    /// What: a [`State`]'s name, or `RETRY`, `PAUSED`, `DEVICE_GONE`,
    /// `DEVICE_STALE`, `TAPPED`, `APPENDED`,
    /// `RELEASED`, `CONVERSATION_CLOSED`.
    pub event: String,
    /// Why, for people.
    pub detail: String,
}

impl Event {
    /// A line.
    #[must_use]
    pub fn new(at: Timestamp, event: &str, detail: impl Into<String>) -> Self {
        Self {
            at,
            event: event.to_owned(),
            detail: detail.into(),
        }
    }
}

/// One campaign's message to one consumer. It comes into being when its turn to be sent
/// comes; before that its recipient's entry in the campaign is all there is of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// Which one.
    pub key: MessageKey,
    /// Where in its campaign.
    pub place: Place,
    /// When its lookback ends.
    pub lookback_ends_at: Timestamp,
    /// What the sender is to do.
    pub phase: Phase,
    /// Which try is next or under way, from 0.
    pub attempt: u32,
    /// While it is being sent: until when nobody else may. While it waits: not before when.
    pub until: Option<Timestamp>,
    /// What the consumer is shown; `None` until it was rendered.
    pub rendered: Option<Rendered>,
    /// The devices that took it.
    pub taken: BTreeSet<DeviceId>,
    /// What kept it from leaving at its last try, while it waits for the next.
    pub trouble: Option<Failure>,
    /// Why it failed, or what kept it from leaving until it expired.
    pub failure: Option<Failure>,
    /// When the first gateway took it.
    pub sent_at: Option<Timestamp>,
    /// When a device got it.
    pub delivered_at: Option<Timestamp>,
    /// When the consumer tapped it.
    pub tapped_at: Option<Timestamp>,
    /// When the consumer saw it.
    pub read_at: Option<Timestamp>,
    /// When the consumer replied.
    pub responded_at: Option<Timestamp>,
    /// When it came to its end without being sent.
    pub ended_at: Option<Timestamp>,
    /// The conversation that the reply started or went to.
    pub conversation: Option<ConversationId>,
    /// When that conversation was closed.
    pub conversation_closed_at: Option<Timestamp>,
    /// Its history.
    pub timeline: Vec<Event>,
    /// What sent it last, if that is traced.
    pub origin: Option<Origin>,
    /// Counts its changes, from 1.
    pub revision: u32,
}

impl Message {
    /// The state as the brand sees it: what the device reported wins over what the
    /// sender knows, since the report proves that it arrived.
    #[must_use]
    pub const fn state(&self) -> State {
        if self.responded_at.is_some() {
            State::Responded
        } else if self.read_at.is_some() {
            State::Read
        } else if self.delivered_at.is_some() {
            State::Delivered
        } else if self.sent_at.is_some() {
            State::Sent
        } else {
            match self.phase {
                Phase::Queued => State::Queued,
                Phase::Sending => State::Sending,
                Phase::Held => State::Held,
                Phase::Sent => State::Sent,
                Phase::Failed => State::Failed,
                Phase::Expired => State::Expired,
                Phase::Cancelled => State::Cancelled,
            }
        }
    }

    /// Whether the consumer may still be shown it, and a reply belongs to it.
    #[must_use]
    pub fn lives_at(&self, now: Timestamp) -> bool {
        self.state().is_sent() && now < self.lookback_ends_at
    }

    /// What the campaign's count needs to know of it.
    #[must_use]
    pub fn progress(&self) -> Progress {
        Progress {
            revision: self.revision,
            state: self.state(),
            marks: Marks {
                delivered: self.delivered_at.is_some(),
                read: self.read_at.is_some(),
                responded: self.responded_at.is_some(),
                closed: self.conversation_closed_at.is_some(),
            },
            failure: self.failure,
        }
    }
}

/// What a campaign's count needs to know of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// Which of the message's changes this is.
    pub revision: u32,
    /// The state.
    pub state: State,
    /// What happened to it since it left.
    pub marks: Marks,
    /// Why it failed.
    pub failure: Option<Failure>,
}

/// What happened to a message since it left.
#[expect(
    clippy::struct_excessive_bools,
    reason = "four facts, each of which can come without the others"
)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Marks {
    /// Whether a device got it.
    pub delivered: bool,
    /// Whether the consumer saw it.
    pub read: bool,
    /// Whether the consumer replied.
    pub responded: bool,
    /// Whether the conversation it led to was closed.
    pub closed: bool,
}

/// Reads messages.
pub trait ReadMessages: Send + Sync {
    /// The messages of `keys` that exist, in any order.
    fn messages(
        &self,
        keys: &[MessageKey],
    ) -> impl Future<Output = Result<Vec<Message>, Unavailable>> + Send;
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    pub(crate) fn message() -> Message {
        let now: Timestamp = "2026-01-01T00:00:00Z".parse().unwrap();
        Message {
            key: MessageKey {
                account: "demo".parse().unwrap(),
                consumer: "ana".parse().unwrap(),
                transaction: TransactionId::at(now),
            },
            place: Place {
                campaign: "c1".parse().unwrap(),
                chunk: 0,
                index: 0,
            },
            lookback_ends_at: "2026-01-02T00:00:00Z".parse().unwrap(),
            phase: Phase::Queued,
            attempt: 0,
            until: None,
            rendered: None,
            taken: BTreeSet::new(),
            trouble: None,
            failure: None,
            sent_at: None,
            delivered_at: None,
            tapped_at: None,
            read_at: None,
            responded_at: None,
            ended_at: None,
            conversation: None,
            conversation_closed_at: None,
            timeline: Vec::new(),
            origin: None,
            revision: 1,
        }
    }

    #[test]
    fn sent_is_not_delivered() {
        let now = Timestamp::UNIX_EPOCH;
        let mut m = message();
        m.phase = Phase::Sent;
        m.sent_at = Some(now);
        assert_eq!(m.state(), State::Sent);
        m.delivered_at = Some(now);
        assert_eq!(m.state(), State::Delivered);
        m.read_at = Some(now);
        assert_eq!(m.state(), State::Read);
        m.responded_at = Some(now);
        assert_eq!(m.state(), State::Responded);
    }

    #[test]
    fn a_message_lives_until_its_lookback_ends() {
        let mut m = message();
        let before = m.lookback_ends_at - jiff::SignedDuration::from_secs(1);
        assert!(!m.lives_at(before), "what was not sent is not shown");
        m.sent_at = Some(before);
        assert!(m.lives_at(before));
        assert!(!m.lives_at(m.lookback_ends_at));
    }

    #[test]
    fn every_state_is_final_or_not_as_its_phase() {
        for state in State::ALL {
            assert_eq!(
                state.is_final(),
                !["QUEUED", "SENDING", "HELD"].contains(&state.as_str())
            );
        }
    }
}
