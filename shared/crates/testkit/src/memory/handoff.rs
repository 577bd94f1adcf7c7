//! Handoffs, in memory.

use super::{Record, Store, Tables};
use domain::{
    audit::{Action, Author},
    handoff::{
        Apps, Found, Handoff, HandoffStore, InsertError, RemoveError, ReplaceError, Running, Shelf,
        Tag,
    },
    id::{AccountId, AppName, HandoffId},
    store::Unavailable,
};
use jiff::Timestamp;

/// Whether two handoffs of an account have one name, whatever its case.
fn same_name(a: &Handoff, b: &Handoff) -> bool {
    let folded = |h: &Handoff| h.design.name.as_str().to_lowercase();
    a.account == b.account && folded(a) == folded(b)
}

fn same_id(a: &Handoff, b: &Handoff) -> bool {
    a.account == b.account && a.id == b.id
}

impl HandoffStore for Store {
    async fn insert(&self, by: &Author, handoff: &Handoff) -> Result<(), InsertError> {
        let mut tables = self.begin("insert").await?;
        if tables.handoffs.iter().any(|h| same_name(h, handoff)) {
            return Err(InsertError::NameTaken);
        }
        if tables.handoffs.iter().any(|h| same_id(h, handoff)) {
            return Err(InsertError::IdTaken);
        }
        tables.handoffs.push(handoff.clone());
        tables.told(by, Action::HandoffMade, &handoff.id);
        Ok(())
    }

    async fn find(
        &self,
        account: &AccountId,
        id: &HandoffId,
    ) -> Result<Option<Handoff>, Unavailable> {
        let tables = self.begin("find").await?;
        let mut all = tables.handoffs.iter();
        Ok(all.find(|h| h.account == *account && h.id == *id).cloned())
    }

    async fn find_with(
        &self,
        account: &AccountId,
        id: &HandoffId,
        apps: &Apps,
    ) -> Result<Found, Unavailable> {
        let handoff = self.find(account, id).await?;
        let tables = self.begin("find_with").await?;
        let has = |app: &&AppName| {
            let key = (account.clone(), (*app).clone());
            tables.apps.contains_key(&key)
        };
        Ok(Found {
            handoff,
            apps: apps.as_slice().iter().filter(has).cloned().collect(),
        })
    }

    async fn shelf(&self, account: &AccountId) -> Result<Shelf, Unavailable> {
        let tables = self.begin("shelf").await?;
        let apps = tables.apps.keys().filter(|(owner, _)| owner == account);
        let handoffs = tables.handoffs.iter().filter(|h| h.account == *account);
        Ok(Shelf {
            apps: apps.map(|(_, name)| name.clone()).collect(),
            handoffs: handoffs.count(),
        })
    }

    async fn list(&self, account: &AccountId) -> Result<Vec<Handoff>, Unavailable> {
        let tables = self.begin("list").await?;
        let mut list: Vec<_> = tables
            .handoffs
            .iter()
            .filter(|h| h.account == *account)
            .cloned()
            .collect();
        list.sort_by_key(|h| h.created_at);
        Ok(list)
    }

    async fn replace(&self, by: &Author, old: &Handoff, new: &Handoff) -> Result<(), ReplaceError> {
        let mut tables = self.begin("replace").await?;
        let Some(at) = tables.handoffs.iter().position(|h| h == old) else {
            return Err(ReplaceError::Changed);
        };
        let mut others = tables.handoffs.iter().filter(|h| !same_id(h, new));
        if others.any(|h| same_name(h, new)) {
            return Err(ReplaceError::NameTaken);
        }
        tables.handoffs[at] = new.clone();
        tables.told(by, Action::HandoffChanged, &new.id);
        Ok(())
    }

    async fn remove(&self, by: &Author, handoff: &Handoff) -> Result<(), RemoveError> {
        let mut tables = self.begin("remove").await?;
        if tables.lives(handoff).is_some_and(|until| until > by.at) {
            return Err(RemoveError::Live);
        }
        tables.remove(&handoff.account, &handoff.tag())?;
        tables.told(by, Action::HandoffDeleted, &handoff.id);
        Ok(())
    }

    async fn running(
        &self,
        account: &AccountId,
        id: &HandoffId,
        now: Timestamp,
    ) -> Result<Running, Unavailable> {
        let tables = self.begin("running").await?;
        let mut running: Vec<_> = tables
            .campaigns
            .values()
            .filter(|c| c.account == *account && c.handoff == *id)
            .filter(|c| c.lookback_ends_at > now && c.recipients() > 0)
            .map(|c| (c.lookback_ends_at, c.id.clone()))
            .collect();
        running.sort();
        let mut all = tables.handoffs.iter();
        let handoff = all.find(|h| h.account == *account && h.id == *id);
        Ok(Running {
            handoff: handoff.map(Handoff::tag),
            accepted: tables.accepted(account, id),
            campaigns: running.into_iter().map(|(_, id)| id).collect(),
        })
    }

    async fn stop(&self, by: &Author, handoff: &Tag, running: &Running) -> Result<(), RemoveError> {
        let mut tables = self.begin("stop").await?;
        let account = &by.account;
        if tables.accepted(account, &handoff.id) != running.accepted {
            return Err(RemoveError::Live);
        }
        tables.remove(account, handoff)?;
        for id in &running.campaigns {
            let key = (account.clone(), id.clone());
            if let Some(campaign) = tables.campaigns.get_mut(&key) {
                campaign.cancelled_at.get_or_insert(by.at);
                let record = Record::Campaign(Box::new(campaign.clone()));
                tables.stream.push(record);
            }
        }
        tables.told(by, Action::HandoffStopped, &handoff.id);
        Ok(())
    }
}

impl Tables {
    fn accepted(&self, account: &AccountId, id: &HandoffId) -> u64 {
        let all = self.campaigns.values();
        all.filter(|c| c.account == *account && c.handoff == *id && c.recipients() > 0)
            .map(|_| 1)
            .sum()
    }

    fn lives(&self, handoff: &Handoff) -> Option<Timestamp> {
        let key = (handoff.account.clone(), handoff.id.clone());
        self.lives.get(&key).copied()
    }

    fn remove(&mut self, account: &AccountId, handoff: &Tag) -> Result<(), RemoveError> {
        let mut all = self.handoffs.iter();
        let at = all.position(|h| h.account == *account && h.tag() == *handoff);
        self.handoffs.remove(at.ok_or(RemoveError::Changed)?);
        let key = (account.clone(), handoff.id.clone());
        self.gone.insert(key);
        Ok(())
    }
}
