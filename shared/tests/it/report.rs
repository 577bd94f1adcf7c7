//! The transactions report: pages and filters.

use crate::world::{World, secs};
use domain::{
    board::counts,
    campaign::{self, CancelCampaigns, Order, Spot},
    clock,
    message::State,
    report::{Filters, ReadDays, transactions},
};
use std::collections::BTreeSet;

/// The consumers of the rows from `offset` on.
async fn rows(world: &World, filters: &Filters, offset: usize, limit: usize) -> Vec<String> {
    let span = (world.now() - secs(3_600), world.now() + secs(1));
    let found = transactions(&world.store, &world.account, span, filters, offset, limit);
    found
        .await
        .unwrap()
        .into_iter()
        .map(|row| row.standing.recipient.consumer.to_string())
        .collect()
}

/// Three campaigns: a1 a2 a3, b1 b2 (support), c0 … c149.
async fn campaigns(world: &World) -> Vec<String> {
    world.raise_limit(200).await;
    world.log_in("a1", "t1").await;
    world.campaign(&["a1", "a2", "a3"]).await;
    world.clock.advance(secs(1));
    let support = Order {
        skill: "support".into(),
        ..world.order(&["b1", "b2"])
    };
    world.accept(support).await;
    world.run().await;
    let names: Vec<_> = (0..150).map(|i| format!("c{i}")).collect();
    let names: Vec<_> = names.iter().map(String::as_str).collect();
    world.accept(world.order(&names)).await;
    let all = ["a1", "a2", "a3", "b1", "b2"].into_iter().chain(names);
    all.map(Into::into).collect()
}

#[tokio::test]
async fn pages_follow_one_another_without_gap_or_repeat() {
    let world = World::new().await;
    let all = campaigns(&world).await;
    let plain = Filters::default();
    assert_eq!(rows(&world, &plain, 0, 1_000).await, all);
    for size in [1, 2, 3, 7, 100] {
        let mut read = Vec::new();
        loop {
            let page = rows(&world, &plain, read.len(), size).await;
            assert!(page.len() <= size);
            if page.is_empty() {
                break;
            }
            read.extend(page);
        }
        assert_eq!(read, all, "{size} at a time");
    }
    assert!(rows(&world, &plain, 0, 0).await.is_empty());
    assert!(rows(&world, &plain, 1_000, 10).await.is_empty());
}

#[tokio::test]
async fn filters_admit_by_skill_state_and_message() {
    let world = World::new().await;
    campaigns(&world).await;
    let by_skill = Filters {
        skills: BTreeSet::from(["support".to_owned()]),
        ..Filters::default()
    };
    assert_eq!(rows(&world, &by_skill, 0, 10).await, ["b1", "b2"]);
    assert_eq!(rows(&world, &by_skill, 1, 10).await, ["b2"]);
    let by_state = |state| Filters {
        states: BTreeSet::from([state]),
        ..Filters::default()
    };
    assert_eq!(rows(&world, &by_state(State::Sent), 0, 10).await, ["a1"]);
    let failed = by_state(State::Failed);
    assert_eq!(rows(&world, &failed, 0, 10).await, ["a2", "a3", "b1", "b2"]);
    assert_eq!(rows(&world, &failed, 1, 2).await, ["a3", "b1"]);
    assert_eq!(
        rows(&world, &by_state(State::Queued), 145, 10).await.len(),
        5
    );
    let one = world.campaign(&["zoe"]).await;
    let by_message = Filters {
        transactions: BTreeSet::from([one.recipients[0].transaction]),
        ..Filters::default()
    };
    assert_eq!(rows(&world, &by_message, 0, 10).await, ["zoe"]);
    let id = &one.campaign.id;
    world.store.cancel(&world.by(), id).await.unwrap();
    let cancelled = by_state(State::Cancelled);
    assert_eq!(
        rows(&world, &cancelled, 0, 10).await,
        ["zoe"],
        "as the counts say"
    );
}

#[tokio::test]
async fn the_time_bounds_what_is_reported() {
    let world = World::new().await;
    campaigns(&world).await;
    let span = (world.now() + secs(1), world.now() + secs(2));
    let none = Filters::default();
    let found = transactions(&world.store, &world.account, span, &none, 0, 10).await;
    assert!(found.unwrap().is_empty());
}

#[tokio::test]
async fn a_campaigns_recipients_are_paged_within_its_parts() {
    let world = World::new().await;
    world.raise_limit(200).await;
    let names: Vec<_> = (0..150).map(|i| format!("c{i}")).collect();
    let names: Vec<_> = names.iter().map(String::as_str).collect();
    let accepted = world.accept(world.order(&names)).await;
    let campaign = &accepted.campaign;
    let (account, id) = (&campaign.account, &campaign.id);
    for counted in [false, true] {
        let (mut read, mut next) = (Vec::new(), Some(Spot::default()));
        while let Some(from) = next {
            let page = if counted {
                let found = campaign::counted_recipients(&world.store, account, id, from, 40).await;
                let (page, boards) = found.unwrap().unwrap();
                assert_eq!(counts(campaign, &boards).accepted, 150, "all parts' counts");
                page
            } else {
                let found = campaign::recipients(&world.store, account, id, from, 40).await;
                found.unwrap().unwrap()
            };
            assert!((1..=40).contains(&page.page.len()));
            let names = page
                .page
                .into_iter()
                .map(|s| s.recipient.consumer.to_string());
            read.extend(names);
            next = page.next;
        }
        assert_eq!(read, names);
    }
    let past = Spot {
        part: 2,
        index: 0,
        parts: 2,
    };
    let page = campaign::recipients(&world.store, account, id, past, 40).await;
    assert!(page.unwrap().unwrap().page.is_empty());
    let find = async |consumer| {
        let found = campaign::recipient(&world.store, account, id, consumer).await;
        found.unwrap().map(|(_, standing)| standing.recipient)
    };
    let last = &accepted.recipients[149];
    assert_eq!(find(&last.consumer).await.as_ref(), Some(last));
    assert_eq!(find(&"nobody".parse().unwrap()).await, None);
}

#[tokio::test]
async fn test_campaigns_are_in_no_report() {
    let world = World::new().await;
    world.log_in("ana", "t1").await;
    let test = Order {
        test: true,
        ..world.order(&["ana"])
    };
    let tried = world.accept(test).await;
    world.run().await;
    assert_eq!(world.counts(&tried).await.sent, 1, "they are sent");
    assert!(rows(&world, &Filters::default(), 0, 10).await.is_empty());
    world.campaign(&["ana"]).await;
    world.run().await;
    assert_eq!(rows(&world, &Filters::default(), 0, 10).await, ["ana"]);
    let date = clock::day(world.now());
    let days = world.store.days(&world.account, date, date).await.unwrap();
    let attempted: i64 = days
        .iter()
        .filter(|day| day.heads.app == "prmsg")
        .map(|day| day.tally.attempted)
        .sum();
    assert_eq!(attempted, 1, "and count under no head that is reported");
}
