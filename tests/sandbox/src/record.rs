//! What came: every push, accepted or refused, in order.

use crate::{script::Environment, world::lock};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Mutex,
    time::Duration,
};
use tokio::sync::watch;

/// Whose gateway.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Gateway {
    /// Apple's.
    Apns,
    /// Google's.
    Fcm,
    /// A brand's own: its push proxy.
    Proxy,
}

/// One request to push, and what it got.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Push {
    /// Whose gateway it came to.
    pub gateway: Gateway,
    /// Which of Apple's two.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub environment: Option<Environment>,
    /// To which device; empty when the request named none.
    pub device_token: String,
    /// The request's headers without `authorization`; the names in lower case.
    pub headers: BTreeMap<String, String>,
    /// The request's JSON, or null when it was none.
    pub payload: Value,
    /// When, by the sandbox's clock.
    pub at: Timestamp,
    /// The HTTP status answered; 0 when the stream was reset instead.
    pub status: u16,
    /// The gateway's reason, when refused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Whether the gateway took it, even where the answer was lost.
    pub accepted: bool,
    /// Which connection it came by, counted from 1.
    pub connection: u64,
}

impl Push {
    /// What makes one notification replace another on the device.
    fn slot(&self) -> Option<String> {
        match self.gateway {
            Gateway::Apns => self.headers.get("apns-collapse-id").cloned(),
            Gateway::Fcm => self
                .payload
                .pointer("/message/android/notification/tag")
                .and_then(Value::as_str)
                .map(str::to_owned),
            Gateway::Proxy => self.headers.get("webhook-id").cloned(),
        }
    }

    /// Whether the device, being online, shows it.
    fn shows(&self) -> bool {
        let expired = self
            .headers
            .get("apns-expiration")
            .and_then(|value| value.parse::<i64>().ok())
            .is_some_and(|at| at != 0 && at <= self.at.as_second());
        self.accepted && !expired
    }
}

/// What a device has on its screen.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Visible {
    /// Whose gateway.
    pub gateway: Gateway,
    /// Which device.
    pub device_token: String,
    /// Notifications on the screen: equal collapse ids or tags replace one another.
    pub visible: usize,
    /// Pushes that the gateway took.
    pub accepted: usize,
}

/// What was waited for did not come in time.
#[derive(Debug, thiserror::Error)]
#[error("what was waited for did not come; {seen} pushes did")]
pub struct TimedOut {
    /// How many pushes had come by then.
    pub seen: usize,
}

/// Keeps the record.
#[derive(Debug)]
pub(crate) struct Record {
    pushes: Mutex<Vec<Push>>,
    changed: watch::Sender<()>,
}

impl Default for Record {
    fn default() -> Self {
        Self {
            pushes: Mutex::default(),
            changed: watch::Sender::new(()),
        }
    }
}

impl Record {
    pub(crate) fn add(&self, push: Push) {
        lock(&self.pushes).push(push);
        self.changed.send_replace(());
    }

    pub(crate) fn all(&self) -> Vec<Push> {
        lock(&self.pushes).clone()
    }

    pub(crate) fn clear(&self) {
        lock(&self.pushes).clear();
        self.changed.send_replace(());
    }

    pub(crate) fn visible(&self) -> Vec<Visible> {
        let pushes = lock(&self.pushes);
        let mut devices: BTreeMap<(Gateway, &str), (BTreeSet<String>, usize, usize)> =
            BTreeMap::new();
        for push in pushes.iter().filter(|push| push.accepted) {
            let (slots, single, accepted) = devices
                .entry((push.gateway, &push.device_token))
                .or_default();
            *accepted += 1;
            if push.shows() {
                match push.slot() {
                    Some(slot) => drop(slots.insert(slot)),
                    None => *single += 1,
                }
            }
        }
        devices
            .into_iter()
            .map(|((gateway, token), (slots, single, accepted))| Visible {
                gateway,
                device_token: token.to_owned(),
                visible: slots.len() + single,
                accepted,
            })
            .collect()
    }

    pub(crate) async fn wait_for(
        &self,
        enough: impl Fn(&[Push]) -> bool,
        patience: Duration,
    ) -> Result<Vec<Push>, TimedOut> {
        let mut changed = self.changed.subscribe();
        let waited = tokio::time::timeout(patience, async {
            loop {
                changed.borrow_and_update();
                let pushes = self.all();
                if enough(&pushes) {
                    return pushes;
                }
                if changed.changed().await.is_err() {
                    std::future::pending::<()>().await;
                }
            }
        })
        .await;
        waited.map_err(|_| TimedOut {
            seen: lock(&self.pushes).len(),
        })
    }
}
