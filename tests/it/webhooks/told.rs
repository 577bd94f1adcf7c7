//! What webhooks are told: everything, once, in order, and again on request.

use super::{body, forget, hook, kind, post, told, verify};
use crate::{
    events::record,
    parts::{campaign, crowd},
    world::{Brand, World, text},
};
use sandbox::Received;
use serde_json::{Value, json};
use std::{collections::BTreeSet, time::Duration};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_campaigns_events_are_told_once_each_and_numbered_without_gaps() {
    let world = World::start().await;
    let brand = world.brand("acme").await;
    let secret = hook(&brand, "crm").await;
    let (ana, handoff) = (brand.with_iphone("ana").await, brand.greeting().await);
    // Ben has no device.
    let made = brand.launch(campaign(&handoff, &["ana", "ben"])).await;
    world.stack.settled().await.unwrap();
    let message = text(&ana.inbox().await[0]["id"]);
    ana.report(&message, "DELIVERED").await;
    ana.report(&message, "READ").await;
    let conversation = text(&ana.write("Hello").await["conversationId"]);
    world.stack.settled().await.unwrap();
    let path = format!("conversations/{conversation}");
    let sales = world.staff("acme", "agent", &["sales"]).await;
    let support = world.staff("acme", "agent", &["support"]).await;
    post(&sales, &format!("{path}/accept")).await.ok(200);
    world.stack.settled().await.unwrap();
    let answer = json!({"text": "A secret text"});
    let said = sales.post(&format!("{path}/messages"), answer).await;
    said.ok(201);
    let other = json!({"skill": "support"});
    sales.post(&format!("{path}/transfer"), other).await.ok(200);
    world.stack.settled().await.unwrap();
    post(&support, &format!("{path}/accept")).await.ok(200);
    world.stack.settled().await.unwrap();
    post(&support, &format!("{path}/close")).await.ok(200);
    world.stack.settled().await.unwrap();

    let received = told(&world, "crm");
    for request in &received {
        assert_eq!(
            (request.method.as_str(), request.status),
            ("POST", 204),
            "{request:?}"
        );
        assert_eq!(request.headers["content-type"], "application/json");
        verify(request, &secret);
        assert!(!request.body.contains("secret text"), "{}", request.body);
        assert!(!request.body.contains("Hello"), "{}", request.body);
    }
    let ids: BTreeSet<_> = received.iter().map(|r| &r.headers["webhook-id"]).collect();
    assert_eq!(ids.len(), received.len(), "each once");
    let mut of_campaign: Vec<_> = received.iter().map(body).collect();
    let id = text(&made["proactiveCampaignId"]);
    of_campaign.retain(|event| event["data"]["campaignId"] == id.as_str());
    of_campaign.sort_by_key(|event| event["data"]["sequence"].as_u64());
    let numbers: Vec<_> = of_campaign
        .iter()
        .map(|event| event["data"]["sequence"].as_u64().unwrap())
        .collect();
    let all: Vec<_> = (1..=u64::try_from(numbers.len()).unwrap()).collect();
    assert_eq!(numbers, all, "without gaps");
    let mut kinds: Vec<_> = of_campaign.iter().map(|e| text(&e["type"])).collect();
    assert_eq!(kinds[0], "campaign.accepted", "{kinds:?}");
    kinds.sort_unstable();
    let expected = [
        "campaign.accepted",
        "campaign.finished",
        "conversation.accepted",
        "conversation.accepted",
        "conversation.closed",
        // The campaign's text, the consumer's and the agent's.
        "conversation.message",
        "conversation.message",
        "conversation.message",
        "conversation.started",
        "conversation.transferred",
        "message.delivered",
        "message.failed",
        "message.read",
        "message.responded",
        "message.sent",
    ];
    assert_eq!(kinds, expected);
    let failed = of_campaign.iter().find(|e| e["type"] == "message.failed");
    let failed = &failed.unwrap()["data"];
    assert_eq!(failed["consumerId"], "ben");
    assert_eq!(failed["state"], "FAILED");
    assert_eq!(failed["code"], "CONSUMER_NOT_REGISTERED");
    assert_eq!(failed["accountId"], "acme");
    let responded = of_campaign
        .iter()
        .find(|e| e["type"] == "message.responded");
    let responded = &responded.unwrap()["data"];
    assert_eq!(responded["conversationId"], conversation.as_str());
    assert_eq!(responded["transactionId"], message.as_str());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_account_without_webhooks_has_no_log_and_one_with_is_told_what_it_wants() {
    let world = World::start().await;
    let brand = world.brand("acme").await;
    let plain = world.brand("plain").await;
    let sandbox = world.stack.sandbox();
    let wanted = json!({"url": sandbox.webhook_url("some"), "events": ["message.failed"]});
    brand.put("webhooks/some", wanted).await.ok(201);
    let off = json!({"url": sandbox.webhook_url("off"), "disabled": true});
    brand.put("webhooks/off", off).await.ok(201);
    forget(&world);
    for brand in [&brand, &plain] {
        brand.with_iphone("ana").await;
        let handoff = brand.greeting().await;
        brand.launch(campaign(&handoff, &["ana", "ben"])).await;
    }
    world.stack.settled().await.unwrap();
    let received = world.stack.sandbox().received();
    let kinds: Vec<_> = received
        .iter()
        .map(|r| (r.name.as_str(), kind(r)))
        .collect();
    assert_eq!(kinds, [("some", "message.failed".to_owned())]);
    assert_eq!(body(&received[0])["data"]["accountId"], "acme");
    let pages = world.table().into_iter();
    let pages = pages.filter(|item| item["kind"]["S"] == "events");
    let accounts: BTreeSet<_> = pages.map(|item| text(&item["account"]["S"])).collect();
    assert_eq!(accounts, BTreeSet::from(["acme".to_owned()]));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn records_that_come_again_make_no_second_event() {
    let world = World::start().await;
    let brand = world.brand("acme").await;
    hook(&brand, "crm").await;
    let ana = brand.with_iphone("ana").await;
    brand
        .launch(campaign(&brand.greeting().await, &["ana"]))
        .await;
    world.stack.settled().await.unwrap();
    ana.write("Hello").await;
    world.stack.settled().await.unwrap();
    let before = told(&world, "crm").len();
    assert!(before >= 6, "{before}");
    let records: Vec<_> = world.table().iter().map(record).collect();
    for _ in 0..2 {
        let event = json!({"Records": records.clone()});
        let answer = world.stack.invoke("tally", event).await.unwrap();
        assert_eq!(answer, json!({"batchItemFailures": []}));
        world.stack.settled().await.unwrap();
    }
    let kinds: Vec<_> = told(&world, "crm").iter().map(kind).collect();
    assert_eq!(kinds.len(), before, "{kinds:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn events_of_a_time_are_told_again_as_they_were() {
    let world = World::start().await;
    let brand = world.brand("acme").await;
    hook(&brand, "crm").await;
    let handoff = brand.greeting().await;
    crowd_is_told(&brand, &handoff, 2).await;
    world.stack.advance(Duration::from_hours(30)).await;
    let brand = brand.refreshed();
    let from = world.stack.clock().now();
    crowd_is_told(&brand, &handoff, 20).await;
    world.stack.advance(Duration::from_hours(30)).await;
    let (brand, to) = (brand.refreshed(), world.stack.clock().now());
    crowd_is_told(&brand, &handoff, 3).await;
    let of = |all: &[Received], recipients: usize| {
        let mut bodies: Vec<_> = all
            .iter()
            .map(|r| (r.headers["webhook-id"].clone(), r.body.clone()))
            .collect();
        bodies.sort();
        assert_eq!(
            bodies.len(),
            recipients + 2,
            "accepted, each failed, finished"
        );
        bodies
    };
    let before = told(&world, "crm");
    let middle = of(&before[4..26], 20);
    let range = json!({"from": from.to_string(), "to": to.to_string()});
    let replay = brand.post("webhooks/crm/replay", range).await;
    replay.ok(202);
    world.stack.settled().await.unwrap();
    let after = told(&world, "crm");
    assert_eq!(
        of(&after[before.len()..], 20),
        middle,
        "ids and numbers stay"
    );
}

/// What a brand is told of a campaign to so many that nobody answers.
async fn crowd_is_told(brand: &Brand<'_>, handoff: &str, size: usize) -> Value {
    let made = brand.launch(campaign(handoff, &crowd("c", size))).await;
    brand.world.stack.settled().await.unwrap();
    made
}
