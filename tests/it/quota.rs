//! The recipients of a day: counted exactly, whoever posts at once.

use crate::{
    parts::{campaign, crowd},
    world::World,
};
use futures_util::future::join_all;
use reqwest::Method;
use serde_json::json;
use std::time::Duration;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_day_has_as_many_recipients_as_the_operator_allows() {
    let world = World::start().await;
    let brand = world.brand("acme").await;
    let handoff = brand.greeting().await;
    let limits = json!({"limits": {"recipientsPerDay": 100}});
    brand
        .put("settings", limits.clone())
        .await
        .problem(403, "FORBIDDEN");
    let set = brand.operator.put("settings", limits).await.ok(200);
    assert_eq!(set["limits"]["recipientsPerDay"], 100);
    for wrong in [0, 10_000_001] {
        let wrong = json!({"limits": {"recipientsPerDay": wrong}});
        brand
            .operator
            .put("settings", wrong)
            .await
            .problem(422, "INVALID_LIMIT");
    }

    // Ten campaigns of 15 at once: six have room, whichever they are.
    let bodies: Vec<_> = (0..10)
        .map(|n| campaign(&handoff, &crowd(&format!("c{n}"), 15)))
        .collect();
    let answers = join_all(bodies.iter().map(|b| brand.post("campaign", b.clone()))).await;
    let mut accepted = 0;
    for answer in answers {
        if answer.status == 202 {
            accepted += 1;
            continue;
        }
        let wait: u64 = answer.header("retry-after").parse().unwrap();
        let full = answer.problem(429, "DAILY_LIMIT_REACHED");
        assert_eq!(full["retryAfter"], wait);
        assert!((1..=86_400).contains(&wait), "{wait}");
    }
    assert_eq!(accepted, 6);

    // Ten are left. What is only checked, or fails alone, does not count.
    let ten = campaign(&handoff, &crowd("d", 10));
    let check = async || {
        brand
            .send(
                Method::POST,
                "campaign?validate=true",
                &[],
                Some(ten.clone()),
            )
            .await
    };
    check().await.ok(200);
    let mut eleven = campaign(&handoff, &crowd("d", 11));
    brand
        .post("campaign", eleven.clone())
        .await
        .problem(429, "DAILY_LIMIT_REACHED");
    eleven["consumers"][0]["variables"] = json!({});
    let made = brand.launch(eleven).await;
    assert_eq!(made["acceptedConsumers"].as_array().unwrap().len(), 10);
    let full = brand.post("campaign", campaign(&handoff, &["ana"])).await;
    let wait: u64 = full.header("retry-after").parse().unwrap();
    full.problem(429, "DAILY_LIMIT_REACHED");
    check().await.problem(429, "DAILY_LIMIT_REACHED");

    world.stack.settled().await.unwrap();
    world.stack.advance(Duration::from_secs(wait)).await;
    let brand = brand.refreshed();
    brand.launch(ten).await;
}
