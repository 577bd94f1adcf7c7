//! Tests of the guard, through a router.

use super::*;
use crate::{
    auth::{consumer::tests as consumers, token::tests as brand},
    may, serve,
};
use axum::{
    body::{Body, to_bytes},
    http::HeaderMap,
    routing::get,
};
use domain::{
    access::Role,
    account::{App, Limits, Settings},
};
use serde_json::{Value, json};
use std::{collections::HashMap, sync::Mutex};
use tower::ServiceExt as _;

/// An account's store, as far as a guard needs one.
#[derive(Clone)]
struct Store {
    apps: consumers::Apps,
    buckets: Arc<Mutex<HashMap<String, Timestamp>>>,
    fails: bool,
}

impl ReadApps for Store {
    async fn apps(&self, account: &AccountId) -> Result<Vec<App>, Unavailable> {
        match account.as_str() {
            "acme" => self.apps.apps(account).await,
            _ => Ok(Vec::new()),
        }
    }
}

impl ReadSettings for Store {
    async fn settings(&self, _: &AccountId) -> Result<Settings, Unavailable> {
        let limits = Limits {
            requests_per_second: 2,
            ..Limits::default()
        };
        Ok(Settings {
            limits,
            ..Settings::default()
        })
    }
}

impl Limiter for Store {
    async fn take(
        &self,
        account: &AccountId,
        bucket: &str,
        pace: Pace,
        now: Timestamp,
    ) -> Result<Decision, Unavailable> {
        if self.fails {
            return Err(Unavailable::new("down"));
        }
        let mut buckets = self.buckets.lock().unwrap();
        let full_until = buckets.entry(format!("{account} {bucket}")).or_insert(now);
        let decision = pace.decide(*full_until, now);
        if decision.taken {
            *full_until += pace.step();
        }
        Ok(decision)
    }
}

struct Still;

impl Clock for Still {
    fn now(&self) -> Timestamp {
        brand::now()
    }
}

struct World {
    router: Router,
    signer: consumers::Signer,
    secret: brand::Given,
}

impl World {
    async fn new(fails: bool) -> Self {
        let signer = consumers::Signer::new("one");
        let secret = brand::Given::new(json!({"current": "a key"}));
        let store = Store {
            apps: consumers::apps(),
            buckets: Arc::default(),
            fails,
        };
        let guard = Guard::new(
            store,
            Group::Campaigns,
            Still,
            Some(
                BrandTokens::new(secret.clone(), "arn", brand::now())
                    .await
                    .unwrap(),
            ),
            ConsumerTokens::new(signer.provider()),
        );
        let routes = Router::new()
            .route(
                "/{accountId}/handoffs",
                get(async |caller: Allowed<may::ReadHandoffs>| caller.account.to_string())
                    .post(async |caller: Allowed<may::WriteHandoffs>| caller.subject.clone()),
            )
            .route(
                "/{accountId}/me",
                get(async |me: LoggedIn| format!("{} {}", me.account, me.id)),
            );
        Self {
            router: serve::app(guard.over(routes)),
            signer,
            secret,
        }
    }

    async fn staff(&self, account: &str, role: Role) -> String {
        let tokens = BrandTokens::new(self.secret.clone(), "arn", brand::now()).await;
        let staff = brand::staff(account, role);
        tokens.unwrap().issue(&staff, brand::now()).await.unwrap()
    }

    fn consumer(&self) -> String {
        self.signer.sign(&consumers::claims())
    }

    async fn call(&self, line: &str, token: Option<&str>) -> (u16, HeaderMap, String) {
        let (method, path) = line.split_once(' ').unwrap();
        let mut request = Request::builder().method(method).uri(path);
        if let Some(token) = token {
            request = request.header("authorization", format!("Bearer {token}"));
        }
        let request = request.body(Body::empty()).unwrap();
        let (parts, body) = self
            .router
            .clone()
            .oneshot(request)
            .await
            .unwrap()
            .into_parts();
        let body = to_bytes(body, usize::MAX).await.unwrap();
        let body = String::from_utf8(body.to_vec()).unwrap();
        (parts.status.as_u16(), parts.headers, body)
    }

