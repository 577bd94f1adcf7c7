//! Webhooks of brands: events posted as Standard Webhooks describe it, and their secrets.
//!
//! <https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md>.
//! Of what an endpoint answers, only the status and `Retry-After` are read.

use crate::{
    classify,
    connection::{self, Connector},
    credentials::{Credentials, Secrets},
    outbound::{Forbidden, Outbound},
    proxy::sign,
    settings::{CannotConnect, Settings},
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use domain::{
    deliver::{Answer, Post},
    event::{Data, Event, Kind},
    push::Undelivered,
    store::Unavailable,
    webhook::{DeriveSecrets, SecretVersion, Webhook, WebhookSecret},
};
use hmac::{Hmac, KeyInit as _, Mac as _};
use jiff::Timestamp;
use reqwest::{Url, header::CONTENT_TYPE};
use secrecy::{ExposeSecret as _, SecretString};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use std::time::{Duration, Instant};

/// How long an endpoint may take to answer.
const WHOLE: Duration = Duration::from_secs(10);

/// The endpoints of brands' webhooks, and the keys that their secrets are derived from.
#[derive(Debug)]
pub struct Webhooks<S> {
    outbound: Outbound,
    credentials: Credentials<S>,
    name: String,
}

/// The secret of that name: two keys, of which the current one is for new secrets.
#[derive(Deserialize)]
struct Keys {
    current: SecretString,
    previous: Option<SecretString>,
}

impl Keys {
    fn find(&self, id: &str) -> Option<&SecretString> {
        let mut keys = std::iter::once(&self.current).chain(&self.previous);
        keys.find(|key| id_of(key) == id)
    }
}

/// What a key is called.
fn id_of(key: &SecretString) -> String {
    let [a, b, c, d, ..] = Sha256::digest(key.expose_secret().as_bytes()).0;
    format!("{a:02x}{b:02x}{c:02x}{d:02x}")
}

/// What is posted.
#[derive(Serialize)]
struct Body<'a> {
    #[serde(rename = "type")]
    kind: Kind,
    timestamp: Timestamp,
    data: &'a Data,
}

impl<S: Secrets> Webhooks<S> {
    /// Webhooks whose secrets are derived from the secret `name`: `{"current", "previous"}`.
    ///
    /// # Errors
    /// When the certificate authority cannot be used.
    pub fn new(
        settings: &Settings,
        secrets: S,
        name: impl Into<String>,
    ) -> Result<Self, CannotConnect> {
        let connector = Connector::new(settings)?;
        let outbound = Outbound::new(&connector, settings.outbound_private, WHOLE)?;
        Ok(Self {
            outbound,
            credentials: Credentials::new(secrets),
            name: name.into(),
        })
    }

    /// The keys: read again where those that are kept do not `suffice`.
    async fn keys(&self, suffice: impl Fn(&Keys) -> bool) -> Result<Keys, Unavailable> {
        let kept = self.read().await?;
        if suffice(&kept) {
            return Ok(kept);
        }
        self.credentials.doubt(&self.name).await;
        self.read().await
    }

    async fn read(&self) -> Result<Keys, Unavailable> {
        let secret = self.credentials.read(&self.name).await;
        let secret = secret.map_err(Unavailable::new)?;
        let keys: Option<Keys> = serde_json::from_str(secret.expose_secret()).ok();
        // The parser's own words could quote the secret.
        keys.filter(|keys| !keys.current.expose_secret().is_empty())
            .ok_or_else(|| {
                Unavailable::new("the secret of webhooks is not {\"current\", \"previous\"}")
            })
    }

    async fn send(
        &self,
        webhook: &Webhook,
        event: &Event,
        signatures: String,
        (body, now): (String, Timestamp),
    ) -> Result<Reply, &'static str> {
        let url = Url::parse(&webhook.url).map_err(|_| "bad_url")?;
        let client = self.outbound.client(&url).map_err(|Forbidden| NOT_PUBLIC)?;
        let request = client
            .post(url)
            .header(CONTENT_TYPE, "application/json")
            .header("webhook-id", &event.id)
            .header("webhook-timestamp", now.as_second())
            .header("webhook-signature", signatures)
            .body(body);
        let response = request.send().await.map_err(|e| {
            if Forbidden::caused(&e) {
                return NOT_PUBLIC;
            }
            match connection::no_answer(&e) {
                Undelivered::Later { reason, .. } if reason == "timeout" => "timeout",
                Undelivered::Later { reason, .. } if reason == "unreachable" => "unreachable",
                _ => "connection_lost",
            }
        })?;
        Ok((
            response.status().as_u16(),
            classify::retry_after(response.headers(), now),
        ))
    }
}

