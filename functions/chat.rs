//! The chat as the API shows it, to consumers and agents alike.

use domain::{
    conversation::{Author, Conversation, Entry, Kind, State},
    id::{ConversationId, SkillName},
};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

/// The only channel there is.
const CHANNEL: &str = "inapp";
/// The most entries that one call shows.
const MAX_ENTRIES: u32 = 200;

/// An entry of a transcript.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct EntryBody {
    #[schema(format = "uuid")]
    id: String,
    /// `brand`, `consumer`, `agent`, `bot` or `system`.
    #[schema(value_type = String, example = "consumer")]
    from: Author,
    /// `proactive`, `chat` or `welcome`.
    #[schema(value_type = String, example = "chat")]
    kind: Kind,
    text: String,
    #[schema(format = "date-time")]
    at: String,
}

impl From<Entry> for EntryBody {
    fn from(entry: Entry) -> Self {
        Self {
            id: entry.id.to_string(),
            from: entry.author,
            kind: entry.kind,
            text: entry.text,
            at: entry.at.to_string(),
        }
    }
}

/// A conversation.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ConversationBody {
    #[schema(format = "uuid")]
    id: String,
    /// `waiting`, `open` or `closed`.
    #[schema(example = "waiting")]
    state: &'static str,
    skill: String,
    #[schema(format = "date-time")]
    start_time: String,
    /// When it was closed.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(format = "date-time")]
    end_time: Option<String>,
    /// `inapp`.
    channel: &'static str,
}

impl ConversationBody {
    /// One that is open, of which no more than this is known: its id tells when it began.
    #[must_use]
    pub(crate) fn open(id: ConversationId, skill: &SkillName, state: State) -> Self {
        Self {
            id: id.to_string(),
            state: state.as_str(),
            skill: skill.to_string(),
            start_time: id.made_at().to_string(),
            end_time: None,
            channel: CHANNEL,
        }
    }
}

impl From<&Conversation> for ConversationBody {
    fn from(conversation: &Conversation) -> Self {
        Self {
            id: conversation.id.to_string(),
            state: conversation.state.as_str(),
            skill: conversation.skill.to_string(),
            start_time: conversation.started_at.to_string(),
            end_time: conversation.closed_at.map(|at| at.to_string()),
            channel: CHANNEL,
        }
    }
}

/// Which part of a transcript is wanted.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct After {
    /// Only what stands after the entry of this id.
    #[param(value_type = Option<String>, format = "uuid")]
    pub after: Option<domain::id::EntryId>,
}

impl After {
    /// The most entries that one call shows; a full answer is read on with `after`.
    #[must_use]
    pub(crate) const fn limit() -> u32 {
        MAX_ENTRIES
    }
}
