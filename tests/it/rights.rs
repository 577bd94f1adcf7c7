//! Least privilege. The local stack refuses a call that `template.yaml` gives no right to, and every
//! test of a whole system fails then ([`World`]); here, the rights that no call needs.

use crate::{
    parts::{Device, caller, campaign, handoff as handoff_body},
    story::{FEW, play},
    template::template,
    webhooks::{hook, post},
    world::{Brand, CLUB, SHOP, Session, World, text},
};
use domain::id::TransactionId;
use local::{
    rights::Right,
    template::{Event, Function},
};
use reqwest::Method;
use sandbox::Answer;
use std::time::Duration;

/// Rights that Lambda uses in the function's name: it reads the queues and streams that feed the
/// function, and puts what failed for good into a dead-letter queue.
fn of_event_source(function: &Function, right: &Right) -> bool {
    let reads = [
        "sqs:ReceiveMessage",
        "sqs:DeleteMessage",
        "sqs:GetQueueAttributes",
    ];
    function.events.iter().any(|event| match event {
        Event::Queue(source) => {
            reads.contains(&right.action.as_str()) && right.resource == source.arn
        }
        Event::Stream(source) => {
            right.action == "sqs:SendMessage" && source.on_failure.as_ref() == Some(&right.resource)
        }
        Event::Http(_) | Event::Schedule(_) => false,
    })
}

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

/// Somebody who calls, deflected, and invited twice.
async fn a_deflected_call(brand: &Brand<'_>) {
    let stack = &brand.world.stack;
    let handoff = brand.handoff_for_calls("Go on here").await;
    let call = async |path: &str, body: serde_json::Value| {
        let path = format!("/api/account/{}/{path}?v=2.0", brand.account);
        brand.post(&path, body).await.ok(200)
    };
    let seen = call("eligibility", caller(&handoff, "ana")).await;
    for _ in 0..2 {
        call("invite", serde_json::json!({"callId": seen["callId"]})).await;
    }
    stack.settled().await.unwrap();
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

    // Written into the conversation; posted twice with one key; held until the conversation is closed; cancelled.
    let mut body = campaign(&handoff, &["ana"]);
    body["openConversation"] = "hold".into();
    let key = [("idempotency-key", "k-1")];
    let post = async || {
        brand
            .send(Method::POST, "campaign", &key, Some(body.clone()))
            .await
    };
    let (made, _) = (post().await.ok(202), post().await.ok(202));
    let mut appended = campaign(&handoff, &["ana"]);
    appended["openConversation"] = "append".into();
    brand.launch(appended).await;
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
    let made = brand.launch(campaign(&handoff, &["ana"])).await;
    stack.quiet().await.unwrap();
    queue.purge();
    stack.advance(Duration::from_mins(20)).await;
    stack.invoke_schedule("sweep").await.unwrap();
    stack.settled().await.unwrap();
    let message = text(&made["acceptedConsumers"][0]["id"]);

    a_deflected_call(brand).await;
    a_webhooks_life(brand, &handoff).await;

    let admin = brand.world.staff(&brand.account, "admin", &[]).await;
    let ana = brand.consumer("ana");
    // A message that is none of the newest is looked for.
    let older = TransactionId::at(stack.clock().now()).to_string();
    for (id, status) in [(older, 422), (message, 201)] {
        let reply = serde_json::json!({"text": "Yes", "proactiveMessageId": id});
        let answer = ana.post("me/conversation/messages", reply).await;
        assert_eq!(answer.status, status, "{answer:?}");
    }
    // Her phone is another's for a while.
    brand.consumer("ben").log_in(&Device::iphone("ana")).await;
    ana.log_in(&Device::iphone("ana")).await;
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
async fn no_function_has_a_right_that_it_does_not_use() {
    let world = World::start().await;
    let story = play(&world, &FEW).await;
    everything_else(&story.brand).await;
    let unused = world.stack.unused_rights();
    let mut left = Vec::new();
    for function in template().functions {
        for right in &unused[&function.binary] {
            // The route `sns` has its own test: routes.rs.
            let by_route = function.binary == "send" && right.action.starts_with("sns:");
            if !by_route && !of_event_source(&function, right) {
                left.push(format!("{}: {right}", function.binary));
            }
        }
    }
    assert!(left.is_empty(), "nobody needs {left:#?}");
}
