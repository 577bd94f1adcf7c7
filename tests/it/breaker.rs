//! The circuit breaker: an app whose credential is refused is paused, told of, and resumed.

use crate::{
    metrics::{comes_to, sum},
    parts::{campaign, crowd, handoff, proactive},
    world::{Brand, CLUB, PATIENCE, SHOP, World, list},
};
use lambda::Metric;
use serde_json::{Value, json};
use std::{collections::BTreeSet, time::Duration};

/// Puts a value into the secret that the shop's iOS route names.
fn put_credential(world: &World, value: &str) {
    let name = format!("overture/acme/{SHOP}/apns");
    world.stack.put_secret(&name, value).unwrap();
}

fn events(world: &World, kind: &str) -> Vec<Value> {
    let told = world.stack.topic_messages().into_iter();
    told.map(|message| serde_json::from_str::<Value>(&message.message).unwrap())
        .filter(|event| event["event"] == kind)
        .collect()
}

async fn paused(brand: &Brand<'_>) -> Vec<Value> {
    let app = brand.get(&format!("apps/{SHOP}")).await.ok(200);
    app.get("paused").map(list).unwrap_or_default()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_wrong_credential_pauses_the_app_until_it_is_mended() {
    let world = World::start().await;
    let brand = world.brand("acme").await;
    let crowd = crowd("c", 40);
    for id in &crowd {
        brand.with_iphone(id).await;
    }
    let dea = brand.consumer("dea");
    let other = crate::parts::Device::iphone("dea").with(CLUB);
    dea.log_in(&other).await;
    put_credential(&world, "no key at all");
    let everybody: Vec<_> = crowd.iter().map(String::as_str).chain(["dea"]).collect();
    let both = handoff("Both", &[SHOP, CLUB], "Hello ${{1}}");
    let made = brand
        .launch(campaign(&brand.handoff(both).await, &everybody))
        .await;
    world.stack.quiet().await.unwrap();

    let seen = brand.look(&made).await;
    assert_eq!(seen["counts"]["sent"], 1, "the other app is not held up");
    assert_eq!(seen["counts"]["queued"], 40, "nobody is lost");
    let [pause] = paused(&brand).await.try_into().unwrap();
    assert_eq!(
        (&pause["platform"], &pause["cause"], &pause["reason"]),
        (
            &json!("ios"),
            &json!("refused"),
            &json!("credential_malformed")
        )
    );
    let [event] = events(&world, "app.paused").try_into().unwrap();
    assert_eq!(
        (&event["accountId"], &event["appName"], &event["since"]),
        (&json!("acme"), &json!(SHOP), &pause["since"])
    );
    let open = |stack: &local::Stack| sum(stack, Metric::BreakerOpen);
    assert!(world.stack.until(PATIENCE, |s| open(s) > 0).await, "alarm");
    assert_eq!(sum(&world.stack, Metric::BreakerClosed), 0);
    let history = brand.recipient(&made, &crowd[7]).await;
    let told: BTreeSet<_> = list(&history["timeline"])
        .iter()
        .map(|line| line["event"].as_str().unwrap().to_owned())
        .collect();
    assert!(
        told.contains("PAUSED") || told.contains("RETRY"),
        "{told:?}"
    );

    let key = world.stack.sandbox().apns_key().pem;
    put_credential(&world, &key);
    for _ in 0..3 {
        world.stack.advance(Duration::from_mins(16)).await;
        world.stack.quiet().await.unwrap();
    }
    world.stack.settled().await.unwrap();
    let brand = brand.refreshed();
    assert_eq!(brand.look(&made).await["counts"]["sent"], 41);
    assert_eq!(proactive(&world.stack).len(), 41, "each once");
    assert_eq!(paused(&brand).await, [] as [Value; 0]);
    assert_eq!(events(&world, "app.paused").len(), 1);
    assert_eq!(events(&world, "app.resumed").len(), 1);
    comes_to(&world.stack, Metric::BreakerClosed, 1).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_gateway_that_is_down_is_left_alone() {
    let world = World::start().await;
    let brand = world.brand("acme").await;
    let crowd = crowd("c", 100);
    for id in &crowd {
        brand.with_iphone(id).await;
    }
    let handoff = brand.greeting().await;
    let sandbox = world.stack.sandbox();
    sandbox.script(
        sandbox::scripts::APNS,
        [sandbox::Answer::reason("InternalServerError")],
    );
    let made = brand.launch(campaign(&handoff, &crowd)).await;
    world.stack.quiet().await.unwrap();
    for _ in 0..6 {
        world.stack.advance(Duration::from_mins(9)).await;
        world.stack.quiet().await.unwrap();
    }
    let brand = brand.refreshed();
    let tries = sandbox.pushes().len();
    assert!(
        tries < 250,
        "{tries} tries for 100 messages: without a breaker each is tried every time"
    );
    let [pause] = paused(&brand).await.try_into().unwrap();
    assert_eq!(pause["cause"], "failing");
    sandbox.forget(sandbox::scripts::APNS);
    for _ in 0..3 {
        world.stack.advance(Duration::from_mins(16)).await;
        world.stack.quiet().await.unwrap();
    }
    world.stack.settled().await.unwrap();
    let brand = brand.refreshed();
    let seen = brand.look(&made).await;
    assert_eq!(seen["counts"]["sent"], 100, "{seen:#}");
    assert_eq!(proactive(&world.stack).len(), 100, "each once");
}
