//! The outbox: from what was stored to paced jobs, chat notifications and events.
//!
//! Whatever must happen after a write is derived from the write itself, so that nothing is
//! lost between two of them. Everything here may be done twice: the message's claim and
//! the notification's collapse id make the second time harmless.

use crate::{
    account::Limits,
    breaker::Pause,
    campaign::Chunk,
    clock::Clock,
    conversation::{Author, Conversation, Posted, State},
    event::{self, OfApp, OfWebhook},
    id::{AccountId, ConsumerId, ConversationId, EntryId, SkillName, TransactionId},
    message::{MessageKey, Place},
    origin::{self, Origin},
    pace::{self, Pacer},
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

/// What jobs meant that did not say.
const fn yes() -> bool {
    true
}

fn usual_pace() -> u32 {
    Limits::default().sends_per_second
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

/// Tells agents, bots and those who look after the account what happens.
pub trait Announce: Send + Sync {
    /// Tells it, at least once.
    fn announce(
        &self,
        announcement: &Announcement,
    ) -> impl Future<Output = Result<(), Unavailable>> + Send;
}

/// Keeps messages that wait for a conversation to close.
pub trait Holds: Send + Sync {
    /// Remembers that the message waits.
    fn hold(&self, job: &MessageJob) -> impl Future<Output = Result<(), Unavailable>> + Send;

    /// What waits for the consumer's conversation to close.
    fn held(
        &self,
        account: &AccountId,
        consumer: &ConsumerId,
    ) -> impl Future<Output = Result<Vec<MessageJob>, Unavailable>> + Send;

    /// Moves the message from held to queued for its next attempt, if it is held.
    fn queue_again(
        &self,
        job: &MessageJob,
        now: Timestamp,
    ) -> impl Future<Output = Result<(), Unavailable>> + Send;

    /// Forgets that the message waits.
    fn let_go(&self, key: &MessageKey) -> impl Future<Output = Result<(), Unavailable>> + Send;
}

/// Turns a part of a campaign into jobs, each at its slot on the account's clock.
///
/// # Errors
/// When a port fails; doing it all again is safe.
pub async fn dispatch(
    pacer: &impl Pacer,
    queue: &impl Enqueue,
    clock: &impl Clock,
    chunk: &Chunk,
) -> Result<(), Unavailable> {
    let jobs = (0..)
        .zip(&chunk.recipients)
        .map(|(index, recipient)| MessageJob {
            key: chunk.key(recipient),
            place: chunk.place(index),
            variables: recipient.variables.clone(),
            lookback_ends_at: chunk.lookback_ends_at,
            not_before: chunk.created_at,
            has_slot: false,
            sends_per_second: chunk.sends_per_second,
            attempt: 0,
            origin: chunk.origin.clone(),
        })
        .collect();
    enqueue_paced(pacer, queue, clock, &chunk.account, jobs).await
}

/// Gives each of a part's jobs a slot on the account's clock and puts it on the queue.
///
/// # Errors
/// When a port fails; doing it all again is safe.
pub async fn enqueue_paced(
    pacer: &impl Pacer,
    queue: &impl Enqueue,
    clock: &impl Clock,
    account: &AccountId,
    jobs: Vec<MessageJob>,
) -> Result<(), Unavailable> {
    let count = u32::try_from(jobs.len()).unwrap_or(u32::MAX);
    let Some(per_second) = jobs.first().map(|job| job.sends_per_second) else {
        return Ok(());
    };
    let now = clock.now();
    let slots = pacer.reserve(account, count, per_second, now).await?;
    let delayed: Vec<_> = (0..)
        .zip(jobs)
        .map(|(index, job)| {
            let not_before = slots.at(index);
            let job = MessageJob {
                not_before,
                has_slot: true,
                ..job
            };
            Delayed::until_due(job, now)
        })
        .collect();
    queue.enqueue(&delayed).await
}

/// Tells of a new entry: the consumer's devices of what others wrote, and those who serve
/// the skill of what the consumer wrote.
///
/// The first entries of a new conversation need no notification: the consumer is there.
///
/// # Errors
/// When a port fails; doing it again is safe.
pub async fn relay_entry(
    queue: &impl Enqueue,
    topic: &impl Announce,
    posted: &Posted,
    opening: bool,
) -> Result<(), Unavailable> {
    let entry = &posted.entry;
    match entry.author {
        Author::Consumer => {
            topic
                .announce(&Announcement::Conversation(ConversationEvent {
                    event: "conversation.message".to_owned(),
                    account_id: posted.account.clone(),
                    conversation_id: posted.conversation,
                    skill: posted.skill.clone(),
                    consumer_id: posted.consumer.clone(),
                    message_id: Some(entry.id),
                }))
                .await
        }
        Author::Agent | Author::Bot | Author::Brand if !opening => {
            let job = Job::Chat(ChatJob {
                account: posted.account.clone(),
                consumer: posted.consumer.clone(),
                conversation: posted.conversation,
                entry: entry.id,
                originator: entry.originator.clone().unwrap_or_default(),
                text: entry.text.clone(),
                at: entry.at,
                attempt: 0,
                transaction: entry.transaction,
                origin: entry.origin.clone(),
            });
            let delay = Duration::ZERO;
            queue.enqueue(&[Delayed { job, delay }]).await
        }
        Author::Agent | Author::Bot | Author::Brand | Author::System => Ok(()),
    }
}

/// Tells of a conversation's new state; a closed one lets go of what waited for that.
///
/// # Errors
/// When a port fails; doing it again is safe.
pub async fn relay_state(
    store: &impl Holds,
    queue: &impl Enqueue,
    topic: &impl Announce,
    clock: &impl Clock,
    conversation: &Conversation,
) -> Result<(), Unavailable> {
    topic
        .announce(&Announcement::Conversation(ConversationEvent {
            event: format!("conversation.{}", conversation.state.as_str()),
            account_id: conversation.account.clone(),
            conversation_id: conversation.id,
            skill: conversation.skill.clone(),
            consumer_id: conversation.consumer.clone(),
            message_id: None,
        }))
        .await?;
    if conversation.state == State::Closed {
        release(
            store,
            queue,
            clock,
            &conversation.account,
            &conversation.consumer,
        )
        .await?;
    }
    Ok(())
}

/// Tells that an app's sends were paused, or go on; what was told. What prolongs a pause is
/// not.
///
/// # Errors
/// When a port fails; doing it again is safe.
pub async fn relay_pause(
    topic: &impl Announce,
    account: &AccountId,
    pause: &Pause,
    resumed: bool,
) -> Result<Option<AppEvent>, Unavailable> {
    let Some((kind, of)) = event::news_of_pause(account, pause, resumed) else {
        return Ok(None);
    };
    let event = AppEvent {
        event: kind.as_str().to_owned(),
        of,
    };
    topic.announce(&Announcement::App(event.clone())).await?;
    Ok(Some(event))
}

/// Lets go of every message that waits for the consumer's conversation to close.
///
/// # Errors
/// When a port fails; doing it again is safe.
pub async fn release(
    store: &impl Holds,
    queue: &impl Enqueue,
    clock: &impl Clock,
    account: &AccountId,
    consumer: &ConsumerId,
) -> Result<(), Unavailable> {
    let now = clock.now();
    for held in store.held(account, consumer).await? {
        let next = held.attempt + 1;
        let job = held.again(next, now);
        store.queue_again(&job, now).await?;
        let key = job.key.clone();
        queue.enqueue(&[Delayed::until_due(job, now)]).await?;
        store.let_go(&key).await?;
    }
    Ok(())
}
