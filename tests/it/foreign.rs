//! Another account's ids: not found by any call that takes one, and untouched.

use crate::{
    brand::Brand,
    parts::{Device, app, caller, campaign, handoff},
    walk::{Call, Caller, calls, harmless},
    world::{Answer, SHOP, Session, World, list, text},
};
use reqwest::Method;
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// Calls whose path names a thing of the caller's own, which is there or not.
const NAMING: [&str; 5] = [
    "putApp",
    "putSkill",
    "putWebhook",
    "logInDevice",
    "logOutDevice",
];

/// The parameters that are no ids.
const NO_IDS: [&str; 4] = ["accountId", "app", "channel", "service"];

/// An account that has one of everything.
struct Owner<'w> {
    brand: Brand<'w>,
    operator: Session<'w>,
    consumer: Session<'w>,
    ids: BTreeMap<&'static str, String>,
}

impl<'w> Owner<'w> {
    async fn open(world: &'w World, name: &'static str) -> Self {
        let brand = world.brand(name).await;
        let (person, app_name) = (format!("{name}-ana"), format!("com.{name}.club"));
        let club = app(&world.stack, name, SHOP);
        brand.put(&format!("apps/{app_name}"), club).await.ok(200);
        let skill = format!("{name}-skill");
        brand
            .put(&format!("skills/{skill}"), json!({}))
            .await
            .ok(200);
        let wanted = json!({"name": "till", "roles": ["campaign-manager"]});
        let client = brand.post("clients", wanted).await.ok(201);
        let hook = format!("{name}-hook");
        let url = world.stack.sandbox().webhook_url(&hook);
        let off = json!({"url": url, "disabled": true});
        brand.put(&format!("webhooks/{hook}"), off).await.ok(201);
        let consumer = brand.with_iphone(&person).await;
        let calls = brand.handoff_for_calls("Go on here").await;
        let eligibility = format!("/api/account/{name}/eligibility?v=2.0");
        let seen = brand
            .post(&eligibility, caller(&calls, "caller"))
            .await
            .ok(200);
        let call = text(&seen["callId"]);
        let greeting = brand.greeting().await;
        let made = brand.launch(campaign(&greeting, &[&person])).await;
        world.stack.settled().await.unwrap();
        let message = text(&list(&made["acceptedConsumers"])[0]["id"]);
        let wrote = consumer.write("Yes, please").await;
        world.stack.settled().await.unwrap();
        let ids = BTreeMap::from([
            ("appName", app_name),
            ("name", skill),
            ("clientId", text(&client["clientId"])),
            ("webhookName", hook),
            ("callId", call),
            ("handoffForCalls", calls),
            ("handoffId", greeting),
            ("campaignId", text(&made["proactiveCampaignId"])),
            ("consumerId", person.clone()),
            ("conversationId", text(&wrote["conversationId"])),
            ("messageId", message),
            ("deviceId", Device::iphone(&person).id),
        ]);
        Self {
            operator: brand.operator.clone(),
            consumer: world.session(name, consumer.token.clone()),
            brand,
            ids,
        }
    }

    fn id(&self, name: &str) -> String {
        self.ids
            .get(name)
            .cloned()
            .unwrap_or_else(|| harmless(name))
    }

    /// Makes the call, by whom it is for.
    async fn make(&self, call: &Call, path: &str) -> Answer {
        let who = match call.caller {
            Caller::Consumer => &self.consumer,
            _ => &self.operator,
        };
        let body = match call.name.as_str() {
            "changeHandoff" => Some(handoff("Greeting", &[SHOP], "Hello ${{1}}")),
            "checkEligibility" => Some(caller(&self.id("handoffForCalls"), "caller")),
            "inviteCaller" => Some(json!({"callId": self.id("callId")})),
            "putApp" => Some(app(&self.brand.world.stack, &self.brand.account, SHOP)),
            _ => call.body.clone(),
        };
        who.send(call.method.clone(), path, &[], body).await
    }

    /// All that is stored of the account, but the buckets of its calls.
    fn stored(&self) -> Vec<Value> {
        let of = format!("A#{}#", self.brand.account);
        let mut items = self.brand.world.table();
        items.retain(|item| {
            let key = item["pk"]["S"].as_str().unwrap();
            key.starts_with(&of) && !key.contains("#LIMIT#")
        });
        items.sort_by_key(ToString::to_string);
        items
    }
}

