//! The JSON of all gateways, within their 4,096 bytes.
//!
//! Beside what the device shows, each notification carries the keys that LivePerson's mobile SDK
//! reads: `transactionId`, `brandId`, `backendService`, `lookBackPeriod` (milliseconds),
//! `expirationEpochTime` (milliseconds since 1970), `leCampaignId`, `leEngagementId` and
//! `externalConsumerId`; a chat's carries `conversationId`, `dialogId` and `originatorId`. At
//! APNs they stand beside `aps`, at FCM in `data`, where every value is a string.
//!
//! Sources: <https://developer.apple.com/documentation/usernotifications/generating-a-remote-notification>,
//! <https://firebase.google.com/docs/reference/fcm/rest/v1/projects.messages>.

use domain::{
    device::Platform,
    push::{Custom, Notification, Undelivered},
    text::shorten,
};
use serde::Serialize;
use serde_json::{Map, Value, json};
use std::{borrow::Cow, time::Duration};

/// The most bytes either gateway takes.
pub(crate) const MOST: usize = 4096;

/// A notification as a gateway takes it.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Payload<'n> {
    /// The JSON.
    pub(crate) json: String,
    /// How many bytes of it count.
    pub(crate) bytes: usize,
    /// The title as the device shows it.
    pub(crate) title: Option<Cow<'n, str>>,
    /// The body as the device shows it.
    pub(crate) body: Cow<'n, str>,
    /// Whether a text had to be shortened.
    pub(crate) shortened: bool,
}

/// The title and the body as they are shown.
#[derive(Serialize)]
struct Texts<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    title: Option<&'a str>,
    body: &'a str,
}

/// What APNs takes: written as it is, as most notifications are for it.
#[derive(Serialize)]
struct Apns<'a> {
    aps: Aps<'a>,
    #[serde(flatten)]
    keys: &'a Keys<'a>,
}

#[derive(Serialize)]
struct Aps<'a> {
    alert: &'a Texts<'a>,
    sound: &'static str,
}

/// The payload for APNs. All of it counts.
pub(crate) fn apns(notification: &Notification) -> Result<Payload<'_>, Undelivered> {
    let keys = Keys::of(notification);
    let payload = |texts: &Texts<'_>| {
        json_of(&Apns {
            aps: Aps {
                alert: texts,
                sound: "default",
            },
            keys: &keys,
        })
    };
    fit(notification, 0, payload)
}

/// The request for FCM, which ends at the gateway `ttl` from now. Google says that "keys and
/// values" count: all of the message but its token does here.
pub(crate) fn fcm<'n>(
    notification: &'n Notification,
    token: &str,
    ttl: Duration,
) -> Result<Payload<'n>, Undelivered> {
    let message = fcm_message(notification, ttl);
    let request = |texts: &Texts<'_>| {
        let mut message = message(texts);
        message.insert("token".to_owned(), token.into());
        json!({ "message": message }).to_string()
    };
    fit(notification, cost(token), request)
}

/// The same for SNS, which knows the token.
pub(crate) fn fcm_by_sns(
    notification: &Notification,
    ttl: Duration,
) -> Result<Payload<'_>, Undelivered> {
    let message = fcm_message(notification, ttl);
    let request =
        |texts: &Texts<'_>| json!({ "fcmV1Message": { "message": message(texts) } }).to_string();
    fit(notification, 0, request)
}

fn fcm_message(
    notification: &Notification,
    ttl: Duration,
) -> impl Fn(&Texts<'_>) -> Map<String, Value> {
    let data: Map<String, Value> = custom(notification)
        .into_iter()
        .map(|(key, value)| match value {
            Value::String(_) => (key, value),
            other => (key, other.to_string().into()),
        })
        .collect();
    let android = json!({
        "priority": "HIGH",
        "ttl": format!("{}s", ttl.as_secs()),
        "collapse_key": notification.collapse_id,
        "notification": { "tag": notification.collapse_id },
    });
    move |texts| {
        Map::from_iter([
            ("notification".to_owned(), alert(texts)),
            ("data".to_owned(), data.clone().into()),
            ("android".to_owned(), android.clone()),
        ])
    }
}

