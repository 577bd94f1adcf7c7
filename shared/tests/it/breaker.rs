//! The circuit breaker: an app whose sends fail is paused, tried, and resumed.

use crate::world::{World, crowd, secs, token};
use domain::{
    access::Role,
    account, agent,
    breaker::{Cause, Pause, Pauses},
    campaign::OpenConversation,
    dispatch::{Announcement, Job},
    failure::Failure,
    message::State,
    push::Undelivered,
};
use jiff::Timestamp;
use std::time::Duration;
use testkit::{contract::sample, memory::Pushed};

fn refused() -> Undelivered {
    Undelivered::Refused {
        reason: "InvalidProviderToken".into(),
    }
}

fn failing() -> Undelivered {
    Undelivered::Later {
        after: None,
        reason: "ServiceUnavailable".into(),
    }
}

async fn pauses(world: &World) -> Vec<Pause> {
    world.store.pauses(&world.account).await.unwrap()
}

fn events(world: &World) -> Vec<String> {
    let told = world.topic.take();
    told.iter().map(|a| a.event().to_owned()).collect()
}

fn tries(world: &World) -> usize {
    world.gateways.pushed().len()
}

#[tokio::test]
async fn p6_refused_credentials_pause_the_app_and_do_not_burn_the_audience() {
    let world = World::new().await;
    world.gateways.down(refused());
    let accepted = world.campaign_of(100).await;
    world.run_for(secs(3_600)).await;
    let [pause] = pauses(&world).await.try_into().unwrap();
    assert_eq!(pause.cause, Cause::Refused);
    assert_eq!(pause.reason, "InvalidProviderToken");
    // The first, and one more each time a pause ends: 1, 2, 4, 5, 5 … minutes.
    assert!(tries(&world) <= 15, "{} tries in an hour", tries(&world));
    assert!(tries(&world) >= 8, "{} tries in an hour", tries(&world));
    let counts = world.counts(&accepted).await;
    assert_eq!((counts.queued, counts.failed), (100, 0), "all wait");
    assert_eq!(events(&world), ["app.paused"], "it is told once");
    let history = world.message(&accepted, "c50").await.timeline;
    assert!(history.iter().any(|e| e.event == "PAUSED"), "{history:?}");

    world.gateways.up();
    world.run_for(secs(3_600)).await;
    assert_eq!(world.counts(&accepted).await.sent, 100);
    assert_eq!(pauses(&world).await, []);
    assert_eq!(events(&world), ["app.resumed"]);
    for name in crowd(100) {
        let token = token(&format!("t-{name}"));
        assert_eq!(world.gateways.taken(&token).len(), 1, "{name}: no repeats");
    }
}

#[tokio::test]
async fn p6_a_large_share_of_failures_pauses_the_app() {
    let world = World::new().await;
    world.gateways.down(failing());
    let accepted = world.campaign_of(100).await;
    world.run_for(secs(9)).await;
    assert!(tries(&world) < 20, "{} tries", tries(&world));
    let [pause] = pauses(&world).await.try_into().unwrap();
    assert_eq!(pause.cause, Cause::Failing);
    world.gateways.up();
    world.run_for(secs(3_600)).await;
    assert_eq!(world.counts(&accepted).await.sent, 100);
}

#[tokio::test]
async fn p3_devices_in_trouble_of_their_own_pause_nobody() {
    let world = World::new().await;
    for name in crowd(8) {
        for _ in 0..5 {
            let token = token(&format!("t-{name}"));
            world.gateways.answer(&token, failing());
        }
    }
    let accepted = world.campaign_of(30).await;
    world.run_for(secs(30)).await;
    assert_eq!(pauses(&world).await, []);
    assert!(world.counts(&accepted).await.sent >= 22);
}

#[tokio::test]
async fn p3_an_app_that_is_paused_does_not_hold_up_another() {
    let world = World::new().await;
    let (iphone, android) = (world.log_in("ana", "t1").await, token("t2"));
    let mut other = sample::device("other", "t2", world.now());
    other.platform = domain::device::Platform::Android;
    let consumer = sample::consumer("ben");
    domain::device::log_in(&world.store, &world.clock, &world.account, &consumer, other)
        .await
        .unwrap();
    world.gateways.answer(&iphone.token, refused());
    let accepted = world.campaign(&["ana", "ben"]).await;
    world.run_for(secs(5)).await;
    assert_eq!(pauses(&world).await.len(), 1);
    assert_eq!(world.gateways.taken(&android).len(), 1);
    assert_eq!(world.message(&accepted, "ana").await.state(), State::Queued);
}

#[tokio::test]
async fn what_waits_past_its_lookback_expires_and_tells_why() {
    let world = World::new().await;
    world.gateways.down(refused());
    let accepted = world.campaign_of(20).await;
    let end = accepted.campaign.lookback_ends_at;
    world.run_until(end + secs(60)).await;
    let counts = world.counts(&accepted).await;
    assert_eq!(counts.expired + counts.failed, 20, "{counts:?}");
    assert!(
        counts.expired >= 15,
        "those that were never tried: {counts:?}"
    );
    for name in crowd(20) {
        let message = world.message(&accepted, &name).await;
        assert_eq!(message.failure, Some(Failure::CredentialsRefused), "{name}");
    }
    world.gateways.up();
    let before = tries(&world);
    world.run_for(secs(7_200)).await;
    assert_eq!(
        tries(&world),
        before,
        "P5: nothing leaves after its lookback"
    );
}

