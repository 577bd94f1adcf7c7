//! FCM and its token endpoint: what Google checks, and what a script makes it answer.

use crate::support::{body, client, sandbox};
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use reqwest::{Client, Response};
use sandbox::{Answer, Brand, Device, Sandbox, scripts};
use serde_json::{Value, json};
use std::time::Duration;

const TOKEN: &str = "dQw4w9WgXcQ:APA91bHun4MxP5egoKMwt2KZFBaFUH-1RYqx";
const SCOPE: &str = "https://www.googleapis.com/auth/firebase.messaging";
const GRANT: &str = "urn:ietf:params:oauth:grant-type:jwt-bearer";

fn claims(sandbox: &Sandbox) -> Value {
    let now = sandbox.now().as_second();
    json!({
        "iss": sandbox.service_account()["client_email"],
        "scope": SCOPE,
        "aud": sandbox.fcm_token_url(),
        "iat": now,
        "exp": now + 3600,
    })
}

async fn ask(sandbox: &Sandbox, grant: &str, account: &Value, claims: &Value) -> Response {
    let header = Header {
        kid: account["private_key_id"].as_str().map(str::to_owned),
        ..Header::new(Algorithm::RS256)
    };
    let pem = account["private_key"].as_str().unwrap();
    let key = EncodingKey::from_rsa_pem(pem.as_bytes()).unwrap();
    let assertion = jsonwebtoken::encode(&header, claims, &key).unwrap();
    client(sandbox)
        .post(sandbox.fcm_token_url())
        .header("content-type", "application/x-www-form-urlencoded")
        .body(format!(
            "grant_type={}&assertion={assertion}",
            grant.replace(':', "%3A")
        ))
        .send()
        .await
        .unwrap()
}

async fn access_token(sandbox: &Sandbox) -> String {
    let answer = ask(sandbox, GRANT, &sandbox.service_account(), &claims(sandbox)).await;
    let answer = body(answer).await;
    answer["access_token"].as_str().unwrap().to_owned()
}

fn message() -> Value {
    json!({ "message": {
        "token": TOKEN,
        "notification": { "title": "t", "body": "b" },
        "data": { "transactionId": "1" },
        "android": {
            "ttl": "123s",
            "collapse_key": "k",
            "priority": "HIGH",
            "notification": { "tag": "one" },
        },
    }})
}

struct Sender {
    sandbox: Sandbox,
    client: Client,
    bearer: String,
}

impl Sender {
    async fn new() -> Self {
        let sandbox = sandbox().await;
        Self {
            client: client(&sandbox),
            bearer: access_token(&sandbox).await,
            sandbox,
        }
    }

    async fn send(&self, message: &Value) -> Response {
        self.send_to(&self.sandbox.brand().project_id, message)
            .await
    }

    async fn send_to(&self, project: &str, message: &Value) -> Response {
        self.client
            .post(format!(
                "{}/v1/projects/{project}/messages:send",
                self.sandbox.fcm_url()
            ))
            .header("authorization", format!("Bearer {}", self.bearer))
            .body(message.to_string())
            .send()
            .await
            .unwrap()
    }
}

#[tokio::test]
async fn a_right_message_is_accepted_and_recorded() {
    let sender = Sender::new().await;
    let response = sender.send(&message()).await;
    assert_eq!(response.status(), 200);
    let name = body(response).await["name"].as_str().unwrap().to_owned();
    assert!(
        name.starts_with("projects/demo-sandbox/messages/"),
        "{name}"
    );
    let push = &sender.sandbox.pushes()[0];
    assert_eq!((push.device_token.as_str(), push.status), (TOKEN, 200));
    assert_eq!(push.payload, message());
    assert_eq!(sender.send(&message()).await.status(), 200);
    let visible = sender.sandbox.visible();
    assert_eq!(
        (visible[0].visible, visible[0].accepted),
        (1, 2),
        "equal tags replace"
    );
}

#[tokio::test]
async fn an_access_token_is_for_its_project_and_time() {
    let mut sender = Sender::new().await;
    assert_eq!(sender.send_to("another", &message()).await.status(), 403);
    assert_eq!(sender.send_to("a/b", &message()).await.status(), 404);
    sender.sandbox.advance(Duration::from_hours(1));
    let response = sender.send(&message()).await;
    assert_eq!(response.status(), 401);
    assert_eq!(body(response).await["error"]["status"], "UNAUTHENTICATED");
    sender.bearer = access_token(&sender.sandbox).await;
    assert_eq!(sender.send(&message()).await.status(), 200);
    sender.sandbox.revoke_access_tokens();
    assert_eq!(sender.send(&message()).await.status(), 401);
    assert_eq!(sender.sandbox.grants(), 2);
}

