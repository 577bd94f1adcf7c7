//! Getting a token, and finding where services are.

use super::fields;
use crate::world::{World, text};
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use reqwest::Method;
use serde_json::{Value, json};
use std::time::Duration;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_token_is_given_for_an_id_and_a_secret() {
    let world = World::start().await;
    let brand = world.brand("acme").await;
    let made = json!({"name": "crm", "roles": ["campaign-manager"]});
    let client = brand.post("clients", made).await.ok(201);
    let (id, secret) = (text(&client["clientId"]), text(&client["clientSecret"]));
    let token = world.token_call("acme", &id, &secret).await;
    assert_eq!(token.header("content-type"), "application/json");
    let token = token.ok(200);
    assert_eq!(fields(&token), ["access_token", "expires_in", "token_type"]);
    assert_eq!(token["token_type"], "Bearer");

    let token = text(&token["access_token"]);
    let part = |n: usize| -> Value {
        let part = token.split('.').nth(n).unwrap();
        serde_json::from_slice(&BASE64_URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap()
    };
    assert_eq!(token.split('.').count(), 3);
    assert_eq!(fields(&part(0)), ["alg", "kid", "typ"]);
    let claims = part(1);
    assert_eq!(claims["aud"], "acme", "the account");
    let (from, until) = (
        claims["iat"].as_i64().unwrap(),
        claims["exp"].as_i64().unwrap(),
    );
    assert_eq!(until - from, 3_600, "one hour");
    assert!(claims["iss"].is_string());

    let path = "/api/v2/account/acme/handoffs";
    let call = async || world.call(Method::GET, path, Some(&token), &[], None).await;
    call().await.ok(200);
    world.stack.advance(Duration::from_secs(3_661)).await;
    let expired = call().await.problem(401, "TOKEN_EXPIRED");
    assert_eq!(expired["message"], "jwt expired");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn services_are_looked_up_without_a_token() {
    let world = World::start().await;
    let host = world
        .stack
        .url()
        .strip_prefix("http://")
        .unwrap()
        .to_owned();
    for service in ["sentinel", "proactiveHandoff", "agentVep"] {
        let path = format!("/api/account/acme/service/{service}/baseURI.json?version=1.0");
        let answer = world.call(Method::GET, &path, None, &[], None).await;
        assert_eq!(
            answer.ok(200),
            json!({"service": service, "account": "acme", "baseURI": host})
        );
    }
}
