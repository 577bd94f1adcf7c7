//! Least privilege: what the functions do is what `template.yaml` lets them, and little more.

use crate::{
    story::{FEW, play},
    template::policies,
    world::World,
};
use std::collections::BTreeSet;

/// The rights of which one at least must be there for a call. DynamoDB's transactions ask for the
/// right to each write in them, which the meter does not tell apart.
fn rights_for(call: &str) -> &[&str] {
    match call {
        "dynamodb:TransactWriteItems" => {
            &["dynamodb:PutItem", "dynamodb:UpdateItem", "dynamodb:DeleteItem"]
        }
        "dynamodb:TransactGetItems" => &["dynamodb:GetItem"],
        "sqs:SendMessageBatch" => &["sqs:SendMessage"],
        "sqs:DeleteMessageBatch" => &["sqs:DeleteMessage"],
        "sns:PublishBatch" => &["sns:Publish"],
        _ => &[],
    }
}

/// Rights that Lambda uses in the function's name.
const OF_EVENT_SOURCES: [&str; 3] =
    ["sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_call_of_the_story_is_allowed() {
    let world = World::start().await;
    play(&world, &FEW).await;
    world.stack.invoke_schedule("sweep").await.unwrap();
    let usage = world.stack.usage();
    for (function, statements) in policies() {
        let allowed: BTreeSet<_> = statements.iter().flat_map(|s| s.actions.iter().cloned()).collect();
        let mut used = BTreeSet::new();
        for call in usage.0.get(&function).into_iter().flat_map(|calls| calls.keys()) {
            let own = [call.as_str()];
            let wanted = rights_for(call);
            let wanted = if wanted.is_empty() { &own[..] } else { wanted };
            assert!(
                wanted.iter().any(|right| allowed.contains(*right)),
                "{function} called {call}, which its policy does not allow: {allowed:?}"
            );
            used.extend(wanted.iter().map(|right| (*right).to_owned()));
        }
        let unused: Vec<_> = allowed
            .difference(&used)
            .filter(|right| !OF_EVENT_SOURCES.contains(&right.as_str()))
            .collect();
        if !unused.is_empty() {
            println!("{function} did not use {unused:?}");
        }
    }
    let known: BTreeSet<_> = policies().into_keys().collect();
    let callers: BTreeSet<_> = usage.0.into_keys().collect();
    assert!(callers.is_subset(&known), "{callers:?}");
}
