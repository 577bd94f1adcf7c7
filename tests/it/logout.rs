//! Logging out, and whose a phone is.

use crate::{
    parts::{Device, campaign, custom, pushes_to},
    world::{Brand, World, text},
};
use reqwest::Method;
use serde_json::{Value, json};

/// Sends a campaign to the consumer; their message's timeline.
async fn reach(brand: &Brand<'_>, handoff: &str, consumer: &str) -> Value {
    let made = brand.launch(campaign(handoff, &[consumer])).await;
    brand.world.stack.settled().await.unwrap();
    brand.recipient(&made, consumer).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn logging_out_stops_what_its_type_says() {
    let world = World::start().await;
    let brand = world.brand("acme").await;
    let handoff = brand.greeting().await;
    let ana = brand.with_iphone("ana").await;
    let device = format!("me/devices/{}", Device::iphone("ana").id);

    ana.delete(&format!("{device}?type=NONE")).await.ok(204);
    assert_eq!(reach(&brand, &handoff, "ana").await["state"], "SENT");
    ana.delete(&format!("{device}?type=AGENT")).await.ok(204);
    assert_eq!(reach(&brand, &handoff, "ana").await["state"], "SENT");
    assert_eq!(pushes_to(&world.stack, "ana").len(), 2);

    let conversation = text(&ana.write("Hi").await["conversationId"]);
    let agent = world.staff("acme", "agent", &["sales"]).await;
    let path = format!("conversations/{conversation}");
    let accepted = agent
        .send(Method::POST, &format!("{path}/accept"), &[], None)
        .await;
    accepted.ok(200);
    agent
        .post(&format!("{path}/messages"), json!({"text": "Hi"}))
        .await
        .ok(201);
    agent
        .send(Method::POST, &format!("{path}/close"), &[], None)
        .await
        .ok(200);
    world.stack.settled().await.unwrap();
    let pushes = world.stack.sandbox().pushes();
    assert!(
        pushes.iter().all(|p| custom(p, "backendService") != "ams"),
        "{pushes:?}"
    );

    for _ in 0..2 {
        ana.delete(&device).await.ok(204);
    }
    let told = reach(&brand, &handoff, "ana").await;
    assert_eq!(told["code"], "NO_DEVICE", "{told}");
    ana.delete(&format!("{device}?type=SOME"))
        .await
        .problem(400, "INVALID_QUERY");

    ana.log_in(&Device::iphone("ana")).await;
    assert_eq!(reach(&brand, &handoff, "ana").await["state"], "SENT");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_phone_is_that_of_who_logged_in_last() {
    let world = World::start().await;
    let brand = world.brand("acme").await;
    let handoff = brand.greeting().await;
    let phone = Device::iphone("phone");
    brand.consumer("ana").log_in(&phone).await;
    brand.consumer("ben").log_in(&phone).await;
    assert_eq!(reach(&brand, &handoff, "ana").await["code"], "NO_DEVICE");
    assert_eq!(reach(&brand, &handoff, "ben").await["state"], "SENT");
    assert_eq!(pushes_to(&world.stack, "ana").len(), 0);
    assert_eq!(pushes_to(&world.stack, "ben").len(), 1);

    // At once, it is one's or the other's.
    let (ana, ben) = (brand.consumer("ana"), brand.consumer("ben"));
    tokio::join!(ana.log_in(&phone), ben.log_in(&phone));
    let before = world.stack.pushes().len();
    let both = brand.launch(campaign(&handoff, &["ana", "ben"])).await;
    world.stack.settled().await.unwrap();
    let counts = brand.look(&both).await["counts"].clone();
    assert_eq!((&counts["sent"], &counts["failed"]), (&json!(1), &json!(1)));
    assert_eq!(world.stack.pushes().len(), before + 1);
}
