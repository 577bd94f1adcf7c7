//! Logging out, and whose a phone is.

use crate::{
    parts::{Device, campaign, crowd, custom, pushes_to},
    world::{Brand, World, text},
};
use futures_util::future::join_all;
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

/// How many devices in the table have this phone's token.
fn holders(world: &World, phone: &Device) -> usize {
    let table = world.table();
    let has = |item: &&Value| item["kind"]["S"] == "device" && item["token"]["S"] == phone.token;
    table.iter().filter(has).count()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn p7_of_16_who_log_in_on_one_phone_at_the_same_instant_one_has_it() {
    let world = World::start().await;
    let brand = world.brand("acme").await;
    let handoff = brand.greeting().await;
    let (phone, crowd) = (Device::iphone("phone"), crowd("c", 16));
    let path = format!("me/devices/{}", phone.id);
    let consumers: Vec<_> = crowd.iter().map(|id| brand.consumer(id)).collect();
    let log_in = consumers.iter().map(|c| c.put(&path, phone.body()));
    let answers = join_all(log_in).await;
    // Some may be put off, as the token keeps moving: they are told to come again.
    assert!(
        answers.iter().all(|a| [200, 503].contains(&a.status)),
        "{answers:?}"
    );
    assert!(answers.iter().any(|a| a.status == 200), "{answers:?}");
    assert_eq!(holders(&world, &phone), 1);

    let made = brand.launch(campaign(&handoff, &crowd)).await;
    world.stack.settled().await.unwrap();
    let counts = brand.look(&made).await["counts"].clone();
    assert_eq!(
        (&counts["sent"], &counts["failed"]),
        (&json!(1), &json!(15))
    );
    assert_eq!(world.stack.pushes().len(), 1);
    for id in &crowd {
        let told = brand.recipient(&made, id).await;
        let lost = told["code"] == "NO_DEVICE" || told["code"] == "CONSUMER_NOT_REGISTERED";
        assert!(told["state"] == "SENT" || lost, "{told:#}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn p7_a_log_out_that_meets_the_next_log_in_takes_nothing_from_it() {
    let world = World::start().await;
    let brand = world.brand("acme").await;
    let handoff = brand.greeting().await;
    let phone = Device::iphone("phone");
    let (ana, ben) = (brand.consumer("ana"), brand.consumer("ben"));
    for kind in ["ALL", "NONE", "AGENT"] {
        ana.log_in(&phone).await;
        let out = format!("me/devices/{}?type={kind}", phone.id);
        let (out, ()) = tokio::join!(ana.delete(&out), ben.log_in(&phone));
        out.ok(204);
        assert_eq!(holders(&world, &phone), 1, "{kind}");
        assert_eq!(reach(&brand, &handoff, "ana").await["code"], "NO_DEVICE");
        assert_eq!(reach(&brand, &handoff, "ben").await["state"], "SENT");
    }
    assert_eq!(pushes_to(&world.stack, "ana").len(), 0);
    assert_eq!(pushes_to(&world.stack, "ben").len(), 3);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn p7_a_token_in_another_spelling_or_under_another_app_is_the_same_phone() {
    let world = World::start().await;
    let brand = world.brand("acme").await;
    let handoff = brand.greeting().await;
    let (ana, ben) = (brand.consumer("ana"), brand.consumer("ben"));
    let phone = Device::iphone("phone");
    let mut loud = phone.body();
    loud["pushToken"] = phone.token.to_uppercase().into();
    let path = format!("me/devices/{}", phone.id);
    ana.put(&path, loud).await.ok(200);
    ben.log_in(&phone).await;
    assert_eq!(reach(&brand, &handoff, "ana").await["code"], "NO_DEVICE");

    let android = Device::android("tablet");
    ana.log_in(&android).await;
    ben.log_in(&android.clone().with(crate::world::CLUB)).await;
    assert_eq!(holders(&world, &android), 1);
    assert_eq!(reach(&brand, &handoff, "ana").await["code"], "NO_DEVICE");
}
