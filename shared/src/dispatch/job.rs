//! Jobs for the sender, and the queue that gives it them.

use crate::{
    account::Limits,
    id::{AccountId, ConsumerId, ConversationId, EntryId, TransactionId},
    message::{MessageKey, Place},
    origin::{self, Origin},
    pace,
    store::Unavailable,
    text::{self, Variables},
};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::{future::Future, time::Duration};

/// Something for the sender to do. The tag names the form: a new form is a new variant, so
/// that old and new code can share a queue.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all_fields = "camelCase")]
pub enum Job {
    /// Send a campaign's message.
    #[serde(rename = "message.v1")]
    Message(MessageJob),
    /// Tell a consumer's devices of a new entry in the chat.
    #[serde(rename = "chat.v1")]
    Chat(ChatJob),
}

impl Job {
    /// Whose it is.
    #[must_use]
    pub const fn account(&self) -> &AccountId {
        match self {
            Self::Message(job) => &job.key.account,
            Self::Chat(job) => &job.account,
        }
    }

    /// What put it on the queue, if that is traced.
    #[must_use]
    pub const fn origin(&self) -> Option<&Origin> {
        match self {
            Self::Message(job) => job.origin.as_ref(),
            Self::Chat(job) => job.origin.as_ref(),
        }
    }

    /// The job, put on the queue by that.
    #[must_use]
    pub fn from_there(mut self, origin: Origin) -> Self {
        match &mut self {
            Self::Message(job) => job.origin = Some(origin),
            Self::Chat(job) => job.origin = Some(origin),
        }
        self
    }

    /// Which try it is, from 0.
    #[must_use]
    pub const fn attempt(&self) -> u32 {
        match self {
            Self::Message(job) => job.attempt,
            Self::Chat(job) => job.attempt,
        }
    }
}

/// A message whose turn comes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct MessageJob {
    /// Which message.
    #[serde(flatten)]
    pub key: MessageKey,
    /// Where in its campaign.
    #[serde(flatten)]
    pub place: Place,
    /// What fills the texts' placeholders.
    #[serde(deserialize_with = "text::variables")]
    pub variables: Variables,
    /// When its lookback ends.
    pub lookback_ends_at: Timestamp,
    /// Its slot on the account's clock, or when to try again.
    pub not_before: Timestamp,
    /// Whether `not_before` is a slot. Else it gets one when that time has come: a message
    /// that is tried again keeps to the account's pace like any other.
    #[serde(default = "yes")]
    pub has_slot: bool,
    /// The account's pace, in messages per second.
    #[serde(default = "usual_pace")]
    pub sends_per_second: u32,
    /// Which try this is, from 0.
    pub attempt: u32,
    /// What put it on the queue, if that is traced.
    #[serde(
        default,
        deserialize_with = "origin::kept",
        skip_serializing_if = "Option::is_none"
    )]
    pub origin: Option<Origin>,
}

impl MessageJob {
    /// The job's next try, not before then; it has no slot yet.
    #[must_use]
    pub fn again(self, attempt: u32, not_before: Timestamp) -> Self {
        Self {
            attempt,
            not_before,
            has_slot: false,
            ..self
        }
    }
}

/// What jobs meant that did not say.
const fn yes() -> bool {
    true
}

fn usual_pace() -> u32 {
    Limits::default().sends_per_second
}

/// A new entry in the chat.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ChatJob {
    /// The brand.
    pub account: AccountId,
    /// The person to tell.
    pub consumer: ConsumerId,
    /// The conversation.
    pub conversation: ConversationId,
    /// The entry.
    pub entry: EntryId,
    /// Who wrote it.
    pub originator: String,
    /// What it says.
    pub text: String,
    /// When it was written.
    pub at: Timestamp,
    /// Which try this is, from 0.
    pub attempt: u32,
    /// The campaign's message that the entry is, when it is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub transaction: Option<TransactionId>,
    /// What put it on the queue, if that is traced.
    #[serde(
        default,
        deserialize_with = "origin::kept",
        skip_serializing_if = "Option::is_none"
    )]
    pub origin: Option<Origin>,
}

/// A job, and how long the queue keeps it back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delayed {
    /// The job.
    pub job: Job,
    /// At most [`pace::LONGEST_DELAY`].
    pub delay: Duration,
}

impl Delayed {
    /// A message's job, kept back until its time.
    #[must_use]
    pub fn until_due(job: MessageJob, now: Timestamp) -> Self {
        let delay = if job.has_slot {
            pace::delay(job.not_before, now)
        } else {
            pace::delay_at_least(job.not_before, now)
        };
        let job = Job::Message(job);
        Self { job, delay }
    }
}

/// Puts jobs on the sender's queue.
pub trait Enqueue: Send + Sync {
    /// Puts all of them, in as few calls as the queue allows, or fails: some may then be
    /// there, and all are put again.
    fn enqueue(&self, jobs: &[Delayed]) -> impl Future<Output = Result<(), Unavailable>> + Send;
}
