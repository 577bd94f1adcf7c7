//! Handoffs, in memory.

use super::Store;
use domain::{
    handoff::{Handoff, HandoffStore, InsertError, ReplaceError},
    id::{AccountId, HandoffId},
    store::Unavailable,
};

/// Whether two handoffs of an account have one name, whatever its case.
fn same_name(a: &Handoff, b: &Handoff) -> bool {
    let folded = |h: &Handoff| h.design.name.as_str().to_lowercase();
    a.account == b.account && folded(a) == folded(b)
}

fn same_id(a: &Handoff, b: &Handoff) -> bool {
    a.account == b.account && a.id == b.id
}

impl HandoffStore for Store {
    async fn insert(&self, handoff: &Handoff) -> Result<(), InsertError> {
        let mut tables = self.begin("insert").await?;
        if tables.handoffs.iter().any(|h| same_name(h, handoff)) {
            return Err(InsertError::NameTaken);
        }
        if tables.handoffs.iter().any(|h| same_id(h, handoff)) {
            return Err(InsertError::IdTaken);
        }
        tables.handoffs.push(handoff.clone());
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

    async fn replace(&self, old: &Handoff, new: &Handoff) -> Result<(), ReplaceError> {
        let mut tables = self.begin("replace").await?;
        let Some(at) = tables.handoffs.iter().position(|h| h == old) else {
            return Err(ReplaceError::Changed);
        };
        let mut others = tables.handoffs.iter().filter(|h| !same_id(h, new));
        if others.any(|h| same_name(h, new)) {
            return Err(ReplaceError::NameTaken);
        }
        tables.handoffs[at] = new.clone();
        Ok(())
    }

    async fn remove(&self, handoff: &Handoff) -> Result<bool, Unavailable> {
        let mut tables = self.begin("remove").await?;
        let before = tables.handoffs.len();
        tables.handoffs.retain(|h| h != handoff);
        Ok(tables.handoffs.len() < before)
    }
}
