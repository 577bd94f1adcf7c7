//! A brand's push proxy: what it checks, and what a script makes it answer.

use crate::support::{client, sandbox};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use hmac::{Hmac, KeyInit as _, Mac as _};
use reqwest::{Client, RequestBuilder};
use sandbox::{Answer, Gateway, Sandbox, scripts};
use serde_json::{Value, json};
use sha2::Sha256;

struct Sender {
    sandbox: Sandbox,
    client: Client,
    secret: Value,
}

fn iphone() -> Value {
    json!({
        "aps": {"alert": "Hello", "sound": "default"}, "push-service": 1, "device-token": "ab",
        "notificationType": "apn", "brandId": "demo", "backendService": "prmsg",
    })
}

fn android() -> Value {
    json!({
        "data": {"message": "Hello", "payload": {"brandId": "demo", "backendService": "ams"}},
        "push-service": 2, "device-token": "ab", "notificationType": "gcm",
    })
}

impl Sender {
    async fn new() -> Self {
        let sandbox = sandbox().await;
        Self {
            client: client(&sandbox),
            secret: sandbox.brand().proxy_secret(),
            sandbox,
        }
    }

    /// A request that is right, but for what is said.
    fn request(&self, id: &str, at: i64, body: &Value) -> RequestBuilder {
        let body = body.to_string();
        let key = self.secret["signingSecret"].as_str().unwrap();
        let key = STANDARD
            .decode(key.strip_prefix("whsec_").unwrap())
            .unwrap();
        let mut mac = Hmac::<Sha256>::new_from_slice(&key).unwrap();
        mac.update(format!("{id}.{at}.{body}").as_bytes());
        let signature = STANDARD.encode(mac.finalize().into_bytes());
        let text = |name: &str| self.secret[name].as_str().unwrap().to_owned();
        self.client
            .post(self.sandbox.proxy_url())
            .basic_auth(text("username"), Some(text("password")))
            .header("content-type", "application/json")
            .header("webhook-id", id)
            .header("webhook-timestamp", at)
            .header(
                "webhook-signature",
                format!("v1,bm90IHRoaXM= v1,{signature}"),
            )
            .body(body)
    }

    /// The status, and the reason in the record.
    async fn send(&self, request: RequestBuilder) -> (u16, Option<String>) {
        let answer = request.send().await.unwrap();
        let last = self.sandbox.pushes().pop().unwrap();
        assert_eq!(answer.status().as_u16(), last.status);
        (last.status, last.reason)
    }

    fn now(&self) -> i64 {
        self.sandbox.now().as_second()
    }
}

fn because(status: u16, reason: &str) -> (u16, Option<String>) {
    (status, Some(reason.to_owned()))
}

#[tokio::test]
async fn a_right_request_is_taken_and_recorded() {
    let sender = Sender::new().await;
    for body in [iphone(), android()] {
        let request = sender.request("one", sender.now(), &body);
        assert_eq!(sender.send(request).await, (200, None));
        let push = sender.sandbox.pushes().pop().unwrap();
        assert_eq!((push.gateway, push.payload), (Gateway::Proxy, body));
        assert_eq!(push.device_token, "ab");
        assert!(!push.headers.contains_key("authorization"));
    }
    let [device] = sender.sandbox.visible().try_into().unwrap();
    assert_eq!((device.visible, device.accepted), (1, 2), "one webhook id");
}

#[tokio::test]
async fn who_calls_is_checked() {
    let mut sender = Sender::new().await;
    let now = sender.now();
    let right = std::mem::replace(&mut sender.secret["password"], "wrong".into());
    let wrong = sender.request("one", now, &iphone());
    assert_eq!(sender.send(wrong).await, because(401, "BadCredentials"));
    sender.secret["password"] = right;
    let bare = sender.client.post(sender.sandbox.proxy_url()).body("{}");
    assert_eq!(sender.send(bare).await, because(401, "BadCredentials"));
    let changed = sender
        .request("one", now, &iphone())
        .body(android().to_string());
    assert_eq!(sender.send(changed).await, because(401, "BadSignature"));
    for at in [now - 400, now + 400] {
        let old = sender.request("one", at, &iphone());
        assert_eq!(sender.send(old).await, because(401, "BadTimestamp"));
    }
    let nameless = sender.request("a.b", now, &iphone());
    assert_eq!(sender.send(nameless).await, because(400, "NoWebhookId"));
}

#[tokio::test]
async fn the_body_is_checked() {
    let sender = Sender::new().await;
    let changed = |mut body: Value, pointer: &str| {
        *body.pointer_mut(pointer).unwrap() = Value::Null;
        body
    };
    for (body, reason) in [
        (json!([]), "NoDeviceToken"),
        (changed(iphone(), "/device-token"), "NoDeviceToken"),
        (changed(iphone(), "/aps/alert"), "NoAlert"),
        (changed(iphone(), "/brandId"), "NoBrand"),
        (changed(iphone(), "/notificationType"), "BadPushService"),
        (changed(android(), "/push-service"), "BadPushService"),
        (changed(android(), "/data/message"), "NoMessage"),
        (changed(android(), "/data/payload"), "NoBrand"),
    ] {
        let request = sender.request("one", sender.now(), &body);
        assert_eq!(sender.send(request).await, because(400, reason), "{body}");
    }
    let mut large = iphone();
    large["aps"]["alert"] = "x".repeat(4096).into();
    let request = sender.request("one", sender.now(), &large);
    assert_eq!(sender.send(request).await, because(413, "TooLarge"));
}

#[tokio::test]
async fn it_answers_as_it_is_told() {
    let sender = Sender::new().await;
    let busy = Answer::reason("429").once().retry_after("5");
    let moved = Answer::reason("308").once();
    sender.sandbox.script(scripts::PROXY, [busy, moved]);
    let request = || sender.request("one", sender.now(), &iphone());
    let answer = request().send().await.unwrap();
    assert_eq!(answer.headers()["retry-after"], "5");
    sender
        .sandbox
        .script("ab", [Answer::reason("Sleepy").status(503).once()]);
    assert_eq!(sender.send(request()).await, because(503, "Sleepy"));
    sender.sandbox.set_proxy_reachable(false);
    assert!(request().send().await.is_err());
    sender.sandbox.set_proxy_reachable(true);
    sender.sandbox.forget(scripts::PROXY);
    assert_eq!(sender.send(request()).await, (200, None));
}
