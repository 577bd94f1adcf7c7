//! Conversations: what they are, who takes part, and a consumer's standing.

use crate::{
    device::Device,
    handoff::Source,
    id::{
        AccountId, AppName, CampaignId, ConsumerId, ConversationId, EntryId, HandoffId, SkillName,
        TransactionId,
    },
    origin::{self, Origin},
    store::Unavailable,
};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::future::Future;

/// Where a conversation stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// It waits for an agent.
    Waiting,
    /// An agent has it.
    Open,
    /// It is over.
    Closed,
}

impl State {
    /// Its name on the wire.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Open => "open",
            Self::Closed => "closed",
        }
    }
}

/// The campaign that a conversation answers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CampaignInfo {
    /// The campaign.
    pub campaign: CampaignId,
    /// Its name.
    pub name: String,
    /// The campaign object for routing.
    pub le_campaign: String,
    /// The engagement object for routing.
    pub le_engagement: String,
    /// The skill it named.
    pub skill: SkillName,
    /// What started it.
    pub source: Source,
    /// Its handoff.
    pub handoff: HandoffId,
    /// When its lookback ends.
    pub lookback_ends_at: Timestamp,
    /// The message that was answered.
    pub transaction: TransactionId,
}

/// What is known of a consumer from the device that logged in last.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Profile {
    /// The app.
    pub app: Option<AppName>,
    /// The operating system.
    pub os: Option<String>,
    /// The device's model.
    pub device: Option<String>,
    /// The country.
    pub country: Option<String>,
    /// The city.
    pub city: Option<String>,
}

/// A conversation between a consumer and a brand.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Conversation {
    /// The brand.
    pub account: AccountId,
    /// Which one.
    pub id: ConversationId,
    /// The person.
    pub consumer: ConsumerId,
    /// Whose queue it is in.
    pub skill: SkillName,
    /// Where it stands.
    pub state: State,
    /// Who answers it.
    pub agent: Option<String>,
    /// The campaign it answers, if one.
    pub campaign: Option<CampaignInfo>,
    /// What is known of the consumer.
    pub profile: Profile,
    /// When it began.
    pub started_at: Timestamp,
    /// When it was closed.
    pub closed_at: Option<Timestamp>,
    /// Counts the changes of its state, skill and agent, from 1.
    pub version: u32,
}

/// Who wrote an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Author {
    /// The brand's campaign.
    Brand,
    /// The consumer.
    Consumer,
    /// An agent.
    Agent,
    /// A program of the brand.
    Bot,
    /// The account's settings.
    System,
}

/// What an entry is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// A campaign's message, exactly as the consumer saw it.
    Proactive,
    /// Something that was written in the chat.
    Chat,
    /// The account's welcome.
    Welcome,
}

/// One entry of a transcript.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// Which one; entries sort by it.
    pub id: EntryId,
    /// Who wrote it.
    pub author: Author,
    /// The agent's or bot's name.
    pub originator: Option<String>,
    /// What it is.
    pub kind: Kind,
    /// What it says.
    pub text: String,
    /// When it was written or shown.
    pub at: Timestamp,
    /// The campaign's message that it is, when it is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub transaction: Option<TransactionId>,
    /// What wrote it, if that is traced and something follows from it.
    #[serde(
        default,
        deserialize_with = "origin::kept",
        skip_serializing_if = "Option::is_none"
    )]
    pub origin: Option<Origin>,
}

/// The most characters of one entry that a person or a bot writes.
pub const MAX_ENTRY_CHARS: usize = 5_000;

/// An entry with the conversation it belongs to, as the outbox tells of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Posted {
    /// The brand.
    pub account: AccountId,
    /// The conversation.
    pub conversation: ConversationId,
    /// The consumer in it.
    pub consumer: ConsumerId,
    /// Whose queue it was in.
    pub skill: SkillName,
    /// The entry.
    pub entry: Entry,
}

/// How a consumer stands: everything that sending and replying need, in one read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Standing {
    /// What is known of them; `None` when they never logged in.
    pub profile: Option<Profile>,
    /// Their devices.
    pub devices: Vec<Device>,
    /// Their open conversation.
    pub conversation: Option<ConversationId>,
    /// Whose queue it is in, and where it stands there; not told of some that are older than
    /// this release.
    pub queue: Option<(SkillName, State)>,
}

/// Reads how consumers stand.
pub trait ReadStanding: Send + Sync {
    /// How the consumer stands at this instant (never a stale read).
    fn standing(
        &self,
        account: &AccountId,
        consumer: &ConsumerId,
    ) -> impl Future<Output = Result<Standing, Unavailable>> + Send;
}

/// What adding an entry led to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Added {
    /// It stands in the transcript.
    Done,
    /// The conversation is not in a state that takes entries of this author, or others were at
    /// it all the time.
    NotTaken,
    /// The consumer's own id for it was used before: the entry that stands.
    Repeated(ConversationId, EntryId),
}

/// Adds entries to conversations that are not closed.
pub trait AddEntries: Send + Sync {
    /// Adds an entry, and remembers `client_message` with it for 24 hours.
    ///
    /// MUST return [`Added::NotTaken`] when the conversation is closed, is another skill's, or,
    /// with `only_open`, waits; and [`Added::Repeated`] when the consumer used `client_message`
    /// before.
    fn add(
        &self,
        posted: &Posted,
        client_message: Option<&str>,
        only_open: bool,
    ) -> impl Future<Output = Result<Added, Unavailable>> + Send;
}

/// Reads a conversation.
pub trait ReadConversation: Send + Sync {
    /// The conversation, if the account has it.
    fn conversation(
        &self,
        account: &AccountId,
        id: ConversationId,
    ) -> impl Future<Output = Result<Option<Conversation>, Unavailable>> + Send;

    /// The first `limit` entries of its transcript after entry `after`, in order.
    fn transcript(
        &self,
        account: &AccountId,
        id: ConversationId,
        after: Option<EntryId>,
        limit: u32,
    ) -> impl Future<Output = Result<Vec<Entry>, Unavailable>> + Send;
}
