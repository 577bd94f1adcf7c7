//! The audit log: every change that was made, by whom, in pages that no other account can read.

use crate::{
    openapi::{document, operations},
    parts::{app, caller, campaign, handoff},
    world::{CLUB, SHOP, World, list, text},
};
use domain::access::{CALLS, Needs};
use reqwest::Method;
use serde_json::{Value, json};
use std::{collections::BTreeSet, time::Duration};

/// Calls of a brand that change nothing of what the log is about.
const NO_CHANGES: [&str; 10] = [
    "checkEligibility",
    "testWebhook",
    "replayWebhook",
    "previewHandoff",
    "filterAnalytics",
    "listTransactions",
    // Conversations have a transcript of their own.
    "acceptConversation",
    "answerConsumer",
    "transferConversation",
    "closeConversation",
];

/// A call: its operation's name, method, path and body.
type Change = (&'static str, Method, String, Value);

/// Calls that change something, in an order in which all of them can.
fn changes(ids: &[&str; 4], app: Value, offer: Value, client: Value) -> [Change; 17] {
    let [greeting, offered, running, id] = ids;
    let none = Value::Null;
    [
        (
            "putSettings",
            Method::PUT,
            "settings".to_owned(),
            json!({"welcomeMessage": "A secret text"}),
        ),
        ("putSkill", Method::PUT, "skills/vip".into(), json!({})),
        (
            "deleteSkill",
            Method::DELETE,
            "skills/vip".into(),
            none.clone(),
        ),
        ("putApp", Method::PUT, format!("apps/{CLUB}"), app),
        (
            "deleteApp",
            Method::DELETE,
            format!("apps/{CLUB}"),
            none.clone(),
        ),
        (
            "putWebhook",
            Method::PUT,
            "webhooks/crm".into(),
            json!({"url": "https://crm.example.com/hooks"}),
        ),
        (
            "rotateWebhook",
            Method::POST,
            "webhooks/crm/rotate".into(),
            none.clone(),
        ),
        (
            "deleteWebhook",
            Method::DELETE,
            "webhooks/crm".into(),
            none.clone(),
        ),
        ("createClient", Method::POST, "clients".into(), client),
        (
            "rotateClient",
            Method::POST,
            format!("clients/{id}/rotate"),
            none.clone(),
        ),
        (
            "deleteClient",
            Method::DELETE,
            format!("clients/{id}"),
            none.clone(),
        ),
        (
            "createHandoff",
            Method::POST,
            "handoffs".into(),
            handoff("New", &[SHOP], "A secret text"),
        ),
        (
            "changeHandoff",
            Method::PUT,
            format!("handoffs/{offered}"),
            offer,
        ),
        (
            "deleteHandoff",
            Method::DELETE,
            format!("handoffs/{offered}"),
            none.clone(),
        ),
        (
            "createCampaign",
            Method::POST,
            "campaign".into(),
            campaign(greeting, &["ben"]),
        ),
        (
            "cancelCampaign",
            Method::POST,
            format!("campaign/{running}/cancel"),
            none.clone(),
        ),
        (
            "deleteHandoff",
            Method::DELETE,
            format!("handoffs/{greeting}?stop=true"),
            none,
        ),
    ]
}

/// The document's calls that change something.
fn writes() -> BTreeSet<String> {
    operations(&document())
        .into_iter()
        .filter(|(route, _)| !route.starts_with("GET "))
        .map(|(_, operation)| text(&operation["operationId"]))
        .filter(|name| {
            let of_brand = |(call, needs): &(&str, Needs)| {
                call == name && matches!(needs, Needs::Permission(_))
            };
            CALLS.iter().any(of_brand) && !NO_CHANGES.contains(&name.as_str())
        })
        .collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_change_is_told_with_who_made_it() {
    let world = World::start().await;
    let brand = world.brand("acme").await;
    // From then on its calls are held to no pace.
    world.stack.advance(Duration::from_mins(1)).await;
    let admin = world.staff("acme", "admin", &[]).await;
    let newest = async || -> Option<Value> {
        let page = admin.get("audit?limit=1").await.ok(200);
        list(&page["entries"]).into_iter().next()
    };
    let greeting = brand.greeting().await;
    let made = brand.launch(campaign(&greeting, &["ana"])).await;
    let running = text(&made["proactiveCampaignId"]);
    let client = json!({"name": "Job", "roles": ["bot"]});
    let id = text(&admin.post("clients", client.clone()).await.ok(201)["clientId"]);
    let offer = handoff("Offer 4711", &[SHOP], "A secret text");
    let offered = text(&admin.post("handoffs", offer.clone()).await.ok(201)["id"]);
    let app = app(&world.stack, "acme", CLUB);
    brand.with_iphone("cem").await;
    let calls = brand.handoff_for_calls("Go on here").await;
    let caller = caller(&calls, "cem");
    let seen = admin.post("/api/account/acme/eligibility?v=2.0", caller);
    let call = json!({"callId": seen.await.ok(200)["callId"]});
    let changes = changes(&[&greeting, &offered, &running, &id], app, offer, client);
    let invite = "/api/account/acme/invite?v=2.0".to_owned();
    let invite = ("inviteCaller", Method::POST, invite, call);
    let mut told = BTreeSet::new();
    for (name, method, path, body) in changes.into_iter().chain([invite]) {
        let before = newest().await;
        let body = (!body.is_null()).then_some(body);
        let answer = admin.send(method, &path, &[], body).await;
        assert!((200..300).contains(&answer.status), "{name}: {answer:?}");
        let entry = newest().await.unwrap();
        assert_ne!(Some(&entry), before.as_ref(), "{name} is not in the log");
        assert_eq!(entry["by"], "admin-1", "{name}: {entry}");
        assert_eq!(entry["roles"], json!(["admin"]), "{name}: {entry}");
        told.insert(name);
    }
    let told: BTreeSet<_> = told.into_iter().map(str::to_owned).collect();
    assert_eq!(told, writes(), "every call that changes something");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_changes_nothing_is_not_told_and_no_text_ever_is() {
    let world = World::start().await;
    let brand = world.brand("acme").await;
    world.stack.advance(Duration::from_mins(1)).await;
    let admin = world.staff("acme", "admin", &[]).await;
    let id = brand
        .handoff(handoff("Offer", &[SHOP], "A secret text ${{1}}"))
        .await;
    let log = async || admin.get("audit").await.ok(200);
    let before = log().await;
    admin.delete("skills/none").await.problem(404, "NOT_FOUND");
    let check = admin.post("campaign?validate=true", campaign(&id, &["ana"]));
    check.await.ok(200);
    let refused = admin.post("handoffs", handoff("Offer", &[SHOP], "Hello"));
    refused.await.problem(409, "NAME_TAKEN");
    assert_eq!(log().await, before);
    let welcome = json!({"welcomeMessage": "A secret text"});
    admin.put("settings", welcome).await.ok(200);
    let after = log().await;
    assert_ne!(after, before);
    assert!(!after.to_string().contains("secret"), "{after}");
    for reader in ["campaign-manager", "agent-manager", "agent", "bot"] {
        let reader = world.staff("acme", reader, &["sales"]).await;
        reader.get("audit").await.problem(403, "FORBIDDEN");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_log_is_paged_by_a_cursor_of_its_account() {
    let world = World::start().await;
    let brand = world.brand("acme").await;
    // From then on its calls are held to no pace.
    world.stack.advance(Duration::from_mins(1)).await;
    let other = world.brand("other").await;
    for n in 0..7 {
        let path = format!("skills/s{n}");
        brand.put(&path, json!({})).await.ok(200);
    }
    let whole = list(&brand.get("audit").await.ok(200)["entries"]);
    assert!(whole.len() > 7);
    let (mut seen, mut path) = (Vec::new(), "audit?limit=3".to_owned());
    let cursor = loop {
        let page = brand.get(&path).await.ok(200);
        seen.extend(list(&page["entries"]));
        let Some(cursor) = page["cursor"].as_str() else {
            break path.split_once("cursor=").unwrap().1.to_owned();
        };
        path = format!("audit?limit=3&cursor={cursor}");
    };
    assert_eq!(seen, whole, "each once, newest first");
    let stolen = other.get(&format!("audit?cursor={cursor}")).await;
    stolen.problem(400, "INVALID_CURSOR");
    for bad in ["x", "e30", ""] {
        let refused = brand.get(&format!("audit?cursor={bad}")).await;
        refused.problem(400, "INVALID_CURSOR");
    }
    for bad in ["limit=0", "limit=101", "limit=x"] {
        let refused = brand.get(&format!("audit?{bad}")).await;
        refused.problem(400, "INVALID_QUERY");
    }
}
