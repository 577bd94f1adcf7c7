//! Webhooks as they stand in bodies.

use domain::{
    deliver::Answer,
    event::{Event, Kind},
    id::WebhookName,
    webhook::{Draft, SecretVersion, Webhook, WebhookSecret},
};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use utoipa::{IntoParams, ToSchema};

/// How a webhook is told, and of what.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct WebhookConfiguration {
    /// Where it is: a public https URL of at most 512 characters.
    #[schema(example = "https://crm.example.com/overture")]
    url: String,
    /// What it is told of; everything when it is left out, also events that are to come.
    #[schema(value_type = Option<Vec<String>>, example = json!(["message.failed", "conversation.closed"]))]
    events: Option<BTreeSet<Kind>>,
    /// Whether it is told nothing for now. Saving it without this lets it be told again,
    /// whatever disabled it.
    #[serde(default)]
    disabled: bool,
}

impl From<WebhookConfiguration> for Draft {
    fn from(request: WebhookConfiguration) -> Self {
        Self {
            url: request.url,
            events: request.events,
            disabled: request.disabled,
        }
    }
}

/// A webhook, and how it is doing.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct WebhookAnswer {
    /// What the brand calls it.
    #[schema(value_type = String, example = "crm")]
    webhook_name: WebhookName,
    /// Where it is.
    #[schema(example = "https://crm.example.com/overture")]
    url: String,
    /// What it is told of; everything when it is not there.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Vec<String>>, example = json!(["message.failed", "conversation.closed"]))]
    events: Option<BTreeSet<Kind>>,
    /// `enabled`, or `disabled` when it is told nothing.
    #[schema(example = "enabled")]
    state: &'static str,
    /// Since when it is disabled.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = "date-time", example = "2026-11-23T09:00:00Z")]
    disabled_since: Option<Timestamp>,
    /// Why it is disabled: `asked` by the brand, `failing` for five days, or `gone`, since it
    /// answered 410.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "failing")]
    disabled_reason: Option<&'static str>,
    /// Since when it has taken no event.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = "date-time", example = "2026-11-18T09:00:00Z")]
    failing_since: Option<Timestamp>,
    /// Its secrets, the newest last, without the secrets themselves.
    secrets: Vec<WebhookSecretInfo>,
    /// When it was made.
    #[schema(value_type = String, format = "date-time", example = "2026-11-01T09:00:00Z")]
    created_at: Timestamp,
}

/// One of a webhook's secrets.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct WebhookSecretInfo {
    /// Counts the webhook's secrets, from 1.
    #[schema(example = 1)]
    number: u32,
    /// When it was made.
    #[schema(value_type = String, format = "date-time", example = "2026-11-01T09:00:00Z")]
    created_at: Timestamp,
    /// Until when it signs, if another took its place.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = "date-time", example = "2026-11-24T09:00:00Z")]
    expires_at: Option<Timestamp>,
}

impl From<SecretVersion> for WebhookSecretInfo {
    fn from(version: SecretVersion) -> Self {
        Self {
            number: version.number,
            created_at: version.created_at,
            expires_at: version.expires_at,
        }
    }
}

impl From<Webhook> for WebhookAnswer {
    fn from(webhook: Webhook) -> Self {
        Self {
            webhook_name: webhook.name,
            url: webhook.url,
            events: webhook.events,
            state: match webhook.disabled {
                None => "enabled",
                Some(_) => "disabled",
            },
            disabled_since: webhook.disabled.map(|d| d.at),
            disabled_reason: webhook.disabled.map(|d| d.reason.as_str()),
            failing_since: webhook.failing_since,
            secrets: webhook.secrets.into_iter().map(Into::into).collect(),
            created_at: webhook.created_at,
        }
    }
}

/// A webhook, with its secret when that is new.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct SavedWebhook {
    /// The secret that its events are signed with, `whsec_…`: it is not shown again.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(format = "password")]
    secret: Option<String>,
    #[serde(flatten)]
    webhook: WebhookAnswer,
}

impl SavedWebhook {
    pub(super) fn new(webhook: Webhook, secret: Option<&WebhookSecret>) -> Self {
        Self {
            secret: secret.map(|s| s.expose().to_owned()),
            webhook: webhook.into(),
        }
    }
}

/// All webhooks of the account.
#[derive(Serialize, ToSchema)]
pub(super) struct WebhookList {
    /// The webhooks, by name.
    pub(super) webhooks: Vec<WebhookAnswer>,
}

/// How a webhook's secret is changed.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(rename_all = "camelCase")]
pub(super) struct SecretRotation {
    /// For how many hours the secret that it has signs, too: 0 to 168, 24 by default.
    pub(super) keep_hours: Option<u32>,
}

/// What an endpoint made of a test event.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct WebhookTest {
    /// The event's id, as it was in `webhook-id`.
    #[schema(example = "test-5c1e0f7d9a4b4f0e8d3c2b1a09f8e7d6")]
    id: String,
    /// Whether the endpoint took it: any status of 200 to 299. A redirect is not followed.
    delivered: bool,
    /// What it answered, if it did.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = 204)]
    status: Option<u16>,
    /// Why there is no answer: `timeout` after 10 seconds, `unreachable`, `connection_lost`,
    /// `endpoint_not_public`, `bad_url`, or `no_secret` when the webhook has to be rotated.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "timeout")]
    reason: Option<String>,
    /// How long it took, in milliseconds.
    #[schema(example = 87)]
    took_millis: u64,
}

impl WebhookTest {
    pub(super) fn new(event: Event, answer: Answer) -> Self {
        Self {
            id: event.id,
            delivered: answer.is_taken(),
            status: answer.status,
            reason: answer.trouble,
            took_millis: u64::try_from(answer.took.as_millis()).unwrap_or(u64::MAX),
        }
    }
}

/// Which events a webhook is told of again.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Replay {
    /// Those recorded from then on: at most 14 days ago.
    #[schema(value_type = String, format = "date-time", example = "2026-11-20T09:00:00Z")]
    pub(super) from: Timestamp,
    /// And before then.
    #[schema(value_type = String, format = "date-time", example = "2026-11-23T09:00:00Z")]
    pub(super) to: Timestamp,
}