#[tokio::test]
async fn saving_the_app_ends_its_pause() {
    let world = World::new().await;
    world.gateways.down(refused());
    let accepted = world.campaign_of(20).await;
    world.run_for(secs(10)).await;
    assert_eq!(pauses(&world).await.len(), 1);
    world.gateways.up();
    let app = sample::app(sample::app_name().as_str());
    account::save_app(&world.store, &world.by(), app)
        .await
        .unwrap();
    assert_eq!(pauses(&world).await, []);
    world.run_for(secs(120)).await;
    assert_eq!(world.counts(&accepted).await.sent, 20);
}

#[tokio::test]
async fn a_turn_whose_sender_dies_goes_to_another() {
    let world = World::new().await;
    world.gateways.down(refused());
    let accepted = world.campaign_of(5).await;
    world.run_for(secs(3)).await;
    world.gateways.up();
    let [pause] = pauses(&world).await.try_into().unwrap();
    let turn = pause.with_turn(pause.until);
    assert!(
        world
            .store
            .prolong(&world.account, &pause, &turn)
            .await
            .unwrap()
    );
    world.run_until(turn.until - sample::ms(1)).await;
    assert!(world.gateways.pushed().iter().all(|p| !p.taken), "it waits");
    world.run_for(secs(1_800)).await;
    assert_eq!(world.counts(&accepted).await.sent, 5);
}

#[tokio::test]
async fn the_breaker_that_cannot_be_written_loses_nothing() {
    for call in ["pauses", "pause", "prolong", "resume", "reserve"] {
        let world = World::new().await;
        world.gateways.down(refused());
        let accepted = world.campaign_of(5).await;
        world.store.fail_next(call);
        world.run_for(secs(120)).await;
        world.gateways.up();
        world.store.fail_next(call);
        world.run_for(secs(3_600)).await;
        assert_eq!(world.counts(&accepted).await.sent, 5, "{call}");
        for name in crowd(5) {
            let token = token(&format!("t-{name}"));
            assert_eq!(world.gateways.taken(&token).len(), 1, "{call}: {name}");
        }
    }
}

/// The most that left in any one second.
fn fullest_second(mut at: Vec<Timestamp>) -> usize {
    at.sort();
    let second = secs(1);
    (0..at.len())
        .map(|i| at[i..].iter().take_while(|t| **t < at[i] + second).count())
        .max()
        .unwrap_or_default()
}

#[tokio::test]
async fn p6_what_waited_leaves_at_the_accounts_pace() {
    let world = World::new().await;
    world.gateways.down(Undelivered::Later {
        after: Some(Duration::from_mins(10)),
        reason: "ServiceUnavailable".into(),
    });
    let accepted = world.campaign_of(100).await;
    world.run_for(secs(60)).await;
    world.gateways.up();
    let mut left = Vec::new();
    let mut seen = tries(&world);
    for _ in 0..2 * 3_600 {
        world.run_for(secs(1)).await;
        let taken = |p: &&Pushed| p.taken;
        let now = tries(&world);
        let new = world.gateways.pushed()[seen..].iter().filter(taken).count();
        left.extend(std::iter::repeat_n(world.now(), new));
        seen = now;
    }
    assert_eq!(world.counts(&accepted).await.sent, 100);
    let most = fullest_second(left);
    assert!(most <= 20, "the pace and a second's burst: {most}");
}

#[tokio::test]
async fn a_held_message_that_is_let_go_gets_a_slot() {
    let world = World::new().await;
    world.log_in("ana", "t1").await;
    let hold = OpenConversation::Hold;
    let conversation = world.reply("ana", "Hi").await.conversation;
    world.campaign_with(&["ana"], hold).await;
    world.run_for(secs(5)).await;
    // Somebody else's campaign has the account's next minute.
    domain::pace::Pacer::reserve(&world.store, &world.account, 600, 10, world.now())
        .await
        .unwrap();
    world.close(conversation).await;
    let pushed = tries(&world);
    world.run_for(secs(50)).await;
    assert_eq!(tries(&world), pushed, "it waits for its turn");
    world.run_for(secs(15)).await;
    assert_eq!(tries(&world), pushed + 1);
}

#[tokio::test]
async fn a_chat_notification_waits_with_the_rest() {
    let world = World::new().await;
    world.log_in("ana", "t1").await;
    world.gateways.down(refused());
    let conversation = world.reply("ana", "Hi").await.conversation;
    let eve = world.staff("eve", Role::Agent, &["support"]);
    agent::accept(&world.store, &eve, conversation)
        .await
        .unwrap();
    agent::answer(
        &world.store,
        &world.clock,
        &eve,
        conversation,
        "Hello".into(),
        None,
    )
    .await
    .unwrap();
    world.run_for(secs(10)).await;
    assert_eq!(tries(&world), 1);
    assert_eq!(pauses(&world).await.len(), 1);
    let told = world.topic.take();
    assert!(told.iter().any(|a| matches!(a, Announcement::App(_))));
    world.gateways.up();
    world.run_for(secs(600)).await;
    assert_eq!(world.gateways.taken(&token("t1")).len(), 1);
    assert_eq!(pauses(&world).await, []);
    let jobs: Vec<Job> = world.queue.take_jobs();
    assert_eq!(jobs, []);
}
