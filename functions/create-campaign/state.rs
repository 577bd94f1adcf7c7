//! What became of a campaign and its recipients, as the API shows it.

use crate::page;
use domain::{
    board::{self, Board, Counts},
    campaign::{self, Campaign, Standing},
    failure::Failure,
    message::State,
};
use serde::Serialize;
use utoipa::ToSchema;

/// A campaign's state and counts.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = CampaignStatus)]
pub(super) struct Status {
    proactive_campaign_id: String,
    campaign_name: String,
    /// `SENDING`, `FINISHED` or `CANCELLED`.
    #[schema(example = "FINISHED")]
    state: &'static str,
    #[schema(format = "date-time")]
    created_at: String,
    handoff_id: String,
    skill: String,
    /// Whether its recipients are test ones, which are in no report.
    test: bool,
    /// `accepted` is the sum of `queued` to `cancelled`; `delivered`, `read` and
    /// `responded` are among the `sent`.
    #[schema(value_type = std::collections::BTreeMap<String, u32>)]
    counts: Counts,
}

impl Status {
    /// The status of a campaign with these boards.
    #[must_use]
    pub(super) fn new(campaign: &Campaign, boards: &[Board]) -> Self {
        let counts = board::counts(campaign, boards);
        Self {
            proactive_campaign_id: campaign.id.to_string(),
            campaign_name: campaign.name.as_str().to_owned(),
            state: board::course(campaign, &counts).as_str(),
            created_at: campaign.created_at.to_string(),
            handoff_id: campaign.handoff.to_string(),
            skill: campaign.skill.to_string(),
            test: campaign.test,
            counts,
        }
    }
}

/// Every recipient's status, in LivePerson's words.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = CampaignConversations)]
pub(super) struct Conversations {
    #[schema(example = "FINISHED")]
    campaign_status: &'static str,
    conversations: Vec<Conversation>,
    /// Where the next page starts; not there on the last, nor for 100 recipients or fewer (not in
    /// LivePerson's API).
    #[serde(skip_serializing_if = "Option::is_none")]
    cursor: Option<String>,
}

/// One recipient's status, in LivePerson's words.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = CampaignConversation)]
pub(super) struct Conversation {
    /// The message's id.
    id: String,
    /// `NOT_SENT`, `DELIVERED` (handed to the gateway), `FAILED` or `SKIPPED`.
    #[schema(example = "DELIVERED")]
    status: &'static str,
    /// The conversation that a reply led to.
    conversation_id: Option<String>,
    /// Why it failed.
    error_message: Option<String>,
}

impl Conversations {
    /// The statuses of a page of recipients.
    #[must_use]
    pub(super) fn new(page: &campaign::Recipients, boards: &[Board]) -> Self {
        let campaign = &page.campaign;
        let counts = board::counts(campaign, boards);
        let one = |standing: &Standing| {
            let state = board::state(campaign, standing);
            let message = standing.message.as_ref();
            let failure = message.and_then(|m| m.failure);
            Conversation {
                id: standing.recipient.transaction.to_string(),
                status: match state {
                    State::Queued | State::Sending | State::Held => "NOT_SENT",
                    State::Sent | State::Delivered | State::Read | State::Responded => "DELIVERED",
                    State::Failed | State::Expired | State::Cancelled => "FAILED",
                    State::Skipped => "SKIPPED",
                },
                conversation_id: message
                    .and_then(|m| m.conversation)
                    .map(|id| id.to_string()),
                error_message: match (failure, state) {
                    (Some(failure), _) => Some(failure.code()),
                    (None, State::Expired | State::Cancelled) => Some(state.as_str().to_owned()),
                    _ => None,
                },
            }
        };
        Self {
            campaign_status: board::course(campaign, &counts).as_str(),
            conversations: page.page.iter().map(one).collect(),
            cursor: page::cursor(page),
        }
    }
}

/// A page of recipients.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct Recipients {
    recipients: Vec<Recipient>,
    /// Where the next page starts; not there on the last.
    #[serde(skip_serializing_if = "Option::is_none")]
    cursor: Option<String>,
}

/// A recipient and the state of their message.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct Recipient {
    #[schema(format = "uuid")]
    transaction_id: String,
    consumer_id: String,
    #[schema(example = "DELIVERED")]
    state: &'static str,
    /// Why it failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "NO_DEVICE")]
    code: Option<&'static str>,
}

impl Recipient {
    fn new(campaign: &Campaign, standing: &Standing) -> Self {
        let failure = standing.message.as_ref().and_then(|m| m.failure);
        Self {
            transaction_id: standing.recipient.transaction.to_string(),
            consumer_id: standing.recipient.consumer.to_string(),
            state: board::state(campaign, standing).as_str(),
            code: failure.map(Failure::as_str),
        }
    }
}

impl Recipients {
    /// A page, and where the next one starts.
    #[must_use]
    pub(super) fn new(page: &campaign::Recipients) -> Self {
        let one = |standing: &Standing| Recipient::new(&page.campaign, standing);
        Self {
            recipients: page.page.iter().map(one).collect(),
            cursor: page::cursor(page),
        }
    }
}

/// Everything that happened to a recipient's message.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = RecipientHistory)]
pub(super) struct History {
    #[serde(flatten)]
    recipient: Recipient,
    /// What the consumer is shown in the chat.
    text: String,
    /// LivePerson's code of why it failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "proactive_16")]
    error_code: Option<String>,
    /// What happened, in order.
    timeline: Vec<Event>,
    /// What happens next, or what the brand can do.
    next: &'static str,
}

/// A line of a message's history.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Event {
    #[schema(format = "date-time")]
    at: String,
    #[schema(example = "SENT")]
    event: String,
    detail: String,
}

impl History {
    /// The history of a recipient's message.
    #[must_use]
    pub(super) fn new(campaign: &Campaign, standing: Standing) -> Self {
        let recipient = Recipient::new(campaign, &standing);
        let state = board::state(campaign, &standing);
        let failure = standing.message.as_ref().and_then(|m| m.failure);
        let rendered = campaign.content.render(&standing.recipient.variables);
        let accepted = Event {
            at: campaign.created_at.to_string(),
            event: "ACCEPTED".to_owned(),
            detail: "The campaign was accepted.".to_owned(),
        };
        let events = standing.message.into_iter().flat_map(|m| m.timeline);
        Self {
            recipient,
            text: rendered.text,
            error_code: failure.map(Failure::code),
            timeline: std::iter::once(accepted)
                .chain(events.map(|e| Event {
                    at: e.at.to_string(),
                    event: e.event,
                    detail: e.detail,
                }))
                .collect(),
            next: failure.map_or_else(|| next(state), |f| f.explanation()),
        }
    }
}

/// What happens next to a message, or what the brand can do.
const fn next(state: State) -> &'static str {
    match state {
        State::Queued => "It waits for its turn at the account's pace, or for its next try.",
        State::Sending => "It is being handed to the gateways.",
        State::Held => "It goes out when the consumer's conversation closes.",
        State::Sent => "A gateway took it; the device has not reported it yet.",
        State::Delivered => "The consumer has not opened it yet.",
        State::Read => "The consumer has not replied yet.",
        State::Responded => "The conversation is with the agents.",
        State::Failed => "Nothing more is tried.",
        State::Skipped => "It was left out on purpose.",
        State::Expired => "Its lookback ended: post a new campaign to reach the consumer.",
        State::Cancelled => "The campaign was cancelled: post a new one to reach the consumer.",
    }
}
