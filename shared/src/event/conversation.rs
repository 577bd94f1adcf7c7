//! A conversation's new state, or something written in it.

use super::{Data, Event, Kind};
use crate::{
    conversation::{self, Author, Conversation, Posted, State},
    id::{AccountId, CampaignId, ConsumerId, ConversationId, EntryId, SkillName},
};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// A conversation, or something written in it. What it says is read through the API.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct OfConversation {
    /// The brand.
    pub account_id: AccountId,
    /// The campaign that it answers, if it does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub campaign_id: Option<CampaignId>,
    /// Counts the campaign's events, from 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sequence: Option<u64>,
    /// The conversation.
    pub conversation_id: ConversationId,
    /// The person.
    pub consumer_id: ConsumerId,
    /// Whose queue it is in.
    pub skill: SkillName,
    /// Its state.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state: Option<State>,
    /// The entry that was written.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message_id: Option<EntryId>,
    /// Who wrote it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<Author>,
    /// What it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<conversation::Kind>,
}

/// What a conversation's newest state says.
pub(crate) fn of_conversation(conversation: &Conversation, now: Timestamp) -> Event {
    let (kind, at) = match conversation.state {
        State::Waiting if conversation.version <= 1 => {
            (Kind::ConversationStarted, conversation.started_at)
        }
        State::Waiting => (Kind::ConversationTransferred, now),
        State::Open => (Kind::ConversationAccepted, now),
        State::Closed => (
            Kind::ConversationClosed,
            conversation.closed_at.unwrap_or(now),
        ),
    };
    Event {
        id: format!("{}-{}", conversation.id, conversation.version),
        kind,
        timestamp: at,
        data: Data::Conversation(OfConversation {
            account_id: conversation.account.clone(),
            campaign_id: conversation.campaign.as_ref().map(|c| c.campaign.clone()),
            sequence: None,
            conversation_id: conversation.id,
            consumer_id: conversation.consumer.clone(),
            skill: conversation.skill.clone(),
            state: Some(conversation.state),
            message_id: None,
            from: None,
            kind: None,
        }),
        origin: None,
    }
}

/// That something was written in a conversation, which may belong to a campaign.
pub(crate) fn of_entry(posted: &Posted, campaign: Option<CampaignId>) -> Event {
    let entry = &posted.entry;
    Event {
        id: entry.id.to_string(),
        kind: Kind::ConversationMessage,
        timestamp: entry.at,
        data: Data::Conversation(OfConversation {
            account_id: posted.account.clone(),
            campaign_id: campaign,
            sequence: None,
            conversation_id: posted.conversation,
            consumer_id: posted.consumer.clone(),
            skill: posted.skill.clone(),
            state: None,
            message_id: Some(entry.id),
            from: Some(entry.author),
            kind: Some(entry.kind),
        }),
        origin: entry.origin.clone(),
    }
}
