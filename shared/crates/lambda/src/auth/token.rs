//! Brand tokens: ours, signed with a secret of which the current and the previous value are
//! good.

use super::{Refused, Validity};
use crate::secrets::{Age, ReadSecrets};
use domain::{
    access::{Role, Staff},
    id::{AccountId, SkillName},
    store::Unavailable,
};
use jiff::{SignedDuration, Timestamp};
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use secrecy::ExposeSecret as _;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use tokio::sync::RwLock;

/// Who issues them.
pub(crate) const ISSUER: &str = "overture";
/// How long they live.
pub const LIFETIME_SECONDS: i64 = 3_600;
/// How long keys are used before they are read again: then a key that was taken out of the
/// secret is refused.
const KEPT: SignedDuration = SignedDuration::from_mins(15);

/// Issues and checks brand tokens.
pub struct BrandTokens<R> {
    secrets: R,
    name: String,
    keys: RwLock<Keys>,
}

struct Keys {
    current: Key,
    previous: Option<Key>,
    age: Age,
}

struct Key {
    id: String,
    sign: EncodingKey,
    verify: DecodingKey,
}

impl Key {
    fn new(secret: &str) -> Self {
        let [a, b, c, d, ..] = Sha256::digest(secret.as_bytes()).0;
        Self {
            id: format!("{a:02x}{b:02x}{c:02x}{d:02x}"),
            sign: EncodingKey::from_secret(secret.as_bytes()),
            verify: DecodingKey::from_secret(secret.as_bytes()),
        }
    }
}

impl Keys {
    fn find(&self, id: &str) -> Option<&Key> {
        let keys = std::iter::once(&self.current).chain(&self.previous);
        keys.into_iter().find(|key| key.id == id)
    }
}

#[derive(Serialize, Deserialize)]
struct Claims {
    iss: String,
    aud: AccountId,
    sub: String,
    roles: Vec<Role>,
    #[serde(default)]
    skills: Vec<SkillName>,
    iat: i64,
    exp: i64,
}

/// Said once, by a function that does not start.
#[derive(Debug, thiserror::Error)]
#[error("brand tokens cannot be checked without the secret {name} of TOKEN_SECRET_ARN")]
struct CannotStart {
    name: String,
    source: Unavailable,
}

impl<R: ReadSecrets> BrandTokens<R> {
    /// Tokens that are signed with the secret `name`: `{"current", "previous"}`.
    ///
    /// # Errors
    /// When the secret cannot be read, or is none.
    pub async fn new(
        secrets: R,
        name: impl Into<String> + Send,
        now: Timestamp,
    ) -> Result<Self, Unavailable> {
        let name = name.into();
        let keys = read(&secrets, &name, now).await.map_err(|source| {
            let name = name.clone();
            Unavailable::new(CannotStart { name, source })
        })?;
        let keys = RwLock::new(keys);
        Ok(Self {
            secrets,
            name,
            keys,
        })
    }

    /// A token that says who `staff` is, for [`LIFETIME_SECONDS`].
    ///
    /// # Errors
    /// When it cannot be signed.
    pub async fn issue(&self, staff: &Staff, now: Timestamp) -> Result<String, Unavailable> {
        self.read_again(now, |_| true).await;
        let keys = self.keys.read().await;
        let claims = Claims {
            iss: ISSUER.to_owned(),
            aud: staff.account.clone(),
            sub: staff.subject.clone(),
            roles: staff.roles.clone(),
            skills: staff.skills.clone(),
            iat: now.as_second(),
            exp: now.as_second() + LIFETIME_SECONDS,
        };
        let header = Header {
            kid: Some(keys.current.id.clone()),
            ..Header::new(Algorithm::HS256)
        };
        jsonwebtoken::encode(&header, &claims, &keys.current.sign).map_err(Unavailable::new)
    }

    /// Who shows `token`, if it is good.
    ///
    /// # Errors
    /// When it is not.
    pub async fn verify(&self, token: &str, now: Timestamp) -> Result<Staff, Refused> {
        let invalid = Refused::Invalid("the token is not valid");
        let header = jsonwebtoken::decode_header(token)
            .map_err(|_| Refused::Invalid("the token is not valid"))?;
        let (Algorithm::HS256, Some(id)) = (header.alg, header.kid) else {
            return Err(invalid);
        };
        self.read_again(now, |keys| keys.find(&id).is_some()).await;
        let claims = {
            let keys = self.keys.read().await;
            let key = keys.find(&id).ok_or(invalid)?;
            verified(token, key)?
        };
        let validity = Validity {
            #[expect(clippy::cast_precision_loss, reason = "what is not a time is refused")]
            exp: claims.exp as f64,
            nbf: None,
            #[expect(clippy::cast_precision_loss, reason = "what is not a time is refused")]
            iat: Some(claims.iat as f64),
        };
        validity.check(now)?;
        Ok(Staff {
            account: claims.aud,
            subject: claims.sub,
            roles: claims.roles,
            skills: claims.skills,
        })
    }

