//! API clients: their secrets, their end, and that nothing of them is kept in the clear.

use crate::world::{World, text};
use reqwest::Method;
use serde_json::json;
use std::time::Duration;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_is_rotated_without_a_gap() {
    let world = World::start().await;
    let brand = world.brand("acme").await;
    // From then on its calls are held to no pace.
    world.stack.advance(Duration::from_mins(1)).await;
    let wanted = json!({"name": "Back office", "roles": ["campaign-manager"]});
    let made = brand.post("clients", wanted).await.ok(201);
    let (id, first) = (text(&made["clientId"]), text(&made["clientSecret"]));
    let opens = async |secret: &str| {
        let answer = world.token_call("acme", &id, secret).await;
        if answer.status == 200 {
            return true;
        }
        answer.problem(401, "INVALID_CLIENT");
        false
    };
    let rotate = async |query: &str| {
        let path = format!("clients/{id}/rotate{query}");
        brand.send(Method::POST, &path, &[], None).await
    };
    assert!(opens(&first).await);
    let rotated = rotate("?keepHours=1").await.ok(200);
    let second = text(&rotated["clientSecret"]);
    assert_ne!(first, second);
    assert!(opens(&first).await && opens(&second).await, "two are live");
    let rotated = rotate("").await.ok(200);
    let third = text(&rotated["clientSecret"]);
    assert!(!opens(&first).await, "never three");
    assert!(opens(&second).await && opens(&third).await);
    for (query, status) in [
        ("?keepHours=169", 400),
        ("?keepHours=-1", 400),
        ("?keepHours=x", 400),
    ] {
        rotate(query).await.problem(status, "INVALID_QUERY");
    }
    let missing = brand.send(Method::POST, "clients/none/rotate", &[], None);
    missing.await.problem(404, "NOT_FOUND");

    let listed = brand.get("clients").await.ok(200).to_string();
    assert!(listed.contains("previousSecretExpiresAt"));
    let stored = json!(world.table()).to_string();
    for secret in [&first, &second, &third] {
        assert!(!listed.contains(secret.as_str()), "a secret is shown once");
        assert!(!stored.contains(secret.as_str()), "and kept as its digest");
    }
    world.stack.advance(Duration::from_hours(24)).await;
    assert!(!opens(&second).await, "the old one is over after a day");
    assert!(opens(&third).await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_that_ended_or_was_revoked_gets_no_token() {
    let world = World::start().await;
    let brand = world.brand("acme").await;
    // From then on its calls are held to no pace.
    world.stack.advance(Duration::from_mins(1)).await;
    let at = |seconds: i64| {
        let now = world.stack.clock().now();
        (now + jiff::SignedDuration::from_secs(seconds)).to_string()
    };
    let make = async |expires: serde_json::Value| {
        let wanted = json!({"name": "Job", "roles": ["campaign-manager"], "expiresAt": expires});
        brand.post("clients", wanted).await
    };
    for wrong in [json!(at(-1)), json!("tomorrow"), json!(7)] {
        let refused = make(wrong).await.problem(422, "INVALID_BODY");
        assert_eq!(refused["errors"][0]["pointer"], "/expiresAt");
    }
    let ends = at(600);
    let short = make(json!(ends)).await.ok(201);
    let ended: jiff::Timestamp = text(&short["expiresAt"]).parse().unwrap();
    assert_eq!(ended, ends.parse().unwrap());
    let long = make(json!(null)).await.ok(201);
    let secrets =
        |client: &serde_json::Value| (text(&client["clientId"]), text(&client["clientSecret"]));
    let ((short, opens), (long, other)) = (secrets(&short), secrets(&long));
    let token = world.token_call("acme", &short, &opens).await.ok(200);
    let token = text(&token["access_token"]);
    world.token_call("acme", &long, &other).await.ok(200);

    world.stack.advance(Duration::from_mins(10)).await;
    let refused = world.token_call("acme", &short, &opens).await;
    refused.problem(401, "INVALID_CLIENT");
    world.token_call("acme", &long, &other).await.ok(200);
    brand.delete(&format!("clients/{long}")).await.ok(204);
    let refused = world.token_call("acme", &long, &other).await;
    refused.problem(401, "INVALID_CLIENT");

    // A token that was given lives for its hour, and no longer.
    let given = world.session("acme", token);
    given.get("handoffs").await.ok(200);
    world.stack.advance(Duration::from_mins(52)).await;
    given.get("handoffs").await.problem(401, "TOKEN_EXPIRED");
}
