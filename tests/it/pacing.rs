//! Pacing by reservation: each message waits in the queue for its slot on the account's clock.

use crate::{
    brand::Brand,
    parts::{campaign, crowd, custom, proactive},
    world::{PATIENCE, World, text},
};
use jiff::{SignedDuration, Timestamp};
use local::Stack;
use serde_json::Value;
use std::{collections::BTreeMap, time::Duration};

/// The jobs of a campaign in the queue: their delay in milliseconds, and their body.
fn jobs(stack: &Stack, campaign: &str) -> Vec<(i64, Value)> {
    let messages = stack.queue("SendQueue").unwrap().messages();
    let of_campaign = messages.into_iter().filter(|m| m.body.contains(campaign));
    of_campaign
        .map(|m| {
            (
                m.visible_ms - m.sent_ms,
                serde_json::from_str(&m.body).unwrap(),
            )
        })
        .collect()
}

/// A value of that name, wherever it is.
fn find<'v>(value: &'v Value, name: &str) -> Option<&'v Value> {
    match value {
        Value::Object(map) => map
            .get(name)
            .or_else(|| map.values().find_map(|v| find(v, name))),
        _ => None,
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ten_messages_a_second_each_at_its_slot() {
    let world = World::start().await;
    let brand = world.brand_sending("acme", 10).await;
    let crowd = crowd("c", 30);
    for id in &crowd {
        brand.with_iphone(id).await;
    }
    let handoff = brand.greeting().await;
    // These take the account's next minute, so that what comes after waits in the queue.
    for n in 0..6 {
        let strangers = crate::parts::crowd(&format!("stranger{n}"), 100);
        brand.launch(campaign(&handoff, &strangers)).await;
    }
    let made = brand.launch(campaign(&handoff, &crowd)).await;
    let id = text(&made["proactiveCampaignId"]);
    let all_wait = |stack: &Stack| jobs(stack, &id).len() == 30;
    assert!(world.stack.until(PATIENCE, all_wait).await);

    let jobs = jobs(&world.stack, &id);
    let mut slots: Vec<i64> = jobs
        .iter()
        .map(|(_, job)| {
            let slot: Timestamp = text(find(job, "notBefore").unwrap()).parse().unwrap();
            slot.as_microsecond()
        })
        .collect();
    slots.sort_unstable();
    assert!(
        slots.windows(2).all(|pair| pair[1] - pair[0] == 100_000),
        "{slots:?}"
    );
    let mut by_second: BTreeMap<i64, usize> = BTreeMap::new();
    for (delay, _) in &jobs {
        assert_eq!(delay % 1000, 0, "SQS delays by whole seconds");
        *by_second.entry(*delay).or_default() += 1;
    }
    assert!(
        by_second.values().all(|count| *count <= 10),
        "{by_second:?}"
    );
    assert!(by_second.len() <= 4, "{by_second:?}");

    world.stack.advance(Duration::from_mins(2)).await;
    world.stack.settled().await.unwrap();
    assert_eq!(proactive(&world.stack).len(), 30);
    assert_eq!(brand.look(&made).await["counts"]["sent"], 30);
}

/// A brand that sends so many messages a second, with people to send to.
struct Sender<'w> {
    brand: Brand<'w>,
    pace: usize,
    crowd: Vec<String>,
    handoff: String,
}

impl<'w> Sender<'w> {
    async fn new(world: &'w World, account: &str, pace: u32, people: usize) -> Self {
        let brand = world.brand_sending(account, pace).await;
        let crowd = crowd(account, people);
        for id in &crowd {
            brand.with_iphone(id).await;
        }
        let handoff = brand.greeting().await;
        Self {
            brand,
            pace: pace as usize,
            crowd,
            handoff,
        }
    }

    async fn launch(&self, recipients: usize) {
        let to = &self.crowd[..recipients];
        self.brand.launch(campaign(&self.handoff, to)).await;
    }

    /// When its messages came to the gateways, in order.
    fn arrivals(&self, stack: &Stack) -> Vec<Timestamp> {
        let mut pushes = proactive(stack);
        pushes.retain(|push| custom(push, "brandId") == self.brand.account);
        let mut at: Vec<_> = pushes.iter().map(|push| push.at).collect();
        at.sort_unstable();
        at
    }

    /// All came, at the pace. The clock went on in steps, the longest of them `step`: what falls
    /// due within one comes at its end.
    #[track_caller]
    fn kept_the_pace(&self, stack: &Stack, messages: usize, step: SignedDuration) {
        let came = self.arrivals(stack);
        assert_eq!(came.len(), messages);
        let in_a_second = |(i, first): (usize, &Timestamp)| {
            came[i..].partition_point(|at| at.duration_since(*first).as_secs() < 1)
        };
        let fullest = came.iter().enumerate().map(in_a_second).max().unwrap();
        let per_second = number(self.pace);
        let most = per_second * (1.0 + step.as_secs_f64());
        assert!(
            number(fullest) <= most,
            "{fullest} in a second, {step} a step"
        );
        let took = came[messages - 1].duration_since(came[0]).as_secs_f64();
        let ideal = number(messages) / per_second;
        let off = (took - ideal).abs();
        assert!(
            off <= 0.05 * ideal + step.as_secs_f64(),
            "{messages} took {took} s, not {ideal} s, {step} a step"
        );
    }
}

fn number(count: usize) -> f64 {
    f64::from(u32::try_from(count).unwrap())
}

/// Lets so many seconds pass, one at a time, each when all that is due is done; the longest that
/// the clock went on at once.
async fn second_by_second(stack: &Stack, seconds: usize) -> SignedDuration {
    let mut longest = SignedDuration::ZERO;
    let mut last = stack.clock().now();
    for _ in 0..seconds {
        stack.quiet().await.unwrap();
        stack.advance(Duration::from_secs(1)).await;
        let now = stack.clock().now();
        longest = longest.max(now.duration_since(last));
        last = now;
    }
    stack.settled().await.unwrap();
    longest
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_second_is_too_full_and_all_take_as_long_as_they_should() {
    let world = World::start().await;
    let stack = &world.stack;
    let sender = Sender::new(&world, "acme", 10, 100).await;
    sender.launch(1).await;
    let step = second_by_second(stack, 2).await;
    sender.kept_the_pace(stack, 1, step);

    stack.sandbox().clear_pushes();
    // Three campaigns at once, and they are one queue.
    for recipients in [100, 100, 50] {
        sender.launch(recipients).await;
    }
    let step = second_by_second(stack, 27).await;
    sender.kept_the_pace(stack, 250, step);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn three_thousand_messages_keep_the_pace() {
    let world = World::start().await;
    let stack = &world.stack;
    let sender = Sender::new(&world, "acme", 20, 100).await;
    for _ in 0..30 {
        sender.launch(100).await;
    }
    let step = second_by_second(stack, 151).await;
    sender.kept_the_pace(stack, 3_000, step);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn accounts_do_not_wait_for_one_another() {
    let world = World::start().await;
    let stack = &world.stack;
    let slow = Sender::new(&world, "slow", 2, 16).await;
    let quick = Sender::new(&world, "quick", 20, 80).await;
    slow.launch(16).await;
    quick.launch(80).await;
    slow.launch(4).await;
    quick.launch(80).await;
    let step = second_by_second(stack, 12).await;
    slow.kept_the_pace(stack, 20, step);
    quick.kept_the_pace(stack, 160, step);
}
