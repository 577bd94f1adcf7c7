//! What a campaign does with a consumer who is in a conversation.

use crate::{
    parts::{campaign, custom, proactive, pushes_to, shown},
    world::{Brand, World, text},
};
use reqwest::Method;
use serde_json::{Value, json};
use std::time::Duration;

/// A campaign to ana, who is in a conversation: both.
async fn to_busy_ana(brand: &Brand<'_>, policy: &str) -> (Value, Value) {
    let ana = brand.with_iphone("ana").await;
    let conversation = ana.write("Hello?").await;
    let mut body = campaign(&brand.greeting().await, &["ana"]);
    body["openConversation"] = policy.into();
    let made = brand.launch(body).await;
    brand.world.stack.settled().await.unwrap();
    (made, conversation)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_held_message_goes_out_when_the_conversation_closes() {
    let world = World::start().await;
    let brand = world.brand("acme").await;
    let (made, conversation) = to_busy_ana(&brand, "hold").await;
    let seen = brand.look(&made).await;
    assert_eq!(
        (&seen["state"], &seen["counts"]["held"]),
        (&json!("SENDING"), &json!(1))
    );
    assert_eq!(brand.recipient(&made, "ana").await["state"], "HELD");
    assert_eq!(pushes_to(&world.stack, "ana").len(), 0);

    let agent = world.staff("acme", "agent", &["support"]).await;
    let path = format!("conversations/{}", text(&conversation["conversationId"]));
    for step in ["accept", "close"] {
        agent
            .send(Method::POST, &format!("{path}/{step}"), &[], None)
            .await
            .ok(200);
    }
    world.stack.settled().await.unwrap();
    let [push] = pushes_to(&world.stack, "ana").try_into().unwrap();
    assert_eq!(shown(&push), "Hello ana");
    let seen = brand.look(&made).await;
    assert_eq!(
        (&seen["state"], &seen["counts"]["sent"]),
        (&json!("FINISHED"), &json!(1))
    );
    assert_eq!(brand.consumer("ana").write("Yes").await["skill"], "sales");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_held_message_expires_with_its_lookback() {
    let world = World::start().await;
    let brand = world.brand("acme").await;
    let (made, _) = to_busy_ana(&brand, "hold").await;
    world.stack.advance(Duration::from_hours(25)).await;
    world.stack.invoke_schedule("sweep").await.unwrap();
    world.stack.settled().await.unwrap();
    let brand = brand.refreshed();
    let seen = brand.look(&made).await;
    assert_eq!(
        (&seen["state"], &seen["counts"]["expired"]),
        (&json!("FINISHED"), &json!(1))
    );
    assert_eq!(pushes_to(&world.stack, "ana").len(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_appended_message_is_posted_into_the_conversation() {
    let world = World::start().await;
    let brand = world.brand("acme").await;
    let (made, conversation) = to_busy_ana(&brand, "append").await;
    assert_eq!(brand.look(&made).await["counts"]["sent"], 1);
    assert!(
        proactive(&world.stack).is_empty(),
        "{:#?}",
        proactive(&world.stack)
    );
    let [push] = world.stack.sandbox().pushes().try_into().unwrap();
    assert_eq!(
        custom(&push, "backendService"),
        "ams",
        "the chat's own push"
    );
    assert_eq!(
        custom(&push, "conversationId"),
        text(&conversation["conversationId"])
    );
    assert_eq!(shown(&push), "Hello ana");

    let expected = [
        ("chat", "Hello?"),
        ("welcome", "Welcome!"),
        ("proactive", "Hello ana"),
    ];
    let expected = expected.map(|(kind, text)| (kind.to_owned(), text.to_owned()));
    assert_eq!(brand.consumer("ana").chat().await, expected);
}
