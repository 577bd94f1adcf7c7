//! Conversations as agents see them.

use crate::chat::{ConversationBody, EntryBody};
use domain::{
    conversation::{CampaignInfo, Conversation, Entry, State},
    store::Page,
};
use lambda::{Kind, Problem};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

/// Which conversations are wanted.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct QueueQuery {
    /// Whose queue; by default the caller's only skill.
    pub skill: Option<String>,
    /// `waiting` (by default), `open` or `closed`.
    #[param(value_type = Option<String>)]
    state: Option<State>,
    /// Where the page starts: the `cursor` of the page before.
    pub cursor: Option<String>,
    /// The most of a page, 1 to 100; 50 by default.
    limit: Option<u32>,
}

impl QueueQuery {
    /// The state.
    #[must_use]
    pub(super) fn state(&self) -> State {
        self.state.unwrap_or(State::Waiting)
    }

    /// The most of a page.
    ///
    /// # Errors
    /// When it is out of its bounds.
    pub(super) fn limit(&self) -> Result<u32, Problem> {
        let limit = self.limit.unwrap_or(50);
        if (1..=100).contains(&limit) {
            Ok(limit)
        } else {
            Err(Problem::new(Kind::InvalidQuery, "`limit` must be 1 to 100"))
        }
    }
}

/// A page of conversations.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Queue {
    conversations: Vec<Queued>,
    /// Where the next page starts; not there on the last.
    #[serde(skip_serializing_if = "Option::is_none")]
    cursor: Option<String>,
}

/// A conversation in a queue.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct Queued {
    #[schema(format = "uuid")]
    id: String,
    skill: String,
    /// `waiting`, `open` or `closed`.
    #[schema(example = "waiting")]
    state: &'static str,
    consumer_id: String,
    #[schema(format = "date-time")]
    start_time: String,
    /// `PROACTIVE` or `IVR` for one that answers a campaign, `CONSUMER` for another.
    #[schema(example = "PROACTIVE")]
    source: &'static str,
}

impl From<Page<Conversation>> for Queue {
    fn from(page: Page<Conversation>) -> Self {
        Self {
            conversations: page.items.into_iter().map(Queued::from).collect(),
            cursor: page.next.map(|cursor| cursor.0),
        }
    }
}

impl From<Conversation> for Queued {
    fn from(conversation: Conversation) -> Self {
        let campaign = conversation.campaign.as_ref();
        Self {
            id: conversation.id.to_string(),
            skill: conversation.skill.to_string(),
            state: conversation.state.as_str(),
            consumer_id: conversation.consumer.to_string(),
            start_time: conversation.started_at.to_string(),
            source: campaign.map_or("CONSUMER", |c| c.source.as_str()),
        }
    }
}

/// Everything an agent needs of a conversation.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct Context {
    conversation: ConversationBody,
    /// The campaign it answers; null for one that the consumer began.
    campaign_info: Option<CampaignBody>,
    consumer_info: ConsumerBody,
    /// At most 200 entries, the campaign's message first: read on with `after`.
    transcript: Vec<EntryBody>,
}

/// The campaign that a conversation answers.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct CampaignBody {
    campaign_name: String,
    /// The campaign object for routing.
    campaign_id: String,
    engagement_id: String,
    engagement_name: String,
    skill: String,
    /// `PROACTIVE` or `IVR`.
    #[schema(example = "PROACTIVE")]
    source: &'static str,
    handoff_id: String,
    #[schema(format = "date-time")]
    lookback_ends_at: String,
    /// The campaign in Overture's own API.
    proactive_campaign_id: String,
    /// The message that was answered.
    #[schema(format = "uuid")]
    transaction_id: String,
}

impl From<CampaignInfo> for CampaignBody {
    fn from(info: CampaignInfo) -> Self {
        Self {
            engagement_name: info.name.clone(),
            campaign_name: info.name,
            campaign_id: info.le_campaign,
            engagement_id: info.le_engagement,
            skill: info.skill.to_string(),
            source: info.source.as_str(),
            handoff_id: info.handoff.to_string(),
            lookback_ends_at: info.lookback_ends_at.to_string(),
            proactive_campaign_id: info.campaign.to_string(),
            transaction_id: info.transaction.to_string(),
        }
    }
}

/// Who the consumer is, by the device that logged in last.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct ConsumerBody {
    consumer_id: String,
    os: Option<String>,
    device: Option<String>,
    country: Option<String>,
    city: Option<String>,
    app_name: Option<String>,
}

impl Context {
    /// The context of a conversation with this part of its transcript.
    #[must_use]
    pub(super) fn new(conversation: Conversation, transcript: Vec<Entry>) -> Self {
        let body = ConversationBody::from(&conversation);
        let profile = conversation.profile;
        Self {
            conversation: body,
            campaign_info: conversation.campaign.map(CampaignBody::from),
            consumer_info: ConsumerBody {
                consumer_id: conversation.consumer.to_string(),
                os: profile.os,
                device: profile.device,
                country: profile.country,
                city: profile.city,
                app_name: profile.app.map(String::from),
            },
            transcript: transcript.into_iter().map(EntryBody::from).collect(),
        }
    }
}
