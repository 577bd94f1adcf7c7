//! APNs: what Apple checks, header by header.

use crate::support::{PATIENCE, body, client, provider_token, sandbox, start};
use reqwest::{Client, Method, StatusCode};
use sandbox::{Brand, Device, Environment, Gateway, Options, Sandbox, TokenUpdates};
use serde_json::Value;
use std::{collections::BTreeMap, sync::Mutex, time::Duration};

/// A sandbox's provider token, the same until it is 20 minutes old: a change that comes sooner, as
/// from one second to the next, is refused.
fn kept_token(sandbox: &Sandbox) -> String {
    static KEPT: Mutex<BTreeMap<(String, String), (i64, String)>> = Mutex::new(BTreeMap::new());
    let now = sandbox.now().as_second();
    let mut kept = KEPT.lock().unwrap();
    let key = sandbox.apns_key();
    let whose = (sandbox.apns_url(Environment::Production), key.pem.clone());
    let (issued, token) = kept.entry(whose).or_default();
    if !(0..20 * 60).contains(&(now - *issued)) {
        *issued = now;
        *token = provider_token(&key, now);
    }
    token.clone()
}

pub(crate) const TOKEN: &str = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
const PAYLOAD: &str = r#"{"aps":{"alert":{"body":"hello"}}}"#;

/// A request that Apple takes; each test spoils one thing.
pub(crate) struct Request {
    method: Method,
    environment: Environment,
    path: String,
    headers: Vec<(&'static str, String)>,
    payload: String,
}

impl Request {
    pub(crate) fn new(sandbox: &Sandbox) -> Self {
        let token = kept_token(sandbox);
        Self {
            method: Method::POST,
            environment: Environment::Production,
            path: format!("/3/device/{TOKEN}"),
            headers: vec![
                ("authorization", format!("bearer {token}")),
                ("apns-topic", "com.example.shop".to_owned()),
                ("apns-push-type", "alert".to_owned()),
                ("apns-priority", "10".to_owned()),
                ("apns-expiration", "4000000000".to_owned()),
                ("apns-collapse-id", "one".to_owned()),
                ("apns-id", "eabeae54-14a8-11e5-b60b-1697f925ec7b".to_owned()),
            ],
            payload: PAYLOAD.to_owned(),
        }
    }

    pub(crate) fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self = self.without(name);
        self.headers.push((name, value.into()));
        self
    }

    pub(crate) fn without(mut self, name: &str) -> Self {
        self.headers.retain(|(n, _)| *n != name);
        self
    }

    pub(crate) async fn send(
        &self,
        client: &Client,
        sandbox: &Sandbox,
    ) -> reqwest::Result<reqwest::Response> {
        let url = format!("{}{}", sandbox.apns_url(self.environment), self.path);
        let mut request = client
            .request(self.method.clone(), url)
            .body(self.payload.clone());
        for (name, value) in &self.headers {
            request = request.header(*name, value);
        }
        request.send().await
    }

    /// The status and reason answered, over a connection of its own.
    pub(crate) async fn outcome(&self, sandbox: &Sandbox) -> (u16, String) {
        let response = self.send(&client(sandbox), sandbox).await.unwrap();
        let status = response.status().as_u16();
        let body = body(response).await;
        (
            status,
            body["reason"].as_str().unwrap_or_default().to_owned(),
        )
    }
}

#[tokio::test]
async fn a_right_push_is_accepted_and_recorded() {
    let sandbox = sandbox().await;
    let response = Request::new(&sandbox)
        .send(&client(&sandbox), &sandbox)
        .await
        .unwrap();
    assert_eq!(response.status(), StatusCode::OK);
    assert_eq!(response.version(), reqwest::Version::HTTP_2);
    assert_eq!(
        response.headers()["apns-id"],
        "eabeae54-14a8-11e5-b60b-1697f925ec7b"
    );
    let pushes = sandbox.wait_for_count(1, PATIENCE).await.unwrap();
    let push = &pushes[0];
    assert_eq!(push.gateway, Gateway::Apns);
    assert_eq!(push.environment, Some(Environment::Production));
    assert_eq!(push.device_token, TOKEN);
    assert_eq!(push.headers["apns-collapse-id"], "one");
    assert!(
        !push.headers.contains_key("authorization"),
        "credentials are not recorded"
    );
    assert_eq!(
        push.payload,
        serde_json::from_str::<Value>(PAYLOAD).unwrap()
    );
    assert_eq!(
        (push.status, push.reason.as_deref(), push.accepted),
        (200, None, true)
    );
}

