//! What the tests share: one set of keys, a client that trusts the sandbox, provider tokens.

use jsonwebtoken::{Algorithm, EncodingKey, Header};
use reqwest::{Certificate, Client, Response};
use sandbox::{ApnsKey, Keys, Options, Sandbox};
use serde_json::{Value, json};
use std::time::Duration;
use tokio::sync::OnceCell;

pub(crate) const PATIENCE: Duration = Duration::from_secs(10);

static KEYS: OnceCell<String> = OnceCell::const_new();

/// A sandbox with the keys of all tests: RSA keys take a moment to make.
pub(crate) async fn sandbox() -> Sandbox {
    start(Options::default()).await
}

pub(crate) async fn start(options: Options) -> Sandbox {
    let keys = KEYS
        .get_or_init(|| async {
            let first = Sandbox::start(Options::default()).await.unwrap();
            serde_json::to_string(&first.keys()).unwrap()
        })
        .await;
    let keys: Keys = serde_json::from_str(keys).unwrap();
    let keys = Some(keys);
    Sandbox::start(Options { keys, ..options }).await.unwrap()
}

/// An HTTP/2 client that trusts this sandbox alone, on a connection of its own.
pub(crate) fn client(sandbox: &Sandbox) -> Client {
    let ca = Certificate::from_pem(sandbox.ca_pem().as_bytes()).unwrap();
    Client::builder()
        .tls_certs_only([ca])
        .http2_prior_knowledge()
        .no_proxy()
        .build()
        .unwrap()
}

pub(crate) fn provider_token(key: &ApnsKey, issued: i64) -> String {
    let header = Header {
        kid: Some(key.key_id.clone()),
        ..Header::new(Algorithm::ES256)
    };
    let claims = json!({ "iss": key.team_id, "iat": issued });
    let key = EncodingKey::from_ec_pem(key.pem.as_bytes()).unwrap();
    jsonwebtoken::encode(&header, &claims, &key).unwrap()
}

pub(crate) async fn body(response: Response) -> Value {
    let bytes = response.bytes().await.unwrap();
    if bytes.is_empty() {
        Value::Null
    } else {
        serde_json::from_slice(&bytes).unwrap()
    }
}
