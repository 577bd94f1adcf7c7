//! Apple Push Notification service: `POST /3/device/{token}`.
//!
//! Sources: <https://developer.apple.com/documentation/usernotifications/sending-notification-requests-to-apns>
//! and <https://developer.apple.com/documentation/usernotifications/handling-notification-responses-from-apns>.

use crate::{
    brand::Brand,
    provider_token::{self, TokenUpdates},
    record::{Gateway, Push},
    script::{Answer, Environment, scripts},
    serve::{Answers, Connection, NoReply, Reply, broken, json, reply, set},
    world::World,
};
use hyper::{HeaderMap, Method, Request, StatusCode, body::Bytes};
use serde_json::{Value, json};
use std::{collections::BTreeMap, sync::Arc};
use uuid::Uuid;

/// The most bytes a payload may have (Voice over IP: 5,120).
const MOST: usize = 4096;
const MOST_VOIP: usize = 5120;
/// The most bytes a collapse id may have.
const MOST_COLLAPSE_ID: usize = 64;

const PUSH_TYPES: [&str; 12] = [
    "alert",
    "background",
    "complication",
    "controls",
    "fileprovider",
    "liveactivity",
    "location",
    "mdm",
    "pushtotalk",
    "voip",
    "watch",
    "widgets",
];

/// One of Apple's two gateways.
#[derive(Debug)]
pub(crate) struct Apns {
    pub(crate) world: Arc<World>,
    pub(crate) environment: Environment,
    pub(crate) updates: TokenUpdates,
}

/// Every documented reason with its HTTP status.
pub(crate) const REASONS: [(&str, u16); 32] = [
    ("BadCollapseId", 400),
    ("BadDeviceToken", 400),
    ("BadExpirationDate", 400),
    ("BadMessageId", 400),
    ("BadPriority", 400),
    ("BadTopic", 400),
    ("DeviceTokenNotForTopic", 400),
    ("DuplicateHeaders", 400),
    ("IdleTimeout", 400),
    ("InvalidPushType", 400),
    ("MissingDeviceToken", 400),
    ("MissingTopic", 400),
    ("PayloadEmpty", 400),
    ("TopicDisallowed", 400),
    ("BadCertificate", 403),
    ("BadCertificateEnvironment", 403),
    ("BadEnvironmentKeyIdInToken", 403),
    ("ExpiredProviderToken", 403),
    ("Forbidden", 403),
    ("InvalidProviderToken", 403),
    ("MissingProviderToken", 403),
    ("UnrelatedKeyIdInToken", 403),
    ("BadPath", 404),
    ("MethodNotAllowed", 405),
    ("ExpiredToken", 410),
    ("Unregistered", 410),
    ("PayloadTooLarge", 413),
    ("TooManyProviderTokenUpdates", 429),
    ("TooManyRequests", 429),
    ("InternalServerError", 500),
    ("ServiceUnavailable", 503),
    ("Shutdown", 503),
];

/// The HTTP status that goes with a documented reason.
fn status(reason: &str) -> Option<u16> {
    let known = REASONS.iter().find(|(known, _)| *known == reason)?;
    Some(known.1)
}

impl Answers for Apns {
    async fn answer(
        &self,
        request: Request<Bytes>,
        connection: &Connection,
    ) -> Result<Reply, NoReply> {
        let path = request.uri().path();
        let token = path.strip_prefix("/3/device/").unwrap_or_default();
        let headers = request.headers();
        let id = header(headers, "apns-id").unwrap_or_default();
        let id = Uuid::try_parse(id).map_or_else(
            |_| Uuid::new_v4().hyphenated().to_string().to_uppercase(),
            |_| id.to_owned(),
        );
        let answer = match self.check(&request, token, connection) {
            Ok(()) => self.world.script.next(&[token, scripts::APNS]),
            Err(reason) => Answer::reason(reason),
        };
        if answer.after_millis > 0 {
            tokio::time::sleep(answer.latency()).await;
        }
        if answer.reason.as_deref() == Some("ExpiredProviderToken") {
            // The provider is told to renew its token, so it may, however new the last one.
            for brand in self.world.brands() {
                connection.provider_tokens.forget(&brand.apns.id);
                self.world.provider_tokens.forget(&brand.apns.id);
            }
        }
        let outcome = match broken(&answer) {
            Some(no_reply) => Err(no_reply),
            None => Ok(self.reply(&answer, &id)),
        };
        let reason = answer.reason.as_deref();
        self.world.record.add(Push {
            gateway: Gateway::Apns,
            environment: Some(self.environment),
            device_token: token.to_owned(),
            headers: recorded(headers),
            payload: serde_json::from_slice(request.body()).unwrap_or(Value::Null),
            at: self.world.now(),
            status: outcome.as_ref().map_or(0, |reply| reply.status().as_u16()),
            reason: answer.reason.clone(),
            accepted: reason.is_none() || reason == Some(Answer::LOSE),
            connection: connection.number,
        });
        outcome
    }
}

