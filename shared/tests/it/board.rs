//! Counting: repeats, any order, and always the whole.

use crate::world::{World, add_up, change, secs};
use domain::{
    board::{BoardStore, Change, Tally, tally},
    campaign::Accepted,
    clock,
    failure::Failure,
    message::{Message, Phase},
    report::ReadDays,
};
use proptest::prelude::*;
use std::collections::BTreeSet;

async fn campaign(world: &World) -> (Accepted, Vec<Message>) {
    let names = ["ana", "ben", "eve", "sam"];
    for name in names {
        world.log_in(name, &format!("t-{name}")).await;
    }
    let accepted = world.accept(world.order(&names)).await;
    let id = &accepted.campaign.id;
    let place = |index| domain::message::Place {
        campaign: id.clone(),
        chunk: 0,
        index,
    };
    let message = |(index, name): (u32, &&str)| Message {
        key: world.key(&accepted, name),
        place: place(index),
        lookback_ends_at: accepted.campaign.lookback_ends_at,
        phase: Phase::Sending,
        attempt: 0,
        until: None,
        rendered: None,
        taken: BTreeSet::new(),
        trouble: None,
        failure: None,
        sent_at: None,
        delivered_at: None,
        tapped_at: None,
        read_at: None,
        responded_at: None,
        ended_at: None,
        conversation: None,
        conversation_closed_at: None,
        timeline: Vec::new(),
        origin: None,
        revision: 1,
    };
    let messages = (0..).zip(&names).map(message).collect();
    (accepted, messages)
}

/// Everything that can happen to a message, in one order of many.
fn live(mut message: Message, steps: &[u8]) -> Vec<Change> {
    let now = message.lookback_ends_at - secs(60);
    let mut changes = vec![change(&message)];
    for step in steps {
        match step {
            0 => message.phase = Phase::Sending,
            1 => message.phase = Phase::Queued,
            2 => message.phase = Phase::Held,
            3 => {
                message.phase = Phase::Sent;
                message.sent_at.get_or_insert(now);
            }
            4 if message.sent_at.is_none() => {
                message.phase = Phase::Failed;
                message.failure = Some(Failure::GatewayUnavailable);
            }
            5 => message.phase = Phase::Expired,
            6 => message.phase = Phase::Cancelled,
            7 => message.delivered_at = Some(now),
            8 => message.read_at = Some(now),
            9 => message.responded_at = Some(now),
            _ => message.conversation_closed_at = message.responded_at,
        }
        message.revision += 1;
        changes.push(change(&message));
    }
    changes
}

async fn totals(world: &World) -> Tally {
    let day = clock::day(world.now());
    let from = day.checked_sub(jiff::Span::new().days(2)).unwrap();
    let days = world.store.days(&world.account, from, day).await.unwrap();
    let mut sum = Tally::default();
    for day in &days {
        sum.add(&day.tally, 1);
    }
    sum
}

proptest! {
    #![proptest_config(ProptestConfig {
        failure_persistence: None,
        ..ProptestConfig::with_cases(64)
    })]

    #[test]
    fn p1_counts_always_add_up_to_what_was_accepted(
        lives in prop::collection::vec(prop::collection::vec(0..11_u8, 0..8), 4),
        picks in prop::collection::vec((any::<prop::sample::Index>(), 1..4_usize), 1..40),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            let world = World::new().await;
            let (accepted, messages) = campaign(&world).await;
            let all: Vec<Vec<_>> = messages.into_iter().zip(&lives).map(|(m, l)| live(m, l)).collect();
            let flat: Vec<_> = all.concat();
            for (pick, count) in picks {
                let from = pick.index(flat.len());
                let batch = flat.iter().cycle().skip(from).take(count).cloned().collect();
                tally(&world.store, &world.clock, batch).await.unwrap();
                let counts = world.counts(&accepted).await;
                assert!(add_up(&counts), "{counts:?}");
                assert_eq!(counts.accepted, 4);
                assert_totals(&world, &accepted).await;
            }
            // However they came before: once all newest came, they count.
            let newest = all.iter().map(|l| l.last().unwrap().clone()).collect();
            tally(&world.store, &world.clock, newest).await.unwrap();
            assert_totals(&world, &accepted).await;
            let counts = world.counts(&accepted).await;
            tally(&world.store, &world.clock, flat).await.unwrap();
            assert_eq!(world.counts(&accepted).await, counts, "older ones change nothing");
        });
    }
}

/// The day's totals are what the board says, and failures by reason are all failures.
async fn assert_totals(world: &World, accepted: &Accepted) {
    let id = &accepted.campaign.id;
    let board = world
        .store
        .board(&world.account, id, 0)
        .await
        .unwrap()
        .unwrap();
    let totals = totals(world).await;
    assert_eq!(totals, board.tally());
    assert_eq!(totals.failures.values().sum::<i64>(), totals.failed);
}

#[tokio::test]
async fn changes_at_once_are_all_counted() {
    let world = World::new().await;
    let (accepted, messages) = campaign(&world).await;
    let each = |m: &Message| {
        let mut sent = m.clone();
        sent.phase = Phase::Sent;
        sent.sent_at = Some(world.now());
        vec![change(&sent)]
    };
    let (a, b, c, d) = tokio::join!(
        tally(&world.store, &world.clock, each(&messages[0])),
        tally(&world.store, &world.clock, each(&messages[1])),
        tally(&world.store, &world.clock, each(&messages[2])),
        tally(&world.store, &world.clock, each(&messages[3])),
    );
    a.and(b).and(c).and(d).unwrap();
    assert_eq!(world.counts(&accepted).await.sent, 4);
    assert_totals(&world, &accepted).await;
}

#[tokio::test]
async fn a_campaign_past_its_retention_is_not_counted() {
    let world = World::new().await;
    let (_, mut messages) = campaign(&world).await;
    messages[0].place.campaign = "gone".parse().unwrap();
    tally(&world.store, &world.clock, vec![change(&messages[0])])
        .await
        .unwrap();
}
