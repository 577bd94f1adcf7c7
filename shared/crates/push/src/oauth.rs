//! Google's access tokens for service accounts: one at a time per account, kept while good.
//!
//! Source: <https://developers.google.com/identity/protocols/oauth2/service-account#httprest>.

use crate::{
    classify,
    connection::{Connector, later, url},
    gateway::{self, Gateway, Open},
    settings::{CannotConnect, Settings},
    slots::{Slot, Slots},
};
use domain::{clock::Clock, push::Undelivered};
use http::{
    HeaderMap, StatusCode,
    header::{CONTENT_TYPE, HeaderValue},
};
use jiff::{SignedDuration, Timestamp};
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use secrecy::{ExposeSecret as _, SecretString};
use serde::{Deserialize, Serialize};

const SCOPE: &str = "https://www.googleapis.com/auth/firebase.messaging";
const GRANT: &str = "urn:ietf:params:oauth:grant-type:jwt-bearer";
const FORM: HeaderValue = HeaderValue::from_static("application/x-www-form-urlencoded");
/// The longest an assertion may be good for, in seconds.
const LIFETIME: i64 = 3600;
/// An access token is renewed this long before it ends.
const MARGIN: SignedDuration = SignedDuration::from_mins(5);

/// What is read of a service account's file. Its `token_uri` is not followed.
#[derive(Deserialize)]
struct ServiceAccount {
    client_email: String,
    private_key_id: Option<String>,
    private_key: SecretString,
}

#[derive(Serialize)]
struct Claims<'a> {
    iss: &'a str,
    scope: &'a str,
    aud: &'a str,
    iat: i64,
    exp: i64,
}

#[derive(Deserialize)]
struct Granted {
    access_token: SecretString,
    expires_in: i64,
}

/// An access token and what it was given for.
#[derive(Clone, Debug)]
pub(crate) struct AccessToken {
    pub(crate) bearer: HeaderValue,
    renewed_at: Timestamp,
    account: SecretString,
}

/// Google's token endpoint.
#[derive(Debug)]
pub(crate) struct Google {
    url: String,
    gateway: Gateway,
    connection: Slot<Open>,
    tokens: Slots<String, AccessToken>,
}

impl Google {
    pub(crate) fn new(settings: &Settings, connector: &Connector) -> Result<Self, CannotConnect> {
        let what = "the URL of Google's tokens";
        Ok(Self {
            url: url(&settings.google_token, what)?.into(),
            gateway: Gateway::new(&settings.google_token, what, connector)?,
            connection: Slot::default(),
            tokens: Slots::default(),
        })
    }

    /// An access token of the service account named `credential`, other than `refused`.
    pub(crate) async fn token(
        &self,
        credential: &str,
        account: &SecretString,
        clock: &impl Clock,
        refused: Option<&AccessToken>,
    ) -> Result<AccessToken, Undelivered> {
        let slot = self.tokens.slot(&credential.to_owned());
        let mut slot = slot.lock().await;
        if let Some(token) = &*slot {
            let is_refused = refused.is_some_and(|old| old.bearer == token.bearer);
            let same_account = token.account.expose_secret() == account.expose_secret();
            if same_account && !is_refused && clock.now() < token.renewed_at {
                return Ok(token.clone());
            }
        }
        let token = self.ask(account, clock).await?;
        Ok(slot.insert(token).clone())
    }

    async fn ask(
        &self,
        account: &SecretString,
        clock: &impl Clock,
    ) -> Result<AccessToken, Undelivered> {
        let now = clock.now();
        let assertion = self
            .assertion(account, now)
            .ok_or_else(|| Undelivered::Refused {
                reason: "credential_malformed".into(),
            })?;
        let form = form_urlencoded::Serializer::new(String::new())
            .append_pair("grant_type", GRANT)
            .append_pair("assertion", assertion.expose_secret())
            .finish();
        let headers = || HeaderMap::from_iter([(CONTENT_TYPE, FORM)]);
        let (gateway, path) = (&self.gateway, self.gateway.base().to_owned());
        let answer = gateway.post(&self.connection, path, headers, form.into());
        let answer = answer.await?;
        let status = answer.status();
        let after = classify::retry_after(answer.headers(), clock.now());
        let body = gateway::body(answer).await?;
        if status != StatusCode::OK {
            return Err(classify::oauth(status.as_u16(), &body, after));
        }
        granted(&body, account, now).ok_or_else(|| later("unreadable_access_token"))
    }

    /// The assertion that asks for a token, when the secret is a service account's file.
    fn assertion(&self, account: &SecretString, now: Timestamp) -> Option<SecretString> {
        let file: ServiceAccount = serde_json::from_str(account.expose_secret()).ok()?;
        let key = EncodingKey::from_rsa_pem(file.private_key.expose_secret().as_bytes()).ok()?;
        let header = Header {
            kid: file.private_key_id,
            ..Header::new(Algorithm::RS256)
        };
        let claims = Claims {
            iss: &file.client_email,
            scope: SCOPE,
            aud: &self.url,
            iat: now.as_second(),
            exp: now.as_second() + LIFETIME,
        };
        let assertion = jsonwebtoken::encode(&header, &claims, &key).ok()?;
        Some(assertion.into())
    }
}

fn granted(body: &[u8], account: &SecretString, now: Timestamp) -> Option<AccessToken> {
    let granted: Granted = serde_json::from_slice(body).ok()?;
    let lifetime = SignedDuration::from_secs(granted.expires_in.clamp(0, LIFETIME)) - MARGIN;
    let token = granted.access_token.expose_secret();
    let mut bearer = HeaderValue::try_from(format!("Bearer {token}")).ok()?;
    bearer.set_sensitive(true);
    Some(AccessToken {
        bearer,
        renewed_at: now.checked_add(lifetime).ok()?,
        account: account.clone(),
    })
}
