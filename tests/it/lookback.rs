//! After the lookback a campaign neither shows nor routes anything.

use crate::{
    parts::{Device, campaign, handoff, pushes_to},
    world::{SHOP, World},
};
use sandbox::Answer;
use serde_json::{Value, json};
use std::time::Duration;

/// A handoff with the shortest lookback.
fn short() -> Value {
    let mut body = handoff("Short", &[SHOP], "Hello ${{1}}");
    body["lookbackPeriodDay"] = json!(0);
    body["lookbackPeriodHour"] = json!(1);
    body
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn within_the_lookback_a_reply_goes_to_the_campaign_s_skill_and_after_it_to_the_default_one()
{
    let world = World::start().await;
    let brand = world.brand("acme").await;
    for id in ["ana", "ben"] {
        brand.with_iphone(id).await;
    }
    let made = brand
        .launch(campaign(&brand.handoff(short()).await, &["ana", "ben"]))
        .await;
    world.stack.settled().await.unwrap();

    world.stack.advance(Duration::from_mins(59)).await;
    let brand = brand.refreshed();
    let ana = brand.consumer("ana");
    assert_eq!(ana.inbox().await.len(), 1);
    assert_eq!(
        ana.write("Hi").await["skill"],
        "sales",
        "without the message's id, too"
    );

    world.stack.advance(Duration::from_mins(2)).await;
    let ben = brand.consumer("ben");
    assert_eq!(ben.inbox().await, Vec::<Value>::new());
    let late = json!({"text": "Hi", "proactiveMessageId": made["acceptedConsumers"][1]["id"]});
    let replied = ben.post("me/conversation/messages", late).await.ok(201);
    assert_eq!(replied["skill"], "support");
    let expected = [
        ("chat".to_owned(), "Hi".to_owned()),
        ("welcome".to_owned(), "Welcome!".to_owned()),
    ];
    assert_eq!(ben.chat().await, expected);
    world.stack.settled().await.unwrap();
    assert_eq!(brand.look(&made).await["counts"]["responded"], 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_message_that_could_not_leave_within_its_lookback_expires() {
    let world = World::start().await;
    let brand = world.brand("acme").await;
    brand.with_iphone("ana").await;
    let token = Device::iphone("ana").token;
    let later = Answer::reason("TooManyRequests").retry_after("600");
    world.stack.sandbox().script(&token, [later.once()]);
    let made = brand
        .launch(campaign(&brand.handoff(short()).await, &["ana"]))
        .await;
    world.stack.quiet().await.unwrap();
    let seen = brand.look(&made).await;
    assert_eq!(
        (&seen["state"], &seen["counts"]["queued"]),
        (&json!("SENDING"), &json!(1))
    );

    world.stack.advance(Duration::from_mins(61)).await;
    world.stack.settled().await.unwrap();
    let brand = brand.refreshed();
    let seen = brand.look(&made).await;
    assert_eq!(
        (&seen["state"], &seen["counts"]["expired"]),
        (&json!("FINISHED"), &json!(1))
    );
    assert_eq!(brand.recipient(&made, "ana").await["state"], "EXPIRED");
    assert_eq!(pushes_to(&world.stack, "ana").len(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_message_that_fcm_no_longer_keeps_is_in_the_inbox_until_its_lookback_ends() {
    let world = World::start().await;
    let brand = world.brand("acme").await;
    brand.consumer("ana").log_in(&Device::android("ana")).await;
    let mut month = handoff("Month", &[SHOP], "Hello ${{1}}");
    month["lookbackPeriodDay"] = json!(30);
    let made = brand
        .launch(campaign(&brand.handoff(month).await, &["ana"]))
        .await;
    world.stack.settled().await.unwrap();
    assert_eq!(brand.look(&made).await["counts"]["sent"], 1);
    let [push] = pushes_to(&world.stack, "ana").try_into().unwrap();
    assert_eq!(push.payload["message"]["android"]["ttl"], "2419200s");

    let days = |n: u64| Duration::from_hours(24 * n);
    world.stack.advance(days(29)).await;
    assert_eq!(brand.consumer("ana").inbox().await.len(), 1);
    world.stack.advance(days(1)).await;
    assert_eq!(brand.consumer("ana").inbox().await.len(), 0);
}