#[tokio::test]
async fn each_wrong_header_has_its_reason() {
    let sandbox = sandbox().await;
    let right = || Request::new(&sandbox);
    let cases = [
        (
            right().without("authorization"),
            403,
            "MissingProviderToken",
        ),
        (
            right().with("authorization", "basic abc"),
            403,
            "MissingProviderToken",
        ),
        (
            right().with("authorization", "bearer abc"),
            403,
            "InvalidProviderToken",
        ),
        (right().without("apns-topic"), 400, "MissingTopic"),
        (right().with("apns-topic", "not a topic"), 400, "BadTopic"),
        (
            right().with("apns-push-type", "sms"),
            400,
            "InvalidPushType",
        ),
        (right().with("apns-priority", "11"), 400, "BadPriority"),
        (
            right().with("apns-expiration", "soon"),
            400,
            "BadExpirationDate",
        ),
        (
            right().with("apns-collapse-id", "x".repeat(65)),
            400,
            "BadCollapseId",
        ),
        (right().with("apns-id", "42"), 400, "BadMessageId"),
    ];
    for (request, status, reason) in cases {
        assert_eq!(request.outcome(&sandbox).await, (status, reason.to_owned()));
    }
    let mut twice = right();
    twice
        .headers
        .push(("apns-topic", "com.example.shop".to_owned()));
    assert_eq!(
        twice.outcome(&sandbox).await,
        (400, "DuplicateHeaders".to_owned())
    );
    let longest = right().with("apns-collapse-id", "x".repeat(64));
    assert_eq!(longest.outcome(&sandbox).await.0, 200);
    let bare = right()
        .without("apns-priority")
        .without("apns-push-type")
        .without("apns-expiration")
        .without("apns-collapse-id")
        .without("apns-id");
    assert_eq!(
        bare.outcome(&sandbox).await.0,
        200,
        "these headers are optional"
    );
}

#[tokio::test]
async fn each_wrong_path_or_method_has_its_reason() {
    let sandbox = sandbox().await;
    let at = |path: &str| Request {
        path: path.to_owned(),
        ..Request::new(&sandbox)
    };
    let cases = [
        (at("/3/device/"), 400, "MissingDeviceToken"),
        (at("/3/device/xyz"), 400, "BadDeviceToken"),
        (at("/3/device/abcdef"), 400, "BadDeviceToken"),
        (at("/4/device/abcdef"), 404, "BadPath"),
        (at(&format!("/3/device/{TOKEN}/x")), 404, "BadPath"),
        (
            Request {
                method: Method::GET,
                ..Request::new(&sandbox)
            },
            405,
            "MethodNotAllowed",
        ),
    ];
    for (request, status, reason) in cases {
        assert_eq!(request.outcome(&sandbox).await, (status, reason.to_owned()));
    }
}