impl Apns {
    /// All that Apple checks before it looks for the device.
    fn check(
        &self,
        request: &Request<Bytes>,
        token: &str,
        connection: &Connection,
    ) -> Result<(), &'static str> {
        if request.method() != Method::POST {
            return Err("MethodNotAllowed");
        }
        match request.uri().path() {
            "/3/device" | "/3/device/" => return Err("MissingDeviceToken"),
            path if !path.starts_with("/3/device/") || token.contains('/') => {
                return Err("BadPath");
            }
            _ => {}
        }
        let headers = request.headers();
        if headers.keys().any(|name| {
            (name == "authorization" || name.as_str().starts_with("apns-"))
                && headers.get_all(name).iter().count() > 1
        }) {
            return Err("DuplicateHeaders");
        }
        let brand = provider_token::check(
            &self.world,
            &connection.provider_tokens,
            self.updates,
            header(headers, "authorization"),
        )?;
        check_headers(headers)?;
        let topic = check_topic(headers, &brand)?;
        self.check_device(token, topic)?;
        check_payload(
            request.body(),
            header(headers, "apns-push-type") == Some("voip"),
        )
    }

    fn check_device(&self, token: &str, topic: &str) -> Result<(), &'static str> {
        let length = token.len();
        let hex = token.bytes().all(|b| b.is_ascii_hexdigit());
        if !hex || !length.is_multiple_of(2) || !(64..=200).contains(&length) {
            return Err("BadDeviceToken");
        }
        let device = self.world.script.device(token);
        if device.environment.is_some_and(|e| e != self.environment) {
            return Err("BadDeviceToken");
        }
        if device.topic.is_some_and(|its| its != topic) {
            return Err("DeviceTokenNotForTopic");
        }
        Ok(())
    }

    fn reply(&self, answer: &Answer, id: &str) -> Reply {
        let mut reply = match &answer.reason {
            None => reply(StatusCode::OK, Bytes::new()),
            Some(reason) => {
                let status = answer.status.or_else(|| status(reason)).unwrap_or(500);
                let mut body = json!({ "reason": reason });
                if status == 410 {
                    let now = self.world.now().as_millisecond();
                    body["timestamp"] = answer.timestamp.unwrap_or(now).into();
                }
                json(
                    StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR),
                    &body,
                )
            }
        };
        set(&mut reply, "apns-id", id);
        if let Some(value) = &answer.retry_after {
            set(&mut reply, "retry-after", value);
        }
        reply
    }
}

fn check_headers(headers: &HeaderMap) -> Result<(), &'static str> {
    let wrong = |name, is_right: &dyn Fn(&str) -> bool| {
        headers.contains_key(name) && !header(headers, name).is_some_and(is_right)
    };
    if wrong("apns-id", &|id| {
        id.len() == 36 && Uuid::try_parse(id).is_ok()
    }) {
        return Err("BadMessageId");
    }
    if wrong("apns-push-type", &|kind| PUSH_TYPES.contains(&kind)) {
        return Err("InvalidPushType");
    }
    if wrong("apns-expiration", &|at| at.parse::<u32>().is_ok()) {
        return Err("BadExpirationDate");
    }
    if wrong("apns-priority", &|p| matches!(p, "1" | "5" | "10")) {
        return Err("BadPriority");
    }
    if wrong("apns-collapse-id", &|id| {
        (1..=MOST_COLLAPSE_ID).contains(&id.len())
    }) {
        return Err("BadCollapseId");
    }
    Ok(())
}

fn check_topic<'a>(headers: &'a HeaderMap, brand: &Brand) -> Result<&'a str, &'static str> {
    let topic = header(headers, "apns-topic")
        .filter(|topic| !topic.is_empty())
        .ok_or("MissingTopic")?;
    let is_bundle_id = topic
        .bytes()
        .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-'));
    if !is_bundle_id {
        return Err("BadTopic");
    }
    if !brand.topics.is_empty() && !brand.topics.iter().any(|t| t == topic) {
        return Err("TopicDisallowed");
    }
    Ok(topic)
}

/// Apple documents `PayloadEmpty` alone for a payload without sense.
fn check_payload(body: &[u8], voip: bool) -> Result<(), &'static str> {
    if body.len() > if voip { MOST_VOIP } else { MOST } {
        return Err("PayloadTooLarge");
    }
    let payload: Value = serde_json::from_slice(body).map_err(|_| "PayloadEmpty")?;
    if payload.get("aps").is_some_and(Value::is_object) {
        Ok(())
    } else {
        Err("PayloadEmpty")
    }
}

fn header<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}

/// The headers as they are recorded: never a credential.
pub(crate) fn recorded(headers: &HeaderMap) -> BTreeMap<String, String> {
    headers
        .iter()
        .filter(|(name, _)| *name != "authorization")
        .map(|(name, value)| {
            let value = String::from_utf8_lossy(value.as_bytes()).into_owned();
            (name.as_str().to_owned(), value)
        })
        .collect()
}
