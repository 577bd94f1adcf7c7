//! What callers of the control API send, and what is wrong with it.

use super::refused::Refused;
use crate::{
    apns, google,
    sandbox::Sandbox,
    script::{Answer, Device, scripts},
};
use axum::{
    body::Bytes,
    extract::{FromRequest, FromRequestParts, Query, Request},
    http::request::Parts,
};
use jsonwebtoken::Algorithm;
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::{Map, Value};

/// A body, with an example of what it has to look like.
pub(super) trait Body: DeserializeOwned {
    const EXAMPLE: &'static str;
}

/// The JSON body of a call, whatever content type it says it has.
pub(super) struct Told<T>(pub(super) T);

impl<S: Send + Sync, T: Body> FromRequest<S> for Told<T> {
    type Rejection = Refused;

    async fn from_request(request: Request, state: &S) -> Result<Self, Refused> {
        let example = T::EXAMPLE;
        let bytes = Bytes::from_request(request, state).await;
        let bytes = bytes.map_err(|e| Refused::unreadable(e.body_text()))?;
        if bytes.is_empty() {
            let error = format!("the body is empty; it has to be like {example}");
            return Err(Refused::unreadable(error));
        }
        let value: Value = serde_json::from_slice(&bytes).map_err(|e| {
            Refused::unreadable(format!(
                "the body is no JSON: {e}; it has to be like {example}"
            ))
        })?;
        // Serde would take a list for a struct.
        if !value.is_object() {
            let error = format!("the body is no object; it has to be like {example}");
            return Err(Refused::wrong(error));
        }
        serde_path_to_error::deserialize(value)
            .map(Self)
            .map_err(|e| {
                let place = match e.path().to_string() {
                    path if path == "." => "the body".to_owned(),
                    path => path,
                };
                let error = format!("{place}: {}; the body has to be like {example}", e.inner());
                Refused::wrong(error)
            })
    }
}

/// `PUT /control/tokens/{token}`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Scripted {
    #[serde(default)]
    pub(super) answers: Option<Vec<Answer>>,
    #[serde(default)]
    pub(super) device: Option<Device>,
}

impl Body for Scripted {
    const EXAMPLE: &'static str = r#"{"answers":[{"reason":"Unregistered","times":1}],"device":{"environment":"development"}}"#;
}

impl Scripted {
    /// Checks that each answer is one that a gateway could give.
    pub(super) fn checked(self, token: &str) -> Result<Self, Refused> {
        if self.answers.is_none() && self.device.is_none() {
            let error = format!(
                "the body has neither `answers` nor `device`; it has to be like {}",
                Self::EXAMPLE
            );
            return Err(Refused::wrong(error));
        }
        for (n, answer) in self.answers.iter().flatten().enumerate() {
            let Answer { reason, status, .. } = answer;
            if let Some(status) = status
                && !(200..=599).contains(status)
            {
                let error = format!("answers[{n}].status: {status} is none; 200 to 599 are");
                return Err(Refused::wrong(error));
            }
            match (reason.as_deref(), status) {
                (None, Some(_)) => {
                    let error = format!(
                        "answers[{n}]: a `status` goes with a `reason`; without one the push is accepted"
                    );
                    return Err(Refused::wrong(error));
                }
                (Some(reason), None) if token != scripts::OAUTH && !is_known(reason) => {
                    return Err(Refused::wrong(unknown(n, reason)));
                }
                _ => {}
            }
        }
        Ok(self)
    }
}

/// Whether a gateway has this reason, or the sandbox an effect of that name.
fn is_known(reason: &str) -> bool {
    let is_status = |number: u16| (200..=599).contains(&number);
    apns::REASONS.iter().any(|(known, _)| *known == reason)
        || google::CODES.contains(&reason)
        || [Answer::GO_AWAY, Answer::RESET, Answer::LOSE].contains(&reason)
        || reason.parse().is_ok_and(is_status)
}

fn unknown(n: usize, reason: &str) -> String {
    let apns: Vec<_> = apns::REASONS.iter().map(|(known, _)| *known).collect();
    format!(
        "answers[{n}].reason: no gateway says \"{reason}\". APNs says {}; FCM says {}; a push proxy \
         answers a status, such as \"503\"; {}, {} and {} break the stream. To make up a reason, \
         give it a `status`",
        apns.join(", "),
        google::CODES.join(", "),
        Answer::GO_AWAY,
        Answer::RESET,
        Answer::LOSE,
    )
}

/// `POST /control/clock`.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Advance {
    pub(super) advance_millis: u64,
}

impl Body for Advance {
    const EXAMPLE: &'static str = r#"{"advanceMillis":60000}"#;
}

/// `PUT /control/gateways/{name}`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Reach {
    pub(super) reachable: bool,
}

impl Body for Reach {
    const EXAMPLE: &'static str = r#"{"reachable":false}"#;
}

/// `POST /control/identity/tokens`: the claims.
impl Body for Map<String, Value> {
    const EXAMPLE: &'static str = r#"{"sub":"ana","aud":"shop","exp":1800000000}"#;
}

/// Whose keys, and for which algorithm.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Which {
    brand: Option<String>,
    alg: Option<Algorithm>,
}

impl Which {
    /// The brand that was named, or the first.
    pub(super) fn brand(&self, sandbox: &Sandbox) -> String {
        let first = || sandbox.brand().name.clone();
        self.brand.clone().unwrap_or_else(first)
    }

    pub(super) fn algorithm(&self) -> Algorithm {
        self.alg.unwrap_or(Algorithm::ES256)
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Which {
    type Rejection = Refused;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Refused> {
        let query = Query::<Self>::from_request_parts(parts, state).await;
        let wrong = |e: axum::extract::rejection::QueryRejection| {
            Refused::wrong(format!(
                "query: {}; it takes `brand` and `alg`, which is ES256 or RS256",
                e.body_text()
            ))
        };
        query.map(|Query(which)| which).map_err(wrong)
    }
}
