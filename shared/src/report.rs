//! Reports: what happened to an account's messages, in the words of LivePerson's Outbound
//! Reporting.

use crate::{
    board::{self, Tally},
    campaign::{self, Campaign, Heads, ReadCampaigns, Standing},
    handoff::Source,
    id::{AccountId, CampaignId, TransactionId},
    message::{ReadMessages, State},
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

/// A campaign in the list of an account's campaigns.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed {
    /// Which one.
    pub id: CampaignId,
    /// Under which heads its messages count, and how many recipients each of its parts has; not
    /// told of some that are older than this release.
    pub what: Option<(Heads, Vec<u32>)>,
}

/// Lists campaigns by the time they were accepted.
pub trait ListCampaigns: Send + Sync {
    /// The campaigns accepted from `from` to before `to`, oldest first, in one request for each
    /// MB of them: some 4,000.
    fn campaigns(
        &self,
        account: &AccountId,
        from: Timestamp,
        to: Timestamp,
    ) -> impl Future<Output = Result<Vec<Listed>, Unavailable>> + Send;
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
    fn want(&self, heads: &Heads) -> bool {
        !heads.is_test()
            && self.source.is_none_or(|source| heads.app == source.app())
            && (self.skills.is_empty() || self.skills.contains(heads.skill.as_str()))
    }

    fn admit(&self, campaign: &Campaign, standing: &Standing) -> bool {
        (self.states.is_empty() || self.states.contains(&board::state(campaign, standing)))
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

/// How many parts of campaigns are read at once: with their campaigns one request has them.
const AT_ONCE: usize = 50;

/// The messages accepted from `from` to before `to`: rows `offset` to `offset + limit` of
/// those that the filters admit.
///
/// Without filters on states or messages, parts of campaigns before the offset are skipped
/// unread, and no more are read than it takes.
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
    let (mut skip, mut wanted) = (offset, Vec::new());
    for listed in store.campaigns(account, from, to).await? {
        let what = match listed.what {
            Some(what) => Some(what),
            None => of_older(store, account, &listed.id).await?,
        };
        let Some((_, parts)) = what.filter(|(heads, _)| filters.want(heads)) else {
            continue;
        };
        for (number, size) in (0..).zip(parts) {
            let size = size as usize;
            if plain && wanted.is_empty() && skip >= size {
                skip -= size;
            } else {
                wanted.push(((listed.id.clone(), number), size));
            }
        }
    }

    let (mut rows, mut wanted) = (Vec::new(), wanted.into_iter().peekable());
    while rows.len() < limit && wanted.peek().is_some() {
        let (mut parts, mut expected) = (Vec::new(), 0);
        while parts.len() < AT_ONCE && !(plain && rows.len() + expected >= skip + limit) {
            let Some((part, size)) = wanted.next() else {
                break;
            };
            parts.push(part);
            expected += size;
        }
        for (campaign, standings) in campaign::of_parts(store, account, &parts).await? {
            for standing in standings {
                if !filters.admit(&campaign, &standing) {
                    continue;
                }
                if skip > 0 {
                    skip -= 1;
                } else if rows.len() < limit {
                    rows.push(Row {
                        campaign: campaign.clone(),
                        standing,
                    });
                }
            }
        }
    }
    Ok(rows)
}

/// What a campaign that is older than this release is listed as.
async fn of_older(
    store: &impl ReadCampaigns,
    account: &AccountId,
    id: &CampaignId,
) -> Result<Option<(Heads, Vec<u32>)>, Unavailable> {
    let campaign = store.campaign(account, id).await?;
    Ok(campaign.map(|campaign| (campaign.heads(), campaign.parts)))
}
