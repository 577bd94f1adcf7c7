//! What agents, bots and those who look after the account are told.

use crate::{
    event::{OfApp, OfWebhook},
    id::{AccountId, ConsumerId, ConversationId, EntryId, SkillName},
    store::Unavailable,
};
use serde::Serialize;
use std::future::Future;

/// Something that others are told of.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum Announcement {
    /// For those who serve the conversation's skill.
    Conversation(ConversationEvent),
    /// For those who look after the account's apps.
    App(AppEvent),
    /// For those who look after the account's webhooks.
    Webhook(WebhookEvent),
}

impl Announcement {
    /// What happened.
    #[must_use]
    pub fn event(&self) -> &str {
        match self {
            Self::Conversation(event) => &event.event,
            Self::App(event) => &event.event,
            Self::Webhook(event) => &event.event,
        }
    }

    /// Whose it is.
    #[must_use]
    pub const fn account(&self) -> &AccountId {
        match self {
            Self::Conversation(event) => &event.account_id,
            Self::App(event) => &event.of.account_id,
            Self::Webhook(event) => &event.of.account_id,
        }
    }

    /// The skill that serves it, if one does.
    #[must_use]
    pub const fn skill(&self) -> Option<&SkillName> {
        match self {
            Self::Conversation(event) => Some(&event.skill),
            Self::App(_) | Self::Webhook(_) => None,
        }
    }
}

/// Something that happened in a conversation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ConversationEvent {
    /// What: `conversation.waiting`, `conversation.open`, `conversation.closed` or
    /// `conversation.message`.
    pub event: String,
    /// The brand.
    pub account_id: AccountId,
    /// The conversation.
    pub conversation_id: ConversationId,
    /// Whose queue it is in.
    pub skill: SkillName,
    /// The person.
    pub consumer_id: ConsumerId,
    /// The new entry, for `conversation.message`. Its text is read through the API.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message_id: Option<EntryId>,
}

/// An app's sends were paused, or go on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct AppEvent {
    /// What: `app.paused` or `app.resumed`.
    pub event: String,
    /// Which, and why.
    #[serde(flatten)]
    pub of: OfApp,
}

/// A webhook was disabled.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct WebhookEvent {
    /// What: `webhook.disabled`.
    pub event: String,
    /// Which, and why.
    #[serde(flatten)]
    pub of: OfWebhook,
}

/// Tells agents, bots and those who look after the account what happens.
pub trait Announce: Send + Sync {
    /// Tells it, at least once.
    fn announce(
        &self,
        announcement: &Announcement,
    ) -> impl Future<Output = Result<(), Unavailable>> + Send;
}
