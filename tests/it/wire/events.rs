//! What API Gateway may hand to a function that the local stack's gateway would not: headers that
//! it joined, bodies that it encoded, paths that it decoded. Past the gateway, to the functions.

use super::is_sound;
use crate::world::{Answer, Brand, World};
use base64::{Engine as _, prelude::BASE64_STANDARD};
use serde_json::{Value, json};

/// The event of a call that names a skill.
fn put_skill(brand: &Brand<'_>, skill: &str) -> Value {
    let path = format!("/api/v2/account/acme/skills/{skill}");
    json!({
        "version": "2.0",
        "routeKey": "PUT /api/v2/account/{accountId}/skills/{name}",
        "rawPath": path,
        "rawQueryString": "",
        "headers": {
            "authorization": format!("Bearer {}", brand.token),
            "content-type": "application/json",
            "host": "api.example",
        },
        "pathParameters": {"accountId": "acme", "name": skill},
        "requestContext": {
            "accountId": "000000000000", "apiId": "local", "domainName": "api.example",
            "domainPrefix": "local", "requestId": "r-1", "routeKey": "PUT /x", "stage": "$default",
            "time": "12/Mar/2026:19:03:58 +0000", "timeEpoch": 1_773_342_238_000_i64,
            "http": {"method": "PUT", "path": path, "protocol": "HTTP/1.1",
                     "sourceIp": "203.0.113.1", "userAgent": "test"},
        },
        "body": "{}",
        "isBase64Encoded": false,
    })
}

async fn call(world: &World, event: &Value) -> Answer {
    let answer = world.event("account", event.clone()).await;
    is_sound(&answer, &event.to_string());
    answer
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn headers_that_were_joined_are_one_that_is_refused() {
    let world = World::start().await;
    let brand = world.brand("acme").await;
    let other = world.brand("other").await;
    let event = |name: &str, value: String| {
        let mut event = put_skill(&brand, "vip");
        event["headers"][name] = value.into();
        event
    };
    let (own, foreign) = (&brand.token, &other.token);
    for both in [
        format!("Bearer {own},Bearer {foreign}"),
        format!("Bearer {foreign},Bearer {own}"),
        format!("Bearer {own},Bearer {own}"),
        format!("Bearer {own}, Bearer {own}"),
        format!("Basic eDp5,Bearer {own}"),
        own.clone(),
        format!("Bearer {own} {own}"),
        "Bearer".to_owned(),
        "Bearer ,".to_owned(),
        ",".to_owned(),
        String::new(),
        "Bearer \u{e4}".to_owned(),
        format!("Bearer {}", "a".repeat(9_000)),
    ] {
        let answer = call(&world, &event("authorization", both)).await;
        answer.problem(401, "UNAUTHORIZED");
    }
    // What its type is said to be matters only when it is no JSON.
    for kind in ["application/json,text/plain", "", "\u{e4}"] {
        call(&world, &event("content-type", kind.to_owned()))
            .await
            .ok(200);
    }
    for (name, value) in [("x-a", "a\r\nb"), ("x-a", "\u{1}"), ("x a", "b"), ("", "b")] {
        let answer = call(&world, &event(name, value.to_owned())).await;
        answer.problem(400, "INVALID_HEADER");
    }
    for host in ["a b", "[", "x:99999", "xn--a", "", "a/b", "u:p@h", "\u{e4}"] {
        call(&world, &event("host", host.to_owned())).await.ok(200);
        call(&world, &event("x-forwarded-proto", host.to_owned()))
            .await
            .ok(200);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_body_is_read_in_base64_too_and_a_path_from_its_parameters() {
    let world = World::start().await;
    let brand = world.brand("acme").await;
    let mut event = put_skill(&brand, "coded");
    event["isBase64Encoded"] = true.into();
    event["body"] = BASE64_STANDARD
        .encode(r#"{"description": "In base64"}"#)
        .into();
    let made = call(&world, &event).await.ok(200);
    assert_eq!(made["description"], "In base64");
    for broken in ["{}", "e30", "e30=\n", "e3=0"] {
        event["body"] = broken.into();
        call(&world, &event).await.problem(422, "INVALID_BODY");
    }
    event["body"] = BASE64_STANDARD
        .encode(b"{\"description\": \"\xff\"}")
        .into();
    call(&world, &event).await.problem(400, "MALFORMED_JSON");
    event["body"] = Value::Null;
    call(&world, &event).await.problem(400, "MALFORMED_JSON");

    // The path comes decoded: what it is made of is told by its parameters alone.
    for name in ["a#b", "a?b=c", "..", "%2e%2e", "a%41", "a b", "plain"] {
        let made = call(&world, &put_skill(&brand, name)).await;
        if made.status == 200 {
            assert_eq!(made.body["name"], name);
        } else {
            made.problem(404, "NOT_FOUND");
        }
    }
    for (name, code) in [("\0", (422, "INVALID_ID")), ("", (404, "NOT_FOUND"))] {
        let answer = call(&world, &put_skill(&brand, name)).await;
        answer.problem(code.0, code.1);
    }
    let mut event = put_skill(&brand, "other");
    event["pathParameters"]["accountId"] = "other".into();
    call(&world, &event).await.problem(404, "NOT_FOUND");
    for lacking in ["headers", "pathParameters"] {
        let mut event = put_skill(&brand, "lacking");
        event[lacking] = Value::Null;
        let answer = call(&world, &event).await;
        assert!((400..500).contains(&answer.status), "{answer:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_query_of_several_values_is_refused_and_one_of_strange_bytes_is_read() {
    let world = World::start().await;
    let brand = world.brand("acme").await;
    let read = |query: &str| {
        let mut event = put_skill(&brand, "none");
        let path = "/api/v2/account/acme/audit";
        event["routeKey"] = "GET /api/v2/account/{accountId}/audit".into();
        event["rawPath"] = path.into();
        event["requestContext"]["http"] = json!({"method": "GET", "path": path});
        event["pathParameters"] = json!({"accountId": "acme"});
        event["rawQueryString"] = query.into();
        event["body"] = Value::Null;
        event
    };
    call(&world, &read("limit=7&unknown=1")).await.ok(200);
    for query in [
        "limit=1&limit=2",
        "limit=",
        "limit=%31%",
        "limit=1,2",
        "limit=0",
        "limit=-1",
    ] {
        call(&world, &read(query))
            .await
            .problem(400, "INVALID_QUERY");
    }
    for query in [
        "cursor=a b",
        "cursor=\u{e4}",
        "cursor=#\"<>",
        "cursor=%ff",
        "cursor=\u{1}\0",
    ] {
        call(&world, &read(query))
            .await
            .problem(400, "INVALID_CURSOR");
    }
    let long = read(&"a".repeat(70_000));
    call(&world, &long).await.problem(400, "INVALID_QUERY");
}
