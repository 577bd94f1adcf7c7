//! Cancelling: what is not sent by then is never sent.

use crate::{
    parts::{campaign, crowd, proactive, pushes_to},
    world::{World, text},
};
use local::mischief::Mischief;
use reqwest::Method;
use serde_json::json;
use std::time::Duration;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_not_sent_when_the_campaign_was_cancelled_is_never_sent() {
    let world = World::start().await;
    let brand = world.brand("acme").await;
    let crowd = crowd("c", 30);
    for id in &crowd {
        brand.with_iphone(id).await;
    }
    // Some messages are on their way for up to an hour.
    let queue = world.stack.queue("SendQueue").unwrap();
    queue.faults(Mischief::seeded(7).delay(0.5, Duration::from_hours(1)));
    let made = brand
        .launch(campaign(&brand.greeting().await, &crowd))
        .await;
    world.stack.quiet().await.unwrap();
    let midway = brand.look(&made).await;
    let sent = midway["counts"]["sent"].as_u64().unwrap();
    assert!((1..30).contains(&sent), "{midway}");
    assert_eq!(midway["state"], "SENDING");

    let id = text(&made["proactiveCampaignId"]);
    let path = format!("campaign/{id}/cancel");
    let cancel = async || brand.send(Method::POST, &path, &[], None).await.ok(200);
    let cancelled = cancel().await;
    let counts = json!({
        "accepted": 30, "queued": 0, "sending": 0, "held": 0, "sent": sent, "failed": 0,
        "skipped": 0, "expired": 0, "cancelled": 30 - sent, "delivered": 0, "read": 0, "responded": 0,
    });
    assert_eq!(cancelled["state"], "CANCELLED");
    assert_eq!(cancelled["counts"], counts);
    assert_eq!(cancel().await, cancelled, "once more changes nothing");

    world.stack.advance(Duration::from_hours(2)).await;
    world.stack.settled().await.unwrap();
    let brand = brand.refreshed();
    let seen = brand.look(&made).await;
    assert_eq!(
        (&seen["state"], &seen["counts"]),
        (&json!("CANCELLED"), &counts)
    );
    assert_eq!(proactive(&world.stack).len() as u64, sent);
    for id in &crowd {
        let told = brand.recipient(&made, id).await;
        let state = if pushes_to(&world.stack, id).is_empty() {
            "CANCELLED"
        } else {
            "SENT"
        };
        assert_eq!(told["state"], state, "{told}");
    }
    let missing = brand
        .send(Method::POST, "campaign/none/cancel", &[], None)
        .await;
    missing.problem(404, "NOT_FOUND");
}