/// An endpoint's status, and for how long it asks to be left alone.
type Reply = (u16, Option<Duration>);

/// Why an endpoint is not called.
const NOT_PUBLIC: &str = "endpoint_not_public";

/// Derives a webhook's secret.
fn derive(
    key: &SecretString,
    webhook: &Webhook,
    number: u32,
) -> Result<WebhookSecret, Unavailable> {
    let key = key.expose_secret().as_bytes();
    let mut mac = Hmac::<Sha256>::new_from_slice(key).map_err(Unavailable::new)?;
    // An account's id and a seed hold no line's end.
    let what = format!("webhook\n{}\n{}\n{number}", webhook.account, webhook.seed);
    mac.update(what.as_bytes());
    let secret = STANDARD.encode(mac.finalize().into_bytes());
    Ok(WebhookSecret::derived(format!("whsec_{secret}")))
}

impl<S: Secrets> DeriveSecrets for Webhooks<S> {
    async fn newest_key(&self) -> Result<String, Unavailable> {
        // Another may stand before it by now.
        Ok(id_of(&self.keys(|_| false).await?.current))
    }

    async fn secret(
        &self,
        webhook: &Webhook,
        version: &SecretVersion,
    ) -> Result<Option<WebhookSecret>, Unavailable> {
        let keys = self.keys(|keys| keys.find(&version.key).is_some()).await?;
        let key = keys.find(&version.key);
        key.map(|key| derive(key, webhook, version.number))
            .transpose()
    }
}

