//! The log of events, as it is stored: pages, the number of a campaign's newest event, and marks
//! of what was recorded.

use crate::{
    Table,
    key::{Key, Range},
    read::from_item,
    table::{Change, Transacted, Write, n, s, unavailable},
};
use domain::{
    clock,
    event::Event,
    id::{AccountId, CampaignId},
    journal::{Journal, KEPT, Page, Placed, ReadJournal, Recorded},
    store::Unavailable,
};
use jiff::{Timestamp, civil::Date};
use serde::{Deserialize, Serialize};

/// A page as it is stored.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct PageItem {
    kind: String,
    account: AccountId,
    /// As JSON: the events' attributes would cost their names a hundred times.
    events: String,
    ttl: i64,
}

impl PageItem {
    pub(crate) const KIND: &str = "events";

    /// Whose they are, and the events.
    pub(crate) fn into_events(self) -> Result<(AccountId, Vec<Event>), Unavailable> {
        let events = serde_json::from_str(&self.events).map_err(unavailable)?;
        Ok((self.account, events))
    }
}

/// A page, with the part of its key that says where it stands.
#[derive(Debug, Deserialize)]
struct PlacedItem {
    sk: String,
    #[serde(flatten)]
    page: PageItem,
}

/// That an event was recorded.
#[derive(Debug, Serialize)]
struct ToldItem {
    kind: &'static str,
    ttl: i64,
}

/// The number of a campaign's newest event. It is written by an expression, so this is only
/// read.
#[derive(Debug, Deserialize)]
struct NumberItem {
    newest: u64,
}

impl Table {
    /// The writes that record a page, its campaign's number last.
    pub(crate) fn page(&self, page: &Page) -> Result<Vec<Write>, Unavailable> {
        let (account, at) = (&page.account, page.at);
        let day = clock::day(at);
        let first = page.events.first().map_or("", |event| &event.id);
        let item = PageItem {
            kind: PageItem::KIND.to_owned(),
            account: account.clone(),
            events: serde_json::to_string(&page.events).map_err(unavailable)?,
            ttl: (at + KEPT).as_second(),
        };
        let key = Key::events(account, day, at, first);
        let mut writes = vec![Write::insert(&key, &item)?];
        if let Some((campaign, before)) = &page.campaign {
            let condition = if *before == 0 {
                Change::default().only_if("attribute_not_exists(pk)")
            } else {
                Change::default()
                    .only_if("newest = :before")
                    .value(":before", n(before))
            };
            let change = condition
                .expression("SET kind = :kind, newest = :newest, #ttl = :ttl")
                .name("#ttl", "ttl")
                .value(":kind", s("number"))
                .value(":newest", n(page.last_number()))
                .value(":ttl", n(self.expiry(at)));
            writes.push(Write::update(Key::number(account, campaign), change));
        }
        Ok(writes)
    }
}

impl Journal for Table {
    async fn last_number(
        &self,
        account: &AccountId,
        campaign: &CampaignId,
    ) -> Result<u64, Unavailable> {
        let item = self
            .get::<NumberItem>(&Key::number(account, campaign))
            .await?;
        Ok(item.map_or(0, |item| item.newest))
    }

    async fn record(&self, page: &Page) -> Result<Recorded, Unavailable> {
        let ttl = (page.at + KEPT).as_second();
        let mut writes = Vec::new();
        for event in &page.events {
            let item = ToldItem { kind: "told", ttl };
            writes.push(Write::insert(&Key::told(&page.account, &event.id), &item)?);
        }
        let marks = writes.len();
        writes.extend(self.page(page)?);
        Ok(match self.transact(writes).await? {
            Transacted::Done => Recorded::Done,
            Transacted::Refused(failed) if failed.iter().take(marks).any(|f| *f) => {
                Recorded::Before
            }
            Transacted::Refused(_) | Transacted::Conflict => Recorded::Moved,
        })
    }
}

impl ReadJournal for Table {
    async fn pages(
        &self,
        account: &AccountId,
        day: Date,
        (from, to): (Timestamp, Timestamp),
        after: Option<&str>,
        limit: u32,
    ) -> Result<Vec<Placed>, Unavailable> {
        let range = Range::events(account, day, from, to, after);
        self.query(&range, false, Some(limit))
            .await?
            .into_iter()
            .map(|item| {
                let PlacedItem { sk: place, page } = from_item(item).map_err(unavailable)?;
                let (_, events) = page.into_events()?;
                Ok(Placed { place, events })
            })
            .collect()
    }
}
