//! Webhooks as they are kept: shown without their secrets, and refused.

use super::{hook, post};
use crate::world::{World, list};
use serde_json::json;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_webhook_is_shown_without_its_secret_and_others_do_not_find_it() {
    let world = World::start().await;
    let brand = world.brand("acme").await;
    let other = world.brand("other").await;
    let secret = hook(&brand, "crm").await;
    assert!(secret.starts_with("whsec_"));
    let shown = brand.get("webhooks/crm").await.ok(200);
    assert_eq!(shown["webhookName"], "crm");
    assert_eq!(shown["state"], "enabled");
    assert_eq!(shown["secrets"][0]["number"], 1);
    assert_eq!(shown["url"], world.stack.sandbox().webhook_url("crm"));
    let all = brand.get("webhooks").await.ok(200);
    assert_eq!(list(&all["webhooks"]), std::slice::from_ref(&shown));
    let changed = json!({"url": "https://crm.example.com/", "disabled": true});
    let changed = brand.put("webhooks/crm", changed).await.ok(200);
    assert_eq!(changed["state"], "disabled");
    assert_eq!(changed["disabledReason"], "asked");
    for answer in [&shown, &all, &changed] {
        assert!(!answer.to_string().contains("whsec_"), "{answer}");
    }
    for item in world.table() {
        assert!(!item.to_string().contains("whsec_"), "{item}");
    }
    for line in world.stack.logs() {
        assert!(!line.text.contains("whsec_"), "{}", line.text);
    }
    // Another account's is not found, in any call.
    let theirs = list(&other.get("webhooks").await.ok(200)["webhooks"]);
    assert_eq!(theirs, [json!(null); 0]);
    let range = json!({"from": "2026-01-01T00:00:00Z", "to": "2026-01-02T00:00:00Z"});
    other.get("webhooks/crm").await.problem(404, "NOT_FOUND");
    let gone = other.delete("webhooks/crm").await;
    gone.problem(404, "NOT_FOUND");
    for call in ["rotate", "test"] {
        let path = format!("webhooks/crm/{call}");
        post(&other, &path).await.problem(404, "NOT_FOUND");
        let path = format!("/api/v2/account/acme/webhooks/crm/{call}");
        post(&other, &path).await.problem(404, "NOT_FOUND");
    }
    let now = world.stack.clock().now();
    let recent = json!({"from": (now - jiff::SignedDuration::from_hours(1)).to_string(), "to": now.to_string()});
    let replay = other.post("webhooks/crm/replay", recent.clone()).await;
    replay.problem(404, "NOT_FOUND");
    let replay = brand.post("webhooks/crm/replay", recent).await;
    replay.problem(409, "WEBHOOK_DISABLED");
    let replay = brand.post("webhooks/crm/replay", range).await;
    replay.problem(422, "INVALID_BODY");
    brand.delete("webhooks/crm").await.ok(204);
    brand.get("webhooks/crm").await.problem(404, "NOT_FOUND");
    let again = hook(&brand, "crm").await;
    assert_ne!(again, secret, "another webhook, another secret");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bodies_that_make_no_webhook_are_refused() {
    let world = World::start().await;
    let brand = world.brand("acme").await;
    let url = "https://crm.example.com/hooks";
    for (bad, pointer) in [
        (json!({}), None),
        (json!({"url": 7}), Some("/url")),
        (json!({"url": "http://crm.example.com/"}), Some("/url")),
        (json!({"url": "https://10.0.0.1/"}), Some("/url")),
        (json!({"url": "https://[::1]/"}), Some("/url")),
        (json!({"url": "https://169.254.169.254/"}), Some("/url")),
        (json!({"url": "https://u:p@crm.example.com/"}), Some("/url")),
        (json!({"url": "https://crm.example.com/#x"}), Some("/url")),
        (
            json!({"url": format!("{url}{}", "x".repeat(512))}),
            Some("/url"),
        ),
        (json!({"url": url, "events": []}), Some("/events")),
        (
            json!({"url": url, "events": ["webhook.test"]}),
            Some("/events"),
        ),
        (json!({"url": url, "events": ["message.lost"]}), None),
        (json!({"url": url, "disabled": "yes"}), Some("/disabled")),
        (json!({"url": url, "secret": "whsec_x"}), None),
    ] {
        let problem = brand.put("webhooks/crm", bad.clone()).await;
        let problem = problem.problem(422, "INVALID_BODY");
        if let Some(pointer) = pointer {
            assert_eq!(problem["errors"][0]["pointer"], pointer, "{bad}");
        }
    }
    let long = format!("webhooks/{}", "x".repeat(41));
    let refused = brand.put(&long, json!({"url": url})).await;
    assert!((400..500).contains(&refused.status), "{refused:?}");
    for name in ["a", "b", "c", "d"] {
        let path = format!("webhooks/{name}");
        brand.put(&path, json!({"url": url})).await.ok(201);
    }
    let fifth = brand.put("webhooks/e", json!({"url": url})).await;
    fifth.problem(409, "LIMIT_REACHED");
    brand.put("webhooks/d", json!({"url": url})).await.ok(200);
    let rotate = post(&brand, "webhooks/a/rotate?keepHours=169").await;
    rotate.problem(400, "INVALID_QUERY");
    let now = world.stack.clock().now();
    let hours = |hours| (now + jiff::SignedDuration::from_hours(hours)).to_string();
    for (from, to) in [(0, -1), (0, 0), (-15 * 24, 0)] {
        let range = json!({"from": hours(from), "to": hours(to)});
        let refused = brand.post("webhooks/a/replay", range).await;
        refused.problem(422, "INVALID_BODY");
    }
}
