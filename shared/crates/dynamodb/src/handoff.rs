//! Handoffs, as they are stored, with a claim on each name.

use crate::{
    Table,
    key::{Key, Range},
    table::{Transacted, Write, n},
    time,
};
use domain::{
    handoff::{Design, Handoff, HandoffStore, InsertError, ReplaceError},
    id::{AccountId, HandoffId},
    store::Unavailable,
};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// A handoff as it is stored.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Item {
    kind: String,
    account: AccountId,
    id: HandoffId,
    design: Design,
    version: u32,
    #[serde(with = "time")]
    created_at: Timestamp,
    #[serde(with = "time")]
    updated_at: Timestamp,
}

/// A claim on a handoff's name.
#[derive(Debug, Serialize)]
struct NameItem<'a> {
    kind: &'static str,
    handoff: &'a HandoffId,
}

impl From<&Handoff> for Item {
    fn from(handoff: &Handoff) -> Self {
        Self {
            kind: "handoff".to_owned(),
            account: handoff.account.clone(),
            id: handoff.id.clone(),
            design: handoff.design.clone(),
            version: handoff.version,
            created_at: handoff.created_at,
            updated_at: handoff.updated_at,
        }
    }
}

impl From<Item> for Handoff {
    fn from(item: Item) -> Self {
        Self {
            account: item.account,
            id: item.id,
            design: item.design,
            version: item.version,
            created_at: item.created_at,
            updated_at: item.updated_at,
        }
    }
}

fn key(handoff: &Handoff) -> Key {
    Key::handoff(&handoff.account, &handoff.id)
}

fn name_key(handoff: &Handoff) -> Key {
    Key::handoff_name(&handoff.account, handoff.design.name.as_str())
}

fn claim(handoff: &Handoff) -> Result<Write, Unavailable> {
    let item = NameItem {
        kind: "handoff-name",
        handoff: &handoff.id,
    };
    Write::insert(&name_key(handoff), &item)
}

fn conflict() -> Unavailable {
    Unavailable::new("another transaction was at the handoff")
}

impl HandoffStore for Table {
    async fn insert(&self, handoff: &Handoff) -> Result<(), InsertError> {
        let writes = vec![
            Write::insert(&key(handoff), &Item::from(handoff))?,
            claim(handoff)?,
        ];
        match self.transact(writes).await? {
            Transacted::Done => Ok(()),
            Transacted::Refused(failed) if failed.get(1) == Some(&true) => {
                Err(InsertError::NameTaken)
            }
            Transacted::Refused(_) => Err(InsertError::IdTaken),
            Transacted::Conflict => Err(conflict().into()),
        }
    }

    async fn find(
        &self,
        account: &AccountId,
        id: &HandoffId,
    ) -> Result<Option<Handoff>, Unavailable> {
        let item = self.get::<Item>(&Key::handoff(account, id)).await?;
        Ok(item.map(Handoff::from))
    }

    async fn list(&self, account: &AccountId) -> Result<Vec<Handoff>, Unavailable> {
        let items = Table::list::<Item>(self, &Range::handoffs(account)).await?;
        let mut handoffs: Vec<_> = items.into_iter().map(Handoff::from).collect();
        handoffs.sort_by(|a, b| (a.created_at, &a.id).cmp(&(b.created_at, &b.id)));
        Ok(handoffs)
    }

    async fn replace(&self, old: &Handoff, new: &Handoff) -> Result<(), ReplaceError> {
        let mut writes = vec![
            Write::put(&key(new), &Item::from(new))?
                .only_if("version = :version")
                .value(":version", n(old.version)),
        ];
        if name_key(old) != name_key(new) {
            writes.push(claim(new)?);
            writes.push(Write::delete(name_key(old)));
        }
        match self.transact(writes).await? {
            Transacted::Done => Ok(()),
            Transacted::Refused(failed) if failed.first() == Some(&true) => {
                Err(ReplaceError::Changed)
            }
            Transacted::Refused(_) => Err(ReplaceError::NameTaken),
            Transacted::Conflict => Err(conflict().into()),
        }
    }

    async fn remove(&self, handoff: &Handoff) -> Result<bool, Unavailable> {
        let writes = vec![
            Write::delete(key(handoff))
                .only_if("version = :version")
                .value(":version", n(handoff.version)),
            Write::delete(name_key(handoff)),
        ];
        match self.transact(writes).await? {
            Transacted::Done => Ok(true),
            Transacted::Refused(_) => Ok(false),
            Transacted::Conflict => Err(conflict()),
        }
    }
}
