//! What a device token is told to answer, and what is known of it.

use crate::world::lock;
use serde::{Deserialize, Serialize};
use std::{
    collections::{HashMap, VecDeque},
    sync::Mutex,
    time::Duration,
};

/// Names that stand in a script for something other than one device token.
///
/// A device token's own script goes before that of its gateway.
pub mod scripts {
    /// Every device of APNs.
    pub const APNS: &str = "apns";
    /// Every device of FCM.
    pub const FCM: &str = "fcm";
    /// Every device of a brand's push proxy. A reason that is a number is its status.
    pub const PROXY: &str = "proxy";
    /// The `OAuth2` token endpoint.
    pub const OAUTH: &str = "oauth";
}

/// One of Apple's two worlds: a device token belongs to exactly one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Environment {
    /// `api.push.apple.com`.
    Production,
    /// `api.sandbox.push.apple.com`.
    Development,
}

/// What the gateway knows of a device token. One that was never declared is good everywhere.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Device {
    /// Where an APNs token belongs: elsewhere it is a `BadDeviceToken`.
    #[serde(default)]
    pub environment: Option<Environment>,
    /// The app it belongs to: another topic is `DeviceTokenNotForTopic`.
    #[serde(default)]
    pub topic: Option<String>,
    /// The Firebase project it belongs to: another is `SENDER_ID_MISMATCH`.
    #[serde(default)]
    pub project: Option<String>,
}

/// What to answer, once a request has passed every check.
///
/// In JSON: `{"reason":"Unregistered","times":1,"afterMillis":0}`. The reason is one that the
/// gateway documents, or one of [`Answer::GO_AWAY`], [`Answer::RESET`], [`Answer::LOSE`]; none
/// means that the push is accepted.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Answer {
    /// The gateway's reason, or none to accept.
    #[serde(default)]
    pub reason: Option<String>,
    /// The status, for a reason that the gateway does not document.
    #[serde(default)]
    pub status: Option<u16>,
    /// How many requests get this answer: none means all of them.
    #[serde(default)]
    pub times: Option<u32>,
    /// How long the answer takes.
    #[serde(default)]
    pub after_millis: u64,
    /// When APNs learned that the token is gone, in milliseconds since 1970; now by default.
    #[serde(default)]
    pub timestamp: Option<i64>,
    /// The `Retry-After` header, as it is to be sent.
    #[serde(default)]
    pub retry_after: Option<String>,
}

impl Answer {
    /// The connection says `GOAWAY` and refuses the stream, unprocessed.
    pub const GO_AWAY: &str = "GoAway";
    /// The stream is reset, unprocessed.
    pub const RESET: &str = "Reset";
    /// The push is accepted and shown, and the stream is reset before the answer.
    pub const LOSE: &str = "LoseAnswer";

    /// Accepts.
    #[must_use]
    pub fn accept() -> Self {
        Self::default()
    }

    /// Refuses, for ever, with a reason that the gateway documents.
    #[must_use]
    pub fn reason(reason: impl Into<String>) -> Self {
        Self {
            reason: Some(reason.into()),
            ..Self::default()
        }
    }

    /// Only for the next `n` requests.
    #[must_use]
    pub fn times(mut self, n: u32) -> Self {
        self.times = Some(n);
        self
    }

    /// Only for the next request.
    #[must_use]
    pub fn once(self) -> Self {
        self.times(1)
    }

    /// With a status of its own.
    #[must_use]
    pub fn status(mut self, status: u16) -> Self {
        self.status = Some(status);
        self
    }

    /// After a while.
    #[must_use]
    pub fn after(mut self, latency: Duration) -> Self {
        self.after_millis = u64::try_from(latency.as_millis()).unwrap_or(u64::MAX);
        self
    }

    /// As known since then, in milliseconds since 1970.
    #[must_use]
    pub fn timestamp(mut self, millis: i64) -> Self {
        self.timestamp = Some(millis);
        self
    }

    /// With a `Retry-After` header.
    #[must_use]
    pub fn retry_after(mut self, value: impl Into<String>) -> Self {
        self.retry_after = Some(value.into());
        self
    }

    /// How long the answer takes.
    #[must_use]
    pub fn latency(&self) -> Duration {
        Duration::from_millis(self.after_millis)
    }
}

/// Keeps the scripts and the declared devices.
#[derive(Debug, Default)]
pub(crate) struct Script {
    answers: Mutex<HashMap<String, VecDeque<Answer>>>,
    devices: Mutex<HashMap<String, Device>>,
}

impl Script {
    pub(crate) fn set(&self, token: &str, answers: impl IntoIterator<Item = Answer>) {
        lock(&self.answers).insert(token.to_owned(), answers.into_iter().collect());
    }

    pub(crate) fn clear(&self, token: &str) {
        lock(&self.answers).remove(token);
        lock(&self.devices).remove(token);
    }

    pub(crate) fn clear_all(&self) {
        lock(&self.answers).clear();
        lock(&self.devices).clear();
    }

    pub(crate) fn declare(&self, token: &str, device: Device) {
        lock(&self.devices).insert(token.to_owned(), device);
    }

    pub(crate) fn device(&self, token: &str) -> Device {
        lock(&self.devices).get(token).cloned().unwrap_or_default()
    }

    /// The answer for this request, by the first of these names that has one left.
    pub(crate) fn next(&self, names: &[&str]) -> Answer {
        let mut answers = lock(&self.answers);
        for name in names {
            let Some(queue) = answers.get_mut(*name) else {
                continue;
            };
            while queue.front().is_some_and(|answer| answer.times == Some(0)) {
                queue.pop_front();
            }
            if let Some(answer) = queue.front_mut() {
                if let Some(times) = &mut answer.times {
                    *times -= 1;
                }
                return answer.clone();
            }
        }
        Answer::accept()
    }
}
