//! What webhooks are told of: events, and what follows from which change.

use crate::{
    board::Cell,
    breaker::{Cause, Pause},
    campaign::Campaign,
    conversation::{self, Author, Conversation, Posted},
    device::{Environment, Platform},
    failure::Failure,
    id::{
        AccountId, AppName, CampaignId, ConsumerId, ConversationId, EntryId, HandoffId, SkillName,
        TransactionId, WebhookName,
    },
    message::{Message, State},
    origin::{self, Origin},
    webhook::{Reason, Webhook},
};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// Builds [`Kind`] and its names from the table below.
macro_rules! kinds {
    ($($(#[$doc:meta])* $name:ident = $text:literal,)*) => {
        /// What happened.
        #[derive(
            Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
        )]
        pub enum Kind {
            $($(#[$doc])* #[serde(rename = $text)] $name,)*
        }

        impl Kind {
            /// All kinds.
            pub const ALL: &[Self] = &[$(Self::$name),*];

            /// Its name on the wire.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$name => $text,)* }
            }
        }
    };
}

kinds! {
    /// A gateway took the message.
    MessageSent = "message.sent",
    /// A device got it.
    MessageDelivered = "message.delivered",
    /// The consumer saw it.
    MessageRead = "message.read",
    /// The consumer replied.
    MessageResponded = "message.responded",
    /// It waits for the consumer's conversation to close.
    MessageHeld = "message.held",
    /// It failed for good.
    MessageFailed = "message.failed",
    /// It was left out on purpose.
    MessageSkipped = "message.skipped",
    /// Its lookback ended before it could leave.
    MessageExpired = "message.expired",
    /// Its campaign was cancelled before it could leave.
    MessageCancelled = "message.cancelled",
    /// A consumer began a conversation.
    ConversationStarted = "conversation.started",
    /// An agent or bot took it.
    ConversationAccepted = "conversation.accepted",
    /// It was given to another skill, where it waits.
    ConversationTransferred = "conversation.transferred",
    /// Something was written in it.
    ConversationMessage = "conversation.message",
    /// It was closed.
    ConversationClosed = "conversation.closed",
    /// A campaign was accepted: its messages are queued.
    CampaignAccepted = "campaign.accepted",
    /// All its messages came to an end.
    CampaignFinished = "campaign.finished",
    /// It was cancelled.
    CampaignCancelled = "campaign.cancelled",
    /// The sends of an app were paused.
    AppPaused = "app.paused",
    /// They go on.
    AppResumed = "app.resumed",
    /// A webhook is told no more.
    WebhookDisabled = "webhook.disabled",
    /// Nothing: somebody tries the webhook.
    WebhookTest = "webhook.test",
}

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
    pub state: Option<conversation::State>,
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

/// A campaign.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct OfCampaign {
    /// The brand.
    pub account_id: AccountId,
    /// The campaign.
    pub campaign_id: CampaignId,
    /// Counts the campaign's events, from 1.
    pub sequence: u64,
    /// Its handoff.
    pub handoff_id: HandoffId,
    /// Where replies go.
    pub skill: SkillName,
}

/// An app's sends.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct OfApp {
    /// The brand.
    pub account_id: AccountId,
    /// The app.
    pub app_name: AppName,
    /// The platform whose route it is about.
    pub platform: Platform,
    /// The world of the devices' tokens.
    pub environment: Environment,
    /// Why it was paused.
    pub cause: Cause,
    /// The gateway's word for it.
    pub reason: String,
    /// Since when it was paused.
    pub since: Timestamp,
}

/// A webhook that was disabled.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct OfWebhook {
    /// The brand.
    pub account_id: AccountId,
    /// The webhook.
    pub webhook_name: WebhookName,
    /// Why.
    pub reason: Reason,
    /// Since when it had taken no event.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failing_since: Option<Timestamp>,
}

/// A webhook that is tried.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct OfTest {
    /// The brand.
    pub account_id: AccountId,
    /// The webhook.
    pub webhook_name: WebhookName,
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

    /// That somebody tries the webhook.
    #[must_use]
    pub fn test(webhook: &Webhook, now: Timestamp) -> Self {
        Self {
            id: format!("test-{}", Uuid::new_v4().simple()),
            kind: Kind::WebhookTest,
            timestamp: now,
            data: Data::Test(OfTest {
                account_id: webhook.account.clone(),
                webhook_name: webhook.name.clone(),
            }),
            origin: None,
        }
    }
}

