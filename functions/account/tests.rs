//! Tests of the routes, behind their guard and on a table of their own.

use super::*;
use axum::{
    Router,
    body::{Body, to_bytes},
    http::Request,
};
use domain::{
    access::{Role, Staff},
    clock::SystemClock,
    store::Unavailable,
};
use dynamodb::Table;
use jiff::{SignedDuration, Timestamp};
use lambda::{
    Group, Guard,
    auth::{BrandTokens, ConsumerTokens, FetchJwks},
    secrets::{CannotRead, ReadSecrets},
};
use secrecy::SecretString;
use serde_json::{Value, json};
use testkit::dynamodb::Emulator;
use tower::ServiceExt as _;

#[derive(Clone, Copy)]
struct Given;

impl ReadSecrets for Given {
    async fn read(&self, _: &str) -> Result<SecretString, CannotRead> {
        Ok(r#"{"current": "a key"}"#.to_owned().into())
    }
}

impl FetchJwks for Given {
    async fn fetch(&self, _: &str) -> Result<Vec<u8>, Unavailable> {
        Err(Unavailable::new("there is no provider"))
    }
}

struct World {
    router: Router,
    _emulator: Emulator,
}

async fn tokens() -> BrandTokens<Given> {
    BrandTokens::new(Given, "arn", Timestamp::now())
        .await
        .unwrap()
}

impl World {
    async fn new() -> Self {
        let emulator = Emulator::start().await;
        let retention = SignedDuration::from_hours(24);
        let ports = Ports {
            table: Table::new(emulator.client(), emulator.table(), retention),
            clock: SystemClock::default(),
        };
        let guard = Guard::new(
            ports.table.clone(),
            Group::Campaigns,
            ports.clock,
            Some(tokens().await),
            ConsumerTokens::new(Given),
        );
        let router = routes().with_state(ports);
        Self {
            router: lambda::app(guard.over(router)),
            _emulator: emulator,
        }
    }