impl<S: Secrets> Post for Webhooks<S> {
    async fn post(
        &self,
        webhook: &Webhook,
        event: &Event,
        now: Timestamp,
    ) -> Result<Answer, Unavailable> {
        let body = Body {
            kind: event.kind,
            timestamp: event.timestamp,
            data: &event.data,
        };
        let body = serde_json::to_string(&body).map_err(Unavailable::new)?;
        let signed = format!("{}.{}.{body}", event.id, now.as_second());
        let known = |keys: &Keys| {
            let mut live = webhook.live_secrets(now);
            live.all(|version| keys.find(&version.key).is_some())
        };
        let keys = self.keys(known).await?;
        let mut signatures = Vec::new();
        for version in webhook.live_secrets(now) {
            if let Some(key) = keys.find(&version.key) {
                let secret = derive(key, webhook, version.number)?;
                signatures.extend(sign(&secret.expose().to_owned().into(), &signed));
            }
        }
        let began = Instant::now();
        let reply = if signatures.is_empty() {
            // Its keys are no more: the brand has to rotate it.
            Err("no_secret")
        } else {
            let signatures = signatures.join(" ");
            self.send(webhook, event, signatures, (body, now)).await
        };
        let (status, retry_after) = reply.map_or((None, None), |(s, after)| (Some(s), after));
        Ok(Answer {
            status,
            trouble: reply.err().map(str::to_owned),
            retry_after,
            took: began.elapsed(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::CannotRead;
    use std::sync::{
        Arc, Mutex,
        atomic::{AtomicU32, Ordering},
    };

    #[derive(Clone)]
    struct Given(Arc<Mutex<&'static str>>, Arc<AtomicU32>);

    impl Secrets for Given {
        async fn secret(&self, _: &str) -> Result<SecretString, CannotRead> {
            self.1.fetch_add(1, Ordering::Relaxed);
            Ok((*self.0.lock().unwrap()).to_owned().into())
        }
    }

    fn webhooks(secret: &'static str) -> Webhooks<Given> {
        given(secret).0
    }

    fn given(secret: &'static str) -> (Webhooks<Given>, Given) {
        let given = Given(Arc::new(Mutex::new(secret)), Arc::default());
        let all = Webhooks::new(&Settings::default(), given.clone(), "arn").unwrap();
        (all, given)
    }

    fn webhook(account: &str, seed: &str, key: &str) -> Webhook {
        let now = Timestamp::UNIX_EPOCH;
        Webhook {
            account: account.parse().unwrap(),
            name: "crm".parse().unwrap(),
            seed: seed.to_owned(),
            url: "https://127.0.0.1:9/".to_owned(),
            events: None,
            disabled: None,
            failing_since: None,
            secrets: vec![SecretVersion {
                number: 1,
                key: key.to_owned(),
                created_at: now,
                expires_at: None,
            }],
            created_at: now,
            version: 1,
        }
    }

    #[tokio::test]
    async fn each_secret_of_each_webhook_is_another_and_always_the_same() {
        let all = webhooks(r#"{"current": "one", "previous": ""}"#);
        let key = all.newest_key().await.unwrap();
        let secret = async |account: &str, seed: &str, number: u32| {
            let webhook = webhook(account, seed, &key);
            let version = SecretVersion {
                number,
                ..webhook.secrets[0].clone()
            };
            let secret = all.secret(&webhook, &version).await.unwrap().unwrap();
            secret.expose().to_owned()
        };
        let first = secret("acme", "s", 1).await;
        assert_eq!(first, secret("acme", "s", 1).await);
        let bytes = STANDARD.decode(first.strip_prefix("whsec_").unwrap());
        assert_eq!(bytes.unwrap().len(), 32);
        for (account, seed, number) in [("other", "s", 1), ("acme", "t", 1), ("acme", "s", 2)] {
            assert_ne!(first, secret(account, seed, number).await);
        }
    }

    const ONE: &str = r#"{"current": "one", "previous": ""}"#;
    const TWO: &str = r#"{"current": "two", "previous": "one"}"#;
    const THREE: &str = r#"{"current": "three", "previous": "two"}"#;

    #[tokio::test]
    async fn a_new_key_leaves_secrets_of_the_previous_one_as_they_are() {
        let old = webhooks(ONE);
        let webhook = webhook("acme", "s", &old.newest_key().await.unwrap());
        let secret =
            async |all: &Webhooks<Given>| all.secret(&webhook, &webhook.secrets[0]).await.unwrap();
        let before = secret(&old).await;
        assert!(before.is_some());
        let new = webhooks(TWO);
        assert_eq!(secret(&new).await, before);
        assert_ne!(new.newest_key().await.unwrap(), webhook.secrets[0].key);
        let last = webhooks(THREE);
        assert_eq!(secret(&last).await, None, "its key is no more");
        let event = Event::test(&webhook, Timestamp::UNIX_EPOCH);
        let answer = last.post(&webhook, &event, Timestamp::UNIX_EPOCH).await;
        assert_eq!(answer.unwrap().trouble.as_deref(), Some("no_secret"));
    }

    #[tokio::test]
    async fn a_key_that_is_not_known_is_looked_for_but_not_again_and_again() {
        let old = webhook("acme", "s", &webhooks(ONE).newest_key().await.unwrap());
        let new = webhook("acme", "s", &webhooks(TWO).newest_key().await.unwrap());
        let newest = webhook("acme", "s", &webhooks(THREE).newest_key().await.unwrap());
        let (all, given) = given(ONE);
        let knows = async |webhook: &Webhook| {
            let secret = all.secret(webhook, &webhook.secrets[0]).await;
            secret.unwrap().is_some()
        };
        assert!(knows(&old).await);
        *given.0.lock().unwrap() = TWO;
        let event = Event::test(&new, Timestamp::UNIX_EPOCH);
        let answer = all.post(&new, &event, Timestamp::UNIX_EPOCH).await;
        assert_eq!(
            answer.unwrap().trouble.as_deref(),
            Some(NOT_PUBLIC),
            "it is signed"
        );
        assert!(knows(&old).await && knows(&new).await);
        assert_eq!(given.1.load(Ordering::Relaxed), 2);
        *given.0.lock().unwrap() = THREE;
        for _ in 0..3 {
            assert!(!knows(&newest).await, "keys were looked for just now");
        }
        assert_eq!(given.1.load(Ordering::Relaxed), 2);
    }

    #[tokio::test]
    async fn a_new_secret_is_of_the_key_that_is_current_now() {
        let (all, given) = given(ONE);
        let webhook = webhook("acme", "s", &webhooks(ONE).newest_key().await.unwrap());
        assert!(
            all.secret(&webhook, &webhook.secrets[0])
                .await
                .unwrap()
                .is_some()
        );
        *given.0.lock().unwrap() = TWO;
        let newest = webhooks(TWO).newest_key().await.unwrap();
        assert_eq!(all.newest_key().await.unwrap(), newest);
    }

    #[tokio::test]
    async fn a_private_address_is_not_called() {
        let all = webhooks(r#"{"current": "one", "previous": ""}"#);
        let mut webhook = webhook("acme", "s", &all.newest_key().await.unwrap());
        for url in [
            "https://127.0.0.1:9/",
            "https://[::1]/",
            "https://localhost:9/",
        ] {
            url.clone_into(&mut webhook.url);
            let event = Event::test(&webhook, Timestamp::UNIX_EPOCH);
            let answer = all.post(&webhook, &event, Timestamp::UNIX_EPOCH).await;
            assert_eq!(
                answer.unwrap().trouble.as_deref(),
                Some(NOT_PUBLIC),
                "{url}"
            );
        }
    }

    #[tokio::test]
    async fn a_secret_that_is_none_is_not_shown() {
        let Err(error) = webhooks("hush").newest_key().await else {
            panic!("it is no secret");
        };
        assert!(!format!("{error:?}").contains("hush"));
    }
}
