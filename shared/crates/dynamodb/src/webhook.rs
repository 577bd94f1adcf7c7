//! Webhooks, as they are stored. Of their secrets only what they are derived from is.

use crate::{
    Table,
    key::{Key, Range},
    table::{Change, Transacted, Write, at, n, s},
    time,
};
use domain::{
    audit::{Action, Author},
    deliver::Health,
    event::Kind,
    id::{AccountId, WebhookName},
    journal::Page,
    store::Unavailable,
    webhook::{Disabled, ReadWebhooks, SecretVersion, Webhook, WebhookStore},
};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// A webhook as it is stored.
#[derive(Debug, Serialize, Deserialize)]
struct Item {
    kind: String,
    account: AccountId,
    name: WebhookName,
    seed: String,
    url: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    events: Option<Vec<Kind>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    disabled: Option<Disabled>,
    #[serde(
        with = "time::option",
        default,
        skip_serializing_if = "Option::is_none"
    )]
    failing_since: Option<Timestamp>,
    secrets: Vec<SecretVersion>,
    #[serde(with = "time")]
    created_at: Timestamp,
    version: u32,
}

impl From<&Webhook> for Item {
    fn from(w: &Webhook) -> Self {
        Self {
            kind: "webhook".to_owned(),
            account: w.account.clone(),
            name: w.name.clone(),
            seed: w.seed.clone(),
            url: w.url.clone(),
            events: w
                .events
                .as_ref()
                .map(|kinds| kinds.iter().copied().collect()),
            disabled: w.disabled,
            failing_since: w.failing_since,
            secrets: w.secrets.clone(),
            created_at: w.created_at,
            version: w.version,
        }
    }
}

impl From<Item> for Webhook {
    fn from(item: Item) -> Self {
        Self {
            account: item.account,
            name: item.name,
            seed: item.seed,
            url: item.url,
            events: item.events.map(BTreeSet::from_iter),
            disabled: item.disabled,
            failing_since: item.failing_since,
            secrets: item.secrets,
            created_at: item.created_at,
            version: item.version,
        }
    }
}

impl ReadWebhooks for Table {
    async fn webhooks(&self, account: &AccountId) -> Result<Vec<Webhook>, Unavailable> {
        let read = async || {
            let items = self.list::<Item>(&Range::webhooks(account)).await?;
            Ok(items.into_iter().map(Webhook::from).collect())
        };
        self.kept_webhooks().get(account, read).await
    }
}

impl WebhookStore for Table {
    async fn put_webhook(
        &self,
        by: &Author,
        action: Action,
        webhook: &Webhook,
    ) -> Result<bool, Unavailable> {
        let key = Key::webhook(&webhook.account, &webhook.name);
        let item = Item::from(webhook);
        let write = if webhook.version <= 1 {
            Write::insert(&key, &item)?
        } else {
            Write::put(&key, &item)?
                .only_if("version = :before")
                .value(":before", n(webhook.version - 1))
        };
        self.change(write, by, action, &webhook.name).await
    }

    async fn remove_webhook(&self, by: &Author, name: &WebhookName) -> Result<bool, Unavailable> {
        let key = Key::webhook(&by.account, name);
        self.removed(key, by, Action::WebhookRemoved, name).await
    }
}

impl Health for Table {
    async fn webhook(
        &self,
        account: &AccountId,
        name: &WebhookName,
    ) -> Result<Option<Webhook>, Unavailable> {
        let item = self.get::<Item>(&Key::webhook(account, name)).await?;
        Ok(item.map(Webhook::from))
    }

    async fn failing(&self, webhook: &Webhook, now: Timestamp) -> Result<(), Unavailable> {
        let change = Change::new("SET failing_since = :now")
            .only_if("seed = :seed AND version = :version AND attribute_not_exists(failing_since)")
            .value(":seed", s(&webhook.seed))
            .value(":version", n(webhook.version))
            .value(":now", at(now));
        let key = Key::webhook(&webhook.account, &webhook.name);
        self.update(&key, change).await.map(drop)
    }

    async fn well(&self, webhook: &Webhook) -> Result<(), Unavailable> {
        let change = Change::new("REMOVE failing_since")
            .only_if("seed = :seed")
            .value(":seed", s(&webhook.seed));
        let key = Key::webhook(&webhook.account, &webhook.name);
        self.update(&key, change).await.map(drop)
    }

    async fn disable(
        &self,
        by: &Author,
        webhook: &Webhook,
        page: &Page,
    ) -> Result<bool, Unavailable> {
        let key = Key::webhook(&webhook.account, &webhook.name);
        let put = Write::put(&key, &Item::from(webhook))?
            .value(":seed", s(&webhook.seed))
            .value(":before", n(webhook.version.saturating_sub(1)));
        let put = match webhook.failing_since {
            None => put.only_if(
                "seed = :seed AND version = :before AND attribute_not_exists(failing_since)",
            ),
            Some(since) => put
                .only_if("seed = :seed AND version = :before AND failing_since = :since")
                .value(":since", at(since)),
        };
        let told = self.told(by, Action::WebhookDisabled, &webhook.name)?;
        let mut writes = vec![put, told];
        writes.extend(self.page(page)?);
        match self.transact(writes).await? {
            Transacted::Done => Ok(true),
            Transacted::Refused(_) => Ok(false),
            Transacted::Conflict => Err(Unavailable::new("the webhook was being changed")),
        }
    }
}
