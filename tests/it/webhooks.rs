//! Webhooks: kept, told of everything in order, signed, tried, rotated, and told again.

use crate::{
    parts::{campaign, crowd},
    world::{Answer as Response, Brand, Session, World, list, text},
};
use reqwest::{Method, header::HeaderMap};
use sandbox::{Answer, Received};
use serde_json::{Value, json};
use standardwebhooks::Webhook;
use std::{collections::BTreeSet, time::Duration};

/// A webhook of that name at the sandbox, told of everything; its secret.
pub(crate) async fn hook(session: &Session<'_>, name: &str) -> String {
    let url = session.world.stack.sandbox().webhook_url(name);
    let path = format!("webhooks/{name}");
    let made = session.put(&path, json!({"url": url}));
    let secret = text(&made.await.ok(201)["secret"]);
    forget(session.world);
    secret
}

/// Lets those who follow the stream see the webhooks as they are.
pub(crate) fn forget(world: &World) {
    for function in ["tally", "dispatch"] {
        world.stack.kill(function).unwrap();
    }
}

pub(crate) async fn post(session: &Session<'_>, path: &str) -> Response {
    session.send(Method::POST, path, &[], None).await
}

/// What the webhook was told so far.
pub(crate) fn told(world: &World, name: &str) -> Vec<Received> {
    let mut received = world.stack.sandbox().received();
    received.retain(|r| r.name == name);
    received
}

pub(crate) fn body(received: &Received) -> Value {
    serde_json::from_str(&received.body).unwrap()
}

pub(crate) fn kind(received: &Received) -> String {
    text(&body(received)["type"])
}

/// Which of a request's signatures are made with the secret.
fn signed_with(received: &Received, secret: &str) -> Vec<bool> {
    let at = received.headers["webhook-timestamp"].parse().unwrap();
    let id = &received.headers["webhook-id"];
    let webhook = Webhook::new(secret).unwrap();
    let right = webhook.sign(id, at, received.body.as_bytes()).unwrap();
    let signatures = received.headers["webhook-signature"].split(' ');
    signatures.map(|s| s == right).collect()
}

