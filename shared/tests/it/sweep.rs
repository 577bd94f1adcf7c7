//! The sweep finds and finishes what got stuck.

use crate::world::{World, secs, token};
use domain::{
    board::{self, Course, course},
    campaign::{Accepted, OpenConversation, ReadCampaigns},
    dispatch::Holds,
    message::State,
    pace::Pacer,
    send::CLAIM,
    sweep::{FIRST_LOOK, GRACE, Swept, sweep},
};

async fn look(world: &World) -> Swept {
    sweep(&world.store, &world.queue, &world.clock)
        .await
        .unwrap()
}

async fn due_at(world: &World) -> Option<jiff::Timestamp> {
    use domain::sweep::DueStore;
    let due = world.store.due(jiff::Timestamp::MAX).await.unwrap();
    due.first().map(|d| d.at)
}

/// A campaign to ana whose job was lost on the way.
async fn lost(world: &World) -> Accepted {
    world.log_in("ana", "t1").await;
    let accepted = world.campaign(&["ana"]).await;
    world.queue.take();
    accepted
}

#[tokio::test]
async fn a_lost_job_is_found_and_sent() {
    let world = World::new().await;
    let accepted = lost(&world).await;
    assert_eq!(
        look(&world).await.campaigns,
        0,
        "before its first look nothing is due"
    );
    world.clock.advance(FIRST_LOOK);
    assert_eq!(look(&world).await.requeued, 1);
    world.run().await;
    assert_eq!(world.message(&accepted, "ana").await.state(), State::Sent);
    assert_eq!(world.gateways.taken(&token("t1")).len(), 1);
}

#[tokio::test]
async fn what_is_finished_is_looked_at_no_more() {
    let world = World::new().await;
    world.log_in("ana", "t1").await;
    world.campaign(&["ana", "ben"]).await;
    world.run().await;
    world.clock.advance(FIRST_LOOK);
    let swept = look(&world).await;
    assert_eq!((swept.campaigns, swept.requeued), (1, 0));
    assert_eq!(due_at(&world).await, None);
}

#[tokio::test]
async fn a_late_claim_is_tried_again() {
    let world = World::new().await;
    world.log_in("ana", "t1").await;
    let accepted = world.campaign(&["ana"]).await;
    world.store.fail_next("campaign");
    let job = world.queue.take_jobs().remove(0);
    world.send(job).await.unwrap_err();
    assert_eq!(
        world.message(&accepted, "ana").await.state(),
        State::Sending
    );
    world.clock.advance(CLAIM + GRACE.max(FIRST_LOOK));
    assert_eq!(look(&world).await.requeued, 1);
    world.run().await;
    assert_eq!(world.message(&accepted, "ana").await.state(), State::Sent);
}

#[tokio::test]
async fn nothing_is_touched_while_slots_are_reserved() {
    let world = World::new().await;
    lost(&world).await;
    let (now, per_second) = (world.now(), 1);
    world
        .store
        .reserve(&world.account, 3_600, per_second, now)
        .await
        .unwrap();
    let until = world
        .store
        .reserved_until(&world.account)
        .await
        .unwrap()
        .unwrap();
    world.clock.advance(FIRST_LOOK);
    let swept = look(&world).await;
    assert_eq!((swept.campaigns, swept.requeued), (1, 0));
    assert_eq!(
        due_at(&world).await,
        Some(until + GRACE),
        "it is looked at after the last slot"
    );
    world.clock.set(until + GRACE);
    assert_eq!(look(&world).await.requeued, 1);
}

#[tokio::test]
async fn a_lost_job_of_an_account_that_is_never_idle_is_found() {
    let world = World::new().await;
    let accepted = lost(&world).await;
    for _ in 0..8 {
        // Another campaign takes the next half hour, again and again.
        world
            .store
            .reserve(&world.account, 1_800, 1, world.now())
            .await
            .unwrap();
        world.run_for(FIRST_LOOK).await;
        look(&world).await;
        if world.message_of(&accepted, "ana").await.is_some() {
            break;
        }
    }
    world.run_for(secs(7_200)).await;
    let message = world.message(&accepted, "ana").await;
    assert_eq!(message.state(), State::Sent);
    let far = accepted.campaign.lookback_ends_at;
    assert!(message.sent_at.unwrap() < far - secs(3_600), "in good time");
}

#[tokio::test]
async fn what_waits_for_its_retry_is_left_alone() {
    let world = World::new().await;
    world.log_in("ana", "t1").await;
    let later = domain::push::Undelivered::Later {
        after: Some(std::time::Duration::from_hours(2)),
        reason: "503".into(),
    };
    world.gateways.answer(&token("t1"), later);
    world.campaign(&["ana"]).await;
    world.run().await;
    world.clock.advance(FIRST_LOOK);
    assert_eq!(look(&world).await.requeued, 0);
    assert!(
        due_at(&world).await > Some(world.now()),
        "and looked at later"
    );
}

