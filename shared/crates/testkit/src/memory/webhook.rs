//! Webhooks and the log of events, in memory.

use super::{Record, Store, Tables};
use domain::{
    audit::{Action, Author},
    clock,
    deliver::Health,
    id::{AccountId, CampaignId, WebhookName},
    journal::{Journal, Page, Placed, ReadJournal, Recorded},
    store::Unavailable,
    webhook::{ReadWebhooks, Webhook, WebhookStore},
};
use jiff::{Timestamp, civil::Date};

impl Tables {
    /// Whether the page's numbers are those that come next.
    pub(super) fn fits(&self, page: &Page) -> bool {
        page.campaign.as_ref().is_none_or(|(campaign, last)| {
            let key = (page.account.clone(), campaign.clone());
            self.numbers.get(&key).copied().unwrap_or_default() == *last
        })
    }

    pub(super) fn add_page(&mut self, page: &Page) {
        let account = page.account.clone();
        if let Some((campaign, _)) = &page.campaign {
            let key = (account.clone(), campaign.clone());
            self.numbers.insert(key, page.last_number());
        }
        self.pages.push(page.clone());
        self.stream
            .push(Record::Events(account, page.events.clone()));
    }

    fn webhook_mut(&mut self, webhook: &Webhook) -> Option<&mut Webhook> {
        let key = (webhook.account.clone(), webhook.name.clone());
        let stored = self.webhooks.get_mut(&key);
        stored.filter(|stored| stored.seed == webhook.seed)
    }
}

/// Where a page stands among those of its day.
fn place(page: &Page) -> String {
    let id = page.events.first().map_or("", |event| &event.id);
    format!("{:015}#{id}", page.at.as_millisecond())
}

impl ReadWebhooks for Store {
    async fn webhooks(&self, account: &AccountId) -> Result<Vec<Webhook>, Unavailable> {
        let tables = self.begin("webhooks").await?;
        let all = tables.webhooks.values();
        Ok(all.filter(|w| w.account == *account).cloned().collect())
    }
}

impl WebhookStore for Store {
    async fn put_webhook(
        &self,
        by: &Author,
        action: Action,
        webhook: &Webhook,
    ) -> Result<bool, Unavailable> {
        let mut tables = self.begin("put_webhook").await?;
        let key = (webhook.account.clone(), webhook.name.clone());
        let before = tables.webhooks.get(&key).map_or(0, |w| w.version);
        let stands = before + 1 == webhook.version;
        if stands {
            tables.webhooks.insert(key, webhook.clone());
            tables.told(by, action, &webhook.name);
        }
        Ok(stands)
    }

    async fn remove_webhook(&self, by: &Author, name: &WebhookName) -> Result<bool, Unavailable> {
        let mut tables = self.begin("remove_webhook").await?;
        let key = (by.account.clone(), name.clone());
        let was_there = tables.webhooks.remove(&key).is_some();
        if was_there {
            tables.told(by, Action::WebhookRemoved, name);
        }
        Ok(was_there)
    }
}

impl Health for Store {
    async fn webhook(
        &self,
        account: &AccountId,
        name: &WebhookName,
    ) -> Result<Option<Webhook>, Unavailable> {
        let tables = self.begin("webhook").await?;
        let key = (account.clone(), name.clone());
        Ok(tables.webhooks.get(&key).cloned())
    }

    async fn failing(&self, webhook: &Webhook, now: Timestamp) -> Result<(), Unavailable> {
        let mut tables = self.begin("failing").await?;
        if let Some(stored) = tables.webhook_mut(webhook)
            && stored.version == webhook.version
        {
            stored.failing_since.get_or_insert(now);
        }
        Ok(())
    }

    async fn well(&self, webhook: &Webhook) -> Result<(), Unavailable> {
        let mut tables = self.begin("well").await?;
        if let Some(stored) = tables.webhook_mut(webhook) {
            stored.failing_since = None;
        }
        Ok(())
    }

    async fn disable(
        &self,
        by: &Author,
        webhook: &Webhook,
        page: &Page,
    ) -> Result<bool, Unavailable> {
        let mut tables = self.begin("disable").await?;
        let Some(stored) = tables.webhook_mut(webhook) else {
            return Ok(false);
        };
        let stands =
            stored.version + 1 == webhook.version && stored.failing_since == webhook.failing_since;
        if stands {
            *stored = webhook.clone();
            tables.told(by, Action::WebhookDisabled, &webhook.name);
            tables.add_page(page);
        }
        Ok(stands)
    }
}

impl Journal for Store {
    async fn last_number(
        &self,
        account: &AccountId,
        campaign: &CampaignId,
    ) -> Result<u64, Unavailable> {
        let tables = self.begin("last_number").await?;
        let key = (account.clone(), campaign.clone());
        Ok(tables.numbers.get(&key).copied().unwrap_or_default())
    }

    async fn record(&self, page: &Page) -> Result<Recorded, Unavailable> {
        let mut tables = self.begin("record").await?;
        let ids = page.events.iter().map(|event| event.id.clone());
        let told: Vec<_> = ids.map(|id| (page.account.clone(), id)).collect();
        if told.iter().any(|id| tables.told.contains(id)) {
            return Ok(Recorded::Before);
        }
        if !tables.fits(page) {
            return Ok(Recorded::Moved);
        }
        tables.told.extend(told);
        tables.add_page(page);
        Ok(Recorded::Done)
    }
}

impl ReadJournal for Store {
    async fn pages(
        &self,
        account: &AccountId,
        day: Date,
        (from, to): (Timestamp, Timestamp),
        after: Option<&str>,
        limit: u32,
    ) -> Result<Vec<Placed>, Unavailable> {
        let tables = self.begin("pages").await?;
        let mut found: Vec<_> = tables
            .pages
            .iter()
            .filter(|page| {
                page.account == *account
                    && clock::day(page.at) == day
                    && (from..to).contains(&page.at)
            })
            .map(|page| Placed {
                place: place(page),
                events: page.events.clone(),
            })
            .filter(|page| after.is_none_or(|after| page.place.as_str() > after))
            .collect();
        found.sort_by(|a, b| a.place.cmp(&b.place));
        found.truncate(limit as usize);
        Ok(found)
    }
}