/// Checks a request as the specification's library does, by the machine's own clock.
#[track_caller]
fn verify(received: &Received, secret: &str) {
    let headers: HeaderMap = received
        .headers
        .iter()
        .map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap()))
        .collect();
    let webhook = Webhook::new(secret).unwrap();
    webhook.verify(received.body.as_bytes(), &headers).unwrap();
    assert!(webhook.verify(b"{}", &headers).is_err());
}

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
    let record = |item: &Value| {
        json!({
            "eventID": "1", "eventName": "INSERT", "eventVersion": "1.1",
            "eventSource": "aws:dynamodb", "awsRegion": "eu-west-1",
            "dynamodb": {
                "ApproximateCreationDateTime": 0, "Keys": {"pk": item["pk"], "sk": item["sk"]},
                "NewImage": item, "SequenceNumber": "1", "SizeBytes": 1,
                "StreamViewType": "NEW_IMAGE",
            },
        })
    };
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
async fn a_webhook_is_shown_without_its_secret_and_others_do_not_find_it() {
    let world = World::start().await;
    let brand = world.brand("acme").await;
    let other = world.brand("other").await;
    let secret = hook(&brand, "crm").await;
    assert!(secret.starts_with("whsec_"));
    let shown = brand.get("webhooks/crm").await.ok(200);
    assert_eq!(shown["webhookName"], "crm");
    assert_eq!(shown["state"], "enabled");
    assert_eq!(shown["secrets"][0]["number"], 1);
    assert_eq!(shown["url"], world.stack.sandbox().webhook_url("crm"));
    let all = brand.get("webhooks").await.ok(200);
    assert_eq!(list(&all["webhooks"]), std::slice::from_ref(&shown));
    let changed = json!({"url": "https://crm.example.com/", "disabled": true});
    let changed = brand.put("webhooks/crm", changed).await.ok(200);
    assert_eq!(changed["state"], "disabled");
    assert_eq!(changed["disabledReason"], "asked");
    for answer in [&shown, &all, &changed] {
        assert!(!answer.to_string().contains("whsec_"), "{answer}");
    }
    for item in world.table() {
        assert!(!item.to_string().contains("whsec_"), "{item}");
    }
    for line in world.stack.logs() {
        assert!(!line.text.contains("whsec_"), "{}", line.text);
    }
    // Another account's is not found, in any call.
    let theirs = list(&other.get("webhooks").await.ok(200)["webhooks"]);
    assert_eq!(theirs, [json!(null); 0]);
    let range = json!({"from": "2026-01-01T00:00:00Z", "to": "2026-01-02T00:00:00Z"});
    other.get("webhooks/crm").await.problem(404, "NOT_FOUND");
    let gone = other.delete("webhooks/crm").await;
    gone.problem(404, "NOT_FOUND");
    for call in ["rotate", "test"] {
        let path = format!("webhooks/crm/{call}");
        post(&other, &path).await.problem(404, "NOT_FOUND");
        let path = format!("/api/v2/account/acme/webhooks/crm/{call}");
        post(&other, &path).await.problem(404, "NOT_FOUND");
    }
    let now = world.stack.clock().now();
    let recent = json!({"from": (now - jiff::SignedDuration::from_hours(1)).to_string(), "to": now.to_string()});
    let replay = other.post("webhooks/crm/replay", recent.clone()).await;
    replay.problem(404, "NOT_FOUND");
    let replay = brand.post("webhooks/crm/replay", recent).await;
    replay.problem(409, "WEBHOOK_DISABLED");
    let replay = brand.post("webhooks/crm/replay", range).await;
    replay.problem(422, "INVALID_BODY");
    brand.delete("webhooks/crm").await.ok(204);
    brand.get("webhooks/crm").await.problem(404, "NOT_FOUND");
    let again = hook(&brand, "crm").await;
    assert_ne!(again, secret, "another webhook, another secret");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bodies_that_make_no_webhook_are_refused() {
    let world = World::start().await;
    let brand = world.brand("acme").await;
    let url = "https://crm.example.com/hooks";
    for (bad, pointer) in [
        (json!({}), None),
        (json!({"url": 7}), Some("/url")),
        (json!({"url": "http://crm.example.com/"}), Some("/url")),
        (json!({"url": "https://10.0.0.1/"}), Some("/url")),
        (json!({"url": "https://[::1]/"}), Some("/url")),
        (json!({"url": "https://169.254.169.254/"}), Some("/url")),
        (json!({"url": "https://u:p@crm.example.com/"}), Some("/url")),
        (json!({"url": "https://crm.example.com/#x"}), Some("/url")),
        (
            json!({"url": format!("{url}{}", "x".repeat(512))}),
            Some("/url"),
        ),
        (json!({"url": url, "events": []}), Some("/events")),
        (
            json!({"url": url, "events": ["webhook.test"]}),
            Some("/events"),
        ),
        (json!({"url": url, "events": ["message.lost"]}), None),
        (json!({"url": url, "disabled": "yes"}), Some("/disabled")),
        (json!({"url": url, "secret": "whsec_x"}), None),
    ] {
        let problem = brand.put("webhooks/crm", bad.clone()).await;
        let problem = problem.problem(422, "INVALID_BODY");
        if let Some(pointer) = pointer {
            assert_eq!(problem["errors"][0]["pointer"], pointer, "{bad}");
        }
    }
    let long = format!("webhooks/{}", "x".repeat(41));
    let refused = brand.put(&long, json!({"url": url})).await;
    assert!((400..500).contains(&refused.status), "{refused:?}");
    for name in ["a", "b", "c", "d"] {
        let path = format!("webhooks/{name}");
        brand.put(&path, json!({"url": url})).await.ok(201);
    }
    let fifth = brand.put("webhooks/e", json!({"url": url})).await;
    fifth.problem(409, "LIMIT_REACHED");
    brand.put("webhooks/d", json!({"url": url})).await.ok(200);
    let rotate = post(&brand, "webhooks/a/rotate?keepHours=169").await;
    rotate.problem(400, "INVALID_QUERY");
    let now = world.stack.clock().now();
    let hours = |hours| (now + jiff::SignedDuration::from_hours(hours)).to_string();
    for (from, to) in [(0, -1), (0, 0), (-15 * 24, 0)] {
        let range = json!({"from": hours(from), "to": hours(to)});
        let refused = brand.post("webhooks/a/replay", range).await;
        refused.problem(422, "INVALID_BODY");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_test_call_tells_what_the_endpoint_answered() {
    let world = World::start().await;
    let brand = world.brand("acme").await;
    let secret = hook(&brand, "crm").await;
    let test = async || post(&brand, "webhooks/crm/test").await.ok(200);
    let taken = test().await;
    assert_eq!(
        (&taken["delivered"], &taken["status"]),
        (&json!(true), &json!(204))
    );
    assert!(taken["tookMillis"].is_number());
    let [received] = told(&world, "crm").try_into().unwrap();
    verify(&received, &secret);
    assert_eq!(kind(&received), "webhook.test");
    assert_eq!(received.headers["webhook-id"], text(&taken["id"]));
    let sandbox = world.stack.sandbox();
    // Nobody follows a redirect.
    for (status, delivered) in [
        ("500", false),
        ("410", false),
        ("302", false),
        ("201", true),
    ] {
        sandbox.script("/webhooks/crm", [Answer::reason(status).once()]);
        let seen = test().await;
        assert_eq!(seen["delivered"], delivered, "{status}: {seen}");
        assert_eq!(seen["status"].to_string(), status, "{seen}");
    }
    assert_eq!(told(&world, "crm").len(), 5, "one request each");
    sandbox.set_proxy_reachable(false);
    let seen = test().await;
    assert_eq!(seen["delivered"], false, "{seen}");
    assert!(
        seen["reason"].is_string() && seen["status"].is_null(),
        "{seen}"
    );
    let shown = brand.get("webhooks/crm").await.ok(200);
    assert_eq!(shown["state"], "enabled", "a test changes nothing");
    assert!(shown["failingSince"].is_null());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_private_address_is_never_called() {
    let world = World::start_with(&[("OUTBOUND_PRIVATE", "")]).await;
    let brand = world.brand("acme").await;
    hook(&brand, "crm").await;
    let seen = post(&brand, "webhooks/crm/test").await.ok(200);
    assert_eq!(seen["reason"], "endpoint_not_public", "{seen}");
    let handoff = brand.greeting().await;
    brand.launch(campaign(&handoff, &["ben"])).await;
    world.stack.quiet().await.unwrap();
    assert_eq!(told(&world, "crm").len(), 0);
    let shown = brand.get("webhooks/crm").await.ok(200);
    assert!(shown["failingSince"].is_string(), "{shown}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_secrets_sign_while_one_takes_the_others_place() {
    let world = World::start().await;
    let brand = world.brand("acme").await;
    let first = hook(&brand, "crm").await;
    let rotated = post(&brand, "webhooks/crm/rotate?keepHours=1").await;
    let rotated = rotated.ok(200);
    let second = text(&rotated["secret"]);
    assert_ne!(first, second);
    let secrets = list(&rotated["secrets"]);
    assert_eq!(secrets.len(), 2, "{rotated}");
    assert!(secrets[0]["expiresAt"].is_string() && secrets[1]["expiresAt"].is_null());
    post(&brand, "webhooks/crm/test").await.ok(200);
    let both = told(&world, "crm").pop().unwrap();
    assert_eq!(
        signed_with(&both, &second),
        [true, false],
        "the newest first"
    );
    assert_eq!(signed_with(&both, &first), [false, true]);
    verify(&both, &first);
    verify(&both, &second);
    // Two live, never three.
    let third = text(&post(&brand, "webhooks/crm/rotate").await.ok(200)["secret"]);
    post(&brand, "webhooks/crm/test").await.ok(200);
    let both = told(&world, "crm").pop().unwrap();
    assert_eq!(signed_with(&both, &third), [true, false]);
    assert_eq!(signed_with(&both, &second), [false, true]);
    assert_eq!(signed_with(&both, &first), [false, false]);
    world.stack.advance(Duration::from_hours(25)).await;
    let brand = brand.refreshed();
    post(&brand, "webhooks/crm/test").await.ok(200);
    let one = told(&world, "crm").pop().unwrap();
    assert_eq!(signed_with(&one, &third), [true], "its day is over");
    // A new key of ours leaves what brands have as it is.
    let name = "overture-WebhookSecret";
    let keys: Value = serde_json::from_str(&world.stack.secret(name).unwrap()).unwrap();
    let keys = json!({"current": "another key", "previous": keys["current"]});
    world.stack.put_secret(name, &keys.to_string()).unwrap();
    world.stack.kill("webhook").unwrap();
    post(&brand, "webhooks/crm/test").await.ok(200);
    let one = told(&world, "crm").pop().unwrap();
    assert_eq!(signed_with(&one, &third), [true]);
    let fourth = text(&post(&brand, "webhooks/crm/rotate").await.ok(200)["secret"]);
    post(&brand, "webhooks/crm/test").await.ok(200);
    let both = told(&world, "crm").pop().unwrap();
    assert_eq!(signed_with(&both, &fourth), [true, false]);
    assert_eq!(signed_with(&both, &third), [false, true]);
}

/// What a brand is told of a campaign to so many that nobody answers.
async fn crowd_is_told(brand: &Brand<'_>, handoff: &str, size: usize) -> Value {
    let made = brand.launch(campaign(handoff, &crowd("c", size))).await;
    brand.world.stack.settled().await.unwrap();
    made
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
