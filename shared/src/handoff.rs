//! Handoffs: the saved configuration of an outbound message.
//!
//! [`create`] and [`change`] save one, [`delete()`] removes it; what they read and write is
//! [`HandoffStore`]. Campaigns copy what they need, so that those that run keep the texts they
//! started with.

mod apps;
mod content;
mod delete;
mod name;
mod save;
mod store;

pub use apps::{Apps, InvalidApps};
pub use content::{Content, Rendered};
pub use delete::{DeleteError, delete};
pub use name::HandoffName;
pub use save::{SaveError, change, create};
pub use store::{Found, HandoffStore, InsertError, RemoveError, ReplaceError, Running, Shelf, Tag};

use crate::{
    id::{AccountId, HandoffId},
    lookback::Lookback,
};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// The most handoffs an account can have: a listing reads them all.
pub const MAX_HANDOFFS: usize = 1_000;

/// What a brand decides of a handoff.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Design {
    /// What people call it; unique in its account, whatever its case.
    pub name: HandoffName,
    /// How long its messages live.
    pub lookback: Lookback,
    /// Whether a conversation that is started anew within the lookback, after an earlier
    /// one was closed, goes to the campaign's skill too.
    pub route_all: bool,
    /// What starts its messages.
    pub source: Source,
    /// The apps whose devices are notified.
    pub apps: Apps,
    /// The texts' language, as BCP 47.
    pub language: String,
    /// The texts.
    pub content: Content,
}

/// The saved configuration of an outbound message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Handoff {
    /// Whose it is.
    pub account: AccountId,
    /// Which one.
    pub id: HandoffId,
    /// What it says.
    pub design: Design,
    /// Which state of it this is, from 1.
    pub version: u32,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub updated_at: Timestamp,
}

impl Handoff {
    /// What tells this state of it from others.
    #[must_use]
    pub fn tag(&self) -> Tag {
        Tag {
            id: self.id.clone(),
            name: self.design.name.clone(),
            version: self.version,
        }
    }
}

/// What starts the messages of a handoff.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Source {
    /// The brand's campaigns.
    #[default]
    Proactive,
    /// Calls that are deflected into the app.
    Ivr,
}

impl Source {
    /// Its name on the wire.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Proactive => "PROACTIVE",
            Self::Ivr => "IVR",
        }
    }

    /// The source whose messages a reporting application has, if it is one.
    #[must_use]
    pub fn of_app(app: &str) -> Option<Self> {
        [Self::Proactive, Self::Ivr]
            .into_iter()
            .find(|source| source.app() == app)
    }

    /// The reporting application that has its messages, in LivePerson's words.
    #[must_use]
    pub const fn app(self) -> &'static str {
        match self {
            Self::Proactive => "prmsg",
            Self::Ivr => "c2m",
        }
    }
}