/// The calls that need a token.
fn guarded() -> Vec<Call> {
    let mut all = calls();
    all.retain(|call| call.caller != Caller::Nobody);
    assert!(all.len() >= 46, "{}", all.len());
    all
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_accounts_ids_are_not_found_by_any_call() {
    let world = World::start().await;
    let own = Owner::open(&world, "acme").await;
    let other = Owner::open(&world, "other").await;
    let before = other.stored();
    // Bodies first: there is nothing of one's own yet that is called so.
    let newcomer = (*own.brand.consumer("acme-ben")).clone();
    let own_sessions = [
        (
            &own.operator,
            "campaign",
            campaign(&other.id("handoffId"), &["acme-ana"]),
        ),
        (&own.operator, "campaign", {
            let mut body = campaign(&own.id("handoffId"), &["acme-ana"]);
            body["skill"] = other.id("name").into();
            body
        }),
        (
            &own.operator,
            "settings",
            json!({"defaultSkill": other.id("name")}),
        ),
        (
            &own.operator,
            "handoffs",
            handoff("Theirs", &[&other.id("appName")], "Hello"),
        ),
        (
            &newcomer,
            "me/conversation/messages",
            json!({"text": "Yes", "proactiveMessageId": other.id("messageId")}),
        ),
    ];
    for (who, path, body) in own_sessions {
        let method = if path == "settings" {
            Method::PUT
        } else {
            Method::POST
        };
        let answer = who.send(method, path, &[], Some(body)).await;
        assert_eq!(answer.status, 422, "{path}: {answer:?}");
        let code = text(&answer.body["code"]);
        assert!(code.starts_with("UNKNOWN_"), "{path}: {code}");
    }
    // Those that make a thing of that name of one's own come last.
    let mut calls = guarded();
    calls.sort_by_key(|call| NAMING.contains(&&*call.name));
    let theirs = json!({"callId": other.id("callId")});
    let invite = own.operator.post("/api/account/acme/invite?v=2.0", theirs);
    invite.await.problem(404, "NOT_FOUND");
    for call in calls {
        let ids = call
            .parameters()
            .into_iter()
            .filter(|p| !NO_IDS.contains(p));
        for foreign in ids {
            // The one is the other account's, the rest are one's own; and all are the other's.
            for all in [false, true] {
                let path = call.at(|name| match name {
                    _ if NO_IDS.contains(&name) => harmless(name),
                    _ if all || name == foreign => other.id(name),
                    _ => own.id(name),
                });
                let answer = own.make(&call, &path).await;
                if NAMING.contains(&&*call.name) {
                    assert!(answer.status < 500, "{}: {answer:?}", call.name);
                } else {
                    assert_eq!(answer.status, 404, "{}: {path}: {answer:?}", call.name);
                    answer.problem(404, "NOT_FOUND");
                }
            }
        }
    }
    world.stack.settled().await.unwrap();
    assert_eq!(
        other.stored(),
        before,
        "nothing of the other account was touched"
    );

    // And they are ids: their own account finds every one of them, deleting them last.
    let mut calls = guarded();
    calls.sort_by_key(|call| call.method == Method::DELETE);
    for call in calls {
        let path = call.at(|name| match name {
            "accountId" => "other".to_owned(),
            _ => other.id(name),
        });
        let answer = other.make(&call, &path).await;
        assert_ne!(answer.status, 404, "{}: {path}: {answer:?}", call.name);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_accounts_path_is_not_found_by_any_call() {
    let world = World::start().await;
    let own = Owner::open(&world, "acme").await;
    let other = Owner::open(&world, "other").await;
    let before = other.stored();
    for call in guarded() {
        let path = call.at(|name| match name {
            "accountId" => "other".to_owned(),
            _ => other.id(name),
        });
        let answer = own.make(&call, &path).await;
        match call.caller {
            // The other account's apps do not know who vouches for the consumer.
            Caller::Consumer => answer.problem(401, "UNAUTHORIZED"),
            _ => answer.problem(404, "NOT_FOUND"),
        };
    }
    world.stack.settled().await.unwrap();
    assert_eq!(other.stored(), before);
}
