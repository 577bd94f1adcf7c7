//! Least privilege: what the functions do is what `template.yaml` lets them, and little more.

use crate::{
    parts::{Device, campaign, handoff as handoff_body},
    story::{FEW, play},
    template::policies,
    webhooks::{hook, post},
    world::{Brand, CLUB, SHOP, Session, World, text},
};
use reqwest::Method;
use sandbox::Answer;
use std::{collections::BTreeSet, time::Duration};

/// The rights of which one at least must be there for a call. DynamoDB's transactions ask for the
/// right to each write in them, which the meter does not tell apart.
fn rights_for(call: &str) -> &[&str] {
    match call {
        "dynamodb:TransactWriteItems" => &[
            "dynamodb:ConditionCheckItem",
            "dynamodb:PutItem",
            "dynamodb:UpdateItem",
            "dynamodb:DeleteItem",
        ],
        "dynamodb:TransactGetItems" => &["dynamodb:GetItem"],
        "sqs:SendMessageBatch" => &["sqs:SendMessage"],
        "sqs:DeleteMessageBatch" => &["sqs:DeleteMessage"],
        "sns:PublishBatch" => &["sns:Publish"],
        _ => &[],
    }
}

/// Rights that Lambda uses in the function's name.
const OF_EVENT_SOURCES: [&str; 3] = [
    "sqs:ReceiveMessage",
    "sqs:DeleteMessage",
    "sqs:GetQueueAttributes",
];

/// A webhook that fails, mends itself, is told again, is gone, and is removed.
async fn a_webhooks_life(brand: &Brand<'_>, handoff: &str) {
    let stack = &brand.world.stack;
    let path = "webhooks/crm";
    hook(brand, "crm").await;
    let from = stack.clock().now();
    let script = [Answer::reason("500").once(), Answer::accept().times(20)];
    stack.sandbox().script("/webhooks/crm", script);
    brand.launch(campaign(handoff, &["nobody"])).await;
    stack.settled().await.unwrap();
    for call in ["test", "rotate"] {
        post(brand, &format!("{path}/{call}")).await.ok(200);
    }
    let (from, to) = (from.to_string(), stack.clock().now().to_string());
    let range = serde_json::json!({"from": from, "to": to});
    let replay = brand.post(&format!("{path}/replay"), range).await;
    replay.ok(202);
    stack.settled().await.unwrap();
    stack
        .sandbox()
        .script("/webhooks/crm", [Answer::reason("410")]);
    brand.launch(campaign(handoff, &["nobody"])).await;
    stack.settled().await.unwrap();
    let gone = brand.get(path).await.ok(200);
    assert_eq!(gone["disabledReason"], "gone");
    brand.get("webhooks").await.ok(200);
    brand.delete(path).await.ok(204);
}

/// What the story has no need of.
async fn everything_else(brand: &Brand<'_>) {
    let stack = &brand.world.stack;
    let no_body = async |session: &Session<'_>, path: &str| {
        session.send(Method::POST, path, &[], None).await.ok(200)
    };
    let handoff = brand.greeting().await;
    let path = format!("handoffs/{handoff}");
    brand.get("handoffs").await.ok(200);
    let ana = brand.with_iphone("ana").await;
    let conversation = text(&ana.write("Hello?").await["conversationId"]);
    let conversation = format!("conversations/{conversation}");

    // Posted twice with one key; held until the conversation is closed; cancelled.
    let mut body = campaign(&handoff, &["ana"]);
    body["openConversation"] = "hold".into();
    let key = [("idempotency-key", "k-1")];
    let post = async || {
        brand
            .send(Method::POST, "campaign", &key, Some(body.clone()))
            .await
    };
    let (made, _) = (post().await.ok(202), post().await.ok(202));
    stack.settled().await.unwrap();
    let support = brand
        .world
        .staff(&brand.account, "agent", &["support"])
        .await;
    let sales = brand.world.staff(&brand.account, "agent", &["sales"]).await;
    let skill = serde_json::json!({"skill": "sales"});
    no_body(&support, &format!("{conversation}/accept")).await;
    support
        .post(&format!("{conversation}/transfer"), skill)
        .await
        .ok(200);
    no_body(&sales, &format!("{conversation}/accept")).await;
    no_body(&sales, &format!("{conversation}/close")).await;
    stack.settled().await.unwrap();
    let id = text(&made["proactiveCampaignId"]);
    brand
        .get(&format!("campaign/{id}/recipients"))
        .await
        .ok(200);
    no_body(brand, &format!("campaign/{id}/cancel")).await;

    // Put off by the gateway, lost by the queue and found by the sweep.
    let token = Device::iphone("ana").token;
    let later = Answer::reason("TooManyRequests").retry_after("60").once();
    stack.sandbox().script(&token, [later]);
    let queue = stack.queue("SendQueue").unwrap();
    brand.launch(campaign(&handoff, &["ana"])).await;
    stack.quiet().await.unwrap();
    queue.purge();
    stack.advance(Duration::from_mins(20)).await;
    stack.invoke_schedule("sweep").await.unwrap();
    stack.settled().await.unwrap();

    a_webhooks_life(brand, &handoff).await;

    let admin = brand.world.staff(&brand.account, "admin", &[]).await;
    let ana = brand.consumer("ana");
    ana.delete(&format!("me/devices/{}", Device::iphone("ana").id))
        .await
        .ok(204);
    admin
        .put(&path, handoff_body("Other", &[SHOP], "Hello"))
        .await
        .ok(200);
    admin.delete(&format!("{path}?stop=true")).await.ok(204);
    let clients = admin.get("clients").await.ok(200);
    let client = text(&clients["clients"][0]["clientId"]);
    admin.get("settings").await.ok(200);
    for gone in [
        format!("clients/{client}"),
        format!("apps/{CLUB}"),
        "skills/sales".to_owned(),
    ] {
        admin.delete(&gone).await.ok(204);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_call_of_the_story_is_allowed() {
    let world = World::start().await;
    let story = play(&world, &FEW).await;
    everything_else(&story.brand).await;
    let usage = world.stack.usage();
    for (function, statements) in policies() {
        let allowed: BTreeSet<_> = statements
            .iter()
            .flat_map(|s| s.actions.iter().cloned())
            .collect();
        let mut used = BTreeSet::new();
        for call in usage
            .0
            .get(&function)
            .into_iter()
            .flat_map(|calls| calls.keys())
        {
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
