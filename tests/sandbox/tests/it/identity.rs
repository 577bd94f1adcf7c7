//! The identity provider: discovery, keys and tokens.

use crate::support::{body, client, sandbox};
use jsonwebtoken::{Algorithm, DecodingKey, Validation, jwk::JwkSet};
use sandbox::Sandbox;
use serde_json::{Value, json};

async fn read(sandbox: &Sandbox, url: &str) -> Value {
    let response = client(sandbox).get(url).send().await.unwrap();
    assert_eq!(response.status(), 200, "{url}");
    body(response).await
}

fn verifies(keys: &Value, token: &str, algorithm: Algorithm) -> bool {
    let keys: JwkSet = serde_json::from_value(keys.clone()).unwrap();
    let kid = jsonwebtoken::decode_header(token).unwrap().kid.unwrap();
    let Some(key) = keys.find(&kid) else {
        return false;
    };
    let mut validation = Validation::new(algorithm);
    validation.set_audience(&["com.example.shop"]);
    jsonwebtoken::decode::<Value>(token, &DecodingKey::from_jwk(key).unwrap(), &validation).is_ok()
}

#[tokio::test]
async fn discovery_leads_to_the_keys_that_verify_a_token() {
    let sandbox = sandbox().await;
    let url = format!("{}/.well-known/openid-configuration", sandbox.issuer());
    let configuration = read(&sandbox, &url).await;
    assert_eq!(configuration["issuer"], json!(sandbox.issuer()));
    assert_eq!(configuration["jwks_uri"], json!(sandbox.jwks_url()));
    let keys = read(&sandbox, &sandbox.jwks_url()).await;
    let token = sandbox.consumer_token("alice", "com.example.shop").unwrap();
    assert!(verifies(&keys, &token, Algorithm::ES256));
    let now = sandbox.now().as_second();
    let claims = json!({ "iss": sandbox.issuer(), "sub": "alice", "aud": "com.example.shop", "exp": now + 60 });
    let token = sandbox.sign("demo", Algorithm::RS256, &claims).unwrap();
    assert!(verifies(&keys, &token, Algorithm::RS256));
    assert!(sandbox.sign("demo", Algorithm::HS256, &claims).is_err());
    assert!(sandbox.sign("nobody", Algorithm::ES256, &claims).is_err());
    assert_eq!(sandbox.key_set_reads(), 1);
    for key in keys["keys"].as_array().unwrap() {
        assert!(key.get("d").is_none(), "private keys stay");
    }
}

#[tokio::test]
async fn keys_rotate_and_retire() {
    let sandbox = sandbox().await;
    let old = sandbox.consumer_token("alice", "com.example.shop").unwrap();
    let before = read(&sandbox, &sandbox.jwks_url()).await;
    sandbox.rotate_identity("demo").await.unwrap();
    let new = sandbox.consumer_token("alice", "com.example.shop").unwrap();
    assert!(
        !verifies(&before, &new, Algorithm::ES256),
        "a new key has a new name"
    );
    let both = read(
        &sandbox,
        &format!("{}/jwks.json", sandbox.issuer_of("demo")),
    )
    .await;
    assert!(verifies(&both, &new, Algorithm::ES256) && verifies(&both, &old, Algorithm::ES256));
    sandbox.retire_identity_keys("demo");
    let after = read(&sandbox, &sandbox.jwks_url()).await;
    assert!(verifies(&after, &new, Algorithm::ES256) && !verifies(&after, &old, Algorithm::ES256));
}