#[tokio::test]
async fn each_wrong_payload_has_its_reason() {
    let sandbox = sandbox().await;
    let sized = |bytes: usize| {
        let frame = r#"{"aps":{"alert":""}}"#.len();
        format!(r#"{{"aps":{{"alert":"{}"}}}}"#, "x".repeat(bytes - frame))
    };
    let cases = [
        (String::new(), 400, "PayloadEmpty"),
        ("{".to_owned(), 400, "PayloadEmpty"),
        (r#"{"alert":"x"}"#.to_owned(), 400, "PayloadEmpty"),
        (sized(4096), 200, ""),
        (sized(4097), 413, "PayloadTooLarge"),
    ];
    for (payload, status, reason) in cases {
        let request = Request {
            payload,
            ..Request::new(&sandbox)
        };
        assert_eq!(request.outcome(&sandbox).await, (status, reason.to_owned()));
    }
}

#[tokio::test]
async fn a_provider_token_is_checked() {
    let sandbox = sandbox().await;
    let key = sandbox.apns_key();
    let now = sandbox.now().as_second();
    let bearer =
        |token: String| Request::new(&sandbox).with("authorization", format!("bearer {token}"));
    let invalid = (403, "InvalidProviderToken".to_owned());

    let mut other_team = key.clone();
    other_team.team_id = "OTHERTEAM0".into();
    assert_eq!(
        bearer(provider_token(&other_team, now))
            .outcome(&sandbox)
            .await,
        invalid
    );

    let mut forged = Brand::new("forger").unwrap().apns_key();
    forged.key_id.clone_from(&key.key_id);
    forged.team_id.clone_from(&key.team_id);
    assert_eq!(
        bearer(provider_token(&forged, now)).outcome(&sandbox).await,
        invalid
    );

    assert_eq!(
        bearer(provider_token(&key, now + 3600))
            .outcome(&sandbox)
            .await,
        invalid
    );
    assert_eq!(
        bearer(provider_token(&key, now - 3500))
            .outcome(&sandbox)
            .await
            .0,
        200
    );
    let expired = (403, "ExpiredProviderToken".to_owned());
    assert_eq!(
        bearer(provider_token(&key, now - 3700))
            .outcome(&sandbox)
            .await,
        expired
    );

    let young = bearer(provider_token(&key, now));
    assert_eq!(young.outcome(&sandbox).await.0, 200);
    sandbox.advance(Duration::from_secs(3700));
    assert_eq!(young.outcome(&sandbox).await, expired, "the clock moves");
}

#[tokio::test]
async fn a_provider_token_must_not_change_too_often() {
    let sandbox = sandbox().await;
    let key = sandbox.apns_key();
    let now = sandbox.now().as_second();
    let at = |issued| {
        let token = provider_token(&key, issued);
        Request::new(&sandbox).with("authorization", format!("bearer {token}"))
    };
    let client = client(&sandbox);
    let status = async |request: Request| {
        request
            .send(&client, &sandbox)
            .await
            .unwrap()
            .status()
            .as_u16()
    };
    assert_eq!(status(at(now - 60)).await, 200);
    assert_eq!(status(at(now)).await, 429, "TooManyProviderTokenUpdates");
    assert_eq!(
        at(now).outcome(&sandbox).await.0,
        200,
        "another connection is another sender"
    );
    sandbox.advance(Duration::from_mins(20));
    assert_eq!(status(at(now)).await, 200);

    let free = start(Options {
        token_updates: TokenUpdates::Free,
        ..Options::default()
    })
    .await;
    let client = self::client(&free);
    for issued in [now - 60, now] {
        let response = at(issued).send(&client, &free).await.unwrap();
        assert_eq!(
            response.status(),
            StatusCode::OK,
            "the check can be switched off"
        );
    }
    let strict = start(Options {
        token_updates: TokenUpdates::PerKey,
        ..Options::default()
    })
    .await;
    assert_eq!(at(now - 60).outcome(&strict).await.0, 200);
    assert_eq!(at(now).outcome(&strict).await.0, 429);
}

#[tokio::test]
async fn a_device_belongs_to_one_environment_and_topic() {
    let sandbox = sandbox().await;
    sandbox.declare(
        TOKEN,
        Device {
            environment: Some(Environment::Development),
            topic: Some("com.example.other".into()),
            project: None,
        },
    );
    let production = Request::new(&sandbox);
    assert_eq!(
        production.outcome(&sandbox).await,
        (400, "BadDeviceToken".to_owned())
    );
    let development = Request {
        environment: Environment::Development,
        ..Request::new(&sandbox)
    };
    assert_eq!(
        development.outcome(&sandbox).await,
        (400, "DeviceTokenNotForTopic".to_owned())
    );
    let right = development.with("apns-topic", "com.example.other");
    assert_eq!(right.outcome(&sandbox).await.0, 200);
    assert_eq!(
        sandbox.pushes()[2].environment,
        Some(Environment::Development)
    );
}

#[tokio::test]
async fn a_second_team_has_its_own_key_and_topics() {
    let sandbox = sandbox().await;
    let other = Brand::new("other").unwrap().with_topics(["com.other.app"]);
    let key = other.apns_key();
    sandbox.put_brand(other);
    let token = provider_token(&key, sandbox.now().as_second());
    let request = Request::new(&sandbox).with("authorization", format!("bearer {token}"));
    assert_eq!(
        request.outcome(&sandbox).await,
        (400, "TopicDisallowed".to_owned())
    );
    let request = request.with("apns-topic", "com.other.app");
    assert_eq!(request.outcome(&sandbox).await.0, 200);
}
