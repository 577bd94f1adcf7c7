//! The keys of identity providers (RFC 7517), fetched over HTTPS and kept for a while.

use domain::store::Unavailable;
use jiff::{SignedDuration, Timestamp};
use jsonwebtoken::{
    Algorithm, DecodingKey,
    jwk::{AlgorithmParameters, EllipticCurve, Jwk, KeyAlgorithm, PublicKeyUse},
};
use serde::Deserialize;
use std::{collections::HashMap, future::Future, sync::Arc, time::Duration};
use tokio::sync::Mutex;

/// How long keys are used before they are fetched again.
const KEPT: SignedDuration = SignedDuration::from_mins(10);
/// How long keys are used when they cannot be fetched again.
const KEPT_AT_MOST: SignedDuration = SignedDuration::from_hours(1);
/// How often keys are fetched for a token that none of them signed, at most.
const REFETCH: SignedDuration = SignedDuration::from_secs(30);
/// How often a provider that failed is asked, at most.
const RETRY: SignedDuration = SignedDuration::from_secs(5);
/// How long a provider may take.
const TIMEOUT: Duration = Duration::from_secs(2);
/// The most bytes of an answer.
const MAX_BYTES: usize = 256 * 1024;
/// The most keys of a provider that are looked at.
const MAX_KEYS: usize = 100;
/// The most providers whose keys are kept.
const MAX_PROVIDERS: usize = 1_000;

/// Fetches a provider's keys.
pub trait FetchJwks: Send + Sync {
    /// The document at `uri`.
    fn fetch(&self, uri: &str) -> impl Future<Output = Result<Vec<u8>, Unavailable>> + Send;
}

/// Fetches over HTTPS: no redirects, no more than 2 seconds, no more than 256 KiB.
#[derive(Clone, Debug)]
pub struct HttpsJwks(reqwest::Client);

impl HttpsJwks {
    /// A client that trusts these authorities, in PEM, alone; by default the usual ones.
    ///
    /// # Errors
    /// When one of them cannot be used.
    pub fn new(authorities: Option<&str>) -> Result<Self, Unavailable> {
        let tls = tls::client(authorities, &[tls::H2, tls::HTTP_1]).map_err(Unavailable::new)?;
        let client = reqwest::Client::builder()
            .tls_backend_preconfigured(tls)
            .https_only(true)
            .redirect(reqwest::redirect::Policy::none())
            .timeout(TIMEOUT)
            .build();
        client.map(Self).map_err(Unavailable::new)
    }
}

impl FetchJwks for HttpsJwks {
    async fn fetch(&self, uri: &str) -> Result<Vec<u8>, Unavailable> {
        let request = self.0.get(uri).header("accept", "application/json");
        let mut answer = request.send().await.map_err(Unavailable::new)?;
        if answer.status() != reqwest::StatusCode::OK {
            return Err(Unavailable::new(format!(
                "the identity provider answered {}",
                answer.status()
            )));
        }
        let mut body = Vec::new();
        while let Some(chunk) = answer.chunk().await.map_err(Unavailable::new)? {
            if body.len() + chunk.len() > MAX_BYTES {
                return Err(Unavailable::new(
                    "the identity provider's keys are too large",
                ));
            }
            body.extend_from_slice(&chunk);
        }
        Ok(body)
    }
}

/// The keys of all providers that were needed.
pub(crate) struct Providers<F> {
    fetch: F,
    slots: Mutex<HashMap<String, Arc<Mutex<Slot>>>>,
}

#[derive(Default)]
struct Slot {
    keys: Option<(Timestamp, Vec<Jwk>)>,
    tried: Option<Timestamp>,
}

impl<F: FetchJwks> Providers<F> {
    pub(crate) fn new(fetch: F) -> Self {
        Self {
            fetch,
            slots: Mutex::default(),
        }
    }

    /// The provider's key for a token that was signed with `algorithm` and key `id`.
    pub(crate) async fn key(
        &self,
        uri: &str,
        id: Option<&str>,
        algorithm: Algorithm,
        now: Timestamp,
    ) -> Result<Option<DecodingKey>, Unavailable> {
        let slot = self.slot(uri).await;
        let mut slot = slot.lock().await;
        let age = |at: Option<Timestamp>| at.map(|at| now.duration_since(at).abs());
        let read = age(slot.keys.as_ref().map(|(read, _)| *read));
        if read.is_some_and(|age| age >= KEPT_AT_MOST) {
            slot.keys = None;
        }
        let known = find(&slot, id, algorithm).is_some();
        let pause = if known || slot.keys.is_none() {
            RETRY
        } else {
            REFETCH
        };
        let due = !known || read.is_none_or(|age| age >= KEPT);
        if due && age(slot.tried).is_none_or(|age| age >= pause) {
            slot.tried = Some(now);
            match self.fetch.fetch(uri).await.and_then(|body| parse(&body)) {
                Ok(keys) => slot.keys = Some((now, keys)),
                Err(error) if slot.keys.is_none() => return Err(error),
                Err(error) => {
                    tracing::warn!(error = %crate::telemetry::Chain(&error), jwks.uri = uri,
                    "the keys of {uri} were not fetched again");
                }
            }
        }
        if slot.keys.is_none() {
            return Err(Unavailable::new(
                "the identity provider failed a moment ago",
            ));
        }
        let key = find(&slot, id, algorithm).map(DecodingKey::from_jwk);
        Ok(key.and_then(Result::ok))
    }

    async fn slot(&self, uri: &str) -> Arc<Mutex<Slot>> {
        let mut slots = self.slots.lock().await;
        if slots.len() >= MAX_PROVIDERS && !slots.contains_key(uri) {
            slots.clear();
        }
        slots.entry(uri.to_owned()).or_default().clone()
    }
}

/// The keys of a document; those of other kinds are left out.
fn parse(body: &[u8]) -> Result<Vec<Jwk>, Unavailable> {
    #[derive(Deserialize)]
    struct Set {
        keys: Vec<serde_json::Value>,
    }
    let set: Set = serde_json::from_slice(body).map_err(Unavailable::new)?;
    let keys = set.keys.into_iter().take(MAX_KEYS);
    Ok(keys
        .filter_map(|key| serde_json::from_value(key).ok())
        .collect())
}

/// The key that can have signed; without an id there must be no choice.
fn find<'a>(slot: &'a Slot, id: Option<&str>, algorithm: Algorithm) -> Option<&'a Jwk> {
    let (_, keys) = slot.keys.as_ref()?;
    let mut fitting = keys.iter().filter(|key| {
        fits(key, algorithm) && id.is_none_or(|id| key.common.key_id.as_deref() == Some(id))
    });
    let first = fitting.next();
    first.filter(|_| id.is_some() || fitting.next().is_none())
}

fn fits(key: &Jwk, algorithm: Algorithm) -> bool {
    let (kind, named) = match algorithm {
        Algorithm::RS256 => (
            matches!(key.algorithm, AlgorithmParameters::RSA(_)),
            KeyAlgorithm::RS256,
        ),
        Algorithm::ES256 => (
            matches!(&key.algorithm, AlgorithmParameters::EllipticCurve(p) if p.curve == EllipticCurve::P256),
            KeyAlgorithm::ES256,
        ),
        _ => return false,
    };
    kind && key.common.key_algorithm.is_none_or(|given| given == named)
        && (key.common.public_key_use.as_ref())
            .is_none_or(|given| *given == PublicKeyUse::Signature)
}
