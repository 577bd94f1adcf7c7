//! Reports: what happened to an account's messages, in the words of LivePerson's Outbound
//! Reporting.

use crate::{
    board::{Tally, shown},
    campaign::{self, Campaign, Heads, ReadCampaigns, Standing},
    handoff::Source,
    id::{AccountId, CampaignId, TransactionId},
    message::{Message, ReadMessages, State},
    store::Unavailable,
};
use jiff::{Timestamp, civil::Date};
use std::{collections::BTreeSet, future::Future};

/// One day's totals under one set of heads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Day {
    /// The day (UTC) on which the messages were accepted.
    pub date: Date,
    /// The heads.
    pub heads: Heads,
    /// The totals.
    pub tally: Tally,
}

/// Reads daily totals.
pub trait ReadDays: Send + Sync {
    /// The totals of all days from `from` to `to`, both included, by day.
    fn days(
        &self,
        account: &AccountId,
        from: Date,
        to: Date,
    ) -> impl Future<Output = Result<Vec<Day>, Unavailable>> + Send;
}

/// Lists campaigns by the time they were accepted.
pub trait ListCampaigns: Send + Sync {
    /// The campaigns accepted from `from` to before `to`, oldest first.
    fn campaigns(
        &self,
        account: &AccountId,
        from: Timestamp,
        to: Timestamp,
    ) -> impl Future<Output = Result<Vec<CampaignId>, Unavailable>> + Send;
}

/// Which rows of the transactions report are wanted; an empty set wants all.
#[derive(Clone, Debug, Default)]
pub struct Filters {
    /// By what started the campaign; `None` wants all.
    pub source: Option<Source>,
    /// By skill.
    pub skills: BTreeSet<String>,
    /// By state.
    pub states: BTreeSet<State>,
    /// By message.
    pub transactions: BTreeSet<TransactionId>,
}

impl Filters {
    fn want(&self, campaign: &Campaign) -> bool {
        !campaign.test
            && self.source.is_none_or(|source| source == campaign.source)
            && (self.skills.is_empty() || self.skills.contains(campaign.skill.as_str()))
    }

    fn admit(&self, campaign: &Campaign, standing: &Standing) -> bool {
        let state = standing
            .message
            .as_ref()
            .map_or(State::Queued, Message::state);
        (self.states.is_empty() || self.states.contains(&shown(campaign, state)))
            && (self.transactions.is_empty()
                || self.transactions.contains(&standing.recipient.transaction))
    }
}

/// A row of the transactions report.
#[derive(Clone, Debug)]
pub struct Row {
    /// The campaign.
    pub campaign: Campaign,
    /// The recipient and the message.
    pub standing: Standing,
}

/// The messages accepted from `from` to before `to`: rows `offset` to `offset + limit` of
/// those that the filters admit.
///
/// Without filters on states or messages whole campaigns before the offset are skipped
/// unread.
///
/// # Errors
/// When the store fails.
pub async fn transactions<S>(
    store: &S,
    account: &AccountId,
    (from, to): (Timestamp, Timestamp),
    filters: &Filters,
    offset: usize,
    limit: usize,
) -> Result<Vec<Row>, Unavailable>
where
    S: ListCampaigns + ReadCampaigns + ReadMessages,
{
    let plain = filters.states.is_empty() && filters.transactions.is_empty();
    let (mut skip, mut rows) = (offset, Vec::new());
    for id in store.campaigns(account, from, to).await? {
        let Some(campaign) = store.campaign(account, &id).await? else {
            continue;
        };
        if !filters.want(&campaign) {
            continue;
        }
        if plain && skip >= campaign.recipients() as usize {
            skip -= campaign.recipients() as usize;
            continue;
        }
        for (_, first) in campaign.chunks() {
            let page = campaign::recipients(store, &campaign, first, u32::MAX).await?;
            for standing in page.into_iter().filter(|s| filters.admit(&campaign, s)) {
                if skip > 0 {
                    skip -= 1;
                } else if rows.len() < limit {
                    rows.push(Row {
                        campaign: campaign.clone(),
                        standing,
                    });
                } else {
                    return Ok(rows);
                }
            }
        }
    }
    Ok(rows)
}
