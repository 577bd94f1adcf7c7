//! This release goes on where the last one stopped: with its items, its messages, its cursors and
//! its stream. And since it must not mind what the next one adds, all of that once more with fields
//! that nobody knows yet.

use super::record::{
    ACCOUNT, Record, ana_says, ask, changed, names_of, put_credentials, tell, world_at,
};
use crate::{
    brand::Brand,
    parts::{Device, custom, proactive, pushes_to, shown},
    webhooks::told,
    world::{World, text},
};
use local::faults::Rule;
use reqwest::Method;
use sandbox::Push;
use serde_json::{Value, json};
use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

/// Longer than the put-off message's 10 minutes, and than any pause.
const QUARTER: Duration = Duration::from_mins(16);

/// What the table's stream tells of the items that are put into it.
#[derive(Clone, Copy, PartialEq)]
enum Stream {
    /// Nothing: it did before.
    Silent,
    /// All of them, once more.
    Repeats,
}

/// The record in a system of its own, its messages still to be put into their queues; and the
/// record as it is there.
async fn load(record: Record, stream: Stream) -> (World, Record) {
    let world = world_at(record.at).await;
    put_credentials(&world);
    if stream == Stream::Silent {
        for function in ["dispatch", "tally"] {
            let lost = Rule::lost_records(function, u32::MAX);
            world.stack.faults().add(lost);
        }
    }
    let mut record = serde_json::to_value(record).unwrap();
    for (name, value) in names_of(&world) {
        record = changed(record, &|text| text.replace(name, &value));
    }
    let record: Record = serde_json::from_value(record).unwrap();
    for item in &record.items {
        world.put_item(item);
    }
    // The stream is not told of what is put past the functions; any call's write lets it look.
    ask(&world, "operator", "ops", "settings").await;
    world.stack.quiet().await.unwrap();
    world.stack.faults().clear();
    (world, record)
}

/// Whether all that was told then is told now. What is new, and the cursors' spelling, is nobody's
/// business.
fn still_says(now: &Value, then: &Value, at: &str) {
    match (now, then) {
        (Value::Object(now), Value::Object(then)) => {
            for (name, then) in then {
                if !["cursor", "requestTraceId"].contains(&name.as_str()) {
                    let now = now.get(name).unwrap_or(&Value::Null);
                    still_says(now, then, &format!("{at}.{name}"));
                }
            }
        }
        (Value::Array(now), Value::Array(then)) => {
            assert_eq!(now.len(), then.len(), "{at}: {now:#?}");
            for (index, (now, then)) in now.iter().zip(then).enumerate() {
                still_says(now, then, &format!("{at}[{index}]"));
            }
        }
        _ => assert_eq!(now, then, "{at}"),
    }
}

/// How often each device was shown each message.
fn shown_by_device(world: &World) -> BTreeMap<(String, String), usize> {
    let mut shown = BTreeMap::new();
    for push in proactive(&world.stack) {
        let message = custom(&push, "transactionId");
        *shown.entry((push.device_token, message)).or_default() += 1;
    }
    shown
}

async fn counts(brand: &Brand<'_>, campaign: &str) -> Value {
    let made = json!({"proactiveCampaignId": campaign});
    brand.look(&made).await["counts"].clone()
}

/// The brand of the record.
fn brand_of(world: &World) -> Brand<'_> {
    let of = |role, subject| {
        let token = world.stack.token(role, ACCOUNT, subject, &[]).unwrap();
        world.session(ACCOUNT, token)
    };
    Brand {
        session: of("admin", "crm"),
        operator: of("operator", "ops"),
        client_secret: String::new(),
    }
}

