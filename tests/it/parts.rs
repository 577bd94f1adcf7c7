//! Bodies of calls, and what arrives at the gateways.

use crate::world::SHOP;
use local::Stack;
use sandbox::{Gateway, Push};
use serde_json::{Value, json};

/// An app whose routes and identity provider are the sandbox's.
pub(crate) fn app(stack: &Stack, account: &str, name: &str) -> Value {
    let sandbox = stack.sandbox();
    let key = sandbox.apns_key();
    let service = sandbox.service_account();
    let secret = |kind: &str, value: &str| {
        let name = format!("overture/{account}/{name}/{kind}");
        stack.put_secret(&name, value).unwrap()
    };
    json!({
        "ios": {
            "route": "apns", "teamId": key.team_id, "keyId": key.key_id, "topic": name,
            "credential": secret("apns", &key.pem),
        },
        "android": {
            "route": "fcm", "projectId": service["project_id"],
            "credential": secret("fcm", &service.to_string()),
        },
        "identity": {
            "issuer": sandbox.issuer(), "audience": format!("overture-{account}"),
            "jwksUri": sandbox.jwks_url(),
        },
    })
}

/// A handoff whose notification says the same as the chat, for a day.
pub(crate) fn handoff(name: &str, apps: &[&str], text: &str) -> Value {
    json!({
        "name": name,
        "lookbackPeriodDay": 1,
        "lookbackPeriodHour": 0,
        "channels": [{
            "type": "inapp",
            "appNames": apps,
            "language": "en-GB",
            "messageComponents": [{
                "type": "text",
                "messageText": text,
                "notificationTitle": "News for you",
                "notificationMessage": "",
                "isSameMessageForNotification": true,
                "variables": variables(text),
            }],
        }],
    })
}

/// What an IVR asks about somebody who calls.
pub(crate) fn caller(handoff: &str, consumer: &str) -> Value {
    json!({
        "consumerPhoneNumber": "+12061234567", "handoffId": handoff, "skill": "support",
        "ivrNumber": "180000", "consumerId": consumer,
    })
}

/// The numbers of a text's placeholders, as they stand in it.
fn variables(text: &str) -> Vec<String> {
    let mut found: Vec<String> = text
        .split("${{")
        .skip(1)
        .filter_map(|rest| rest.split_once("}}"))
        .map(|(number, _)| number.to_owned())
        .collect();
    found.sort();
    found.dedup();
    found
}

/// A campaign of the skill `sales`, each recipient greeted by their id.
pub(crate) fn campaign<S: AsRef<str>>(handoff: &str, consumers: &[S]) -> Value {
    let consumers: Vec<_> = consumers.iter().map(|c| recipient(c.as_ref())).collect();
    json!({
        "campaignName": "Spring", "skill": "sales", "templateId": handoff, "consent": true,
        "consumers": consumers,
    })
}

/// A recipient who is greeted by their id.
pub(crate) fn recipient(consumer: &str) -> Value {
    json!({"consumerContent": {"inapp": consumer}, "variables": {"1": consumer}})
}

/// So many consumers' ids.
pub(crate) fn crowd(prefix: &str, count: usize) -> Vec<String> {
    (0..count).map(|n| format!("{prefix}-{n}")).collect()
}

/// A phone with the brand's app.
#[derive(Clone, Debug)]
pub(crate) struct Device {
    pub(crate) id: String,
    pub(crate) token: String,
    platform: &'static str,
    app: &'static str,
}

impl Device {
    pub(crate) fn iphone(owner: &str) -> Self {
        let hex = owner
            .bytes()
            .fold(String::new(), |hex, byte| hex + &format!("{byte:02x}"));
        Self {
            id: format!("{owner}-iphone"),
            token: format!("{hex:f<64}"),
            platform: "ios",
            app: SHOP,
        }
    }

    pub(crate) fn android(owner: &str) -> Self {
        Self {
            id: format!("{owner}-android"),
            token: format!("{owner}:APA91b{:-<120}", ""),
            platform: "android",
            app: SHOP,
        }
    }

    /// With another of the brand's apps.
    pub(crate) fn with(mut self, app: &'static str) -> Self {
        self.app = app;
        self
    }

    pub(crate) fn body(&self) -> Value {
        let mut body = json!({
            "appName": self.app, "platform": self.platform, "pushToken": self.token,
            "locale": "en-GB", "os": "26.1", "device": "Phone 17", "country": "GB", "city": "Leeds",
        });
        if self.platform == "ios" {
            body["environment"] = "production".into();
        }
        body
    }
}

/// The text of a notification.
pub(crate) fn shown(push: &Push) -> &str {
    let at = match push.gateway {
        Gateway::Fcm => "/message/notification/body",
        Gateway::Proxy if push.payload["data"].is_object() => "/data/message",
        Gateway::Apns | Gateway::Proxy => "/aps/alert/body",
    };
    push.payload.pointer(at).and_then(Value::as_str).unwrap()
}

/// A custom key of a notification, as text.
pub(crate) fn custom(push: &Push, key: &str) -> String {
    let at = match push.gateway {
        Gateway::Fcm => &push.payload["message"]["data"][key],
        Gateway::Proxy if push.payload["data"].is_object() => &push.payload["data"]["payload"][key],
        Gateway::Apns | Gateway::Proxy => &push.payload[key],
    };
    at.as_str().map_or_else(|| at.to_string(), str::to_owned)
}

/// The pushes that were taken for a consumer.
pub(crate) fn pushes_to(stack: &Stack, consumer: &str) -> Vec<Push> {
    let mut pushes = stack.sandbox().pushes();
    pushes.retain(|p| p.accepted && custom(p, "externalConsumerId") == consumer);
    pushes
}

/// The pushes of campaigns that were taken.
pub(crate) fn proactive(stack: &Stack) -> Vec<Push> {
    let mut pushes = stack.sandbox().pushes();
    pushes.retain(|p| p.accepted && custom(p, "backendService") == "prmsg");
    pushes
}
