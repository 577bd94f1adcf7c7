//! How the cost of a message grows: with the recipients of one account, and with the accounts.

use crate::{
    parts::{Device, campaign, crowd},
    process::cpu_of_children,
    world::{Brand, World},
};
use futures_util::{StreamExt as _, stream};
use local::Options;
use serde_json::json;
use std::time::{Duration, Instant};

/// The most recipients of a campaign that an account's settings can allow.
const CAMPAIGN: usize = 4000;
/// The recipients of each campaign where the accounts grow: no matter how many there are, a
/// campaign's own cost is shared by as many.
const SMALL_CAMPAIGN: usize = 10;
/// The most messages where the accounts grow: ten for each of a thousand.
const MOST_OF_ACCOUNTS: usize = 10_000;
/// Calls of the API at once.
const CALLS: usize = 8;
/// A campaign has arrived within this, or something is wrong.
const PATIENCE: Duration = Duration::from_mins(30);

/// Prints what a message costs, with up to `most` of them.
pub(crate) async fn run(most: usize) {
    recipients(most).await;
    accounts(most.min(MOST_OF_ACCOUNTS)).await;
}

/// 1, 10, 100, … from `first` to `last`.
fn tens(first: usize, last: usize) -> impl Iterator<Item = usize> {
    std::iter::successors(Some(first), |n| Some(n * 10)).take_while(move |n| *n <= last)
}

async fn start() -> World {
    World::start_as(Options {
        // Processes of the sender: more than cores only adds to the noise.
        parameters: [("SendConcurrency".to_owned(), "4".to_owned())].into(),
        ..Options::default()
    })
    .await
}

async fn recipients(most: usize) {
    let world = start().await;
    let brand = brand(&world, "acme").await;
    let crowd = crowd("c", most.min(CAMPAIGN));
    log_in(&brand, &crowd).await;
    let handoff = brand.greeting().await;
    warm_up(&world, &brand, &handoff, &crowd).await;
    println!("\none account, campaigns of up to {CAMPAIGN}");
    let mut first = None;
    for messages in tens(100, most) {
        world.stack.reset_usage();
        let (began, before) = (Instant::now(), cpu_of_children());
        let mut left = messages;
        while left > 0 {
            let some = &crowd[..left.min(crowd.len())];
            brand.launch(campaign(&handoff, some)).await;
            world.stack.settled_within(PATIENCE).await.unwrap();
            arrived(&world, some.len());
            left -= some.len();
        }
        let cost = Cost::of(&world, messages, cpu_of_children() - before);
        let first = *first.get_or_insert(cost);
        cost.print(&format!("{messages} recipients"), first, began.elapsed());
    }
}

async fn accounts(messages: usize) {
    println!("\n{messages} messages in campaigns of {SMALL_CAMPAIGN}");
    let mut first = None;
    for accounts in tens(1, messages / SMALL_CAMPAIGN) {
        let world = start().await;
        let crowd = crowd("c", SMALL_CAMPAIGN);
        let (world_ref, crowd_ref) = (&world, &crowd);
        // One after another: making a brand starts a function anew.
        let ready: Vec<_> = stream::iter(0..accounts)
            .then(async |n| {
                let brand = brand(world_ref, &format!("acme-{n}")).await;
                for id in crowd_ref {
                    brand.with_iphone(id).await;
                }
                let handoff = brand.greeting().await;
                (brand, handoff)
            })
            .collect()
            .await;
        let (brand, handoff) = &ready[0];
        warm_up(&world, brand, handoff, &crowd).await;
        world.stack.reset_usage();
        let (began, before) = (Instant::now(), cpu_of_children());
        let campaigns = ready.iter().cycle().take(messages / SMALL_CAMPAIGN);
        stream::iter(campaigns)
            .for_each_concurrent(CALLS, async |(brand, handoff)| {
                brand.launch(campaign(handoff, crowd_ref)).await;
            })
            .await;
        world.stack.settled_within(PATIENCE).await.unwrap();
        arrived(&world, messages);
        let cost = Cost::of(&world, messages, cpu_of_children() - before);
        let first = *first.get_or_insert(cost);
        cost.print(&format!("{accounts} accounts"), first, began.elapsed());
    }
}

/// A brand that may send as large and as fast as can be.
async fn brand<'w>(world: &'w World, account: &str) -> Brand<'w> {
    let brand = world.brand(account).await;
    let settings = json!({
        "defaultSkill": "support",
        "welcomeMessage": "Welcome!",
        "limits": {
            "recipientsPerCampaign": CAMPAIGN, "recipientsPerDay": 1_000_000,
            "sendsPerSecond": 4000, "requestsPerSecond": 4000,
        },
    });
    brand.operator.put("settings", settings).await.ok(200);
    brand
}

async fn log_in(brand: &Brand<'_>, crowd: &[String]) {
    stream::iter(crowd)
        .for_each_concurrent(CALLS, async |id| {
            brand.consumer(id).log_in(&Device::iphone(id)).await;
        })
        .await;
}

/// Starts the instances that a campaign needs.
async fn warm_up(world: &World, brand: &Brand<'_>, handoff: &str, crowd: &[String]) {
    brand
        .launch(campaign(handoff, &crowd[..SMALL_CAMPAIGN]))
        .await;
    world.stack.settled().await.unwrap();
    arrived(world, SMALL_CAMPAIGN);
}

/// All arrived, each once; they are forgotten, to make room.
fn arrived(world: &World, messages: usize) {
    let pushes = world.stack.sandbox().pushes();
    assert_eq!(pushes.iter().filter(|p| p.accepted).count(), messages);
    world.stack.sandbox().clear_pushes();
}

/// What a message costs, of all functions together.
#[derive(Clone, Copy)]
struct Cost {
    writes: f64,
    reads: f64,
    queue_calls: f64,
    cpu_millis: f64,
}

impl Cost {
    /// `cpu` is the functions' CPU time in seconds.
    fn of(world: &World, messages: usize, cpu: f64) -> Self {
        let usage = world.stack.usage();
        let (units, calls) = (usage.total("dynamodb:"), usage.total("sqs:").calls);
        let messages = f64::from(u32::try_from(messages).unwrap());
        Self {
            writes: units.write_units / messages,
            reads: units.read_units / messages,
            queue_calls: f64::from(u32::try_from(calls).unwrap()) / messages,
            cpu_millis: cpu * 1000.0 / messages,
        }
    }

    fn print(self, what: &str, first: Self, took: Duration) {
        println!(
            "  {what:>17}: {:.3} write units (× {:.2}), {:.3} read units (× {:.2}), {:.3} SQS calls (× {:.2}), {:.2} ms of CPU (× {:.2}) a message; {took:.1?}",
            self.writes,
            self.writes / first.writes,
            self.reads,
            self.reads / first.reads,
            self.queue_calls,
            self.queue_calls / first.queue_calls,
            self.cpu_millis,
            self.cpu_millis / first.cpu_millis,
        );
    }
}
