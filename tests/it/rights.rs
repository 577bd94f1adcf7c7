//! Least privilege. The local stack refuses a call that `template.yaml` gives no right to, and every
//! test of a whole system fails then ([`World`]); here, the rights that no call needs.

use crate::{
    parts::{Device, campaign, handoff as handoff_body},
    story::{FEW, play},
    template::template,
    webhooks::hook,
    world::{Brand, CLUB, SHOP, Session, World, text},
};
use jiff::SignedDuration;
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
    brand.launch(campaign(&handoff, &["ana"])).await;
    stack.quiet().await.unwrap();
    queue.purge();
    stack.advance(Duration::from_mins(20)).await;
    stack.invoke_schedule("sweep").await.unwrap();
    stack.settled().await.unwrap();

    // Deflected from a call, and asked twice.
    let mut calls = handoff_body("Calls", &[SHOP], "Go on here");
    calls["source"] = "IVR".into();
    let caller = serde_json::json!({
        "consumerPhoneNumber": "+12061234567", "handoffId": brand.handoff(calls).await,
        "skill": "support", "ivrNumber": "180000", "consumerId": "ana",
    });
    let call = async |path: &str, body: serde_json::Value| {
        let path = format!("/api/account/{}/{path}?v=2.0", brand.account);
        let body = Some(("application/json", body.to_string()));
        let token = Some(brand.token.as_str());
        let answer = brand.world.call(Method::POST, &path, token, &[], body);
        answer.await.ok(200)
    };
    let seen = call("eligibility", caller).await;
    for _ in 0..2 {
        call("invite", serde_json::json!({"callId": seen["callId"]})).await;
    }
    stack.settled().await.unwrap();

    let admin = brand.world.staff(&brand.account, "admin", &[]).await;
    let ana = brand.consumer("ana");
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

/// Webhooks: told at the second try, told again, rotated, gone, removed.
async fn webhooks(brand: &Brand<'_>) {
    let stack = &brand.world.stack;
    hook(brand, "crm").await;
    hook(brand, "gone").await;
    for (name, reason) in [("crm", "500"), ("gone", "410")] {
        let answer = Answer::reason(reason).once();
        stack
            .sandbox()
            .script(&format!("/webhooks/{name}"), [answer]);
    }
    let body = handoff_body("Webhooks", &[SHOP], "Hello");
    let handoff = brand.handoff(body).await;
    brand.with_iphone("hal").await;
    brand.launch(campaign(&handoff, &["hal"])).await;
    stack.quiet().await.unwrap();
    stack.advance(Duration::from_secs(10)).await;
    stack.settled().await.unwrap();
    brand.get("webhooks/crm").await.ok(200);
    let (now, hour) = (stack.clock().now(), SignedDuration::from_hours(1));
    let range = serde_json::json!({"from": now - hour, "to": now});
    brand.post("webhooks/crm/replay", range).await.ok(202);
    for what in ["test", "rotate"] {
        let path = format!("webhooks/crm/{what}");
        let answer = brand.send(Method::POST, &path, &[], None).await;
        answer.ok(200);
    }
    stack.settled().await.unwrap();
    for name in ["crm", "gone"] {
        brand.delete(&format!("webhooks/{name}")).await.ok(204);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_function_has_a_right_that_it_does_not_use() {
    let world = World::start().await;
    let story = play(&world, &FEW).await;
    webhooks(&story.brand).await;
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
