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
    device::{Platform, PushToken},
    push::{Custom, Notification, Undelivered},
    text::shorten,
};
use serde_json::{Map, Value, json};
use std::time::Duration;

/// The most bytes either gateway takes.
pub(crate) const MOST: usize = 4096;

/// A notification as a gateway takes it.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Payload {
    /// The JSON.
    pub(crate) json: String,
    /// How many bytes of it count.
    pub(crate) bytes: usize,
    /// What the device shows.
    pub(crate) texts: Texts,
    /// Whether a text had to be shortened.
    pub(crate) shortened: bool,
}

/// The title and the body as they are shown.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Texts {
    pub(crate) title: Option<String>,
    pub(crate) body: String,
}

/// The payload for APNs. All of it counts.
pub(crate) fn apns(notification: &Notification) -> Result<Payload, Undelivered> {
    let payload = |texts: &Texts| {
        let mut payload = Map::new();
        let alert = alert(texts);
        payload.insert(
            "aps".to_owned(),
            json!({ "alert": alert, "sound": "default" }),
        );
        payload.extend(custom(notification));
        Value::Object(payload).to_string()
    };
    fit(notification, 0, payload)
}

/// The request for FCM, which ends at the gateway `ttl` from now. Google says that "keys and
/// values" count: all of the message but its token does here.
pub(crate) fn fcm(
    notification: &Notification,
    token: &PushToken,
    ttl: Duration,
) -> Result<Payload, Undelivered> {
    let message = fcm_message(notification, ttl);
    let request = |texts: &Texts| {
        let mut message = message(texts);
        message.insert("token".to_owned(), token.expose().into());
        json!({ "message": message }).to_string()
    };
    fit(notification, cost(token.expose()), request)
}

/// The same for SNS, which knows the token.
pub(crate) fn fcm_by_sns(
    notification: &Notification,
    ttl: Duration,
) -> Result<Payload, Undelivered> {
    let message = fcm_message(notification, ttl);
    let request =
        |texts: &Texts| json!({ "fcmV1Message": { "message": message(texts) } }).to_string();
    fit(notification, 0, request)
}

fn fcm_message(
    notification: &Notification,
    ttl: Duration,
) -> impl Fn(&Texts) -> Map<String, Value> {
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
pub(crate) fn proxy(
    notification: &Notification,
    platform: Platform,
    token: &PushToken,
) -> Result<Payload, Undelivered> {
    let custom = custom(notification);
    let body = |texts: &Texts| {
        let (service, kind) = match platform {
            Platform::Ios => (1, "apn"),
            Platform::Android => (2, "gcm"),
        };
        let mut body = Map::from_iter([
            ("push-service".to_owned(), service.into()),
            ("device-token".to_owned(), token.expose().into()),
            ("notificationType".to_owned(), kind.into()),
        ]);
        match platform {
            Platform::Ios => {
                let alert = match &texts.title {
                    Some(_) => alert(texts),
                    None => texts.body.as_str().into(),
                };
                let aps = json!({ "alert": alert, "sound": "default" });
                body.insert("aps".to_owned(), aps);
                body.extend(custom.clone());
            }
            Platform::Android => {
                let mut data = json!({ "message": texts.body, "payload": custom });
                if let Some(title) = &texts.title {
                    data["title"] = title.as_str().into();
                }
                body.insert("data".to_owned(), data);
            }
        }
        Value::Object(body).to_string()
    };
    fit(notification, cost(token.expose()), body)
}

/// Fills in the texts, shortened where all would not fit; `free` bytes do not count.
fn fit(
    notification: &Notification,
    free: usize,
    fill: impl Fn(&Texts) -> String,
) -> Result<Payload, Undelivered> {
    let frame = fill(&Texts {
        title: notification.title.as_ref().map(|_| String::new()),
        body: String::new(),
    });
    let too_large = || Undelivered::Rejected {
        reason: "payload_too_large".into(),
    };
    let left = (MOST + free)
        .checked_sub(frame.len())
        .ok_or_else(too_large)?;
    // A title has the half at most, unless the body leaves it more.
    let title_left = left.saturating_sub(cost(&notification.body)).max(left / 2);
    let title = match &notification.title {
        Some(title) => Some(shorten(title, title_left, cost).ok_or_else(too_large)?),
        None => None,
    };
    let body_left = left.saturating_sub(title.as_deref().map_or(0, cost));
    let body = shorten(&notification.body, body_left, cost).ok_or_else(too_large)?;
    let shortened = title != notification.title || body != notification.body;
    let texts = Texts { title, body };
    let json = fill(&texts);
    Ok(Payload {
        bytes: json.len() - free,
        json,
        texts,
        shortened,
    })
}

/// How many bytes a text takes within a JSON string.
fn cost(text: &str) -> usize {
    Value::from(text).to_string().len() - r#""""#.len()
}

fn alert(texts: &Texts) -> Value {
    match &texts.title {
        Some(title) => json!({ "title": title, "body": texts.body }),
        None => json!({ "body": texts.body }),
    }
}

fn custom(notification: &Notification) -> Map<String, Value> {
    let keys = match &notification.custom {
        Custom::Proactive {
            transaction,
            backend,
            lookback,
            le_campaign,
            le_engagement,
            consumer,
        } => json!({
            "transactionId": transaction.to_string(),
            "brandId": notification.account.as_str(),
            "backendService": backend.as_str(),
            "lookBackPeriod": i64::try_from(lookback.as_millis()).unwrap_or(i64::MAX),
            "expirationEpochTime": notification.expires_at.as_millisecond(),
            "leCampaignId": le_campaign,
            "leEngagementId": le_engagement,
            "externalConsumerId": consumer.as_str(),
        }),
        Custom::Chat {
            conversation,
            originator,
            consumer,
        } => json!({
            "conversationId": conversation.to_string(),
            "dialogId": conversation.to_string(),
            "originatorId": format!("{}.{originator}", notification.account),
            "brandId": notification.account.as_str(),
            "backendService": "ams",
            "externalConsumerId": consumer.as_str(),
        }),
    };
    match keys {
        Value::Object(keys) => keys,
        _ => Map::new(),
    }
}

#[cfg(test)]
mod tests;
