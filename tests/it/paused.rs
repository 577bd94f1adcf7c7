//! An account that its operator paused: nothing leaves, chats go on, and at its end all goes out
//! once.

use crate::{
    parts::{campaign, crowd, proactive, pushes_to},
    world::{Brand, PATIENCE, World, list, text},
};
use local::Stack;
use reqwest::Method;
use serde_json::{Value, json};
use std::{collections::BTreeSet, time::Duration};

/// The operator pauses the account, or ends that, and the sender sees it.
async fn pause(brand: &Brand<'_>, paused: bool) {
    let wish = json!({"paused": paused});
    let settings = brand.operator.put("settings", wish).await.ok(200);
    assert_eq!(settings["paused"], paused);
    // All functions start anew: what they keep for some seconds is gone.
    brand.world.stack.advance(Duration::ZERO).await;
}

fn left(stack: &Stack) -> usize {
    proactive(stack).len()
}

/// Pauses the account in the middle of a campaign to that crowd, which is made by that handoff.
async fn pause_in_the_middle(brand: &Brand<'_>, handoff: &str, crowd: &[String]) -> Value {
    for id in crowd {
        brand.with_iphone(id).await;
    }
    let made = brand.launch(campaign(handoff, crowd)).await;
    let stack = &brand.world.stack;
    assert!(stack.until(PATIENCE, |stack| left(stack) >= 5).await);
    pause(brand, true).await;
    made
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_pause_stops_a_campaign_and_its_end_sends_the_rest_once() {
    let world = World::start().await;
    let brand = world.brand_sending("acme", 10).await;
    let (handoff, crowd) = (brand.greeting().await, crowd("c", 60));
    let made = pause_in_the_middle(&brand, &handoff, &crowd).await;
    brand
        .post("campaign", campaign(&handoff, &["c-1"]))
        .await
        .problem(409, "ACCOUNT_PAUSED");
    world.stack.quiet().await.unwrap();
    let before = left(&world.stack);
    assert!(before < 60, "it came in the middle");

    // What waits is put off again and again, and the sweep leaves it alone.
    for _ in 0..4 {
        world.stack.advance(Duration::from_mins(10)).await;
        world.stack.invoke_schedule("sweep").await.unwrap();
        world.stack.quiet().await.unwrap();
    }
    assert_eq!(left(&world.stack), before, "nothing leaves");
    let seen = brand.look(&made).await;
    assert_eq!(seen["counts"]["sent"], before);
    assert_eq!(seen["counts"]["queued"], 60 - before, "all wait");

    let ana = brand.with_iphone("ana").await;
    let chat = ana.write("Hello?").await;
    let agent = world.staff("acme", "agent", &["support"]).await;
    let path = format!("conversations/{}", text(&chat["conversationId"]));
    agent
        .send(Method::POST, &format!("{path}/accept"), &[], None)
        .await
        .ok(200);
    let answer = json!({"text": "Hello!"});
    agent
        .post(&format!("{path}/messages"), answer)
        .await
        .ok(201);
    world.stack.quiet().await.unwrap();
    assert_eq!(pushes_to(&world.stack, "ana").len(), 1, "chats go on");

    let brand = brand.refreshed();
    pause(&brand, false).await;
    world.stack.advance(Duration::from_mins(6)).await;
    world.stack.settled().await.unwrap();
    assert_eq!(brand.look(&made).await["counts"]["sent"], 60);
    let pushes = proactive(&world.stack);
    let devices: BTreeSet<_> = pushes.iter().map(|push| &push.device_token).collect();
    assert_eq!((pushes.len(), devices.len()), (60, 60), "each once");
    let log = brand.get("audit").await.ok(200);
    let actions: Vec<_> = list(&log["entries"])
        .iter()
        .map(|entry| text(&entry["action"]))
        .filter(|action| action.starts_with("ACCOUNT_"))
        .collect();
    assert_eq!(actions, ["ACCOUNT_RESUMED", "ACCOUNT_PAUSED"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_waits_past_its_lookback_expires_and_tells_of_the_pause() {
    let world = World::start().await;
    let brand = world.brand_sending("acme", 10).await;
    let (handoff, crowd) = (brand.greeting().await, crowd("c", 40));
    let made = pause_in_the_middle(&brand, &handoff, &crowd).await;
    world.stack.quiet().await.unwrap();
    let before = left(&world.stack);
    world.stack.advance(Duration::from_hours(25)).await;
    world.stack.settled().await.unwrap();
    let brand = brand.refreshed();
    let counts = &brand.look(&made).await["counts"];
    assert_eq!(
        (&counts["sent"], &counts["expired"]),
        (&json!(before), &json!(40 - before))
    );
    assert_eq!(left(&world.stack), before);
    let last = brand.recipient(&made, &crowd[39]).await;
    assert_eq!(last["state"], "EXPIRED");
    assert_eq!(last["code"], "ACCOUNT_PAUSED");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_an_operator_pauses_an_account() {
    let world = World::start().await;
    let brand = world.brand("acme").await;
    for paused in [true, false] {
        let wish = json!({"paused": paused});
        brand.put("settings", wish).await.problem(403, "FORBIDDEN");
    }
    let settings = brand.get("settings").await.ok(200);
    assert_eq!(settings["paused"], false);
}
