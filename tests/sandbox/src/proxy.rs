//! A brand's push proxy: `POST /push`, with LivePerson's body and Standard Webhooks' signature.
//! Beside it are the brand's webhooks: [`receiver`].
//!
//! Source: <https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md>.

use crate::{
    apns::recorded,
    brand::Brand,
    receiver,
    record::{Gateway, Push},
    script::{Answer, scripts},
    serve::{Answers, Connection, NoReply, Reply, broken, reply, set},
    world::World,
};
use hyper::{HeaderMap, Method, Request, StatusCode, body::Bytes};
use serde_json::Value;
use standardwebhooks::Webhook;
use std::sync::Arc;

/// How far a request's time may be from ours, in seconds.
const TOLERANCE: i64 = 300;

/// The most bytes that can become a notification of either platform.
const MOST: usize = 4096;

/// The push proxies of all brands.
#[derive(Debug)]
pub(crate) struct Proxy {
    pub(crate) world: Arc<World>,
}

/// Why a request is refused, in words of our own.
type Refusal = (u16, &'static str);

impl Answers for Proxy {
    async fn answer(
        &self,
        request: Request<Bytes>,
        connection: &Connection,
    ) -> Result<Reply, NoReply> {
        if request.uri().path().starts_with(receiver::PATH) {
            return receiver::answer(&self.world, &request).await;
        }
        let payload = serde_json::from_slice(request.body()).unwrap_or(Value::Null);
        let token = payload["device-token"].as_str().unwrap_or_default();
        let checked = self.check(&request, &payload);
        let answer = if checked.is_ok() {
            self.world.script.next(&[token, scripts::PROXY])
        } else {
            Answer::accept()
        };
        let refusal = match checked {
            Err((status, reason)) => Some((status, reason.to_owned())),
            Ok(()) => answer.reason.clone().map(|reason| {
                let status = answer.status.or_else(|| reason.parse().ok());
                (status.unwrap_or(500), reason)
            }),
        };
        if answer.after_millis > 0 {
            tokio::time::sleep(answer.latency()).await;
        }
        let outcome = broken(&answer).map_or_else(
            || Ok(respond(refusal.as_ref().map_or(200, |r| r.0), &answer)),
            Err,
        );
        let lost = answer.reason.as_deref() == Some(Answer::LOSE);
        self.world.record.add(Push {
            gateway: Gateway::Proxy,
            environment: None,
            device_token: token.to_owned(),
            headers: recorded(request.headers()),
            at: self.world.now(),
            status: outcome.as_ref().map_or(0, |reply| reply.status().as_u16()),
            accepted: lost || outcome.as_ref().is_ok_and(|r| r.status().is_success()),
            reason: refusal.map(|(_, reason)| reason),
            connection: connection.number,
            payload,
        });
        outcome
    }
}

impl Proxy {
    /// All that a careful brand checks.
    fn check(&self, request: &Request<Bytes>, payload: &Value) -> Result<(), Refusal> {
        if request.uri().path() != "/push" {
            return Err((404, "NoSuchPath"));
        }
        if request.method() != Method::POST {
            return Err((405, "MethodNotAllowed"));
        }
        let headers = request.headers();
        let brand = self
            .world
            .brand(|brand| text(headers, "authorization") == Some(&brand.proxy.authorization()))
            .ok_or((401, "BadCredentials"))?;
        self.check_signature(&brand, headers, request.body())?;
        if !text(headers, "content-type").is_some_and(|kind| kind.starts_with("application/json")) {
            return Err((415, "NotJson"));
        }
        if request.body().len() > MOST + payload["device-token"].to_string().len() {
            return Err((413, "TooLarge"));
        }
        check_body(payload)
    }

    fn check_signature(
        &self,
        brand: &Brand,
        headers: &HeaderMap,
        body: &[u8],
    ) -> Result<(), Refusal> {
        let id = text(headers, "webhook-id").filter(|id| !id.is_empty() && !id.contains('.'));
        let id = id.ok_or((400, "NoWebhookId"))?;
        let timestamp = text(headers, "webhook-timestamp").ok_or((400, "NoTimestamp"))?;
        let at: i64 = timestamp.parse().map_err(|_| (400, "NoTimestamp"))?;
        if at.abs_diff(self.world.now().as_second()) > TOLERANCE.unsigned_abs() {
            return Err((401, "BadTimestamp"));
        }
        // Not `verify`, which has the machine's clock; the sandbox has one of its own.
        let webhook = Webhook::from_bytes(brand.proxy.key());
        let right = webhook.and_then(|webhook| webhook.sign(id, at, body));
        let right = right.map_err(|_| (401, "BadSignature"))?;
        let mut signatures = text(headers, "webhook-signature")
            .into_iter()
            .flat_map(|signatures| signatures.split(' '));
        if signatures.any(|signature| signature == right) {
            Ok(())
        } else {
            Err((401, "BadSignature"))
        }
    }
}

pub(crate) fn respond(status: u16, answer: &Answer) -> Reply {
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut reply = reply(status, Bytes::new());
    if status.is_redirection() {
        set(&mut reply, "location", "/push");
    }
    if let Some(value) = &answer.retry_after {
        set(&mut reply, "retry-after", value);
    }
    reply
}

/// The shape of the body, by what its `push-service` is.
fn check_body(payload: &Value) -> Result<(), Refusal> {
    let is_text = |value: &Value| value.as_str().is_some_and(|text| !text.is_empty());
    if !is_text(&payload["device-token"]) {
        return Err((400, "NoDeviceToken"));
    }
    let custom = match (
        payload["push-service"].as_u64(),
        payload["notificationType"].as_str(),
    ) {
        (Some(1), Some("apn")) => {
            let alert = &payload["aps"]["alert"];
            if !is_text(alert) && !is_text(&alert["body"]) {
                return Err((400, "NoAlert"));
            }
            payload
        }
        (Some(2), Some("gcm")) => {
            if !is_text(&payload["data"]["message"]) {
                return Err((400, "NoMessage"));
            }
            &payload["data"]["payload"]
        }
        _ => return Err((400, "BadPushService")),
    };
    if !is_text(&custom["brandId"]) || !is_text(&custom["backendService"]) {
        return Err((400, "NoBrand"));
    }
    Ok(())
}

fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}
