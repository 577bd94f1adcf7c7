//! What became of a campaign's message.

use super::{Data, Event, Kind};
use crate::{
    board::Cell,
    failure::Failure,
    id::{AccountId, CampaignId, ConsumerId, ConversationId, TransactionId},
    message::{Message, State},
};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// A campaign's message.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct OfMessage {
    /// The brand.
    pub account_id: AccountId,
    /// The campaign.
    pub campaign_id: CampaignId,
    /// Counts the campaign's events, from 1.
    pub sequence: u64,
    /// The message.
    pub transaction_id: TransactionId,
    /// Whom it is for.
    pub consumer_id: ConsumerId,
    /// Its state.
    pub state: State,
    /// Why it failed, or what kept it from leaving.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<Failure>,
    /// The conversation that the reply started or went to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub conversation_id: Option<ConversationId>,
}

/// What became of a message, as a board knew it before, by this change. States that say only
/// that the sender is at it, `QUEUED` and `SENDING`, are no news: each try goes through them.
pub(crate) fn of_message(before: Cell, message: &Message, now: Timestamp) -> Vec<Event> {
    let rests = rest(message.state()).is_some();
    steps(before, message)
        .into_iter()
        .map(|(kind, state, at)| Event {
            id: format!(
                "{}-{}-{}",
                message.key.transaction,
                message.revision,
                state.as_str().to_ascii_lowercase()
            ),
            kind,
            timestamp: at.or_else(|| told(message, state)).unwrap_or(now),
            data: Data::Message(OfMessage {
                account_id: message.key.account.clone(),
                campaign_id: message.place.campaign.clone(),
                sequence: 0,
                transaction_id: message.key.transaction,
                consumer_id: message.key.consumer.clone(),
                state,
                code: message.failure.filter(|_| rests),
                conversation_id: message
                    .conversation
                    .filter(|_| kind == Kind::MessageResponded),
            }),
            origin: message.origin.clone(),
        })
        .collect()
}

/// The states that a message reached since `before`, and when, where it says so. One change can
/// bring several: who reads a message has got it.
fn steps(before: Cell, message: &Message) -> Vec<(Kind, State, Option<Timestamp>)> {
    let (state, marks) = (message.state(), message.progress().marks);
    let left = [
        (
            message.sent_at.is_some() && !before.state.is_sent(),
            Kind::MessageSent,
            State::Sent,
            message.sent_at,
        ),
        (
            marks.delivered && !before.marks.delivered,
            Kind::MessageDelivered,
            State::Delivered,
            message.delivered_at,
        ),
        (
            marks.read && !before.marks.read,
            Kind::MessageRead,
            State::Read,
            message.read_at,
        ),
        (
            marks.responded && !before.marks.responded,
            Kind::MessageResponded,
            State::Responded,
            message.responded_at,
        ),
    ];
    let rested = rest(state).filter(|_| state != before.state);
    left.into_iter()
        .filter_map(|(is_new, kind, state, at)| is_new.then_some((kind, state, at)))
        .chain(rested.map(|kind| (kind, state, message.ended_at)))
        .collect()
}

/// How a state is told in which a message waits or is over without having left.
const fn rest(state: State) -> Option<Kind> {
    match state {
        State::Held => Some(Kind::MessageHeld),
        State::Failed => Some(Kind::MessageFailed),
        State::Skipped => Some(Kind::MessageSkipped),
        State::Expired => Some(Kind::MessageExpired),
        State::Cancelled => Some(Kind::MessageCancelled),
        State::Queued
        | State::Sending
        | State::Sent
        | State::Delivered
        | State::Read
        | State::Responded => None,
    }
}

/// When the message's history last tells of the state.
fn told(message: &Message, state: State) -> Option<Timestamp> {
    let mut lines = message.timeline.iter().rev();
    let line = lines.find(|line| line.event == state.as_str());
    line.map(|line| line.at)
}