/// What became of a message, as a board knew it before, by this change. States that say only
/// that the sender is at it, `QUEUED` and `SENDING`, are no news: each try goes through them.
#[must_use]
pub fn of_message(before: &Cell, message: &Message, now: Timestamp) -> Vec<Event> {
    let (state, marks) = (message.state(), message.progress().marks);
    let told = |at: Option<Timestamp>, event: &str| {
        let told = message.timeline.iter().rev().find(|e| e.event == event);
        at.or_else(|| told.map(|e| e.at)).unwrap_or(now)
    };
    let mut happened = Vec::new();
    if !before.state.is_sent() && message.sent_at.is_some() {
        happened.push((Kind::MessageSent, State::Sent, message.sent_at));
    }
    for (is_new, kind, state, at) in [
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
    ] {
        if is_new {
            happened.push((kind, state, at));
        }
    }
    let ended = match state {
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
    };
    if let Some(kind) = ended.filter(|_| state != before.state) {
        happened.push((kind, state, message.ended_at));
    }
    happened
        .into_iter()
        .map(|(kind, state, at)| Event {
            id: format!(
                "{}-{}-{}",
                message.key.transaction,
                message.revision,
                state.as_str().to_ascii_lowercase()
            ),
            kind,
            timestamp: told(at, state.as_str()),
            data: Data::Message(OfMessage {
                account_id: message.key.account.clone(),
                campaign_id: message.place.campaign.clone(),
                sequence: 0,
                transaction_id: message.key.transaction,
                consumer_id: message.key.consumer.clone(),
                state,
                code: message.failure.filter(|_| ended.is_some()),
                conversation_id: message
                    .conversation
                    .filter(|_| kind == Kind::MessageResponded),
            }),
            origin: message.origin.clone(),
        })
        .collect()
}

/// That a campaign was accepted, finished or cancelled.
#[must_use]
pub fn of_campaign(
    kind: Kind,
    account: &AccountId,
    campaign: &CampaignId,
    handoff: &HandoffId,
    skill: &SkillName,
    at: Timestamp,
) -> Event {
    let word = kind.as_str().rsplit('.').next().unwrap_or_default();
    Event {
        id: format!("{campaign}-{word}"),
        kind,
        timestamp: at,
        data: Data::Campaign(OfCampaign {
            account_id: account.clone(),
            campaign_id: campaign.clone(),
            sequence: 0,
            handoff_id: handoff.clone(),
            skill: skill.clone(),
        }),
        origin: None,
    }
}

/// That a campaign was cancelled, if it was.
#[must_use]
pub fn of_cancellation(campaign: &Campaign) -> Option<Event> {
    Some(of_campaign(
        Kind::CampaignCancelled,
        &campaign.account,
        &campaign.id,
        &campaign.handoff,
        &campaign.skill,
        campaign.cancelled_at?,
    ))
}

/// What a conversation's newest state says.
#[must_use]
pub fn of_conversation(conversation: &Conversation, now: Timestamp) -> Event {
    let (kind, at) = match conversation.state {
        conversation::State::Waiting if conversation.version <= 1 => {
            (Kind::ConversationStarted, conversation.started_at)
        }
        conversation::State::Waiting => (Kind::ConversationTransferred, now),
        conversation::State::Open => (Kind::ConversationAccepted, now),
        conversation::State::Closed => (
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
#[must_use]
pub fn of_entry(posted: &Posted, campaign: Option<CampaignId>) -> Event {
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

/// That an app's sends were paused, or go on, and of which app. What prolongs a pause is no news.
#[must_use]
pub fn news_of_pause(account: &AccountId, pause: &Pause, is_over: bool) -> Option<(Kind, OfApp)> {
    let kind = match (is_over, pause.turns) {
        (true, _) => Kind::AppResumed,
        (false, 0) => Kind::AppPaused,
        (false, _) => return None,
    };
    let circuit = &pause.circuit;
    let of = OfApp {
        account_id: account.clone(),
        app_name: circuit.app.clone(),
        platform: circuit.platform,
        environment: circuit.environment,
        cause: pause.cause,
        reason: pause.reason.clone(),
        since: pause.since,
    };
    Some((kind, of))
}

/// The event of that.
#[must_use]
pub fn of_pause(
    account: &AccountId,
    pause: &Pause,
    is_over: bool,
    now: Timestamp,
) -> Option<Event> {
    let (kind, of) = news_of_pause(account, pause, is_over)?;
    let (word, at) = if is_over {
        ("resumed", now)
    } else {
        ("paused", pause.since)
    };
    let id = format!(
        "{}-{}-{}-{}-{word}",
        of.app_name.as_str().replace('.', "~"),
        of.platform.as_str(),
        of.environment.as_str(),
        of.since.as_millisecond(),
    );
    Some(Event {
        id,
        kind,
        timestamp: at,
        data: Data::App(of),
        origin: None,
    })
}

/// That a webhook is told no more, if it is not.
#[must_use]
pub fn of_disabling(webhook: &Webhook) -> Option<Event> {
    let disabled = webhook.disabled?;
    Some(Event {
        id: format!("{}-{}-disabled", webhook.seed, webhook.version),
        kind: Kind::WebhookDisabled,
        timestamp: disabled.at,
        data: Data::Disabled(OfWebhook {
            account_id: webhook.account.clone(),
            webhook_name: webhook.name.clone(),
            reason: disabled.reason,
            failing_since: webhook.failing_since,
        }),
        origin: None,
    })
}