    /// Reads the keys again if they are old, or if they do not `suffice` and were not read for
    /// that just now. Those there are stay when that fails.
    async fn read_again(&self, now: Timestamp, suffice: impl Fn(&Keys) -> bool) {
        let due = |keys: &Keys| {
            keys.age.is_over(KEPT, now) || (!suffice(keys) && keys.age.may_be_doubted(now))
        };
        if !due(&*self.keys.read().await) {
            return;
        }
        let mut keys = self.keys.write().await;
        if !due(&keys) {
            return;
        }
        if !suffice(&keys) {
            keys.age.doubt(now);
        }
        let read = read(&self.secrets, &self.name, now).await;
        keys.age.renew(now);
        match read {
            Ok(new) => {
                *keys = Keys {
                    age: keys.age,
                    ..new
                }
            }
            Err(error) => {
                tracing::warn!(error = %crate::telemetry::Chain(&error),
                    "the keys of brand tokens were not read again");
            }
        }
    }
}

async fn read(secrets: &impl ReadSecrets, name: &str, now: Timestamp) -> Result<Keys, Unavailable> {
    #[derive(Deserialize)]
    struct Secret {
        current: String,
        previous: Option<String>,
    }
    let secret = secrets.read(name).await?;
    let secret: Option<Secret> = serde_json::from_str(secret.expose_secret()).ok();
    // The parser's own words could quote the secret.
    let secret = secret.filter(|s| !s.current.is_empty()).ok_or_else(|| {
        Unavailable::new("the secret of brand tokens is not {\"current\", \"previous\"}")
    })?;
    let previous = secret.previous.filter(|key| !key.is_empty());
    Ok(Keys {
        current: Key::new(&secret.current),
        previous: previous.map(|key| Key::new(&key)),
        age: Age::new(now),
    })
}

