//! The audit log, as it is stored: an entry with each change, in one transaction.

use crate::{
    Table,
    key::{Key, Range},
    read::from_item,
    table::{Transacted, Write, unavailable},
    time,
};
use domain::{
    access::Role,
    audit::{Action, Author, Entry, ReadAudit},
    id::{AccountId, AuditId},
    store::Unavailable,
};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// An entry as it is stored.
#[derive(Debug, Serialize, Deserialize)]
struct Item {
    kind: String,
    account: AccountId,
    id: AuditId,
    subject: String,
    roles: Vec<Role>,
    #[serde(with = "time")]
    at: Timestamp,
    action: Action,
    target: String,
    ttl: i64,
}

impl From<Item> for Entry {
    fn from(item: Item) -> Self {
        Self {
            id: item.id,
            by: Author {
                account: item.account,
                subject: item.subject,
                roles: item.roles,
                at: item.at,
            },
            action: item.action,
            target: item.target,
        }
    }
}

impl Table {
    /// The write that says who did what.
    pub(crate) fn told(
        &self,
        by: &Author,
        action: Action,
        target: &(impl ToString + ?Sized),
    ) -> Result<Write, Unavailable> {
        let Entry {
            id,
            by,
            action,
            target,
        } = by.entry(action, target);
        let key = Key::audit(&by.account, id);
        let item = Item {
            kind: "audit".to_owned(),
            ttl: self.expiry(by.at),
            account: by.account,
            id,
            subject: by.subject,
            roles: by.roles,
            at: by.at,
            action,
            target,
        };
        Write::put(&key, &item)
    }

    /// Makes a change and says who made it; whether the change's condition held.
    pub(crate) async fn change(
        &self,
        write: Write,
        by: &Author,
        action: Action,
        target: &(impl ToString + ?Sized),
    ) -> Result<bool, Unavailable> {
        let told = self.told(by, action, target)?;
        match self.transact(vec![write, told]).await? {
            Transacted::Done => Ok(true),
            Transacted::Refused(_) => Ok(false),
            Transacted::Conflict => Err(Unavailable::new("another change was being made")),
        }
    }

    /// Removes what is at `key` and says who did; whether it was there.
    pub(crate) async fn removed(
        &self,
        key: Key,
        by: &Author,
        action: Action,
        target: &(impl ToString + ?Sized),
    ) -> Result<bool, Unavailable> {
        let write = Write::delete(key).only_if("attribute_exists(pk)");
        self.change(write, by, action, target).await
    }
}

impl ReadAudit for Table {
    async fn audit(
        &self,
        account: &AccountId,
        before: Option<AuditId>,
        limit: u32,
    ) -> Result<Vec<Entry>, Unavailable> {
        let items = self
            .query(&Range::audit(account, before), true, Some(limit))
            .await?;
        items
            .into_iter()
            .map(|item| from_item::<_, Item>(item).map(Entry::from))
            .collect::<Result<_, _>>()
            .map_err(unavailable)
    }
}
