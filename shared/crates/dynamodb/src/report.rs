//! Daily totals and campaigns by time.

use crate::{
    Table,
    board::failed,
    campaign::ByTimeItem,
    key::{Attributes, Range},
    read::from_item,
    table::unavailable,
};
use domain::{
    board::Tally,
    campaign::Heads,
    failure::Failure,
    id::{AccountId, HandoffId, SkillName},
    report::{Day, ListCampaigns, Listed, ReadDays},
    store::Unavailable,
};
use jiff::{Timestamp, civil::Date};
use serde::Deserialize;

/// A day's totals as they are stored, but for the failures.
#[derive(Debug, Deserialize)]
struct DayItem {
    date: Date,
    app: String,
    handoff: HandoffId,
    skill: SkillName,
    #[serde(default)]
    attempted: i64,
    #[serde(default)]
    sent: i64,
    #[serde(default)]
    delivered: i64,
    #[serde(default)]
    read: i64,
    #[serde(default)]
    conversationscreated: i64,
    #[serde(default)]
    conversationsclosed: i64,
    #[serde(default)]
    failed: i64,
    #[serde(default)]
    skipped: i64,
    #[serde(default)]
    expired: i64,
    #[serde(default)]
    cancelled: i64,
}

fn day(item: Attributes) -> Result<Day, Unavailable> {
    let failures = Failure::ALL
        .into_iter()
        .filter_map(|failure| {
            let count = item.get(&failed(failure))?.as_n().ok()?.parse().ok()?;
            Some((failure, count))
        })
        .filter(|(_, count)| *count != 0)
        .collect();
    let item: DayItem = from_item(item).map_err(unavailable)?;
    Ok(Day {
        date: item.date,
        heads: Heads {
            skill: item.skill,
            handoff: item.handoff,
            app: item.app,
        },
        tally: Tally {
            attempted: item.attempted,
            sent: item.sent,
            delivered: item.delivered,
            read: item.read,
            conversations_created: item.conversationscreated,
            conversations_closed: item.conversationsclosed,
            failed: item.failed,
            skipped: item.skipped,
            expired: item.expired,
            cancelled: item.cancelled,
            failures,
        },
    })
}

impl ReadDays for Table {
    async fn days(
        &self,
        account: &AccountId,
        from: Date,
        to: Date,
    ) -> Result<Vec<Day>, Unavailable> {
        self.query(&Range::days(account, from, to), false, None)
            .await?
            .into_iter()
            .map(day)
            .collect()
    }
}

impl ListCampaigns for Table {
    async fn campaigns(
        &self,
        account: &AccountId,
        from: Timestamp,
        to: Timestamp,
    ) -> Result<Vec<Listed>, Unavailable> {
        let items = self
            .list::<ByTimeItem>(&Range::campaigns(account, from, to))
            .await?;
        let listed = |item: ByTimeItem| Listed {
            what: item.heads.map(|heads| (heads, item.parts)),
            id: item.campaign,
        };
        Ok(items.into_iter().map(listed).collect())
    }
}