    async fn call(&self, role: Role, line: &str, body: Value) -> (u16, Value) {
        let staff = Staff {
            account: "acme".parse().unwrap(),
            subject: "eve".into(),
            roles: vec![role],
            skills: Vec::new(),
        };
        let token = tokens().await.issue(&staff, Timestamp::now()).await;
        let (method, path) = line.split_once(' ').unwrap();
        let request = Request::builder()
            .method(method)
            .uri(format!("/api/v2/account/acme/{path}"))
            .header("authorization", format!("Bearer {}", token.unwrap()))
            .header("content-type", "application/json")
            .body(Body::from(body.to_string()))
            .unwrap();
        let answer = self.router.clone().oneshot(request).await.unwrap();
        let status = answer.status().as_u16();
        let body = to_bytes(answer.into_body(), usize::MAX).await.unwrap();
        (status, serde_json::from_slice(&body).unwrap_or_default())
    }
}

fn app() -> Value {
    json!({
        "ios": {"route": "apns", "teamId": "TEAM123456", "keyId": "KEY1234567",
            "topic": "com.example.shop", "credential": "arn:aws:secretsmanager:eu-west-1:1:secret:overture/acme/apns"},
        "identity": {"issuer": "https://id.example.com", "audience": "shop",
            "jwksUri": "https://id.example.com/jwks.json"},
    })
}

#[tokio::test]
async fn apps_are_kept() {
    let world = World::new().await;
    let (status, made) = world
        .call(Role::Admin, "PUT apps/com.example.shop", app())
        .await;
    assert_eq!(
        (status, &made["appName"]),
        (200, &"com.example.shop".into())
    );
    assert_eq!(made["ios"], app()["ios"]);
    let read = world
        .call(
            Role::CampaignManager,
            "GET apps/com.example.shop",
            json!(null),
        )
        .await;
    assert_eq!(read, (200, made.clone()));
    let listed = world.call(Role::Admin, "GET apps", json!(null)).await;
    assert_eq!(listed, (200, json!({"apps": [made]})));
    for expected in [204, 404] {
        let (status, _) = world
            .call(Role::Admin, "DELETE apps/com.example.shop", json!(null))
            .await;
        assert_eq!(status, expected);
    }
}

#[tokio::test]
async fn what_is_wrong_with_an_app_is_said_where() {
    let world = World::new().await;
    for (place, value, pointer, code) in [
        ("/ios/teamId", json!("short"), "/ios/teamId", "INVALID_APP"),
        (
            "/ios/credential",
            json!("a key"),
            "/ios/credential",
            "INVALID_APP",
        ),
        ("/ios", json!(null), "", "INVALID_APP"),
        (
            "/identity/jwksUri",
            json!("http://id"),
            "/identity/jwksUri",
            "INVALID_APP",
        ),
        (
            "/identity/issuer",
            json!(1),
            "/identity/issuer",
            "INVALID_BODY",
        ),
        ("/ios/route", json!("pigeon"), "/ios/route", "INVALID_BODY"),
    ] {
        let mut app = app();
        *app.pointer_mut(place).unwrap() = value;
        let (status, problem) = world.call(Role::Admin, "PUT apps/shop", app).await;
        assert_eq!(status, 422, "{place}: {problem}");
        assert_eq!(problem["code"], code, "{place}: {problem}");
        assert_eq!(problem["errors"][0]["pointer"], pointer, "{problem}");
    }
}

#[tokio::test]
async fn only_an_operator_changes_limits_and_the_rest_stays() {
    let world = World::new().await;
    let (status, problem) = world
        .call(
            Role::Admin,
            "PUT settings",
            json!({"defaultSkill": "sales"}),
        )
        .await;
    assert_eq!((status, &problem["code"]), (422, &"UNKNOWN_SKILL".into()));
    world.call(Role::Admin, "PUT skills/sales", json!({})).await;
    let wish = json!({"defaultSkill": "sales", "welcomeMessage": "Hello"});
    let (status, _) = world.call(Role::Admin, "PUT settings", wish).await;
    assert_eq!(status, 200);
    let limits = json!({"limits": {"recipientsPerCampaign": 500}});
    let (status, _) = world
        .call(Role::Admin, "PUT settings", limits.clone())
        .await;
    assert_eq!(status, 403);
    let (status, settings) = world.call(Role::Operator, "PUT settings", limits).await;
    assert_eq!(status, 200);
    assert_eq!(
        settings,
        json!({"defaultSkill": "sales", "welcomeMessage": "Hello", "paused": false, "limits":
            {"recipientsPerCampaign": 500, "sendsPerSecond": 10, "requestsPerSecond": 10,
                "recipientsPerDay": 100_000}})
    );
    let (status, problem) = world
        .call(
            Role::Operator,
            "PUT settings",
            json!({"limits": {"sendsPerSecond": 0}}),
        )
        .await;
    assert_eq!((status, &problem["code"]), (422, &"INVALID_LIMIT".into()));
}

#[tokio::test]
async fn skills_have_any_script() {
    let world = World::new().await;
    let description = json!({"description": "Fragen vor dem Kauf"});
    let (status, skill) = world
        .call(Role::Admin, "PUT skills/vor%20%C3%9C", description)
        .await;
    assert_eq!((status, &skill["name"]), (200, &"vor Ü".into()));
    let listed = world
        .call(Role::AgentManager, "GET skills", json!(null))
        .await;
    assert_eq!(listed, (200, json!({"skills": [skill]})));
    let (status, _) = world.call(Role::Agent, "GET skills", json!(null)).await;
    assert_eq!(status, 403);
}

#[tokio::test]
async fn a_client_s_secret_is_shown_once() {
    let world = World::new().await;
    let wish = json!({"name": "Back office", "roles": ["campaign-manager"]});
    let (status, mut made) = world.call(Role::Admin, "POST clients", wish).await;
    assert_eq!(status, 201, "{made}");
    let secret = made
        .as_object_mut()
        .unwrap()
        .remove("clientSecret")
        .unwrap();
    assert_eq!(secret.as_str().unwrap().len(), 64);
    let (_, listed) = world.call(Role::Admin, "GET clients", json!(null)).await;
    let listed = listed["clients"][0].as_object().unwrap();
    assert!(listed.keys().eq(made.as_object().unwrap().keys()));
    assert_eq!(listed["clientId"], made["clientId"]);
    let above = json!({"name": "Root", "roles": ["operator"]});
    let (status, problem) = world.call(Role::Admin, "POST clients", above).await;
    assert_eq!(
        (status, &problem["errors"][0]["pointer"]),
        (422, &"/roles".into())
    );
    let line = format!("DELETE clients/{}", made["clientId"].as_str().unwrap());
    assert_eq!(world.call(Role::Admin, &line, json!(null)).await.0, 204);
    assert_eq!(world.call(Role::Admin, &line, json!(null)).await.0, 404);
}

#[test]
fn every_call_is_documented() {
    let document = serde_json::to_value(document()).unwrap();
    let paths = document["paths"].as_object().unwrap();
    let calls = paths.values().flat_map(|path| path.as_object().unwrap());
    let mut count = 0;
    for (method, call) in calls {
        count += 1;
        assert!(call["summary"].is_string(), "{method} {call}");
        assert!(call["responses"]["429"].is_object(), "{method} {call}");
    }
    assert_eq!(count, 15);
    assert!(document["components"]["schemas"]["AppConfiguration"].is_object());
}