    async fn refused(&self, line: &str, token: Option<&str>) -> (u16, String) {
        let (status, _, body) = self.call(line, token).await;
        let body: Value = serde_json::from_str(&body).unwrap();
        (status, body["code"].as_str().unwrap().to_owned())
    }
}

fn code(status: u16, code: &str) -> (u16, String) {
    (status, code.to_owned())
}

#[tokio::test]
async fn callers_are_known_by_their_tokens() {
    let world = World::new(false).await;
    let admin = world.staff("acme", Role::Admin).await;
    let (status, _, body) = world.call("GET /acme/handoffs", Some(&admin)).await;
    assert_eq!((status, &*body), (200, "acme"));
    let (status, _, body) = world.call("GET /acme/me", Some(&world.consumer())).await;
    assert_eq!((status, &*body), (200, "acme user-0001"));
}

#[tokio::test]
async fn whoever_may_not_is_refused() {
    let world = World::new(false).await;
    let manager = world.staff("acme", Role::AgentManager).await;
    let other = world.staff("other", Role::Operator).await;
    let consumer = world.consumer();
    for (line, token, expected) in [
        ("GET /acme/handoffs", None, code(401, "UNAUTHORIZED")),
        (
            "GET /acme/handoffs",
            Some("garbage"),
            code(401, "UNAUTHORIZED"),
        ),
        (
            "POST /acme/handoffs",
            Some(&*manager),
            code(403, "FORBIDDEN"),
        ),
        ("GET /acme/handoffs", Some(&other), code(404, "NOT_FOUND")),
        ("GET /a%20b/handoffs", Some(&other), code(404, "NOT_FOUND")),
        (
            "GET /acme/handoffs",
            Some(&consumer),
            code(401, "WRONG_TOKEN_KIND"),
        ),
        (
            "GET /acme/me",
            Some(&manager),
            code(401, "WRONG_TOKEN_KIND"),
        ),
        ("GET /other/me", Some(&consumer), code(401, "UNAUTHORIZED")),
        ("GET /acme/nowhere", None, code(404, "NOT_FOUND")),
        ("PUT /acme/handoffs", None, code(405, "METHOD_NOT_ALLOWED")),
    ] {
        assert_eq!(world.refused(line, token).await, expected, "{line}");
    }
}

#[tokio::test]
async fn nobody_is_faster_than_they_may_be() {
    let world = World::new(false).await;
    let admin = world.staff("acme", Role::Admin).await;
    for left in ["1", "0"] {
        let (status, headers, _) = world.call("GET /acme/handoffs", Some(&admin)).await;
        assert_eq!(status, 200);
        assert_eq!(headers["ratelimit-limit"], "2");
        assert_eq!(headers["ratelimit-remaining"], left);
        assert_eq!(headers["ratelimit-reset"], "1");
        assert_eq!(headers["ratelimit-policy"], "2;w=1");
    }
    let (status, headers, body) = world.call("GET /acme/handoffs", Some(&admin)).await;
    assert_eq!(
        (status, &headers["retry-after"]),
        (429, &"1".parse().unwrap())
    );
    assert_eq!(headers["ratelimit-remaining"], "0");
    let body: Value = serde_json::from_str(&body).unwrap();
    assert_eq!(body["retryAfter"], 1);

    let (status, headers, _) = world.call("GET /acme/me", Some(&world.consumer())).await;
    assert_eq!(
        (status, &headers["ratelimit-limit"]),
        (200, &"10".parse().unwrap())
    );
}

#[tokio::test]
async fn without_a_limiter_nobody_passes() {
    let world = World::new(true).await;
    let admin = world.staff("acme", Role::Admin).await;
    let (status, _, body) = world.call("POST /acme/handoffs", Some(&admin)).await;
    let body: Value = serde_json::from_str(&body).unwrap();
    assert_eq!((status, &body["safeToResend"]), (503, &json!(true)));
}

#[tokio::test]
async fn a_route_without_a_guard_lets_nobody_in() {
    let route = get(async |_: Allowed<may::ReadHandoffs>| "in");
    let router = serve::app(Router::new().route("/{accountId}", route));
    let request = Request::get("/acme").body(Body::empty()).unwrap();
    assert_eq!(router.oneshot(request).await.unwrap().status(), 500);
}