fn verified(token: &str, key: &Key) -> Result<Claims, Refused> {
    let mut validation = Validation::new(Algorithm::HS256);
    // Times are checked by the clock we are given, the account where it is known.
    validation.validate_exp = false;
    validation.validate_aud = false;
    validation.set_required_spec_claims(&["iss"]);
    validation.set_issuer(&[ISSUER]);
    let data = jsonwebtoken::decode(token, &key.verify, &validation);
    data.map(|data| data.claims)
        .map_err(|_| Refused::Invalid("the token is not valid"))
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::secrets::{CannotRead, REREAD};
    use secrecy::SecretString;
    use serde_json::{Value, json};
    use std::sync::{Arc, Mutex};

    /// A secret that tests change.
    #[derive(Clone)]
    pub(crate) struct Given(pub(crate) Arc<Mutex<Value>>);

    impl Given {
        pub(crate) fn new(secret: Value) -> Self {
            Self(Arc::new(Mutex::new(secret)))
        }
    }

    impl ReadSecrets for Given {
        async fn read(&self, _: &str) -> Result<SecretString, CannotRead> {
            Ok(self.0.lock().unwrap().to_string().into())
        }
    }

    pub(crate) fn now() -> Timestamp {
        Timestamp::from_second(1_800_000_000).unwrap()
    }

    pub(crate) fn staff(account: &str, role: Role) -> Staff {
        Staff {
            account: account.parse().unwrap(),
            subject: "eve".into(),
            roles: vec![role],
            skills: vec!["sales".parse().unwrap()],
        }
    }

    async fn tokens(secret: Value) -> (BrandTokens<Given>, Given) {
        let secret = Given::new(secret);
        let tokens = BrandTokens::new(secret.clone(), "arn", now())
            .await
            .unwrap();
        (tokens, secret)
    }

    fn forged(header: &Value, claims: &Value) -> String {
        use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD as BASE64};
        let [header, claims] = [header, claims].map(|part| BASE64.encode(part.to_string()));
        format!("{header}.{claims}.")
    }

    fn claims(exp: i64) -> Value {
        json!({"iss": "overture", "aud": "acme", "sub": "eve", "roles": ["admin"], "iat": 0, "exp": exp})
    }

    #[tokio::test]
    async fn a_token_says_who_was_told() {
        let (tokens, _) = tokens(json!({"current": "a key", "previous": ""})).await;
        let eve = staff("acme", Role::Agent);
        let token = tokens.issue(&eve, now()).await.unwrap();
        assert_eq!(tokens.verify(&token, now()).await.unwrap(), eve);
        assert!(super::super::claims_to_be_ours(&token));
    }

    #[tokio::test]
    async fn a_token_lives_an_hour() {
        let (tokens, _) = tokens(json!({"current": "a key"})).await;
        let eve = staff("acme", Role::Agent);
        let token = tokens.issue(&eve, now()).await.unwrap();
        let later = |s| now() + SignedDuration::from_secs(s);
        assert!(tokens.verify(&token, later(3_659)).await.is_ok());
        let refused = tokens.verify(&token, later(3_660)).await;
        assert!(matches!(refused, Err(Refused::Expired)));
        let refused = tokens.verify(&token, later(-61)).await;
        assert!(matches!(refused, Err(Refused::Invalid("jwt not active"))));
    }

    #[tokio::test]
    async fn the_previous_key_is_good_until_it_is_gone() {
        let (tokens, secret) = tokens(json!({"current": "one"})).await;
        let eve = staff("acme", Role::Agent);
        let old = tokens.issue(&eve, now()).await.unwrap();
        *secret.0.lock().unwrap() = json!({"current": "two", "previous": "one"});
        let (other, _) = self::tokens(json!({"current": "two", "previous": "one"})).await;
        let new = other.issue(&eve, now()).await.unwrap();
        assert!(
            tokens.verify(&new, now()).await.is_ok(),
            "read for the unknown key"
        );
        assert!(tokens.verify(&old, now()).await.is_ok(), "the previous key");
        *secret.0.lock().unwrap() = json!({"current": "three", "previous": "two"});
        let later = now() + KEPT;
        assert!(tokens.verify(&old, later).await.is_err(), "gone");
        assert!(tokens.verify(&new, later).await.is_ok());
    }

    #[tokio::test]
    async fn keys_are_not_read_for_every_stranger() {
        let (tokens, secret) = tokens(json!({"current": "one"})).await;
        let (other, _) = self::tokens(json!({"current": "two"})).await;
        let token = other
            .issue(&staff("acme", Role::Admin), now())
            .await
            .unwrap();
        assert!(tokens.verify(&token, now()).await.is_err());
        *secret.0.lock().unwrap() = json!({"current": "two"});
        let soon = now() + REREAD - SignedDuration::from_secs(1);
        assert!(tokens.verify(&token, soon).await.is_err());
        assert!(tokens.verify(&token, now() + REREAD).await.is_ok());
    }

    #[tokio::test]
    async fn forged_tokens_are_refused() {
        let (tokens, _) = tokens(json!({"current": "a key"})).await;
        let key = Key::new("a key");
        let good = claims(now().as_second() + 60);
        let sign = |alg, kid: &str, secret: &str, claims: &Value| {
            let header = Header {
                kid: Some(kid.to_owned()),
                ..Header::new(alg)
            };
            let key = EncodingKey::from_secret(secret.as_bytes());
            jsonwebtoken::encode(&header, claims, &key).unwrap()
        };
        let ours = |claims: &Value| sign(Algorithm::HS256, &key.id, "a key", claims);
        assert!(tokens.verify(&ours(&good), now()).await.is_ok());
        let changed = |field: &str, value: Value| {
            let mut claims = good.clone();
            claims[field] = value;
            ours(&claims)
        };
        let token = ours(&good);
        let (head, _) = token.rsplit_once('.').unwrap();
        for (what, token) in [
            (
                "another key",
                sign(Algorithm::HS256, &key.id, "another", &good),
            ),
            (
                "another algorithm",
                sign(Algorithm::HS512, &key.id, "a key", &good),
            ),
            (
                "an unknown key",
                sign(Algorithm::HS256, "00000000", "a key", &good),
            ),
            (
                "no key",
                jsonwebtoken::encode(&Header::new(Algorithm::HS256), &good, &key.sign).unwrap(),
            ),
            (
                "none",
                forged(&json!({"alg": "none", "kid": key.id}), &good),
            ),
            (
                "RS256",
                forged(&json!({"alg": "RS256", "kid": key.id}), &good),
            ),
            ("no signature", format!("{head}.")),
            ("another issuer", changed("iss", "other".into())),
            ("no such role", changed("roles", json!(["root"]))),
            ("no account", changed("aud", json!([]))),
            ("no time", changed("exp", Value::Null)),
            ("garbage", "garbage".into()),
            ("dots", "...".into()),
        ] {
            let refused = tokens.verify(&token, now()).await;
            assert!(matches!(refused, Err(Refused::Invalid(_))), "{what}");
        }
    }

    #[tokio::test]
    async fn a_secret_that_is_none_is_not_shown() {
        let secret = Given::new(json!("hush"));
        let Err(error) = BrandTokens::new(secret, "arn", now()).await else {
            panic!("it is no secret");
        };
        assert!(!crate::telemetry::Chain(&error).to_string().contains("hush"));
    }
}
