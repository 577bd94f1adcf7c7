//! That a webhook was disabled, or is tried.

use super::{Data, Event, Kind};
use crate::{
    id::{AccountId, WebhookName},
    webhook::{Reason, Webhook},
};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// A webhook that was disabled.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct OfWebhook {
    /// The brand.
    pub account_id: AccountId,
    /// The webhook.
    pub webhook_name: WebhookName,
    /// Why.
    pub reason: Reason,
    /// Since when it had taken no event.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failing_since: Option<Timestamp>,
}

/// That a webhook is told no more, if it is not.
#[must_use]
pub fn of_disabling(webhook: &Webhook) -> Option<Event> {
    let disabled = webhook.disabled?;
    Some(Event {
        id: format!("{}-{}-disabled", webhook.seed, webhook.version),
        kind: Kind::WebhookDisabled,
        timestamp: disabled.at,
        data: Data::Disabled(OfWebhook {
            account_id: webhook.account.clone(),
            webhook_name: webhook.name.clone(),
            reason: disabled.reason,
            failing_since: webhook.failing_since,
        }),
        origin: None,
    })
}

/// A webhook that is tried.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct OfTest {
    /// The brand.
    pub account_id: AccountId,
    /// The webhook.
    pub webhook_name: WebhookName,
}

impl Event {
    /// That somebody tries the webhook.
    #[must_use]
    pub fn test(webhook: &Webhook, now: Timestamp) -> Self {
        Self {
            id: format!("test-{}", Uuid::new_v4().simple()),
            kind: Kind::WebhookTest,
            timestamp: now,
            data: Data::Test(OfTest {
                account_id: webhook.account.clone(),
                webhook_name: webhook.name.clone(),
            }),
            origin: None,
        }
    }
}
