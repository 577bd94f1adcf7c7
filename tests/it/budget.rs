//! The budget: what a sent message costs in DynamoDB and SQS, all functions together.

use crate::{
    parts::{campaign, crowd, proactive},
    world::World,
};
use local::usage::Usage;

/// The functions of the way from the campaign to the push and its count.
const WAY: [&str; 4] = ["create-campaign", "dispatch", "send", "tally"];

#[expect(clippy::cast_precision_loss, reason = "small numbers")]
fn print(usage: &Usage, sent: f64) {
    for function in WAY {
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

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_sent_recipient_costs_no_more_than_the_design_allows() {
    let world = World::start().await;
    let brand = world.brand("acme").await;
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
    brand.launch(campaign(&handoff, &crowd)).await;
    world.stack.settled().await.unwrap();
    assert_eq!(proactive(&world.stack).len() - before, 100);

    let usage = world.stack.usage();
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
