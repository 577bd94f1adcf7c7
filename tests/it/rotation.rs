//! Secrets that are changed while functions run: the new value is good at once, and guesses do
//! not make us pay for reading it.

use crate::world::{World, text};
use serde_json::{Value, json};

const OPERATOR: &str = "overture-OperatorSecret";

/// How often `token` has read a secret since the meter was set to nothing.
fn reads(world: &World) -> u64 {
    let usage = world.stack.usage();
    usage.of("token", "secretsmanager:GetSecretValue").calls
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_operator_comes_in_with_a_new_secret_at_once() {
    let world = World::start().await;
    world.brand("acme").await;
    let before: Value = serde_json::from_str(&world.stack.secret(OPERATOR).unwrap()).unwrap();
    let (id, old) = (text(&before["client_id"]), text(&before["client_secret"]));
    world.token_call("acme", &id, &old).await.ok(200);
    let after = json!({"client_id": id, "client_secret": "another"});
    let after = after.to_string();
    world.stack.put_secret(OPERATOR, &after).unwrap();
    world.token_call("acme", &id, "another").await.ok(200);
    let refused = world.token_call("acme", &id, &old).await;
    refused.problem(401, "INVALID_CLIENT");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn guesses_of_the_operators_secret_read_it_no_more_than_once_in_ten_seconds() {
    let world = World::start().await;
    let brand = world.brand("acme").await;
    let kept: Value = serde_json::from_str(&world.stack.secret(OPERATOR).unwrap()).unwrap();
    let operator = text(&kept["client_id"]);
    let client = brand
        .post("clients", json!({"name": "crm", "roles": ["bot"]}))
        .await
        .ok(201);
    let (id, secret) = (text(&client["clientId"]), text(&client["clientSecret"]));
    world.token_call("acme", &id, &secret).await.ok(200);
    let before = reads(&world);
    // A brand's own clients say nothing of the operator's secret.
    for secret in [&secret, "guess"] {
        world.token_call("acme", &id, secret).await;
    }
    assert_eq!(reads(&world), before);
    for _ in 0..5 {
        let refused = world.token_call("acme", &operator, "guess").await;
        refused.problem(401, "INVALID_CLIENT");
    }
    assert_eq!(reads(&world), before + 1);
}
