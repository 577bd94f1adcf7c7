//! A row for each message.

use super::body::{CHANNEL, ERROR_SOURCE, Metadata, wants};
use domain::{
    board,
    failure::Failure,
    handoff::Source,
    id::TransactionId,
    message::{Message, State},
    report::{Filters, Row},
};
use jiff::Timestamp;
use lambda::{At as _, Problem};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use utoipa::ToSchema;

/// Which rows are wanted.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct TransactionsRequest {
    /// The place of the first row, from 0.
    offset: Option<usize>,
    /// The most rows, 1 to 5,000; 100 by default.
    limit: Option<usize>,
    /// What is empty wants all.
    #[serde(default)]
    pub filters: TransactionFilters,
}

impl TransactionsRequest {
    /// The offset and the limit.
    ///
    /// # Errors
    /// When the limit is out of its bounds.
    pub(super) fn page(&self) -> Result<(usize, usize), Problem> {
        let limit = self.limit.unwrap_or(100);
        if (1..=5_000).contains(&limit) {
            Ok((self.offset.unwrap_or(0), limit))
        } else {
            Err(Problem::invalid("/limit", "must be 1 to 5000"))
        }
    }
}

/// Which messages are wanted.
#[derive(Debug, Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase", deny_unknown_fields, default)]
pub(super) struct TransactionFilters {
    /// Channels: `inapp`.
    channels: Vec<String>,
    /// Skills.
    skills: Vec<String>,
    /// States.
    #[schema(value_type = Vec<String>, example = json!(["FAILED", "READ"]))]
    messagestatus: BTreeSet<State>,
    /// Messages, by their ids.
    transactionids: Vec<String>,
}

impl TransactionFilters {
    /// The filters of that source's messages; `None` when nothing can fit them.
    ///
    /// # Errors
    /// When a transaction's id is none.
    pub(super) fn parse(&self, source: Source) -> Result<Option<Filters>, Problem> {
        let transactions = (0..)
            .zip(&self.transactionids)
            .map(|(i, id): (usize, _)| {
                let place = format!("/filters/transactionids/{i}");
                id.parse::<TransactionId>().at(&place)
            })
            .collect::<Result<_, _>>()?;
        Ok(wants(&self.channels, CHANNEL).then(|| Filters {
            source: Some(source),
            skills: self.skills.iter().cloned().collect(),
            states: self.messagestatus.clone(),
            transactions,
        }))
    }
}

/// Rows.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct TransactionsAnswer {
    request_metadata: Metadata,
    page: PageBody,
    transactions: Vec<Transaction>,
}

impl TransactionsAnswer {
    /// A page of rows.
    #[must_use]
    pub(super) fn new(metadata: Metadata, offset: usize, limit: usize, rows: &[Row]) -> Self {
        Self {
            request_metadata: metadata,
            page: PageBody {
                count: rows.len(),
                offset,
                limit,
            },
            transactions: rows.iter().map(Transaction::from).collect(),
        }
    }
}

/// Which page it is.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct PageBody {
    /// The rows of the page.
    count: usize,
    offset: usize,
    limit: usize,
}

/// A message.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct Transaction {
    /// `inapp`.
    channel: &'static str,
    skill: String,
    #[schema(format = "uuid")]
    transaction_id: String,
    proactive_campaign_id: String,
    hand_off_id: String,
    consumer_id: String,
    conversation_id: Option<String>,
    initial_skill: String,
    /// `inapp`.
    initial_channel: &'static str,
    /// The number that was called, where an IVR started it.
    ivr_number: String,
    attempted_time: String,
    eligible_time: Option<String>,
    invite_time: Option<String>,
    sent_time: Option<String>,
    delivered_time: Option<String>,
    read_time: Option<String>,
    skipped_time: Option<String>,
    failed_time: Option<String>,
    cancelled_time: Option<String>,
    opt_ins_time: Option<String>,
    opt_outs_time: Option<String>,
    conversations_created_time: Option<String>,
    conversations_closed_time: Option<String>,
    error_source: Option<&'static str>,
    error_code: Option<String>,
    error_message: Option<&'static str>,
    /// The message's state.
    #[schema(example = "READ")]
    message_status: &'static str,
}

impl From<&Row> for Transaction {
    fn from(row: &Row) -> Self {
        let Row { campaign, standing } = row;
        let deflection = campaign.deflection.as_ref();
        let message = standing.message.as_ref();
        let time =
            |of: fn(&Message) -> Option<Timestamp>| message.and_then(of).map(|at| at.to_string());
        let failure = message.and_then(|m| m.failure);
        let ended = |as_what: State| {
            message
                .filter(|m| m.state() == as_what)
                .and_then(|m| m.ended_at)
                .map(|at| at.to_string())
        };
        Self {
            channel: CHANNEL,
            skill: campaign.skill.to_string(),
            transaction_id: standing.recipient.transaction.to_string(),
            proactive_campaign_id: campaign.id.to_string(),
            hand_off_id: campaign.handoff.to_string(),
            consumer_id: standing.recipient.consumer.to_string(),
            conversation_id: message
                .and_then(|m| m.conversation)
                .map(|id| id.to_string()),
            initial_skill: campaign.skill.to_string(),
            initial_channel: CHANNEL,
            ivr_number: deflection.map_or_else(String::new, |d| d.ivr_number.clone()),
            attempted_time: campaign.created_at.to_string(),
            eligible_time: deflection.map(|d| d.eligible_at.to_string()),
            invite_time: deflection.map(|_| campaign.created_at.to_string()),
            sent_time: time(|m| m.sent_at),
            delivered_time: time(|m| m.delivered_at),
            read_time: time(|m| m.read_at),
            skipped_time: None,
            failed_time: ended(State::Failed),
            cancelled_time: ended(State::Cancelled),
            opt_ins_time: None,
            opt_outs_time: None,
            conversations_created_time: time(|m| m.responded_at),
            conversations_closed_time: time(|m| m.conversation_closed_at),
            error_source: failure.map(|_| ERROR_SOURCE),
            error_code: failure.map(|f| f.number().to_string()),
            error_message: failure.map(Failure::explanation),
            message_status: board::state(campaign, standing).as_str(),
        }
    }
}
