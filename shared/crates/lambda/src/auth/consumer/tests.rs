//! Tests of consumer tokens, against keys made here.

use super::*;
use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD as BASE64};
use domain::account::App;
use jsonwebtoken::{EncodingKey, Header};
use rcgen::{KeyPair, PublicKeyData as _};
use serde_json::{Value, json};
use std::sync::Mutex;

const URI: &str = "https://id.example.com/jwks.json";

/// A provider whose document tests change; `Null` is a provider that fails.
#[derive(Clone)]
pub(crate) struct Provider {
    document: Arc<Mutex<Value>>,
    fetches: Arc<Mutex<u32>>,
}

impl FetchJwks for Provider {
    async fn fetch(&self, uri: &str) -> Result<Vec<u8>, Unavailable> {
        assert_eq!(uri, URI);
        *self.fetches.lock().unwrap() += 1;
        match &*self.document.lock().unwrap() {
            Value::Null => Err(Unavailable::new("down")),
            document => Ok(document.to_string().into_bytes()),
        }
    }
}

/// A signing key of the provider.
pub(crate) struct Signer(KeyPair, &'static str);

impl Signer {
    pub(crate) fn new(id: &'static str) -> Self {
        Self(KeyPair::generate().unwrap(), id)
    }

    fn jwk(&self) -> Value {
        let point = self.0.der_bytes();
        let [x, y] = [&point[1..33], &point[33..65]].map(|half| BASE64.encode(half));
        json!({"kty": "EC", "crv": "P-256", "alg": "ES256", "use": "sig", "kid": self.1, "x": x, "y": y})
    }

    pub(crate) fn provider(&self) -> Provider {
        let document = json!({"keys": [{"kty": "unheard-of"}, self.jwk()]});
        Provider {
            document: Arc::new(Mutex::new(document)),
            fetches: Arc::default(),
        }
    }

    pub(crate) fn sign(&self, claims: &Value) -> String {
        let header = Header {
            kid: Some(self.1.to_owned()),
            ..Header::new(Algorithm::ES256)
        };
        let key = EncodingKey::from_ec_der(&self.0.serialize_der());
        jsonwebtoken::encode(&header, claims, &key).unwrap()
    }
}

/// An account with one app.
#[derive(Clone)]
pub(crate) struct Apps(pub(crate) Arc<Mutex<Vec<App>>>);

impl ReadApps for Apps {
    async fn apps(&self, _: &AccountId) -> Result<Vec<App>, Unavailable> {
        Ok(self.0.lock().unwrap().clone())
    }
}

pub(crate) fn apps() -> Apps {
    let identity = json!({"issuer": "https://id.example.com", "audience": "shop", "jwksUri": URI});
    Apps(Arc::new(Mutex::new(vec![App {
        name: "com.example.shop".parse().unwrap(),
        ios: None,
        android: None,
        identity: serde_json::from_value(identity).unwrap(),
    }])))
}

pub(crate) fn now() -> Timestamp {
    Timestamp::from_second(1_800_000_000).unwrap()
}

pub(crate) fn claims() -> Value {
    json!({"iss": "https://id.example.com", "aud": "shop", "sub": "user-0001",
           "nbf": now().as_second(), "exp": now().as_second() + 600, "name": "Ana"})
}

fn after(seconds: i64) -> Timestamp {
    now() + SignedDuration::from_secs(seconds)
}

async fn verify(
    tokens: &ConsumerTokens<Provider>,
    token: &str,
    at: Timestamp,
) -> Result<Consumer, Refused> {
    let account = "acme".parse().unwrap();
    tokens.verify(&apps(), &account, token, at).await
}

#[tokio::test]
async fn the_consumer_is_the_sub() {
    let signer = Signer::new("one");
    let tokens = ConsumerTokens::new(signer.provider());
    let consumer = verify(&tokens, &signer.sign(&claims()), now())
        .await
        .unwrap();
    assert_eq!(consumer.id.as_str(), "user-0001");
    assert_eq!(consumer.account.as_str(), "acme");
    let mut many = claims();
    many["aud"] = json!(["other", "shop"]);
    assert!(verify(&tokens, &signer.sign(&many), now()).await.is_ok());
}

#[tokio::test]
async fn what_does_not_fit_is_refused() {
    let signer = Signer::new("one");
    let tokens = ConsumerTokens::new(signer.provider());
    for (field, value) in [
        ("iss", json!("https://evil.example.com")),
        ("aud", json!("other")),
        ("aud", json!([])),
        ("sub", json!("")),
        ("sub", json!(" ana")),
        ("sub", json!(7)),
        ("exp", Value::Null),
        ("exp", json!("soon")),
        ("nbf", json!(now().as_second() + 61)),
    ] {
        let mut claims = claims();
        claims[field] = value.clone();
        let refused = verify(&tokens, &signer.sign(&claims), now()).await;
        assert!(
            matches!(refused, Err(Refused::Invalid(_))),
            "{field} {value}"
        );
    }
    let late = verify(&tokens, &signer.sign(&claims()), after(660)).await;
    assert!(matches!(late, Err(Refused::Expired)));
}

#[tokio::test]
async fn forged_tokens_are_refused() {
    let signer = Signer::new("one");
    let tokens = ConsumerTokens::new(signer.provider());
    let forge = |header: Value| {
        let [header, claims] = [header, claims()].map(|part| BASE64.encode(part.to_string()));
        format!("{header}.{claims}.")
    };
    let public = signer.jwk().to_string();
    let confused = Header {
        kid: Some("one".into()),
        ..Header::new(Algorithm::HS256)
    };
    let secret = EncodingKey::from_secret(public.as_bytes());
    let good = signer.sign(&claims());
    let (head, signature) = good.rsplit_once('.').unwrap();
    let (header, _) = head.split_once('.').unwrap();
    let mut other = claims();
    other["sub"] = "user-0002".into();
    let swapped = BASE64.encode(other.to_string());
    for (what, token) in [
        ("none", forge(json!({"alg": "none", "kid": "one"}))),
        (
            "RS256 with an EC key",
            forge(json!({"alg": "RS256", "kid": "one"})),
        ),
        (
            "HS256 with the public key",
            jsonwebtoken::encode(&confused, &claims(), &secret).unwrap(),
        ),
        (
            "another key of the same name",
            Signer::new("one").sign(&claims()),
        ),
        ("an unknown key", Signer::new("two").sign(&claims())),
        ("no signature", format!("{head}.")),
        ("other claims", format!("{header}.{swapped}.{signature}")),
        ("garbage", "a.b.c".into()),
    ] {
        let refused = verify(&tokens, &token, now()).await;
        assert!(matches!(refused, Err(Refused::Invalid(_))), "{what}");
    }
}

#[tokio::test]
async fn keys_are_fetched_seldom_and_new_ones_are_found() {
    let (old, new) = (Signer::new("old"), Signer::new("new"));
    let provider = old.provider();
    let tokens = ConsumerTokens::new(provider.clone());
    let mut long = claims();
    long["exp"] = json!(now().as_second() + 100_000);
    for _ in 0..3 {
        assert!(verify(&tokens, &old.sign(&long), now()).await.is_ok());
    }
    assert_eq!(*provider.fetches.lock().unwrap(), 1);

    *provider.document.lock().unwrap() = json!({"keys": [old.jwk(), new.jwk()]});
    assert!(verify(&tokens, &new.sign(&long), after(29)).await.is_err());
    assert_eq!(*provider.fetches.lock().unwrap(), 1);
    assert!(verify(&tokens, &new.sign(&long), after(30)).await.is_ok());

    *provider.document.lock().unwrap() = Value::Null;
    assert!(
        verify(&tokens, &new.sign(&long), after(900)).await.is_ok(),
        "as it was"
    );
    assert_eq!(*provider.fetches.lock().unwrap(), 3);
    let refused = verify(&tokens, &new.sign(&long), after(4_000)).await;
    assert!(matches!(refused, Err(Refused::Unavailable(_))), "too old");
}

#[tokio::test]
async fn a_provider_that_fails_is_not_asked_at_every_call() {
    let signer = Signer::new("one");
    let provider = signer.provider();
    let document = provider.document.lock().unwrap().take();
    let tokens = ConsumerTokens::new(provider.clone());
    let token = signer.sign(&claims());
    for seconds in [0, 1, 4] {
        let refused = verify(&tokens, &token, after(seconds)).await;
        assert!(matches!(refused, Err(Refused::Unavailable(_))));
    }
    assert_eq!(*provider.fetches.lock().unwrap(), 1);
    *provider.document.lock().unwrap() = document;
    assert!(verify(&tokens, &token, after(5)).await.is_ok());
}

#[tokio::test]
async fn an_app_that_was_just_configured_is_found() {
    let signer = Signer::new("one");
    let tokens = ConsumerTokens::new(signer.provider());
    let (account, token) = ("acme".parse().unwrap(), signer.sign(&claims()));
    let apps = apps();
    let configured = std::mem::take(&mut *apps.0.lock().unwrap());
    let refused = tokens.verify(&apps, &account, &token, now()).await;
    assert!(matches!(refused, Err(Refused::Invalid(_))));
    *apps.0.lock().unwrap() = configured;
    assert!(
        tokens
            .verify(&apps, &account, &token, after(2))
            .await
            .is_ok()
    );
}
