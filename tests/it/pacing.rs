//! Pacing by reservation: each message waits in the queue for its slot on the account's clock.

use crate::{
    parts::{campaign, crowd, proactive},
    world::{PATIENCE, World, text},
};
use jiff::Timestamp;
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
