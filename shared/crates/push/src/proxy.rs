//! A brand's own endpoint, which pushes by itself: LivePerson's push proxy, signed.
//!
//! The body is the one that LivePerson's push proxies get. Each request is signed as Standard
//! Webhooks describe it, <https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md>:
//! `webhook-id` is the same for every try of a notification, and the endpoint is to push it with
//! that as its collapse id.

use crate::{
    classify,
    connection::{self, later},
    credentials::{Credentials, Secrets},
    outbound::{Forbidden, Outbound},
    payload,
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use domain::{
    account::Headers,
    clock::Clock,
    push::{Notification, Receipt, Target, Undelivered},
};
use hmac::{Hmac, KeyInit as _, Mac as _};
use reqwest::{Url, header::CONTENT_TYPE};
use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;
use sha2::Sha256;

/// An endpoint, as an app's route names it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Route<'a> {
    pub(crate) url: &'a str,
    pub(crate) credential: Option<&'a str>,
    pub(crate) headers: &'a Headers,
}

/// What the secret holds: one of both at least.
#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Secret {
    username: Option<String>,
    password: Option<SecretString>,
    signing_secret: Option<SecretString>,
}

/// How a request shows that it is ours.
#[derive(Default)]
struct Proof {
    basic: Option<(String, SecretString)>,
    signature: Option<String>,
}

/// Brands' endpoints.
#[derive(Debug)]
pub(crate) struct Proxy {
    outbound: Outbound,
}

impl Proxy {
    pub(crate) const fn new(outbound: Outbound) -> Self {
        Self { outbound }
    }

    pub(crate) async fn push<S: Secrets>(
        &self,
        credentials: &Credentials<S>,
        clock: &impl Clock,
        route: Route<'_>,
        target: &Target<'_>,
        notification: &Notification,
    ) -> Result<Receipt, Undelivered> {
        let payload = payload::proxy(notification, target.platform, target.token.expose())?;
        let secret = match route.credential {
            Some(name) => Some(credentials.get(name).await?),
            None => None,
        };
        let id = &notification.collapse_id;
        let timestamp = clock.now().as_second();
        let proof = match &secret {
            Some(secret) => {
                let signed = format!("{id}.{timestamp}.{}", payload.json);
                prove(secret, &signed).ok_or_else(|| Undelivered::Refused {
                    reason: "credential_malformed".into(),
                })?
            }
            None => Proof::default(),
        };
        let url = Url::parse(route.url).map_err(|_| later("bad_url"))?;
        let client = self.outbound.client(&url).map_err(forbidden)?;
        let mut request = client.post(url).header(CONTENT_TYPE, "application/json");
        for (name, value) in &route.headers.0 {
            request = request.header(name, value);
        }
        request = request
            .header("webhook-id", id)
            .header("webhook-timestamp", timestamp);
        if let Some(signature) = proof.signature {
            request = request.header("webhook-signature", signature);
        }
        if let Some((user, password)) = proof.basic {
            request = request.basic_auth(user, Some(password.expose_secret()));
        }
        let sent = request.body(payload.json).send().await;
        let response = sent.map_err(|e| {
            if Forbidden::caused(&e) {
                forbidden(Forbidden)
            } else {
                connection::no_answer(&e)
            }
        })?;
        // What else the endpoint says is not read: it could go on for ever.
        let after = classify::retry_after(response.headers(), clock.now());
        classify::proxy(response.status().as_u16(), after)?;
        Ok(Receipt {
            id: id.clone(),
            shortened: payload.shortened,
        })
    }
}

/// The brand has to name another endpoint: until then none of the app's notifications can go.
fn forbidden(_: Forbidden) -> Undelivered {
    Undelivered::Refused {
        reason: "endpoint_not_public".into(),
    }
}

/// Signs, when the secret is one to do it with.
fn prove(secret: &SecretString, signed: &str) -> Option<Proof> {
    let secret: Secret = serde_json::from_str(secret.expose_secret()).ok()?;
    let basic = match (secret.username, secret.password) {
        (Some(user), Some(password)) => Some((user, password)).filter(|(u, _)| !u.contains(':')),
        (None, None) if secret.signing_secret.is_some() => None,
        _ => return None,
    };
    let signature = match &secret.signing_secret {
        Some(key) => Some(sign(key, signed)?),
        None => None,
    };
    (basic.is_some() || signature.is_some()).then_some(Proof { basic, signature })
}

/// A signature of Standard Webhooks with a symmetric key.
pub(crate) fn sign(key: &SecretString, signed: &str) -> Option<String> {
    let key = key.expose_secret().strip_prefix("whsec_")?;
    let key = STANDARD.decode(key).ok().filter(|key| !key.is_empty())?;
    let mut mac = Hmac::<Sha256>::new_from_slice(&key).ok()?;
    mac.update(signed.as_bytes());
    Some(format!(
        "v1,{}",
        STANDARD.encode(mac.finalize().into_bytes())
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of the specification's reference libraries.
    #[test]
    fn a_signature_is_that_of_standard_webhooks() {
        let key = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw".to_owned().into();
        let signed = r#"msg_p5jXN8AQM9LWM0D4loKWxJek.1614265330.{"test": 2432232314}"#;
        assert_eq!(
            sign(&key, signed).unwrap(),
            "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
        );
    }

    #[test]
    fn a_signature_is_taken_by_the_reference_library() {
        let key = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
        let (id, body) = (
            "0190163d-8694-739b-aea5-966c26f8ad91",
            r#"{"text":"¿Qué tal? 👟"}"#,
        );
        let timestamp = jiff::Timestamp::now().as_second();
        let signature = sign(&key.to_owned().into(), &format!("{id}.{timestamp}.{body}")).unwrap();
        let webhook = standardwebhooks::Webhook::new(key).unwrap();
        let headers = |id: &str| {
            [
                ("webhook-id", id.to_owned()),
                ("webhook-timestamp", timestamp.to_string()),
                ("webhook-signature", signature.clone()),
            ]
            .into_iter()
            .map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap()))
            .collect::<reqwest::header::HeaderMap>()
        };
        webhook.verify(body.as_bytes(), &headers(id)).unwrap();
        assert!(webhook.verify(b"{}", &headers(id)).is_err());
        assert!(webhook.verify(body.as_bytes(), &headers("other")).is_err());
    }

    #[test]
    fn a_secret_holds_a_user_a_key_or_both() {
        let proof = |secret: &str| prove(&secret.to_owned().into(), "signed");
        let basic = proof(r#"{"username":"u","password":"p"}"#).unwrap();
        assert!(basic.basic.is_some() && basic.signature.is_none());
        let signed = proof(r#"{"signingSecret":"whsec_c2VjcmV0"}"#).unwrap();
        assert!(signed.basic.is_none() && signed.signature.is_some());
        let both = r#"{"username":"u","password":"p","signingSecret":"whsec_c2VjcmV0"}"#;
        let both = proof(both).unwrap();
        assert!(both.basic.is_some() && both.signature.is_some());
        for bad in [
            "",
            "text",
            "{}",
            "[]",
            r#"{"username":"u"}"#,
            r#"{"password":"p","signingSecret":"whsec_c2VjcmV0"}"#,
            r#"{"username":"u:v","password":"p"}"#,
            r#"{"signingSecret":"c2VjcmV0"}"#,
            r#"{"signingSecret":"whsec_"}"#,
            r#"{"signingSecret":"whsec_not base64"}"#,
        ] {
            assert!(proof(bad).is_none(), "{bad}");
        }
    }
}
