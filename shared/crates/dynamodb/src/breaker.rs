//! Paused circuits, as they are stored.

use crate::{
    Table,
    account::AppItem,
    key::{Key, Range},
    read::{from_item, kind},
    table::{Change, Updated, Write, at, n, s, unavailable},
    time,
};
use domain::{
    account::App,
    breaker::{Cause, Circuit, Pause, Pauses},
    device::{Environment, Platform},
    id::{AccountId, AppName},
    store::Unavailable,
};
use jiff::Timestamp;
use serde::Deserialize;

/// A circuit that is paused or was lately, as it is stored. It is written by expressions, so
/// this is only read.
#[derive(Debug, Deserialize)]
pub(crate) struct Item {
    account: AccountId,
    app: AppName,
    platform: Platform,
    environment: Environment,
    phase: Phase,
    cause: Cause,
    reason: String,
    #[serde(with = "time")]
    since: Timestamp,
    #[serde(with = "time")]
    not_until: Timestamp,
    turns: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Phase {
    Paused,
    Resumed,
}

impl Item {
    pub(crate) const KIND: &str = "pause";

    /// Whose it is, the pause, and whether it is over.
    pub(crate) fn into_pause(self) -> (AccountId, Pause, bool) {
        let pause = Pause {
            circuit: Circuit {
                app: self.app,
                platform: self.platform,
                environment: self.environment,
            },
            cause: self.cause,
            reason: self.reason,
            since: self.since,
            until: self.not_until,
            turns: self.turns,
        };
        (self.account, pause, self.phase == Phase::Resumed)
    }
}

impl Table {
    async fn read_pauses(&self, account: &AccountId) -> Result<Vec<Pause>, Unavailable> {
        let items = self.list::<Item>(&Range::pauses(account)).await?;
        Ok(items
            .into_iter()
            .map(Item::into_pause)
            .filter(|(_, _, is_over)| !is_over)
            .map(|(_, pause, _)| pause)
            .collect())
    }

    /// Writes the pause under a condition; whether that held.
    async fn put_pause(
        &self,
        account: &AccountId,
        pause: &Pause,
        condition: Change,
    ) -> Result<bool, Unavailable> {
        let circuit = &pause.circuit;
        let change = condition
            .expression(
                "SET kind = :kind, account = :account, app = :app, #platform = :platform, \
                 environment = :environment, phase = :paused, cause = :cause, reason = :reason, \
                 since = :since, not_until = :until, turns = :turns, #ttl = :ttl",
            )
            .name("#platform", "platform")
            .name("#ttl", "ttl")
            .value(":kind", s(Item::KIND))
            .value(":account", s(account.as_str()))
            .value(":app", s(circuit.app.as_str()))
            .value(":platform", s(circuit.platform.as_str()))
            .value(":environment", s(circuit.environment.as_str()))
            .value(":paused", s("paused"))
            .value(":cause", s(pause.cause.as_str()))
            .value(":reason", s(&pause.reason))
            .value(":since", at(pause.since))
            .value(":until", at(pause.until))
            .value(":turns", n(pause.turns))
            .value(":ttl", n(self.expiry(pause.until)));
        let updated = self.update(&Key::pause(account, circuit), change).await;
        self.kept_pauses().forget(account);
        Ok(matches!(updated?, Updated::Done(_)))
    }
}

/// The write that ends a circuit's pause, if there was one.
pub(crate) fn end(account: &AccountId, circuit: &Circuit) -> Write {
    let change = Change::new("SET phase = :resumed")
        .only_if("attribute_exists(pk)")
        .value(":resumed", s("resumed"));
    Write::update(Key::pause(account, circuit), change)
}

impl Pauses for Table {
    async fn pauses(&self, account: &AccountId) -> Result<Vec<Pause>, Unavailable> {
        self.kept_pauses()
            .get(account, || self.read_pauses(account))
            .await
    }

    async fn apps_and_pauses(
        &self,
        account: &AccountId,
    ) -> Result<(Vec<App>, Vec<Pause>), Unavailable> {
        let (mut apps, mut pauses) = (Vec::new(), Vec::new());
        let range = Range::apps_and_pauses(account);
        for item in self.query(&range, false, None).await? {
            if kind(&item) == Some(AppItem::KIND) {
                let item: AppItem = from_item(item).map_err(unavailable)?;
                apps.push(item.into());
            } else {
                let item: Item = from_item(item).map_err(unavailable)?;
                let (_, pause, is_over) = item.into_pause();
                pauses.extend((!is_over).then_some(pause));
            }
        }
        Ok((apps, pauses))
    }

    async fn pause(&self, account: &AccountId, pause: &Pause) -> Result<bool, Unavailable> {
        let condition = Change::default()
            .only_if("attribute_not_exists(pk) OR phase = :resumed")
            .value(":resumed", s("resumed"));
        self.put_pause(account, pause, condition).await
    }

    async fn prolong(
        &self,
        account: &AccountId,
        from: &Pause,
        to: &Pause,
    ) -> Result<bool, Unavailable> {
        let condition = Change::default()
            .only_if("phase = :paused AND since = :stood_since AND not_until = :stood_until")
            .value(":stood_since", at(from.since))
            .value(":stood_until", at(from.until));
        self.put_pause(account, to, condition).await
    }

    async fn resume(&self, account: &AccountId, circuit: &Circuit) -> Result<(), Unavailable> {
        let change = Change::new("SET phase = :resumed")
            .only_if("phase = :paused")
            .value(":paused", s("paused"))
            .value(":resumed", s("resumed"));
        let updated = self.update(&Key::pause(account, circuit), change).await;
        self.kept_pauses().forget(account);
        updated.map(drop)
    }
}
