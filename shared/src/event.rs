//! What webhooks are told of: events, and what follows from which change.
//!
//! Each subject has a file: the fields of its events (`Of…`) and the functions (`of_…`) that make
//! an event of a change. The same change makes the same event, with the same id, however often
//! it is given.

mod app;
mod campaign;
mod conversation;
mod kind;
mod message;
mod webhook;

pub use app::OfApp;
pub(crate) use app::{news_of_pause, of_pause};
pub(crate) use campaign::of_cancellation;
pub use campaign::{OfCampaign, of_campaign};
pub use conversation::OfConversation;
pub(crate) use conversation::{of_conversation, of_entry};
pub use kind::Kind;
pub use message::OfMessage;
pub(crate) use message::of_message;
pub use webhook::{OfTest, OfWebhook, of_disabling};

use crate::{
    id::CampaignId,
    origin::{self, Origin},
};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// Something that happened, as webhooks are told of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Event {
    /// Which one: the same however often it is told. It holds no dot.
    pub id: String,
    /// What.
    #[serde(rename = "type")]
    pub kind: Kind,
    /// When it happened.
    pub timestamp: Timestamp,
    /// To what.
    pub data: Data,
    /// What recorded it, if that is traced. Nobody is told.
    #[serde(
        default,
        deserialize_with = "origin::kept",
        skip_serializing_if = "Option::is_none"
    )]
    pub origin: Option<Origin>,
}

/// What an event is about. A form is known by its fields: the first that fits is it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Data {
    /// A conversation, or something written in it.
    Conversation(OfConversation),
    /// A campaign's message.
    Message(OfMessage),
    /// A campaign.
    Campaign(OfCampaign),
    /// An app's sends.
    App(OfApp),
    /// A webhook that was disabled.
    Disabled(OfWebhook),
    /// A webhook that is tried.
    Test(OfTest),
}

impl Event {
    /// The campaign whose events it is counted among.
    #[must_use]
    pub const fn campaign(&self) -> Option<&CampaignId> {
        match &self.data {
            Data::Message(of) => Some(&of.campaign_id),
            Data::Campaign(of) => Some(&of.campaign_id),
            Data::Conversation(of) => of.campaign_id.as_ref(),
            Data::App(_) | Data::Disabled(_) | Data::Test(_) => None,
        }
    }

    /// Its number among the campaign's events.
    #[must_use]
    pub const fn sequence(&self) -> Option<u64> {
        match &self.data {
            Data::Message(of) => Some(of.sequence),
            Data::Campaign(of) => Some(of.sequence),
            Data::Conversation(of) => of.sequence,
            Data::App(_) | Data::Disabled(_) | Data::Test(_) => None,
        }
    }

    /// The event with that number among its campaign's, if it has one.
    pub(crate) fn numbered(mut self, sequence: u64) -> Self {
        match &mut self.data {
            Data::Message(of) => of.sequence = sequence,
            Data::Campaign(of) => of.sequence = sequence,
            Data::Conversation(of) if of.campaign_id.is_some() => of.sequence = Some(sequence),
            Data::Conversation(_) | Data::App(_) | Data::Disabled(_) | Data::Test(_) => {}
        }
        self
    }
}
