//! An account that an operator paused or ended: what waits, what goes on, what comes of it.

use crate::world::{World, add_up, crowd, secs, token};
use domain::{
    account::{self, ReadSettings, SaveSettingsError},
    campaign::{self, CreateError, Idempotency, IdempotencyKey},
    failure::Failure,
    message::State,
    send::PUT_OFF,
    sweep::{FIRST_LOOK, GRACE, sweep},
};
use std::collections::BTreeSet;

fn pushed(world: &World) -> usize {
    world.gateways.pushed().len()
}

async fn sweep_now(world: &World) -> u32 {
    let swept = sweep(&world.store, &world.queue, &world.clock).await;
    swept.unwrap().requeued
}

#[tokio::test]
async fn a_pause_in_the_middle_of_a_campaign_stops_it_and_its_end_sends_the_rest_once() {
    let world = World::new().await;
    let accepted = world.campaign_of(100).await;
    world.run_for(secs(4)).await;
    world.pause(true).await;
    let left = pushed(&world);
    assert!((20..80).contains(&left), "{left} left before");

    world.run_for(secs(2 * 3_600)).await;
    assert_eq!(pushed(&world), left, "nothing leaves");
    let counts = world.counts(&accepted).await;
    assert_eq!(counts.sent as usize, left);
    assert_eq!(counts.queued as usize, 100 - left, "they wait");
    assert!(add_up(&counts));

    world.pause(false).await;
    let resumed = world.now();
    world.run_for(PUT_OFF).await;
    world.run().await;
    assert_eq!(world.counts(&accepted).await.sent, 100);
    for name in crowd(100) {
        let taken = world.gateways.taken(&token(&format!("t-{name}")));
        assert_eq!(taken.len(), 1, "{name}: once");
    }
    // At the account's pace: ten a second.
    let mut since = BTreeSet::new();
    for name in crowd(100) {
        let at = world.message(&accepted, &name).await.sent_at.unwrap();
        if at >= resumed {
            since.insert((at, name));
        }
    }
    let took = since
        .last()
        .unwrap()
        .0
        .duration_since(since.first().unwrap().0);
    assert!(
        took >= secs(i64::try_from((100 - left) / 10).unwrap() - 2),
        "{took:?}"
    );
}

#[tokio::test]
async fn the_sweep_leaves_alone_what_a_pause_keeps_waiting() {
    let world = World::new().await;
    let accepted = world.campaign_of(20).await;
    world.pause(true).await;
    let end = world.now() + secs(3 * 3_600);
    while world.now() < end {
        world.run_for(GRACE).await;
        assert_eq!(sweep_now(&world).await, 0);
    }
    world.pause(false).await;
    let end = world.now() + FIRST_LOOK + FIRST_LOOK;
    while world.now() < end {
        assert_eq!(sweep_now(&world).await, 0, "all come back by themselves");
        world.run_for(secs(60)).await;
    }
    assert_eq!(world.counts(&accepted).await.sent, 20);
    assert_eq!(pushed(&world), 20);
}

#[tokio::test]
async fn what_is_lost_in_a_pause_is_found_after_it() {
    let world = World::new().await;
    let accepted = world.campaign_of(20).await;
    world.queue.take();
    world.pause(true).await;
    world.run_for(secs(3_600)).await;
    assert_eq!(sweep_now(&world).await, 0);
    world.pause(false).await;
    let mut found = 0;
    for _ in 0..8 {
        world.run_for(GRACE).await;
        found += sweep_now(&world).await;
    }
    world.run().await;
    assert_eq!(found, 20);
    assert_eq!(world.counts(&accepted).await.sent, 20);
}

#[tokio::test]
async fn p5_what_a_pause_keeps_past_its_lookback_expires_and_tells_why() {
    let world = World::new().await;
    let accepted = world.campaign_of(20).await;
    world.pause(true).await;
    let end = accepted.campaign.lookback_ends_at;
    world.run_until(end + secs(60)).await;
    assert_eq!(pushed(&world), 0);
    let counts = world.counts(&accepted).await;
    assert_eq!(counts.expired, 20);
    assert!(add_up(&counts));
    let message = world.message(&accepted, "c7").await;
    assert_eq!(message.state(), State::Expired);
    assert_eq!(message.failure, Some(Failure::AccountPaused));
    world.pause(false).await;
    world.run_for(secs(3_600)).await;
    assert_eq!(pushed(&world), 0, "nothing comes late");
}

#[tokio::test]
async fn a_paused_account_takes_no_campaign_and_tells_of_those_that_it_took() {
    let world = World::new().await;
    world.log_in("ana", "t1").await;
    let order = || domain::campaign::Order {
        idempotency: Some(Idempotency {
            key: IdempotencyKey::parse("k1").unwrap(),
            fingerprint: "digest".into(),
        }),
        ..world.order(&["ana"])
    };
    let first = world.accept(order()).await;
    world.pause(true).await;
    for dry_run in [false, true] {
        let order = world.order(&["ana"]);
        let by = world.by();
        let refused = campaign::create(&world.store, &world.clock, &by, order, dry_run).await;
        assert!(matches!(refused, Err(CreateError::Paused)), "{refused:?}");
    }
    let again = world.accept(order()).await;
    assert!(again.replayed);
    assert_eq!(again.campaign.id, first.campaign.id);
    world.pause(false).await;
    world.accept(world.order(&["ana"])).await;
}

#[tokio::test]
async fn chats_go_on_in_a_pause() {
    let world = World::new().await;
    world.log_in("ana", "t1").await;
    world.pause(true).await;
    let replied = world.reply("ana", "Hello?").await;
    let eve = world.staff("eve", domain::access::Role::Agent, &["support"]);
    let (store, clock, id) = (&world.store, &world.clock, replied.conversation);
    domain::agent::accept(store, &eve, id).await.unwrap();
    domain::agent::answer(store, clock, &eve, id, "Hello!".into(), None)
        .await
        .unwrap();
    world.pump().await;
    world.run().await;
    assert_eq!(pushed(&world), 1, "the answer's push");
}

#[tokio::test]
async fn whoever_did_not_see_a_pause_does_not_end_it() {
    let world = World::new().await;
    let settings = world.store.settings(&world.account).await.unwrap();
    world.pause(true).await;
    let before = settings.service;
    let late = account::save_settings(&world.store, &world.by(), settings, before).await;
    assert!(matches!(late, Err(SaveSettingsError::Changed)), "{late:?}");
}

#[tokio::test]
async fn nothing_leaves_and_nothing_is_written_of_an_account_that_ended() {
    let world = World::new().await;
    let accepted = world.campaign_of(20).await;
    world.reply("c1", "Hello?").await;
    account::end(&world.store, &world.by()).await.unwrap();
    world.run_for(secs(3_600)).await;
    assert_eq!(pushed(&world), 0);
    assert_eq!(world.message_of(&accepted, "c0").await, None);
    assert_eq!(sweep_now(&world).await, 0);
    let refused = campaign::create(
        &world.store,
        &world.clock,
        &world.by(),
        world.order(&["c1"]),
        false,
    )
    .await;
    assert!(matches!(refused, Err(CreateError::Ended)), "{refused:?}");
}
