//! What each function needs when it has as much to do as it can have: its memory at the most, and its
//! CPU time. From these `template.yaml` has its memory.
//!
//! A campaign of as many recipients as there may be, to a brand with a webhook, so that the sender
//! and the deliveries have full batches and the stream its largest; then what is large to read of
//! it, devices' reports, replies, answers, and the sweep.

use crate::{
    parts::{Device, campaign, crowd},
    process,
    world::{Brand, World, list, text},
};
use futures_util::{StreamExt as _, stream};
use local::Options;
use serde_json::json;
use std::time::Duration;

/// The most recipients of a campaign.
const RECIPIENTS: usize = 4000;
/// Of them, how many report, reply and are answered.
const TALKERS: usize = 200;
/// Calls at once.
const CALLS: usize = 8;
const PATIENCE: Duration = Duration::from_mins(10);

/// Prints a line for each function.
pub(crate) async fn of_functions() {
    let world = World::start_as(Options {
        // Fewer processes of a function than elsewhere: each has more to do.
        parameters: [
            ("SendConcurrency".to_owned(), "2".to_owned()),
            ("WebhookConcurrency".to_owned(), "2".to_owned()),
        ]
        .into(),
        ..Options::default()
    })
    .await;
    let brand = brand(&world).await;
    let names = crowd("c", RECIPIENTS);
    stream::iter(&names)
        .for_each_concurrent(CALLS, async |id| {
            brand.consumer(id).log_in(&Device::iphone(id)).await;
        })
        .await;
    let greeting = brand.greeting().await;
    let for_calls = brand.handoff_for_calls("Go on here.").await;
    let made = brand.launch(campaign(&greeting, &names)).await;
    world.stack.settled_within(PATIENCE).await.unwrap();
    read(&world, &brand, &text(&made["proactiveCampaignId"])).await;
    talk(&world, &brand, &list(&made["acceptedConsumers"])).await;
    for name in &names[..TALKERS] {
        let asked = json!({
            "consumerPhoneNumber": "+12061234567", "handoffId": for_calls, "skill": "support",
            "consumerId": name,
        });
        let path = "/api/account/acme/eligibility?v=2.0";
        brand.post(path, asked).await;
    }
    for _ in 0..10 {
        world.stack.invoke_schedule("sweep").await.unwrap();
    }
    world.stack.settled_within(PATIENCE).await.unwrap();
    print(&world);
}

/// A brand that may send as much and as fast as can be, and is told of everything.
async fn brand(world: &World) -> Brand<'_> {
    let brand = world.brand("acme").await;
    let settings = json!({
        "defaultSkill": "support", "welcomeMessage": "Welcome!",
        "limits": {
            "recipientsPerCampaign": RECIPIENTS, "recipientsPerDay": 1_000_000,
            "sendsPerSecond": 4000, "requestsPerSecond": 4000,
        },
    });
    brand.operator.put("settings", settings).await.ok(200);
    let hook = json!({"url": world.stack.sandbox().webhook_url("crm")});
    brand.put("webhooks/crm", hook).await.ok(201);
    brand
}

/// What is large: pages and reports of the campaign.
async fn read(world: &World, brand: &Brand<'_>, id: &str) {
    let now = world.stack.clock().now().as_millisecond();
    let (from, to) = (now - 3_600_000, now + 3_600_000);
    let day = format!("attemptedStartTime={from}&attemptedEndTime={to}");
    let report = "/api/account/acme/app/prmsg";
    let client = brand
        .post("clients", json!({"name": "load", "roles": ["admin"]}))
        .await
        .ok(201);
    let (id_of_client, secret) = (text(&client["clientId"]), text(&client["clientSecret"]));
    for _ in 0..20 {
        let given = world.token_call("acme", &id_of_client, &secret).await;
        given.ok(200);
        for path in ["settings", "apps", "audit", "webhooks"] {
            brand.get(path).await.ok(200);
        }
        brand.post("webhooks/crm/test", json!({})).await.ok(200);
        for path in ["recipients", "conversations"] {
            let path = format!("campaign/{id}/{path}");
            brand.get(&path).await.ok(200);
        }
        brand
            .get(&format!("{report}/campaigns/{id}/"))
            .await
            .ok(200);
        let path = format!("{report}/transactions/?{day}");
        brand.post(&path, json!({"limit": 100})).await.ok(200);
    }
}

/// Devices report, consumers write, an agent answers, and the brand is told all of it once more.
async fn talk(world: &World, brand: &Brand<'_>, accepted: &[serde_json::Value]) {
    let agent = world.staff("acme", "agent", &["support", "sales"]).await;
    stream::iter(accepted.iter().take(TALKERS))
        .for_each_concurrent(CALLS, async |accepted| {
            let consumer = brand.consumer(&text(&accepted["consumerContent"]["inapp"]));
            consumer.report(&text(&accepted["id"]), "DELIVERED").await;
            let wrote = consumer.write(&"Hello? ".repeat(200)).await;
            let path = format!("conversations/{}", text(&wrote["conversationId"]));
            agent.post(&format!("{path}/accept"), json!({})).await;
            let said = json!({"text": "Hello! ".repeat(200)});
            agent.post(&format!("{path}/messages"), said).await;
        })
        .await;
    world.stack.settled_within(PATIENCE).await.unwrap();
}

#[expect(clippy::cast_precision_loss, reason = "a bench's figures are small")]
fn print(world: &World) {
    let (peaks, used) = (process::peaks(), process::cpu_by_name());
    println!(
        "As much as there can be: a campaign of {RECIPIENTS}, and what follows.\n\
         | function | invocations | CPU ms each | peak MiB |\n|---|---|---|---|"
    );
    for (name, count) in world.stack.invocations() {
        let cpu = used.get(&name).copied().unwrap_or(f64::NAN) * 1e3 / count as f64;
        let peak = peaks.get(&name).copied().unwrap_or(f64::NAN);
        println!("| {name} | {count} | {cpu:.1} | {peak:.1} |");
    }
}
