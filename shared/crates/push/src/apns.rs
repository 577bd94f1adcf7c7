//! Apple's gateway: one HTTP/2 connection and one provider token per key.
//!
//! Sources: <https://developer.apple.com/documentation/usernotifications/sending-notification-requests-to-apns>,
//! <https://developer.apple.com/documentation/usernotifications/establishing-a-token-based-connection-to-apns>.

use crate::{
    classify,
    connection::{Connector, later},
    credentials::{Credentials, Secrets},
    gateway::{self, Gateway, Open},
    payload,
    settings::{CannotConnect, Settings},
    slots::Slots,
};
use bytes::Bytes;
use domain::{
    clock::Clock,
    device::Environment,
    push::{Notification, Receipt, Target, Undelivered},
};
use http::{
    HeaderMap, StatusCode,
    header::{AUTHORIZATION, HeaderName, HeaderValue},
};
use jiff::{SignedDuration, Timestamp};
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use secrecy::{ExposeSecret as _, SecretString};
use serde::Serialize;
use uuid::Uuid;

/// A provider token is good for an hour, and must not change within 20 minutes.
const RENEWED_AFTER: SignedDuration = SignedDuration::from_mins(45);
/// A renewal that the gateway itself asks for waits so long at least.
const SETTLED: SignedDuration = SignedDuration::from_mins(20);
const TOPIC: HeaderName = HeaderName::from_static("apns-topic");
const PUSH_TYPE: HeaderName = HeaderName::from_static("apns-push-type");
const PRIORITY: HeaderName = HeaderName::from_static("apns-priority");
const EXPIRATION: HeaderName = HeaderName::from_static("apns-expiration");
const COLLAPSE_ID: HeaderName = HeaderName::from_static("apns-collapse-id");
const ID: HeaderName = HeaderName::from_static("apns-id");
const EXPIRED: &str = "ExpiredProviderToken";

/// A signing key, as an app's route names it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Route<'a> {
    pub(crate) team_id: &'a str,
    pub(crate) key_id: &'a str,
    pub(crate) topic: &'a str,
    pub(crate) credential: &'a str,
}

/// Team, key, credential: whose token.
type Key = [String; 3];

/// A signed token and what it was signed with.
#[derive(Clone, Debug)]
struct ProviderToken {
    bearer: HeaderValue,
    issued: Timestamp,
    key: SecretString,
}

#[derive(Serialize)]
struct Claims<'a> {
    iss: &'a str,
    iat: i64,
}

/// Apple's two gateways.
#[derive(Debug)]
pub(crate) struct Apns {
    production: Gateway,
    sandbox: Gateway,
    connections: Slots<(Environment, Key), Open>,
    tokens: Slots<Key, ProviderToken>,
}

impl Apns {
    pub(crate) fn new(settings: &Settings, connector: &Connector) -> Result<Self, CannotConnect> {
        Ok(Self {
            production: Gateway::new(&settings.apns, "the URL of APNs", connector)?,
            sandbox: Gateway::new(
                &settings.apns_sandbox,
                "the URL of the APNs sandbox",
                connector,
            )?,
            connections: Slots::default(),
            tokens: Slots::default(),
        })
    }

    pub(crate) async fn push<S: Secrets>(
        &self,
        credentials: &Credentials<S>,
        clock: &impl Clock,
        route: Route<'_>,
        target: &Target<'_>,
        notification: &Notification,
    ) -> Result<Receipt, Undelivered> {
        let payload = payload::apns(notification)?;
        let json = Bytes::from(payload.json);
        let key = credentials.get(route.credential).await?;
        let token = self.token(route, &key, clock.now(), None).await?;
        let mut sent = self
            .send(route, target, notification, &json, &token, clock)
            .await;
        if matches!(&sent, Err(Undelivered::Refused { reason }) if reason == EXPIRED) {
            // Nothing was taken: the one case where the answer is a new token and another try.
            let renewed = self.token(route, &key, clock.now(), Some(&token)).await?;
            if renewed.bearer != token.bearer {
                sent = self
                    .send(route, target, notification, &json, &renewed, clock)
                    .await;
            }
        }
        sent.map(|id| Receipt {
            id,
            shortened: payload.shortened,
        })
    }

