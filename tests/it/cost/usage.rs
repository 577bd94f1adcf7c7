//! What a message and a report use, as the local stack meters it with each run of the tests.

use crate::{
    parts::{campaign, crowd, proactive},
    world::{World, text},
};
use serde_json::Value;
use std::{collections::BTreeMap, time::Duration};
use tokio::time::{Instant, sleep_until};

/// How many messages are metered.
const MESSAGES: u32 = 100;
/// The pace that accounts have unless an operator raises it, per second.
pub(super) const PACE: u32 = 10;

/// What was used, per message or report.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Units {
    /// Write and read units, but for those of counting.
    pub(super) write: f64,
    pub(super) read: f64,
    /// Write and read units of an invocation of `tally`.
    pub(super) write_of_tally: f64,
    pub(super) read_of_tally: f64,
    /// Calls of `SendMessageBatch`.
    pub(super) enqueue: f64,
    /// Invocations of `create-campaign`, `dispatch` and `send`.
    pub(super) create: f64,
    pub(super) dispatch: f64,
    pub(super) send: f64,
    /// Bytes of log lines that are the functions' own.
    pub(super) log_bytes: f64,
}

/// Of each message of a campaign of 100 at the default pace.
pub(super) const SENT: Units = Units {
    write: 2.42,
    read: 2.15,
    write_of_tally: 4.0,
    read_of_tally: 1.2,
    enqueue: 0.1,
    create: 0.01,
    dispatch: 0.01,
    send: 0.12,
    log_bytes: 165.0,
};

/// Of each report of a device (`reportMessage`), at the same pace.
pub(super) const REPORTED: Units = Units {
    write: 2.0,
    read: 0.0,
    enqueue: 0.0,
    create: 0.0,
    dispatch: 0.0,
    send: 0.0,
    log_bytes: 30.0,
    ..SENT
};

/// Bytes of the table's items, per message with its campaign, as DynamoDB bills them.
pub(super) const KEPT_BYTES: f64 = 620.0;

/// What is metered between two looks.
struct Look<'w> {
    world: &'w World,
    invocations: BTreeMap<String, u64>,
    bytes: usize,
}

impl<'w> Look<'w> {
    fn now(world: &'w World) -> Self {
        world.stack.reset_usage();
        Self {
            world,
            invocations: world.stack.invocations(),
            bytes: logged(world),
        }
    }

    /// What was used since, per message.
    fn units(&self) -> Units {
        let (usage, now) = (self.world.stack.usage(), self.world.stack.invocations());
        let number = |n: u64| f64::from(u32::try_from(n).unwrap());
        let messages = f64::from(MESSAGES);
        let invoked = |function| number(now[function] - self.invocations[function]);
        let (all, tally) = (usage.total("dynamodb:"), usage.of("tally", "dynamodb:"));
        let bytes = u32::try_from(logged(self.world) - self.bytes).unwrap();
        Units {
            write: (all.write_units - tally.write_units) / messages,
            read: (all.read_units - tally.read_units) / messages,
            write_of_tally: tally.write_units / invoked("tally"),
            read_of_tally: tally.read_units / invoked("tally"),
            enqueue: number(usage.total("sqs:").calls) / messages,
            create: invoked("create-campaign") / messages,
            dispatch: invoked("dispatch") / messages,
            send: invoked("send") / messages,
            log_bytes: f64::from(bytes) / messages,
        }
    }
}

fn logged(world: &World) -> usize {
    world.stack.logs().iter().map(|line| line.text.len()).sum()
}

/// The size of an item, by DynamoDB's rules.
fn size(item: &Value) -> usize {
    let attributes = item.as_object().unwrap().iter();
    // An item's index takes 100 bytes.
    attributes
        .map(|(name, value)| name.len() + of_value(value))
        .sum::<usize>()
        + 100
}

fn of_value(value: &Value) -> usize {
    let (kind, value) = value.as_object().unwrap().iter().next().unwrap();
    match (kind.as_str(), value) {
        ("N", Value::String(digits)) => digits.len().div_ceil(2) + 1,
        ("B", Value::String(base64)) => base64.len() * 3 / 4,
        (_, Value::String(text)) => text.len(),
        ("L", Value::Array(all)) => 3 + all.iter().map(|one| 1 + of_value(one)).sum::<usize>(),
        ("M", Value::Object(all)) => {
            let each = all.iter().map(|(name, one)| 1 + name.len() + of_value(one));
            3 + each.sum::<usize>()
        }
        _ => 1,
    }
}

/// Bytes of what is kept as long as messages are.
fn kept(world: &World) -> usize {
    let items = world.table().into_iter();
    items
        .filter(|item| item["ttl"].is_object())
        .map(|item| size(&item))
        .sum()
}

/// What is reckoned with is what was measured, or a little more.
#[track_caller]
fn is_near(what: &str, reckoned: f64, measured: f64) {
    assert!(
        measured <= reckoned * 1.001 && measured >= reckoned * 0.8 - 0.011,
        "{what}: {measured} was measured, {reckoned} is reckoned with: change it in usage.rs"
    );
}

#[track_caller]
fn are_near(what: &str, reckoned: Units, measured: Units) {
    for (name, of) in [
        ("write", (|u| u.write) as fn(Units) -> f64),
        ("read", |u| u.read),
        ("write_of_tally", |u| u.write_of_tally),
        ("read_of_tally", |u| u.read_of_tally),
        ("enqueue", |u| u.enqueue),
        ("create", |u| u.create),
        ("dispatch", |u| u.dispatch),
    ] {
        is_near(&format!("{name}, {what}"), of(reckoned), of(measured));
    }
    // Lines are written for an invocation, of which there are more or fewer.
    let (most, lines) = (reckoned.log_bytes, measured.log_bytes);
    assert!(
        (most / 2.0..=most).contains(&lines),
        "log_bytes, {what}: {lines} were measured, {most} are reckoned with: change it in usage.rs"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn messages_and_reports_use_what_the_page_reckons_with() {
    let world = World::start().await;
    let brand = world.brand_sending("acme", PACE).await;
    let crowd = crowd("c", MESSAGES as usize);
    for id in &crowd {
        brand.with_iphone(id).await;
    }
    let handoff = brand.greeting().await;
    // Everyone's instances are up, and what they keep is read.
    brand.launch(campaign(&handoff, &crowd[..1])).await;
    world.stack.settled().await.unwrap();

    let (look, before) = (Look::now(&world), kept(&world));
    brand.launch(campaign(&handoff, &crowd)).await;
    world.stack.settled().await.unwrap();
    assert_eq!(proactive(&world.stack).len(), MESSAGES as usize + 1);
    let sent = look.units();
    let bytes = u32::try_from(kept(&world) - before).unwrap();
    let bytes = f64::from(bytes) / f64::from(MESSAGES);
    println!("{sent:#?} {bytes} bytes");
    are_near("of a message", SENT, sent);
    is_near("bytes", KEPT_BYTES, bytes);

    let mut messages = Vec::new();
    for id in &crowd {
        let consumer = brand.consumer(id);
        messages.push((text(&consumer.inbox().await[0]["id"]), consumer));
    }
    world.stack.settled().await.unwrap();
    let (look, mut next) = (Look::now(&world), Instant::now());
    for (message, consumer) in &messages {
        // The pace is what is measured, not something to wait for.
        sleep_until(next).await;
        consumer.report(message, "DELIVERED").await;
        next += Duration::from_secs(1) / PACE;
    }
    world.stack.settled().await.unwrap();
    let reported = look.units();
    println!("{reported:#?}");
    are_near("of a report", REPORTED, reported);
}
