//! The budget: what a sent message costs in DynamoDB and SQS, all functions together.

use crate::{
    parts::{campaign, crowd, proactive},
    webhooks::{hook, told},
    world::World,
};
use local::usage::Usage;

/// The functions of the way from the campaign to the push and its count.
const WAY: [&str; 4] = ["create-campaign", "dispatch", "send", "tally"];

#[expect(clippy::cast_precision_loss, reason = "small numbers")]
fn print(usage: &Usage, sent: f64) {
    for function in WAY.into_iter().chain(DELIVERY) {
        for (action, count) in usage.0.get(function).into_iter().flatten() {
            println!(
                "{function:15} {action:32} {:4} calls {:7.1} read {:7.1} write",
                count.calls, count.read_units, count.write_units
            );
        }
    }
    let all = usage.total("dynamodb:");
    println!(
        "per sent recipient: {:.2} write units, {:.2} read units, {:.2} calls of SQS",
        all.write_units / sent,
        all.read_units / sent,
        usage.total("sqs:").calls as f64 / sent,
    );
}

/// The functions of the way from an event to a webhook.
const DELIVERY: [&str; 1] = ["deliver"];

/// What a campaign of 100 sent messages uses, with a webhook or without.
async fn usage_of_a_hundred(with_webhook: bool, env: &[(&str, &str)]) -> Usage {
    let world = World::start_with(env).await;
    let brand = world.brand("acme").await;
    if with_webhook {
        hook(&brand, "crm").await;
    }
    let crowd = crowd("c", 100);
    for id in &crowd {
        brand.with_iphone(id).await;
    }
    let handoff = brand.greeting().await;
    // Everyone's instances are up, and what they keep is read.
    brand.launch(campaign(&handoff, &crowd[..1])).await;
    world.stack.settled().await.unwrap();

    world.stack.reset_usage();
    let before = proactive(&world.stack).len();
    let before_told = told(&world, "crm").len();
    brand.launch(campaign(&handoff, &crowd)).await;
    world.stack.settled().await.unwrap();
    assert_eq!(proactive(&world.stack).len() - before, 100);
    let table = serde_json::Value::from(world.table()).to_string();
    assert_eq!(table.contains("\"origin\""), !env.is_empty(), "traced");

    if with_webhook {
        // Each sent, and the campaign accepted and finished.
        assert_eq!(told(&world, "crm").len() - before_told, 102);
    }
    world.stack.usage()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_webhook_costs_a_sent_recipient_little_more() {
    let usage = usage_of_a_hundred(true, &[]).await;
    print(&usage, 100.0);
    let all = usage.total("dynamodb:");
    assert!(all.write_units <= 800.0, "{} write units", all.write_units);
    assert!(all.read_units <= 500.0, "{} read units", all.read_units);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_sent_recipient_costs_no_more_than_the_design_allows() {
    let usage = usage_of_a_hundred(false, &[]).await;
    print(&usage, 100.0);
    let all = usage.total("dynamodb:");
    assert!(all.write_units <= 600.0, "{} write units", all.write_units);
    assert!(all.read_units <= 300.0, "{} read units", all.read_units);
    let calls = usage.of("dispatch", "sqs:").calls;
    assert!(
        (1..=10).contains(&calls),
        "dispatch called SQS {calls} times"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_traced_recipient_costs_no_more_requests_nor_more_than_the_design_allows() {
    let plain = usage_of_a_hundred(false, &[]).await;
    // Everything is traced, and nobody takes the traces.
    let traced = [
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:1"),
        ("OTEL_TRACES_SAMPLER_ARG", "1"),
    ];
    let traced = usage_of_a_hundred(false, &traced).await;
    print(&plain, 100.0);
    print(&traced, 100.0);
    let all = traced.total("dynamodb:");
    assert!(all.write_units <= 600.0, "{} write units", all.write_units);
    assert!(all.read_units <= 300.0, "{} read units", all.read_units);
    // How many records of the stream come together is chance, and with it what follows; and so is
    // how many processes of the sender there are, which each read apps and settings once.
    for (function, action) in [
        ("create-campaign", "dynamodb:"),
        ("send", "dynamodb:UpdateItem"),
    ] {
        let calls = |usage: &Usage| usage.of(function, action).calls;
        assert_eq!(calls(&traced), calls(&plain), "{function}");
    }
}
