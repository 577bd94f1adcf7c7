//! What became of each of a campaign's recipients.

use super::body::ERROR_SOURCE;
use crate::page;
use domain::{
    board,
    campaign::{self, Standing},
    failure::Failure,
};
use serde::Serialize;
use utoipa::ToSchema;

/// What became of each of a campaign's recipients.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct CampaignReport {
    proactive_campaign_id: String,
    consumers_report: Vec<ConsumerReport>,
    /// Where the next page starts; not there on the last, nor for 100 recipients or fewer (not in
    /// LivePerson's API).
    #[serde(skip_serializing_if = "Option::is_none")]
    cursor: Option<String>,
}

/// What became of a recipient.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct ConsumerReport {
    #[schema(format = "uuid")]
    id: String,
    /// The message's state.
    #[schema(example = "RESPONDED")]
    status: &'static str,
    consumer_id: String,
    conversation_id: Option<String>,
    #[schema(example = "proactive")]
    error_source: Option<&'static str>,
    #[schema(example = "1800")]
    error_code: Option<String>,
    error_message: Option<&'static str>,
}

impl CampaignReport {
    /// The report of a page of a campaign's recipients.
    #[must_use]
    pub(super) fn new(page: &campaign::Recipients) -> Self {
        let campaign = &page.campaign;
        let one = |standing: &Standing| {
            let message = standing.message.as_ref();
            let failure = message.and_then(|m| m.failure);
            ConsumerReport {
                id: standing.recipient.transaction.to_string(),
                status: board::state(campaign, standing).as_str(),
                consumer_id: standing.recipient.consumer.to_string(),
                conversation_id: message
                    .and_then(|m| m.conversation)
                    .map(|id| id.to_string()),
                error_source: failure.map(|_| ERROR_SOURCE),
                error_code: failure.map(|f| f.number().to_string()),
                error_message: failure.map(Failure::explanation),
            }
        };
        Self {
            proactive_campaign_id: campaign.id.to_string(),
            consumers_report: page.page.iter().map(one).collect(),
            cursor: page::cursor(page),
        }
    }
}
