//! Reports as the API shows them, in LivePerson's field names.

use crate::window;
use domain::{
    board::{self, Board, Tally},
    campaign::{self, Campaign, Heads, Standing},
    failure::Failure,
    handoff::Source,
    id::{AccountId, TransactionId},
    message::{Message, State},
    report::{Day, Filters, Row},
};
use jiff::{SignedDuration, Timestamp, civil::Date, tz::TimeZone};
use lambda::{At as _, Kind, Problem};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use utoipa::{IntoParams, ToSchema};

/// Which time is wanted: when messages were accepted, in milliseconds since 1970.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(rename_all = "camelCase")]
pub(super) struct Window {
    /// From this instant.
    #[param(example = 1_800_000_000_000_i64)]
    attempted_start_time: i64,
    /// To before this instant.
    #[param(example = 1_800_086_400_000_i64)]
    attempted_end_time: i64,
    /// LivePerson's version parameter, which changes nothing.
    #[serde(rename = "v")]
    #[param(rename = "v")]
    _version: Option<String>,
}

impl Window {
    fn checked(&self, longest: SignedDuration) -> Result<(Timestamp, Timestamp), Problem> {
        let invalid = |detail: String| Problem::new(Kind::InvalidQuery, detail);
        let instant = |name, millis| {
            Timestamp::from_millisecond(millis)
                .map_err(|_| invalid(format!("`{name}` must be milliseconds since 1970")))
        };
        let from = instant("attemptedStartTime", self.attempted_start_time)?;
        let to = instant("attemptedEndTime", self.attempted_end_time)?;
        let length = to.duration_since(from);
        if length <= SignedDuration::ZERO {
            return Err(invalid(
                "`attemptedEndTime` must be after `attemptedStartTime`".to_owned(),
            ));
        }
        if length > longest {
            let hours = longest.as_hours();
            return Err(invalid(format!("a window is at most {hours} hours long")));
        }
        Ok((from, to))
    }

    /// The days (UTC) that it touches.
    ///
    /// # Errors
    /// When it is none, or longer than 60 days.
    pub(super) fn days(&self) -> Result<(Date, Date), Problem> {
        let (from, to) = self.checked(SignedDuration::from_hours(60 * 24))?;
        let date = |at: Timestamp| at.to_zoned(TimeZone::UTC).date();
        Ok((date(from), date(to - SignedDuration::from_millis(1))))
    }

    /// The window itself.
    ///
    /// # Errors
    /// When it is none, or longer than 24 hours.
    pub(super) fn of_a_day(&self) -> Result<(Timestamp, Timestamp), Problem> {
        self.checked(SignedDuration::from_hours(24))
    }
}

/// What was asked.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct Metadata {
    account_id: String,
    app: String,
    attempted_start_time: i64,
    attempted_end_time: i64,
    #[schema(value_type = Object)]
    filters: Value,
}

impl Metadata {
    /// What was asked.
    ///
    /// # Errors
    /// Never, but by a fault of ours.
    pub(super) fn new(
        account: &AccountId,
        app: String,
        window: &Window,
        filters: &impl Serialize,
    ) -> Result<Self, Problem> {
        Ok(Self {
            account_id: account.to_string(),
            app,
            attempted_start_time: window.attempted_start_time,
            attempted_end_time: window.attempted_end_time,
            filters: serde_json::to_value(filters).map_err(|e| Problem::internal(&e))?,
        })
    }
}

/// Which counts are wanted; what is empty wants all.
#[derive(Debug, Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase", deny_unknown_fields, default)]
pub(super) struct AnalyticsFilters {
    /// Channels: `inapp`.
    channels: Vec<String>,
    /// Skills.
    skills: Vec<String>,
    /// Handoffs; the counts are then given for each.
    handoffids: Vec<String>,
    /// How campaigns were posted: `API`, `UI` or `LPWF`. All of Overture's are `API`.
    source: Vec<String>,
}

fn wants(list: &[String], value: &str) -> bool {
    list.is_empty() || list.iter().any(|v| v.eq_ignore_ascii_case(value))
}

impl AnalyticsFilters {
    /// Whether counts under these heads are wanted.
    #[must_use]
    pub(super) fn admit(&self, heads: &Heads) -> bool {
        wants(&self.channels, CHANNEL)
            && wants(&self.source, "API")
            && (self.skills.is_empty() || self.skills.iter().any(|s| s == heads.skill.as_str()))
            && wants(&self.handoffids, heads.handoff.as_str())
    }

    /// Whether the counts are given for each handoff.
    #[must_use]
    pub(super) const fn by_handoff(&self) -> bool {
        !self.handoffids.is_empty()
    }
}

const CHANNEL: &str = "inapp";

