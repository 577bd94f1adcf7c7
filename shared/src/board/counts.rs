//! A campaign's counts and state, read off all its boards.

use super::Board;
use crate::{
    campaign::{Campaign, Standing},
    message::{Message, State},
};
use serde::{Deserialize, Serialize};

/// How many of a campaign's messages are in which state. Those from `queued` to `cancelled` add
/// up to `accepted`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts {
    /// All messages.
    pub accepted: u32,
    /// Waiting for their turn.
    pub queued: u32,
    /// Being handed to gateways.
    pub sending: u32,
    /// Waiting for a conversation to close.
    pub held: u32,
    /// Taken by a gateway: SENT and beyond.
    pub sent: u32,
    /// Failed for good.
    pub failed: u32,
    /// Left out on purpose.
    pub skipped: u32,
    /// Not sent before the lookback ended.
    pub expired: u32,
    /// Cancelled.
    pub cancelled: u32,
    /// Of the sent: got by a device.
    pub delivered: u32,
    /// Of the sent: seen by the consumer.
    pub read: u32,
    /// Of the sent: answered.
    pub responded: u32,
}

/// A campaign's state.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Course {
    /// Messages are still on their way.
    Sending,
    /// Every message is in a final state.
    Finished,
    /// It was cancelled.
    Cancelled,
}

impl Course {
    /// Its name on the wire.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Sending => "SENDING",
            Self::Finished => "FINISHED",
            Self::Cancelled => "CANCELLED",
        }
    }
}

/// A campaign's counts, read off all its boards.
///
/// What a cancelled campaign has not sent will never be sent: it counts as cancelled from
/// the instant of the call, whenever the sender gets to it.
#[must_use]
pub fn counts(campaign: &Campaign, boards: &[Board]) -> Counts {
    let mut counts = Counts::default();
    for cell in boards.iter().flat_map(|b| &b.cells) {
        counts.accepted += 1;
        let of_state = match shown(campaign, cell.state) {
            State::Queued => &mut counts.queued,
            State::Sending => &mut counts.sending,
            State::Held => &mut counts.held,
            State::Sent | State::Delivered | State::Read | State::Responded => &mut counts.sent,
            State::Failed => &mut counts.failed,
            State::Skipped => &mut counts.skipped,
            State::Expired => &mut counts.expired,
            State::Cancelled => &mut counts.cancelled,
        };
        *of_state += 1;
        counts.delivered += u32::from(cell.marks.delivered);
        counts.read += u32::from(cell.marks.read);
        counts.responded += u32::from(cell.marks.responded);
    }
    counts
}

/// The state of a recipient's message, as its campaign lets it be seen.
#[must_use]
pub fn state(campaign: &Campaign, standing: &Standing) -> State {
    let message = standing.message.as_ref();
    shown(campaign, message.map_or(State::Queued, Message::state))
}

const fn shown(campaign: &Campaign, state: State) -> State {
    match state {
        State::Queued | State::Held if campaign.cancelled_at.is_some() => State::Cancelled,
        state => state,
    }
}

/// A campaign's state.
#[must_use]
pub const fn course(campaign: &Campaign, counts: &Counts) -> Course {
    let open = counts.queued + counts.sending + counts.held;
    // What was over before it was cancelled stays finished.
    if campaign.cancelled_at.is_some() && open + counts.cancelled > 0 {
        Course::Cancelled
    } else if open == 0 {
        Course::Finished
    } else {
        Course::Sending
    }
}
