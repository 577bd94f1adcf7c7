//! The control API, and keys kept over a restart.

use crate::support::{body, client, sandbox};
use reqwest::{Client, Method, Response};
use sandbox::{Keys, Options, Sandbox};
use serde_json::{Value, json};

async fn call(sandbox: &Sandbox, method: Method, path: &str, json: Option<Value>) -> Response {
    let address = sandbox.control_address().unwrap();
    let mut request = Client::builder()
        .no_proxy()
        .build()
        .unwrap()
        .request(method, format!("http://{address}/control/{path}"));
    if let Some(json) = json {
        request = request
            .header("content-type", "application/json")
            .body(json.to_string());
    }
    request.send().await.unwrap()
}

#[tokio::test]
async fn a_device_is_scripted_and_its_pushes_are_read() {
    let sandbox = sandbox().await;
    let told = json!({
        "answers": [{ "reason": "Unregistered", "times": 1, "afterMillis": 0 }],
        "device": { "environment": "development" },
    });
    let token = "ab".repeat(32);
    let told = call(
        &sandbox,
        Method::PUT,
        &format!("tokens/{token}"),
        Some(told),
    )
    .await;
    assert_eq!(told.status(), 204);
    let wrong = json!({ "answers": [{ "reson": "x" }] });
    assert_eq!(
        call(&sandbox, Method::PUT, "tokens/x", Some(wrong))
            .await
            .status(),
        422
    );

    let url = sandbox.apns_url(sandbox::Environment::Development);
    let bearer = crate::support::provider_token(&sandbox.apns_key(), sandbox.now().as_second());
    let answered = client(&sandbox)
        .post(format!("{url}/3/device/{token}"))
        .header("authorization", format!("bearer {bearer}"))
        .header("apns-topic", "com.example.shop")
        .body(r#"{"aps":{}}"#)
        .send()
        .await
        .unwrap();
    assert_eq!(answered.status(), 410);
    let pushes = body(call(&sandbox, Method::GET, "pushes", None).await).await;
    let push = &pushes[0];
    assert_eq!(push["gateway"], "apns");
    assert_eq!(push["environment"], "development");
    assert_eq!(push["deviceToken"], json!(token));
    assert_eq!(
        (&push["status"], &push["reason"]),
        (&json!(410), &json!("Unregistered"))
    );
    assert_eq!(
        body(call(&sandbox, Method::GET, "visible", None).await).await,
        json!([])
    );
    assert_eq!(
        call(&sandbox, Method::DELETE, "pushes", None)
            .await
            .status(),
        204
    );
    assert!(sandbox.pushes().is_empty());
}

#[tokio::test]
async fn the_clock_and_the_gateways_are_moved() {
    let sandbox = sandbox().await;
    let before = sandbox.now();
    let moved = json!({ "advanceMillis": 3_600_000 });
    assert_eq!(
        call(&sandbox, Method::POST, "clock", Some(moved))
            .await
            .status(),
        200
    );
    assert!(sandbox.now().as_second() - before.as_second() >= 3600);
    let stop = json!({ "reachable": false });
    assert_eq!(
        call(&sandbox, Method::PUT, "gateways/identity", Some(stop))
            .await
            .status(),
        204
    );
    assert!(
        client(&sandbox)
            .get(sandbox.jwks_url())
            .send()
            .await
            .is_err()
    );
    let signed = json!({ "sub": "alice" });
    let signed = call(
        &sandbox,
        Method::POST,
        "identity/tokens?alg=RS256",
        Some(signed),
    )
    .await;
    assert!(body(signed).await["token"].is_string());
}

#[tokio::test]
async fn keys_are_kept_over_a_restart() {
    let first = sandbox().await;
    let kept = serde_json::to_string(&first.keys()).unwrap();
    let client = client(&first);
    let token = first.consumer_token("alice", "app").unwrap();
    drop(first);
    let keys: Keys = serde_json::from_str(&kept).unwrap();
    let again = Sandbox::start(Options {
        keys: Some(keys),
        ..Options::default()
    })
    .await
    .unwrap();
    let keys = client.get(again.jwks_url()).send().await.unwrap();
    let kid = jsonwebtoken::decode_header(token).unwrap().kid.unwrap();
    assert!(
        keys.text().await.unwrap().contains(&kid),
        "the authority and the keys are the same"
    );
}