/// Counts.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct CountsBody {
    /// Messages that were accepted.
    attempted: i64,
    /// Of these, those whose consumer can be reached in the app.
    eligible: i64,
    /// Taken by a gateway.
    sent: i64,
    /// Got by a device.
    delivered: i64,
    /// Seen by the consumer.
    read: i64,
    /// Answered: a conversation was created.
    conversationscreated: i64,
    /// Of these, closed.
    conversationsclosed: i64,
    /// Failed for good.
    failed: i64,
    /// Left out on purpose.
    skipped: i64,
    /// Not sent before the lookback ended (not in LivePerson's API).
    expired: i64,
    /// Cancelled (not in LivePerson's API).
    cancelled: i64,
    /// The mean score of surveys: 0, as LivePerson gives where there were none.
    csat: u32,
    /// How many failed, by `<source>_<code>`.
    error_aggregation: BTreeMap<String, i64>,
}

impl From<&Tally> for CountsBody {
    fn from(tally: &Tally) -> Self {
        let unreachable: i64 = [Failure::ConsumerNotRegistered, Failure::NoDevice]
            .iter()
            .filter_map(|failure| tally.failures.get(failure))
            .sum();
        Self {
            attempted: tally.attempted,
            eligible: tally.attempted - unreachable,
            sent: tally.sent,
            delivered: tally.delivered,
            read: tally.read,
            conversationscreated: tally.conversations_created,
            conversationsclosed: tally.conversations_closed,
            failed: tally.failed,
            skipped: tally.skipped,
            expired: tally.expired,
            cancelled: tally.cancelled,
            csat: 0,
            error_aggregation: tally
                .failures
                .iter()
                .map(|(failure, count)| (failure.code(), *count))
                .collect(),
        }
    }
}

/// Counts of one skill on one day.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct AnalyticsRow {
    /// `inapp`.
    channel: &'static str,
    skill: String,
    /// The handoff, when handoffs were asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    handoffid: Option<String>,
    /// The day (UTC), as `MM-DD-YYYY`.
    #[schema(example = "11-23-2026")]
    transactionday: String,
    #[serde(flatten)]
    counts: CountsBody,
}

impl AnalyticsRow {
    /// Adds up days by date and skill, and by handoff when that is asked for.
    #[must_use]
    pub(super) fn group(days: Vec<Day>, by_handoff: bool) -> Vec<Self> {
        let mut groups: BTreeMap<(Date, String, Option<String>), Tally> = BTreeMap::new();
        for day in days {
            let handoff = by_handoff.then(|| day.heads.handoff.to_string());
            groups
                .entry((day.date, day.heads.skill.to_string(), handoff))
                .or_default()
                .add(&day.tally, 1);
        }
        groups
            .into_iter()
            .map(|((date, skill, handoffid), tally)| Self {
                channel: CHANNEL,
                skill,
                handoffid,
                transactionday: date.strftime("%m-%d-%Y").to_string(),
                counts: CountsBody::from(&tally),
            })
            .collect()
    }
}

/// Counts by skill and day.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct Analytics {
    /// What was asked.
    pub request_metadata: Metadata,
    /// The counts, by day.
    pub analytics: Vec<AnalyticsRow>,
}

/// A campaign's counts.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct CampaignAnalytics {
    proactive_campaign_id: String,
    /// `inapp`.
    channel: &'static str,
    skill: String,
    hand_off_id: String,
    #[serde(flatten)]
    counts: CountsBody,
}

impl CampaignAnalytics {
    /// The counts of a campaign with these boards.
    #[must_use]
    pub(super) fn new(campaign: &Campaign, boards: &[Board]) -> Self {
        let mut total = Tally::default();
        for board in boards {
            let attempted = Board {
                attempted: true,
                ..board.clone()
            };
            total.add(&attempted.tally(), 1);
        }
        Self {
            proactive_campaign_id: campaign.id.to_string(),
            channel: CHANNEL,
            skill: campaign.skill.to_string(),
            hand_off_id: campaign.handoff.to_string(),
            counts: CountsBody::from(&total),
        }
    }
}

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

/// LivePerson's source of all our errors.
const ERROR_SOURCE: &str = "proactive";

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
            cursor: window::cursor(page),
        }
    }
}

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

impl TransactionFilters {
    /// The filters; `None` when nothing can fit them.
    ///
    /// # Errors
    /// When a transaction's id is none.
    pub(super) fn parse(&self, app: &str) -> Result<Option<Filters>, Problem> {
        let transactions = (0..)
            .zip(&self.transactionids)
            .map(|(i, id): (usize, _)| {
                let place = format!("/filters/transactionids/{i}");
                id.parse::<TransactionId>().at(&place)
            })
            .collect::<Result<_, _>>()?;
        let source = match app {
            "c2m" => Source::Ivr,
            _ => Source::Proactive,
        };
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
