//! From an accepted campaign to paced jobs.

use crate::world::{World, secs};
use domain::{
    campaign::Chunk,
    dispatch::{Delayed, Job, MessageJob, dispatch},
    pace::LONGEST_DELAY,
};
use std::{collections::BTreeMap, time::Duration};
use testkit::{contract::sample, memory::Record};

/// The parts of a campaign to so many recipients, stored and not yet dispatched.
async fn chunks(world: &World, n: usize) -> Vec<Chunk> {
    world.raise_limit(10_000).await;
    let names: Vec<_> = (0..n).map(|i| format!("c{i}")).collect();
    let names: Vec<_> = names.iter().map(String::as_str).collect();
    world.accept(world.order(&names)).await;
    let chunk = |record| match record {
        Record::Chunk(chunk) => Some(chunk),
        _ => None,
    };
    world.store.stream().into_iter().filter_map(chunk).collect()
}

async fn jobs(world: &World, chunk: &Chunk) -> Vec<(MessageJob, Duration)> {
    dispatch(&world.store, &world.queue, &world.clock, chunk)
        .await
        .unwrap();
    messages(world.queue.take())
}

fn messages(jobs: Vec<Delayed>) -> Vec<(MessageJob, Duration)> {
    let of = |Delayed { job, delay }| match job {
        Job::Message(job) => Some((job, delay)),
        Job::Chat(_) => None,
    };
    jobs.into_iter().filter_map(of).collect()
}

#[tokio::test]
async fn rule_14_sends_are_paced_to_10_per_second() {
    let world = World::new().await;
    let chunk = chunks(&world, 100).await.remove(0);
    let jobs = jobs(&world, &chunk).await;
    assert_eq!(jobs.len(), 100);
    let mut per_second = BTreeMap::<u64, usize>::new();
    for (index, (job, delay)) in jobs.iter().enumerate() {
        let slot = world.now() + sample::ms(100 * i64::try_from(index).unwrap());
        assert_eq!(job.not_before, slot, "each has its slot");
        *per_second.entry(delay.as_secs()).or_default() += 1;
    }
    // Delays are rounded: half of a second's messages come with the first.
    let expected = |second| if second % 10 == 0 { 5 } else { 10 };
    assert_eq!(per_second, (0..=10).map(|s| (s, expected(s))).collect());
    assert_eq!(world.queue.calls(), 1, "all are put at once");
}

#[tokio::test]
async fn two_parts_do_not_overlap() {
    let world = World::new().await;
    let parts = chunks(&world, 200).await;
    let (a, b) = tokio::join!(
        dispatch(&world.store, &world.queue, &world.clock, &parts[0]),
        dispatch(&world.store, &world.queue, &world.clock, &parts[1]),
    );
    a.and(b).unwrap();
    let mut slots: Vec<_> = messages(world.queue.take())
        .into_iter()
        .map(|(job, _)| job.not_before)
        .collect();
    slots.sort();
    let wanted: Vec<_> = (0..200)
        .map(|i| world.now() + sample::ms(100 * i))
        .collect();
    assert_eq!(slots, wanted);
}

#[tokio::test]
async fn a_failed_dispatch_is_done_again_for_all() {
    let world = World::new().await;
    let chunk = chunks(&world, 3).await.remove(0);
    world.queue.fail(1);
    let failed = dispatch(&world.store, &world.queue, &world.clock, &chunk).await;
    assert!(failed.is_err());
    let jobs = jobs(&world, &chunk).await;
    assert_eq!(jobs.len(), 3);
    assert!(
        jobs[0].0.not_before > world.now(),
        "its slots are new: the pace holds"
    );
}

#[tokio::test]
async fn a_dispatch_that_happens_twice_sends_once() {
    let world = World::new().await;
    world.log_in("c0", "t0").await;
    let chunk = chunks(&world, 1).await.remove(0);
    for _ in 0..2 {
        dispatch(&world.store, &world.queue, &world.clock, &chunk)
            .await
            .unwrap();
    }
    world.run().await;
    assert_eq!(world.gateways.pushed().len(), 1);
}

#[tokio::test]
async fn far_slots_are_delayed_again_on_arrival() {
    let world = World::new().await;
    let mut parts = chunks(&world, 101).await;
    for part in &mut parts {
        part.sends_per_second = 1;
    }
    domain::pace::Pacer::reserve(&world.store, &world.account, 2_000, 1, world.now())
        .await
        .unwrap();
    let (job, delay) = jobs(&world, &parts[1]).await.remove(0);
    assert_eq!(delay, LONGEST_DELAY);
    world.clock.advance(secs(900));
    world.send(Job::Message(job.clone())).await.unwrap();
    assert_eq!(world.gateways.pushed(), []);
    let (again, delay) = messages(world.queue.take()).remove(0);
    assert_eq!(
        (again, delay),
        (job.clone(), LONGEST_DELAY),
        "for its same slot"
    );
    world.clock.set(job.not_before - secs(20));
    world.send(Job::Message(job.clone())).await.unwrap();
    let (_, delay) = messages(world.queue.take()).remove(0);
    assert_eq!(delay, Duration::from_secs(20));
}

#[tokio::test]
async fn p9_a_job_of_a_campaign_that_is_gone_fails_alone() {
    let job = Job::Message(sample::job(&sample::account(), "ana", sample::now()));
    let world = World::new().await;
    world.log_in("ana", "t1").await;
    world.send(job).await.unwrap();
    assert_eq!(world.gateways.pushed(), []);
}