/// The body for a push proxy, as LivePerson's gets it: for Apple's devices what APNs takes,
/// beside which the device is named; for Android what the app is to be given as data.
pub(crate) fn proxy<'n>(
    notification: &'n Notification,
    platform: Platform,
    token: &str,
) -> Result<Payload<'n>, Undelivered> {
    let custom = custom(notification);
    let body = |texts: &Texts<'_>| {
        let (service, kind) = match platform {
            Platform::Ios => (1, "apn"),
            Platform::Android => (2, "gcm"),
        };
        let mut body = Map::from_iter([
            ("push-service".to_owned(), service.into()),
            ("device-token".to_owned(), token.into()),
            ("notificationType".to_owned(), kind.into()),
        ]);
        match platform {
            Platform::Ios => {
                let alert = match &texts.title {
                    Some(_) => alert(texts),
                    None => texts.body.into(),
                };
                let aps = json!({ "alert": alert, "sound": "default" });
                body.insert("aps".to_owned(), aps);
                body.extend(custom.clone());
            }
            Platform::Android => {
                let mut data = json!({ "message": texts.body, "payload": custom });
                if let Some(title) = &texts.title {
                    data["title"] = (*title).into();
                }
                body.insert("data".to_owned(), data);
            }
        }
        Value::Object(body).to_string()
    };
    fit(notification, cost(token), body)
}

/// Fills in the texts, shortened where all would not fit; `free` bytes do not count.
fn fit(
    notification: &Notification,
    free: usize,
    fill: impl Fn(&Texts<'_>) -> String,
) -> Result<Payload<'_>, Undelivered> {
    let (title, body) = (notification.title.as_deref(), notification.body.as_str());
    let whole = fill(&Texts { title, body });
    if whole.len() <= MOST + free {
        return Ok(Payload {
            bytes: whole.len() - free,
            json: whole,
            title: title.map(Cow::Borrowed),
            body: Cow::Borrowed(body),
            shortened: false,
        });
    }
    let frame = fill(&Texts {
        title: title.map(|_| ""),
        body: "",
    });
    let too_large = || Undelivered::Rejected {
        reason: "payload_too_large".into(),
    };
    let left = (MOST + free)
        .checked_sub(frame.len())
        .ok_or_else(too_large)?;
    // A title has the half at most, unless the body leaves it more.
    let title_left = left.saturating_sub(cost(body)).max(left / 2);
    let title = match title {
        Some(title) => Some(shorten(title, title_left, cost).ok_or_else(too_large)?),
        None => None,
    };
    let body_left = left.saturating_sub(title.as_deref().map_or(0, cost));
    let body = shorten(body, body_left, cost).ok_or_else(too_large)?;
    let json = fill(&Texts {
        title: title.as_deref(),
        body: &body,
    });
    Ok(Payload {
        bytes: json.len() - free,
        json,
        title: title.map(Cow::Owned),
        body: Cow::Owned(body),
        shortened: true,
    })
}

/// How many bytes a text takes within a JSON string.
fn cost(text: &str) -> usize {
    Value::from(text).to_string().len() - r#""""#.len()
}

fn alert(texts: &Texts<'_>) -> Value {
    match &texts.title {
        Some(title) => json!({ "title": title, "body": texts.body }),
        None => json!({ "body": texts.body }),
    }
}

/// The keys beside what the device shows.
#[derive(Serialize)]
#[serde(untagged, rename_all_fields = "camelCase")]
enum Keys<'a> {
    Proactive {
        transaction_id: String,
        brand_id: &'a str,
        backend_service: &'static str,
        look_back_period: i64,
        expiration_epoch_time: i64,
        le_campaign_id: &'a str,
        le_engagement_id: &'a str,
        external_consumer_id: &'a str,
    },
    Chat {
        conversation_id: String,
        dialog_id: String,
        originator_id: String,
        brand_id: &'a str,
        backend_service: &'static str,
        external_consumer_id: &'a str,
    },
}

impl<'a> Keys<'a> {
    fn of(notification: &'a Notification) -> Self {
        let brand_id = notification.account.as_str();
        match &notification.custom {
            Custom::Proactive {
                transaction,
                backend,
                lookback,
                le_campaign,
                le_engagement,
                consumer,
            } => Self::Proactive {
                transaction_id: transaction.to_string(),
                brand_id,
                backend_service: backend.as_str(),
                look_back_period: i64::try_from(lookback.as_millis()).unwrap_or(i64::MAX),
                expiration_epoch_time: notification.expires_at.as_millisecond(),
                le_campaign_id: le_campaign,
                le_engagement_id: le_engagement,
                external_consumer_id: consumer.as_str(),
            },
            Custom::Chat {
                conversation,
                originator,
                consumer,
            } => Self::Chat {
                conversation_id: conversation.to_string(),
                dialog_id: conversation.to_string(),
                originator_id: format!("{}.{originator}", notification.account),
                brand_id,
                backend_service: "ams",
                external_consumer_id: consumer.as_str(),
            },
        }
    }
}

fn custom(notification: &Notification) -> Map<String, Value> {
    match serde_json::to_value(Keys::of(notification)) {
        Ok(Value::Object(keys)) => keys,
        _ => Map::new(),
    }
}

/// The JSON of what is always some: no map with other keys than text, nothing that can fail.
fn json_of(value: &impl Serialize) -> String {
    serde_json::to_string(value).unwrap_or_default()
}

#[cfg(test)]
mod tests;