#[tokio::test]
async fn each_wrong_message_names_its_field() {
    let sender = Sender::new().await;
    let cases = [
        (
            "/message/data/transactionId",
            json!(1),
            "message.data[0].value",
        ),
        ("/message/android/ttl", json!(123), "message.android.ttl"),
        ("/message/android/ttl", json!("123"), "message.android.ttl"),
        (
            "/message/android/ttl",
            json!("2419201s"),
            "message.android.ttl",
        ),
        (
            "/message/android/priority",
            json!("urgent"),
            "message.android.priority",
        ),
        (
            "/message/android/notification/tag",
            json!(1),
            "message.android.notification.tag",
        ),
        ("/message/notification", json!("x"), "message.notification"),
        (
            "/message/android",
            json!({ "time_to_live": 1 }),
            "message.android",
        ),
        ("/message/token", json!(7), "message.token"),
    ];
    for (pointer, value, field) in cases {
        let mut message = message();
        *message.pointer_mut(pointer).unwrap() = value;
        let response = sender.send(&message).await;
        assert_eq!(response.status(), 400, "{pointer}");
        let error = body(response).await["error"].take();
        assert_eq!(error["status"], "INVALID_ARGUMENT");
        assert_eq!(
            error["details"][0]["@type"],
            "type.googleapis.com/google.rpc.BadRequest"
        );
        assert_eq!(
            error["details"][0]["fieldViolations"][0]["field"], field,
            "{pointer}"
        );
    }
    let mut unknown = message();
    unknown["message"]["surprise"] = json!(1);
    assert_eq!(sender.send(&unknown).await.status(), 400);
}

#[tokio::test]
async fn what_fcm_itself_refuses_carries_its_code() {
    let sender = Sender::new().await;
    let spoiled = |pointer: &str, value: Value| {
        let mut message = message();
        *message.pointer_mut(pointer).unwrap() = value;
        message
    };
    for message in [
        spoiled("/message/token", json!("not a token")),
        spoiled("/message/data", json!({ "from": "x" })),
        spoiled("/message/data", json!({ "google.x": "x" })),
        spoiled("/message/notification/body", json!("x".repeat(4096))),
    ] {
        let response = sender.send(&message).await;
        assert_eq!(response.status(), 400);
        let error = body(response).await["error"].take();
        assert_eq!(
            error["details"][0],
            json!({
                "@type": "type.googleapis.com/google.firebase.fcm.v1.FcmError",
                "errorCode": "INVALID_ARGUMENT",
            })
        );
    }
    let other = Some("another-project".to_owned());
    sender.sandbox.declare(
        TOKEN,
        Device {
            project: other,
            ..Device::default()
        },
    );
    assert_eq!(
        sender.send(&message()).await.status(),
        403,
        "SENDER_ID_MISMATCH"
    );
}

#[tokio::test]
async fn every_documented_code_has_its_status() {
    let sender = Sender::new().await;
    let documented = [
        (404, "UNREGISTERED", "NOT_FOUND"),
        (403, "SENDER_ID_MISMATCH", "PERMISSION_DENIED"),
        (429, "QUOTA_EXCEEDED", "RESOURCE_EXHAUSTED"),
        (503, "UNAVAILABLE", "UNAVAILABLE"),
        (500, "INTERNAL", "INTERNAL"),
        (401, "THIRD_PARTY_AUTH_ERROR", "UNAUTHENTICATED"),
        (400, "INVALID_ARGUMENT", "INVALID_ARGUMENT"),
    ];
    for (http, code, status) in documented {
        sender
            .sandbox
            .script(TOKEN, [Answer::reason(code).once().retry_after("30")]);
        let response = sender.send(&message()).await;
        assert_eq!(response.status().as_u16(), http, "{code}");
        assert_eq!(response.headers()["retry-after"], "30");
        let error = body(response).await["error"].take();
        assert_eq!(
            (&error["code"], &error["status"]),
            (&json!(http), &json!(status))
        );
        assert_eq!(error["details"][0]["errorCode"], code);
    }
    assert_eq!(sender.send(&message()).await.status(), 200);
}

#[tokio::test]
async fn an_assertion_is_checked() {
    let sandbox = sandbox().await;
    let account = sandbox.service_account();
    let right = claims(&sandbox);
    let spoiled = |name: &str, value: Value| {
        let mut claims = right.clone();
        claims[name] = value;
        claims
    };
    let now = sandbox.now().as_second();
    let cases = [
        (spoiled("iss", json!("nobody@example.com")), "invalid_grant"),
        (
            spoiled("aud", json!("https://example.com/token")),
            "invalid_grant",
        ),
        (spoiled("exp", json!(now + 7200)), "invalid_grant"),
        (spoiled("exp", json!(now - 1)), "invalid_grant"),
        (spoiled("iat", json!(now + 3000)), "invalid_grant"),
        (spoiled("scope", json!("openid")), "invalid_scope"),
    ];
    for (claims, error) in cases {
        let response = ask(&sandbox, GRANT, &account, &claims).await;
        assert_eq!(response.status(), 400);
        assert_eq!(body(response).await["error"], error, "{claims}");
    }
    let response = ask(&sandbox, "password", &account, &right).await;
    assert_eq!(body(response).await["error"], "unsupported_grant_type");

    let other = Brand::new("other").unwrap();
    let mut forged = sandbox.service_account_of(&other);
    forged["private_key_id"] = account["private_key_id"].clone();
    let response = ask(&sandbox, GRANT, &forged, &right).await;
    assert_eq!(
        body(response).await["error"],
        "invalid_grant",
        "another's key"
    );

    let response = ask(&sandbox, GRANT, &account, &right).await;
    let granted = body(response).await;
    assert_eq!(
        (&granted["expires_in"], &granted["token_type"]),
        (&json!(3599), &json!("Bearer"))
    );

    sandbox.script(
        scripts::OAUTH,
        [Answer::reason("internal_failure").status(503).once()],
    );
    assert_eq!(ask(&sandbox, GRANT, &account, &right).await.status(), 503);
    assert_eq!(ask(&sandbox, GRANT, &account, &right).await.status(), 200);
}
