//! The control API, and keys kept over a restart.

use crate::support::{body, client, sandbox};
use reqwest::{Client, Method, Response};
use sandbox::{Keys, Options, Sandbox, control::CALLS};
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

/// A refusal's words.
async fn refused(sandbox: &Sandbox, method: Method, path: &str, json: Value) -> (u16, String) {
    let answer = call(sandbox, method, path, Some(json)).await;
    let status = answer.status().as_u16();
    let error = body(answer).await["error"].take();
    (status, error.as_str().unwrap().to_owned())
}

#[tokio::test]
async fn every_call_that_is_listed_is_there() {
    let sandbox = sandbox().await;
    let overview = body(call(&sandbox, Method::GET, "", None).await).await;
    assert_eq!(overview["calls"].as_array().unwrap().len(), CALLS.len());
    assert_eq!(overview["gateways"]["fcm"], sandbox.fcm_url());
    for listed in CALLS {
        let path = listed
            .path
            .replace("{token}", "ab")
            .replace("{name}", "apns");
        let path = path.strip_prefix("/control/").unwrap();
        let method = listed.method.parse().unwrap();
        let status = call(&sandbox, method, path, None).await.status().as_u16();
        // Those that want a body say so.
        assert!([200, 204, 400].contains(&status), "{listed:?}: {status}");
        let method = Method::PATCH;
        let (status, error) = refused(&sandbox, method, path, json!({})).await;
        assert_eq!(status, 405, "{listed:?}");
        assert!(error.contains(listed.method), "{error}");
    }
    let (status, error) = refused(&sandbox, Method::GET, "nothing", json!({})).await;
    assert_eq!(status, 404);
    assert!(error.contains("GET /control/ lists"), "{error}");
}

#[tokio::test]
async fn what_is_wrong_is_said_and_nothing_is_done() {
    let sandbox = sandbox().await;
    let wrong = [
        ("tokens/x", json!([]), 422, "no object"),
        ("tokens/x", json!({}), 422, "neither `answers` nor `device`"),
        (
            "tokens/x",
            json!({"answers": [{"reson": "x"}]}),
            422,
            "answers[0].reson",
        ),
        (
            "tokens/x",
            json!({"answers": [{}, {"reason": "Unregistred"}]}),
            422,
            "answers[1].reason",
        ),
        (
            "tokens/x",
            json!({"answers": [{"status": 410}]}),
            422,
            "answers[0]",
        ),
        (
            "tokens/x",
            json!({"answers": [{"reason": "x", "status": 42}]}),
            422,
            "answers[0].status",
        ),
        (
            "tokens/x",
            json!({"device": {"environment": "sandbox"}}),
            422,
            "`development`",
        ),
        (
            "gateways/apnz",
            json!({"reachable": false}),
            404,
            "apns, fcm, proxy and identity",
        ),
        ("gateways/apns", json!({}), 422, "`reachable`"),
    ];
    for (path, told, status, says) in wrong {
        let (answered, error) = refused(&sandbox, Method::PUT, path, told).await;
        assert_eq!(answered, status, "{error}");
        assert!(error.contains(says), "{error}");
    }
    let wrong = [
        ("clock", json!({"advanceMillis": -5}), "advanceMillis"),
        ("clock", json!({"advance": 5}), "`advanceMillis`"),
        (
            "identity/tokens?brand=nobody",
            json!({"sub": "ana"}),
            "brand",
        ),
        (
            "identity/tokens?alg=HS256",
            json!({"sub": "ana"}),
            "ES256 and RS256",
        ),
        ("identity/tokens?alg=none", json!({"sub": "ana"}), "alg"),
        ("apns/tokens?brnd=demo", json!({}), "`brand`"),
    ];
    for (path, told, says) in wrong {
        let (status, error) = refused(&sandbox, Method::POST, path, told).await;
        assert_eq!(status, 422, "{path}: {error}");
        assert!(error.contains(says), "{error}");
    }
    let made_up = json!({"answers": [{"reason": "Novelty", "status": 418}]});
    let told = call(&sandbox, Method::PUT, "tokens/x", Some(made_up)).await;
    assert_eq!(told.status(), 204);
}

#[tokio::test]
async fn a_gateway_takes_the_tokens_that_the_control_api_gives() {
    let sandbox = sandbox().await;
    let token = async |path: &str| {
        let given = call(&sandbox, Method::POST, path, None).await;
        body(given).await["token"].as_str().unwrap().to_owned()
    };
    let client = client(&sandbox);
    let apns = sandbox.apns_url(sandbox::Environment::Production);
    let pushed = client
        .post(format!("{apns}/3/device/{}", "ab".repeat(32)))
        .bearer_auth(token("apns/tokens").await)
        .header("apns-topic", "com.example.shop")
        .body(r#"{"aps":{"alert":"Hello"}}"#);
    assert_eq!(pushed.send().await.unwrap().status(), 200);
    let fcm = sandbox.fcm_url();
    let pushed = client
        .post(format!("{fcm}/v1/projects/demo-sandbox/messages:send"))
        .bearer_auth(token("fcm/tokens").await)
        .body(r#"{"message":{"token":"ab","notification":{"body":"Hello"}}}"#);
    assert_eq!(pushed.send().await.unwrap().status(), 200);
    assert_eq!(sandbox.visible().len(), 2);
}

const PAGE: &str = include_str!("../../../../infra/docs/sandbox.md");

#[test]
fn the_page_tells_every_call() {
    let told: Vec<_> = PAGE
        .lines()
        .filter_map(|line| line.strip_prefix("| `")?.split_once('`'))
        .map(|(call, _)| call)
        .filter(|call| call.contains(" /control/"))
        .collect();
    let known = CALLS.map(|call| format!("{} {}", call.method, call.path));
    assert_eq!(told, known);
}

/// Every call of the page's examples is taken, but for those that say what is wrong.
#[tokio::test]
async fn the_pages_calls_do_what_it_says() {
    let sandbox = sandbox().await;
    let mut done = 0;
    let calls = PAGE.split("curl -s ").skip(1);
    for example in calls.filter_map(|rest| rest.lines().next()) {
        let Some((before, after)) = example.split_once("$C/") else {
            continue;
        };
        let method = before.trim().strip_prefix("-X ").unwrap_or("GET");
        let path = after.split([' ', ')']).next().unwrap();
        let path = path.replace("$DEVICE", &"ab".repeat(32));
        let json = after
            .split('\'')
            .nth(1)
            .map(|json| serde_json::from_str(json).unwrap_or_else(|e| panic!("{json}: {e}")));
        let method = method.parse().unwrap();
        let answered = call(&sandbox, method, &path, json).await.status().as_u16();
        let wrong = example
            .split_once("# 4")
            .map(|(_, status)| format!("4{}", &status[..2]));
        match wrong {
            Some(status) => assert_eq!(answered.to_string(), status, "{example}"),
            None => assert!([200, 204].contains(&answered), "{example}: {answered}"),
        }
        done += 1;
    }
    assert!(done > 15, "{done}");
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
