//! How webhooks are tried again, disabled, and enabled.

use super::{body, forget, hook, kind, told};
use crate::{
    parts::campaign,
    world::{Brand, World, list},
};
use jiff::SignedDuration;
use sandbox::{Answer, Received};
use serde_json::{Value, json};
use std::time::Duration;

/// A campaign to somebody who cannot be reached: three events.
async fn something_happens(brand: &Brand<'_>) {
    let handoffs = brand.get("handoffs").await.ok(200);
    let known = handoffs["handoffs"][0]["id"].as_str();
    let handoff = match known {
        Some(id) => id.to_owned(),
        None => brand.greeting().await,
    };
    brand.launch(campaign(&handoff, &["nobody"])).await;
    brand.world.stack.quiet().await.unwrap();
}

/// Lets time pass in steps that the queue's longest delay does not outlast.
async fn pass(world: &World, time: Duration, step: Duration) {
    let mut left = time;
    while !left.is_zero() {
        let now = left.min(step);
        world.stack.advance(now).await;
        world.stack.quiet().await.unwrap();
        left -= now;
    }
}

/// The tries of the event that came first, by their distance from the first one.
fn tries(world: &World, name: &str) -> Vec<SignedDuration> {
    let all = told(world, name);
    let id = |r: &Received| r.headers["webhook-id"].clone();
    let first = id(&all[0]);
    let of_first = all.iter().filter(|r| id(r) == first);
    of_first.map(|r| r.at.duration_since(all[0].at)).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_event_is_tried_for_28_hours_at_its_times() {
    let world = World::start().await;
    let brand = world.brand("acme").await;
    hook(&brand, "crm").await;
    let sandbox = world.stack.sandbox();
    sandbox.script("/webhooks/crm", [Answer::reason("500")]);
    something_happens(&brand).await;
    pass(&world, Duration::from_hours(1), Duration::from_mins(15)).await;
    pass(&world, Duration::from_hours(29), Duration::from_mins(15)).await;
    world.stack.settled().await.unwrap();
    let tries = tries(&world, "crm");
    assert_eq!(tries.len(), 8, "{tries:?}");
    let planned = [0, 5, 305, 2_105, 9_305, 27_305, 63_305, 99_305];
    for (seen, planned) in tries.iter().zip(planned) {
        let late = seen.as_secs() - planned;
        // The clock moves by a quarter of an hour, after each of seven waits.
        assert!((0..=7 * 901).contains(&late), "{tries:?}");
    }
    let brand = brand.refreshed();
    let shown = brand.get("webhooks/crm").await.ok(200);
    assert_eq!(shown["state"], "enabled", "five days are not over");
    assert!(shown["failingSince"].is_string(), "{shown}");
    // What is taken ends the failure.
    sandbox.forget("/webhooks/crm");
    something_happens(&brand).await;
    let shown = brand.get("webhooks/crm").await.ok(200);
    assert!(shown["failingSince"].is_null(), "{shown}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_webhook_that_fails_for_five_days_is_disabled_and_told_of() {
    let world = World::start().await;
    let brand = world.brand("acme").await;
    hook(&brand, "crm").await;
    hook(&brand, "other").await;
    let sandbox = world.stack.sandbox();
    sandbox.script("/webhooks/crm", [Answer::reason("503")]);
    let from = world.stack.clock().now();
    something_happens(&brand).await;
    let mut brand = brand;
    for _ in 0..4 {
        world.stack.advance(Duration::from_hours(24)).await;
        brand = brand.refreshed();
        something_happens(&brand).await;
    }
    let shown = brand.get("webhooks/crm").await.ok(200);
    assert_eq!(shown["state"], "enabled", "{shown}");
    world.stack.advance(Duration::from_hours(25)).await;
    brand = brand.refreshed();
    something_happens(&brand).await;
    world.stack.quiet().await.unwrap();
    let shown = brand.get("webhooks/crm").await.ok(200);
    assert_eq!(
        (&shown["state"], &shown["disabledReason"]),
        (&json!("disabled"), &json!("failing")),
        "{shown}"
    );
    // Its account's other webhook is told, so is the topic, and the audit log has it.
    let told_of: Vec<_> = told(&world, "other").iter().map(body).collect();
    let told_of: Vec<_> = told_of
        .iter()
        .filter(|event| event["type"] == "webhook.disabled")
        .collect();
    assert_eq!(told_of.len(), 1);
    assert_eq!(told_of[0]["data"]["webhookName"], "crm");
    assert_eq!(told_of[0]["data"]["reason"], "failing");
    let announced = world.stack.topic_messages().into_iter();
    let announced: Vec<Value> = announced
        .map(|m| serde_json::from_str(&m.message).unwrap())
        .filter(|event: &Value| event["event"] == "webhook.disabled")
        .collect();
    assert_eq!(announced.len(), 1, "{announced:?}");
    assert_eq!(announced[0]["accountId"], "acme");
    let log = list(&brand.get("audit").await.ok(200)["entries"]);
    let entry = log.iter().find(|e| e["action"] == "WEBHOOK_DISABLED");
    let entry = entry.expect("it is in the log");
    assert_eq!(
        (&entry["by"], &entry["target"]),
        (&json!("overture"), &json!("crm"))
    );

    // Nothing more comes; what happened meanwhile is told again on request.
    let before = told(&world, "crm").len();
    forget(&world);
    something_happens(&brand).await;
    assert_eq!(told(&world, "crm").len(), before);
    sandbox.forget("/webhooks/crm");
    let url = sandbox.webhook_url("crm");
    let saved = brand.put("webhooks/crm", json!({"url": url})).await.ok(200);
    assert_eq!(saved["state"], "enabled");
    assert!(saved["failingSince"].is_null(), "{saved}");
    let to = world.stack.clock().now();
    let range = json!({"from": from.to_string(), "to": to.to_string()});
    brand.post("webhooks/crm/replay", range).await.ok(202);
    world.stack.quiet().await.unwrap();
    let kinds: Vec<_> = told(&world, "crm")[before..].iter().map(kind).collect();
    let failed = kinds.iter().filter(|kind| *kind == "message.failed");
    assert_eq!(failed.count(), 7, "{kinds:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_webhook_that_is_gone_is_disabled_at_once_and_a_redirect_is_a_failure() {
    let world = World::start().await;
    let brand = world.brand("acme").await;
    hook(&brand, "gone").await;
    hook(&brand, "moved").await;
    let sandbox = world.stack.sandbox();
    sandbox.script("/webhooks/gone", [Answer::reason("410")]);
    sandbox.script("/webhooks/moved", [Answer::reason("308").times(3)]);
    something_happens(&brand).await;
    pass(&world, Duration::from_mins(6), Duration::from_mins(2)).await;
    world.stack.settled().await.unwrap();
    let shown = brand.get("webhooks/gone").await.ok(200);
    assert_eq!(
        (&shown["state"], &shown["disabledReason"]),
        (&json!("disabled"), &json!("gone")),
        "{shown}"
    );
    let moved = told(&world, "moved");
    let statuses: Vec<_> = moved.iter().map(|r| r.status).collect();
    assert_eq!(
        statuses.iter().filter(|s| **s == 308).count(),
        3,
        "{statuses:?}"
    );
    let kinds: Vec<_> = moved.iter().filter(|r| r.status == 204).map(kind).collect();
    // All came in the end, each once, and that the other is gone.
    for wanted in [
        "campaign.accepted",
        "message.failed",
        "campaign.finished",
        "webhook.disabled",
    ] {
        let count = kinds.iter().filter(|kind| *kind == wanted).count();
        assert_eq!(count, 1, "{wanted} of {kinds:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_removed_webhook_is_told_nothing_more() {
    let world = World::start().await;
    let brand = world.brand("acme").await;
    hook(&brand, "crm").await;
    let sandbox = world.stack.sandbox();
    sandbox.script("/webhooks/crm", [Answer::reason("500")]);
    something_happens(&brand).await;
    let tried = told(&world, "crm").len();
    assert!(tried >= 3, "{tried}");
    brand.delete("webhooks/crm").await.ok(204);
    pass(&world, Duration::from_mins(6), Duration::from_mins(2)).await;
    world.stack.settled().await.unwrap();
    assert_eq!(told(&world, "crm").len(), tried);
}
