//! Posting a campaign again with its key: never twice.

use crate::{
    parts::{campaign, crowd},
    world::{Brand, World, text},
};
use futures_util::{StreamExt as _, stream};
use reqwest::Method;
use serde_json::Value;
use std::{collections::BTreeSet, time::Duration};

async fn post(brand: &Brand<'_>, key: &str, body: &Value) -> crate::world::Answer {
    let headers = [("idempotency-key", key)];
    brand
        .send(Method::POST, "campaign", &headers, Some(body.clone()))
        .await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_same_call_again_gets_the_same_answer_and_sends_nothing() {
    let world = World::start().await;
    let brand = world.brand("acme").await;
    let crowd = crowd("c", 3);
    for id in &crowd {
        brand.with_iphone(id).await;
    }
    let mut body = campaign(&brand.greeting().await, &crowd);
    body["consumers"][2]["variables"] = serde_json::json!({});

    let first = post(&brand, "k-1", &body).await;
    assert_eq!(first.header("idempotent-replayed"), "");
    let first = first.ok(202);
    world.stack.settled().await.unwrap();
    let again = post(&brand, "k-1", &body).await;
    assert_eq!(again.header("idempotent-replayed"), "true");
    assert_eq!(again.ok(202), first);

    let mut other = body.clone();
    other["skill"] = "support".into();
    post(&brand, "k-1", &other)
        .await
        .problem(422, "IDEMPOTENCY_KEY_REUSED");
    post(&brand, "", &body).await.problem(400, "INVALID_HEADER");
    post(&brand, "with space", &body)
        .await
        .problem(400, "INVALID_HEADER");
    world.stack.settled().await.unwrap();
    assert_eq!(world.stack.pushes().len(), 2);

    let new = post(&brand, "k-2", &body).await.ok(202);
    assert_ne!(new["proactiveCampaignId"], first["proactiveCampaignId"]);
    world.stack.settled().await.unwrap();
    assert_eq!(world.stack.pushes().len(), 4);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn equal_calls_at_once_make_one_campaign() {
    let world = World::start().await;
    let brand = world.brand("acme").await;
    brand.with_iphone("ana").await;
    let body = campaign(&brand.greeting().await, &["ana"]);
    let before = world.items().get("campaign").copied().unwrap_or_default();

    let (a, b, c) = tokio::join!(
        post(&brand, "k-1", &body),
        post(&brand, "k-1", &body),
        post(&brand, "k-1", &body)
    );
    let mut made = Vec::new();
    for answer in [a, b, c] {
        if answer.status == 409 {
            assert_eq!(answer.header("retry-after"), "1");
            let problem = answer.problem(409, "IDEMPOTENCY_IN_FLIGHT");
            assert_eq!(
                (&problem["retryable"], &problem["safeToResend"]),
                (&true.into(), &true.into())
            );
        } else {
            made.push(text(&answer.ok(202)["proactiveCampaignId"]));
        }
    }
    let again = post(&brand, "k-1", &body).await.ok(202);
    assert!(!made.is_empty());
    assert!(
        made.iter().all(|id| again["proactiveCampaignId"] == **id),
        "{made:?}"
    );
    world.stack.settled().await.unwrap();
    assert_eq!(world.stack.pushes().len(), 1);
    let campaigns = world.items().get("campaign").copied().unwrap_or_default();
    assert!(campaigns <= before + 1, "{:?}", world.items());
}

/// How many equal calls are made at once.
#[expect(
    clippy::disallowed_methods,
    reason = "what a developer asks of the test, not a setting of a function"
)]
fn equal_calls() -> usize {
    let asked = std::env::var("EQUAL_CALLS");
    asked.map_or(1_000, |n| n.parse().expect("EQUAL_CALLS is a number"))
}

/// `EQUAL_CALLS=10000 cargo test -p functions --test it a_thousand` makes ten thousand, 250 of
/// them at a time.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_thousand_equal_calls_at_once_send_once() {
    let world = World::start().await;
    let brand = world.brand("acme").await;
    brand.with_iphone("ana").await;
    let body = campaign(&brand.greeting().await, &["ana"]);
    let calls = (0..equal_calls()).map(|_| post(&brand, "k-1", &body));
    // More would wait for longer than API Gateway waits for a function.
    let mut answers = stream::iter(calls).buffer_unordered(250);
    let (mut made, mut replayed, mut in_flight) = (BTreeSet::new(), 0, 0);
    while let Some(answer) = answers.next().await {
        if answer.status == 409 {
            assert_eq!(answer.header("retry-after"), "1", "{answer:?}");
            answer.problem(409, "IDEMPOTENCY_IN_FLIGHT");
            in_flight += 1;
        } else {
            replayed += usize::from(answer.header("idempotent-replayed") == "true");
            made.insert(text(&answer.ok(202)["proactiveCampaignId"]));
        }
    }
    println!("{replayed} replayed, {in_flight} told that one is under way");
    assert_eq!(made.len(), 1, "{made:?}");
    assert_eq!(replayed + in_flight + 1, equal_calls());
    world.stack.settled().await.unwrap();
    assert_eq!(world.stack.pushes().len(), 1);
    assert_eq!(world.items()["campaign"], 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_key_is_forgotten_after_a_day() {
    let world = World::start().await;
    let brand = world.brand("acme").await;
    brand.with_iphone("ana").await;
    let body = campaign(&brand.greeting().await, &["ana"]);
    let first = post(&brand, "k-1", &body).await.ok(202);
    world.stack.settled().await.unwrap();
    world.stack.advance(Duration::from_hours(23)).await;
    let brand = brand.refreshed();
    let again = post(&brand, "k-1", &body).await;
    assert_eq!(again.header("idempotent-replayed"), "true");
    assert_eq!(again.ok(202), first);
    world.stack.advance(Duration::from_secs(3_700)).await;
    let brand = brand.refreshed();
    let anew = post(&brand, "k-1", &body).await;
    assert_eq!(anew.header("idempotent-replayed"), "");
    assert_ne!(
        anew.ok(202)["proactiveCampaignId"],
        first["proactiveCampaignId"]
    );
}
