//! Campaigns: accepting one API call with its recipients, cancelling, and reading on.
//!
//! [`create()`] accepts one: what it stores is [`Acceptance`]. Its recipients are kept in parts
//! ([`Chunk`]); [`recipients()`] reads what became of them.

mod accept;
mod check;
mod chunk;
mod create;
mod idempotency;
mod read;
mod recipients;

pub use accept::{AcceptCampaigns, AcceptError, Acceptance, Groundwork};
pub(crate) use check::check;
pub use check::{Draft, Refusal};
pub use chunk::{Chunk, Recipient};
pub(crate) use create::create_on;
pub use create::{Accepted, CreateError, Order, create};
pub use idempotency::{IDEMPOTENCY_HOURS, Idempotency, IdempotencyKey};
pub use read::{Overview, ReadCampaigns, Spot};
pub(crate) use recipients::stand;
pub use recipients::{Recipients, Standing, counted_recipients, of_parts, recipient, recipients};

use crate::{
    audit::Author,
    handoff::{Apps, Content, HandoffName, Source},
    id::{AccountId, CampaignId, HandoffId, SkillName},
    ivr::Deflection,
    name::{self, InvalidName},
    store::Unavailable,
};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::future::Future;

/// A campaign that was accepted: everything its messages need, as it was at that instant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Campaign {
    /// Whose it is.
    pub account: AccountId,
    /// Which one.
    pub id: CampaignId,
    /// What people call it.
    pub name: CampaignName,
    /// Where replies go.
    pub skill: SkillName,
    /// The handoff it was made from.
    pub handoff: HandoffId,
    /// What started it.
    pub source: Source,
    /// The apps whose devices are notified, in order.
    pub apps: Apps,
    /// The texts.
    pub content: Content,
    /// Whether conversations started anew within the lookback go to its skill too.
    pub route_all: bool,
    /// What to do with open conversations.
    pub open_conversation: OpenConversation,
    /// Whether it only tries something out: it is sent as any other, and is in no report.
    pub test: bool,
    /// The call that an IVR deflected with it, if one did.
    pub deflection: Option<Deflection>,
    /// The campaign object for routing.
    pub le_campaign: String,
    /// The engagement object for routing.
    pub le_engagement: String,
    /// The trace of the call that made it, for support.
    pub trace: String,
    /// How many recipients were accepted, in each part that they are kept in.
    pub parts: Vec<u32>,
    /// When it was accepted.
    pub created_at: Timestamp,
    /// When its messages' lookback ends.
    pub lookback_ends_at: Timestamp,
    /// When it was cancelled.
    pub cancelled_at: Option<Timestamp>,
}

impl Campaign {
    /// Under which heads its messages are counted.
    #[must_use]
    pub fn heads(&self) -> Heads {
        let app = if self.test { TEST } else { self.source.app() };
        Heads {
            skill: self.skill.clone(),
            handoff: self.handoff.clone(),
            app: app.to_owned(),
        }
    }

    /// How many recipients were accepted.
    #[must_use]
    pub fn recipients(&self) -> u32 {
        self.parts.iter().sum()
    }

    /// The numbers of its parts with the place of each one's first recipient.
    pub fn chunks(&self) -> impl Iterator<Item = (u32, u32)> {
        (0..).zip(self.parts.iter().scan(0, |next, size| {
            let first = *next;
            *next += size;
            Some(first)
        }))
    }
}

/// A campaign's name: 1 to 255 characters; agents see it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CampaignName(String);

impl CampaignName {
    /// The most characters (Unicode scalar values) a name may have.
    pub const MAX: usize = HandoffName::MAX;

    /// Parses a name, trimming it.
    ///
    /// # Errors
    /// When it is blank, too long, or holds `<`, `>` or a control character.
    pub fn parse(raw: &str) -> Result<Self, InvalidName> {
        name::parse(raw, Self::MAX).map(Self)
    }

    /// A handoff's name, as that of what it sends.
    pub(crate) fn of(handoff: &HandoffName) -> Self {
        Self(handoff.as_str().to_owned())
    }

    /// The name itself.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// What to do with a consumer who has an open conversation.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum OpenConversation {
    /// Fail the message.
    #[default]
    Fail,
    /// Post the message into the conversation.
    Append,
    /// Send when it closes, if the lookback has not ended.
    Hold,
}

/// Under which heads an account's reports count a campaign's messages.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Heads {
    /// The skill.
    pub skill: SkillName,
    /// The handoff.
    pub handoff: HandoffId,
    /// What started the campaign, in reports' words: `prmsg` or `c2m`; of one that is in no
    /// report, `test`.
    pub app: String,
}

impl Heads {
    /// Whether the messages are in no report.
    #[must_use]
    pub fn is_test(&self) -> bool {
        self.app == TEST
    }
}

/// The head under which nobody looks.
const TEST: &str = "test";

/// Cancels campaigns.
pub trait CancelCampaigns: Send + Sync {
    /// Marks the campaign as cancelled, if it was not; whether the account has it.
    fn cancel(
        &self,
        by: &Author,
        id: &CampaignId,
    ) -> impl Future<Output = Result<bool, Unavailable>> + Send;
}