#[tokio::test]
async fn p1_everything_is_final_within_the_lookback_and_an_hour() {
    let world = World::new().await;
    world.log_in("ana", "t1").await;
    world.log_in("ben", "t2").await;
    world.reply("ana", "Hi").await;
    let names = ["ana", "ben"];
    let accepted = world.campaign_with(&names, OpenConversation::Hold).await;
    world.run().await;
    assert_eq!(world.counts(&accepted).await.held, 1);
    // Even when nobody remembers that it waits.
    let ana = world.key(&accepted, "ana");
    world.store.let_go(&ana).await.unwrap();
    for _ in 0..20 {
        world
            .clock
            .set(due_at(&world).await.unwrap_or(world.now()).max(world.now()));
        look(&world).await;
        world.run().await;
        if world.now() >= accepted.campaign.lookback_ends_at + secs(1_800) {
            break;
        }
        if due_at(&world).await.is_none() {
            break;
        }
        // The marks come every quarter of an hour; the month is not walked through.
        let near = accepted.campaign.lookback_ends_at - secs(60);
        if world.now() < near {
            world.clock.set(near);
        }
    }
    assert!(world.now() < accepted.campaign.lookback_ends_at + secs(3_600));
    assert_eq!(
        world.message(&accepted, "ana").await.state(),
        State::Expired
    );
    let counts = world.counts(&accepted).await;
    assert_eq!((counts.expired, counts.sent), (1, 1));
    let id = &accepted.campaign.id;
    let campaign = world
        .store
        .campaign(&world.account, id)
        .await
        .unwrap()
        .unwrap();
    assert_eq!(course(&campaign, &counts), Course::Finished);
    assert_eq!(due_at(&world).await, None, "and it is looked at no more");
}

#[tokio::test]
async fn lost_counts_are_corrected() {
    let world = World::new().await;
    world.log_in("ana", "t1").await;
    let accepted = world.campaign(&["ana"]).await;
    let job = world.queue.take_jobs().remove(0);
    world.send(job).await.unwrap();
    world.store.stream();
    assert_eq!(
        world.counts(&accepted).await.queued,
        1,
        "the stream's records are lost"
    );
    world.clock.advance(FIRST_LOOK);
    look(&world).await;
    assert_eq!(world.counts(&accepted).await.sent, 1);
    board::tally(&world.store, &world.clock, Vec::new())
        .await
        .unwrap();
}

#[tokio::test]
async fn a_sweep_that_fails_leaves_the_campaign_due() {
    let world = World::new().await;
    let accepted = lost(&world).await;
    world.clock.advance(FIRST_LOOK);
    world.queue.fail(1);
    sweep(&world.store, &world.queue, &world.clock)
        .await
        .unwrap_err();
    // Its slots were reserved all the same, so the next look waits for them.
    let next = world.now() + FIRST_LOOK;
    while world.now() < next {
        look(&world).await;
        world.run().await;
        world.clock.advance(secs(120));
    }
    assert_eq!(world.message(&accepted, "ana").await.state(), State::Sent);
}

#[tokio::test]
async fn p3_a_campaign_that_cannot_be_looked_at_does_not_harm_another() {
    let world = World::new().await;
    world.log_in("ana", "t1").await;
    world.campaign(&["ana"]).await;
    world.campaign(&["ana"]).await;
    world.queue.take();
    world.clock.advance(FIRST_LOOK);
    world.store.fail_next("chunk");
    sweep(&world.store, &world.queue, &world.clock)
        .await
        .unwrap_err();
    world.run().await;
    assert_eq!(world.gateways.pushed().len(), 1);
    let soon = world.now() + GRACE;
    assert!(due_at(&world).await <= Some(soon), "it stays due");
}

#[tokio::test]
async fn p9_a_part_that_cannot_be_read_does_not_keep_the_others_of_its_campaign_waiting() {
    let world = World::new().await;
    world.raise_limit(150).await;
    let names: Vec<_> = (0..150).map(|n| format!("c-{n}")).collect();
    let all: Vec<_> = names.iter().map(String::as_str).collect();
    let accepted = world.campaign(&all).await;
    world.queue.take();
    world.clock.advance(FIRST_LOOK);
    world.store.fail_next("chunk");
    sweep(&world.store, &world.queue, &world.clock)
        .await
        .unwrap_err();
    world.run().await;
    let counts = world.counts(&accepted).await;
    assert_eq!((counts.failed, counts.queued), (50, 100), "the second part");
    world.clock.advance(GRACE);
    look(&world).await;
    world.run().await;
    let counts = world.counts(&accepted).await;
    assert_eq!(counts.failed, 150, "nobody ever logged in");
}
