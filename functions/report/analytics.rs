//! Counts: by skill and day, or of one campaign.

use super::body::{CHANNEL, Metadata, wants};
use domain::{
    board::{Board, Tally},
    campaign::{Campaign, Heads},
    failure::Failure,
    report::Day,
};
use jiff::civil::Date;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use utoipa::ToSchema;

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

/// Counts by skill and day.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct Analytics {
    /// What was asked.
    pub request_metadata: Metadata,
    /// The counts, by day.
    pub analytics: Vec<AnalyticsRow>,
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