    /// One request: the gateway's id of what it took.
    async fn send(
        &self,
        route: Route<'_>,
        target: &Target<'_>,
        notification: &Notification,
        payload: &Bytes,
        token: &ProviderToken,
        clock: &impl Clock,
    ) -> Result<String, Undelivered> {
        let gateway = match target.environment {
            Environment::Production => &self.production,
            Environment::Sandbox => &self.sandbox,
        };
        let id = Uuid::new_v4().hyphenated().to_string();
        let text = |text: &str| HeaderValue::from_str(text).map_err(|_| later("bad_request"));
        let (topic, collapse_id) = (text(route.topic)?, text(&notification.collapse_id)?);
        let apns_id = text(&id)?;
        let headers = || {
            let mut headers = HeaderMap::with_capacity(8);
            headers.insert(AUTHORIZATION, token.bearer.clone());
            headers.insert(TOPIC, topic.clone());
            headers.insert(PUSH_TYPE, const { HeaderValue::from_static("alert") });
            headers.insert(PRIORITY, const { HeaderValue::from_static("10") });
            headers.insert(EXPIRATION, notification.expires_at.as_second().into());
            headers.insert(COLLAPSE_ID, collapse_id.clone());
            headers.insert(ID, apns_id.clone());
            headers
        };
        // The token is of letters, digits and some marks, of which a path cannot hold one.
        let token = target.token.expose().replace('%', "%25");
        let path = format!("{}/3/device/{token}", gateway.base());
        let connection = self.connections.slot(&(target.environment, key_of(route)));
        let answer = gateway.post(&connection, path, headers, payload.clone());
        let answer = answer.await?;
        if answer.status() == StatusCode::OK {
            return Ok(told_id(answer.headers()).unwrap_or(id));
        }
        let status = answer.status().as_u16();
        let after = classify::retry_after(answer.headers(), clock.now());
        let body = gateway::body(answer).await?;
        Err(classify::apns(status, &body, after))
    }

    /// The key's provider token; another than `expired`, unless that is too young to have expired.
    async fn token(
        &self,
        route: Route<'_>,
        key: &SecretString,
        now: Timestamp,
        expired: Option<&ProviderToken>,
    ) -> Result<ProviderToken, Undelivered> {
        let slot = self.tokens.slot(&key_of(route));
        let mut slot = slot.lock().await;
        if let Some(token) = &*slot {
            let age = now.duration_since(token.issued);
            let refused = expired.is_some_and(|old| old.bearer == token.bearer) && age > SETTLED;
            let same_key = token.key.expose_secret() == key.expose_secret();
            if same_key && !refused && age < RENEWED_AFTER && age >= SignedDuration::ZERO {
                return Ok(token.clone());
            }
        }
        let token = sign(route, key, now).ok_or_else(|| Undelivered::Refused {
            reason: "credential_malformed".into(),
        })?;
        Ok(slot.insert(token).clone())
    }
}

fn key_of(route: Route<'_>) -> Key {
    [route.team_id, route.key_id, route.credential].map(str::to_owned)
}

/// Signs a token, when the secret is a key for it.
fn sign(route: Route<'_>, key: &SecretString, now: Timestamp) -> Option<ProviderToken> {
    let header = Header {
        kid: Some(route.key_id.to_owned()),
        typ: None,
        ..Header::new(Algorithm::ES256)
    };
    let claims = Claims {
        iss: route.team_id,
        iat: now.as_second(),
    };
    let private = EncodingKey::from_ec_pem(key.expose_secret().as_bytes()).ok()?;
    let token = jsonwebtoken::encode(&header, &claims, &private).ok()?;
    let mut bearer = HeaderValue::try_from(format!("bearer {token}")).ok()?;
    bearer.set_sensitive(true);
    Some(ProviderToken {
        bearer,
        issued: now,
        key: key.clone(),
    })
}

fn told_id(headers: &HeaderMap) -> Option<String> {
    let id = headers.get(ID)?.to_str().ok()?;
    Some(id.to_owned())
}