/// Everything that was under way comes to its end, and everything that was begun goes on.
async fn go_on(world: &World, record: &Record) {
    let (stack, names) = (&world.stack, &record.names);
    let jobs = stack.queue("SendQueue").unwrap();
    record
        .jobs
        .iter()
        .for_each(|job| jobs.push(job.to_string()));
    let deliveries = stack.queue("WebhookQueue").unwrap();
    let due = record.deliveries.iter();
    due.for_each(|delivery| deliveries.push(delivery.to_string()));
    stack.quiet().await.unwrap();

    // What nobody had looked at is sent: the last campaign's message, and what an agent said.
    let [push] = proactive_to(world, "hal").try_into().unwrap();
    assert_eq!(shown(&push), "Hello hal");
    let chat: Vec<_> = pushes_to_device(world, &Device::iphone("ana").token);
    assert!(chat.contains(&"Gladly 😀".to_owned()), "{chat:?}");

    // A conversation goes on; the same thing said again is the same thing.
    let brand = brand_of(world);
    let ana = brand.consumer("ana");
    let said = ana_says(&ana).await;
    assert_eq!(said["messageId"], names.said.as_str());
    assert_eq!(said["conversationId"], names.conversation_of_ana.as_str());
    let written = ana.write("One more thing").await;
    assert_eq!(
        written["conversationId"],
        names.conversation_of_ana.as_str()
    );

    // One that ends lets go of a message that waited for it.
    let skills = ["sales", "support"];
    let token = stack.token("agent", ACCOUNT, "agent-1", &skills).unwrap();
    let agent = world.session(ACCOUNT, token);
    for step in ["accept", "close"] {
        let path = format!("conversations/{}/{step}", names.conversation_of_cy);
        agent.send(Method::POST, &path, &[], None).await.ok(200);
    }
    stack.quiet().await.unwrap();
    assert_eq!(proactive_to(world, "cy").len(), 1);

    // A call that was asked about is invited, and a campaign's key replays its answer.
    let path = format!("/api/account/{ACCOUNT}/invite?v=2.0");
    let invited = brand.post(&path, json!({"callId": names.call})).await;
    invited.ok(200);
    let again = tell(&brand, &names.greeting).await;
    assert_eq!(again.header("idempotent-replayed"), "true");
    assert_eq!(again.ok(202)["proactiveCampaignId"], names.told.as_str());
    stack.quiet().await.unwrap();
    let to_eva = pushes_to(stack, "eva").len();
    assert_eq!(to_eva, 1, "the call's; the other was put off");

    // What was put off and what was paused goes out in its time, and the sweep finds nothing amiss.
    for _ in 0..3 {
        stack.advance(QUARTER).await;
        stack.quiet().await.unwrap();
        stack.invoke_schedule("sweep").await.unwrap();
        stack.quiet().await.unwrap();
    }
    for (consumer, all) in [("eva", 2), ("dea", 1), ("hal", 1), ("cy", 1)] {
        assert_eq!(pushes_to(stack, consumer).len(), all, "{consumer}");
    }
    for (what, times) in shown_by_device(world) {
        assert_eq!(times, 1, "{what:?}");
    }
    // The clock was put forward past the token's hour.
    let brand = brand_of(world);
    let mut failed = 0;
    for campaign in &names.campaigns {
        let counts = counts(&brand, campaign).await;
        failed += counts["failed"].as_u64().unwrap();
        for state in ["queued", "sending", "held"] {
            assert_eq!(counts[state], 0, "{campaign}: {counts}");
        }
    }
    assert_eq!(failed, 2, "the stranger, and Cy while she was busy");
    events_are_told(world, record);
    for queue in stack.queues() {
        assert!(stack.queue(&queue).unwrap().is_empty(), "{queue}");
    }
    for line in stack.logs() {
        let is_silent = !line.text.contains("cannot be read") && !line.text.contains("decoded");
        assert!(is_silent, "{line:?}");
    }
}

/// The pushes of campaigns that a consumer's devices took.
fn proactive_to(world: &World, consumer: &str) -> Vec<Push> {
    let mut pushes = proactive(&world.stack);
    pushes.retain(|push| custom(push, "externalConsumerId") == consumer);
    pushes
}

fn pushes_to_device(world: &World, token: &str) -> Vec<String> {
    let pushes = world.stack.sandbox().pushes().into_iter();
    let to_it = pushes.filter(|push| push.accepted && push.device_token == token);
    to_it.map(|push| shown(&push).to_owned()).collect()
}

/// Every event that waited for its webhook has come there.
fn events_are_told(world: &World, record: &Record) {
    let told = told(world, "crm").into_iter();
    let told: BTreeSet<_> = told.map(|r| r.headers["webhook-id"].clone()).collect();
    let mut waited = BTreeSet::new();
    for delivery in &record.deliveries {
        ids(delivery, &mut waited);
    }
    assert!(!waited.is_empty(), "{:#?}", record.deliveries);
    assert!(waited.is_subset(&told), "{waited:#?} of {told:#?}");
}

/// The ids of the events in a delivery.
fn ids(delivery: &Value, found: &mut BTreeSet<String>) {
    match delivery {
        Value::Object(all) => {
            if let (Some(id), Some(_)) = (all.get("id"), all.get("data")) {
                found.insert(text(id));
            }
            all.values().for_each(|one| ids(one, found));
        }
        Value::Array(all) => all.iter().for_each(|one| ids(one, found)),
        _ => {}
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_the_last_release_wrote_is_read_and_gone_on_with() {
    let (world, record) = load(Record::of_last_release(), Stream::Silent).await;
    for told in &record.answers {
        let now = ask(&world, &told.role, &told.subject, &told.path).await;
        still_says(&now, &told.body, &told.path);
    }
    go_on(&world, &record).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_later_release_adds_is_passed_over_and_a_repeated_stream_shows_nothing_twice() {
    let mut record = Record::of_last_release();
    for item in &mut record.items {
        item["of_a_later_release"] = json!({"M": {"new": {"L": [{"S": "news"}]}}});
    }
    for body in record.jobs.iter_mut().chain(&mut record.deliveries) {
        body["ofALaterRelease"] = json!({"new": ["news"]});
    }
    let (world, record) = load(record, Stream::Repeats).await;
    go_on(&world, &record).await;
}
