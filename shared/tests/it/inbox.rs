//! The inbox, and what devices report.

use crate::world::{World, secs};
use domain::{
    id::TransactionId,
    inbox::{self, Report},
    message::{Message, State},
};
use jiff::Timestamp;

async fn list(world: &World) -> Vec<Message> {
    inbox::list(&world.store, &world.clock, &world.consumer("ana"))
        .await
        .unwrap()
}

async fn report(world: &World, id: TransactionId, report: Report, at: Timestamp) -> bool {
    let ana = world.consumer("ana");
    let known = inbox::record(&world.store, &world.clock, &ana, id, report, at)
        .await
        .unwrap();
    world.pump().await;
    known
}

#[tokio::test]
async fn an_untapped_push_waits_in_the_inbox_until_its_lookback_ends() {
    let world = World::new().await;
    world.log_in("ana", "t1").await;
    let old = world.campaign(&["ana"]).await;
    world.run().await;
    let new = world.campaign(&["ana", "ben"]).await;
    world.run().await;
    let ids: Vec<_> = list(&world)
        .await
        .iter()
        .map(|m| m.key.transaction)
        .collect();
    let [newer, older] = [&new, &old].map(|a| a.recipients[0].transaction);
    assert_eq!(ids, [newer, older], "newest first, only one's own");
    world.clock.set(old.campaign.lookback_ends_at);
    assert_eq!(
        list(&world).await.len(),
        1,
        "p5: an expired one is not shown"
    );
    world.clock.set(new.campaign.lookback_ends_at);
    assert_eq!(list(&world).await, []);
}

#[tokio::test]
async fn what_did_not_leave_is_not_in_the_inbox() {
    let world = World::new().await;
    world.campaign(&["ana"]).await;
    world.run().await;
    assert_eq!(list(&world).await, []);
}

#[tokio::test]
async fn reports_are_counted_once_in_any_order() {
    let world = World::new().await;
    world.log_in("ana", "t1").await;
    let accepted = world.campaign(&["ana"]).await;
    world.run().await;
    let id = accepted.recipients[0].transaction;
    for kind in [
        Report::Read,
        Report::Read,
        Report::Delivered,
        Report::Tapped,
        Report::Tapped,
    ] {
        assert!(report(&world, id, kind, world.now()).await);
    }
    assert_eq!(world.message(&accepted, "ana").await.state(), State::Read);
    let counts = world.counts(&accepted).await;
    assert_eq!((counts.sent, counts.delivered, counts.read), (1, 1, 1));
}

#[tokio::test]
async fn a_devices_wrong_clock_is_moved_into_the_messages_life() {
    let world = World::new().await;
    world.log_in("ana", "t1").await;
    let accepted = world.campaign(&["ana"]).await;
    world.run().await;
    let id = accepted.recipients[0].transaction;
    let (past, future) = (Timestamp::UNIX_EPOCH, world.now() + secs(3_600));
    report(&world, id, Report::Delivered, past).await;
    report(&world, id, Report::Read, future).await;
    let message = world.message(&accepted, "ana").await;
    assert_eq!(message.delivered_at, Some(id.made_at()));
    assert_eq!(message.read_at, Some(world.now()));
}

#[tokio::test]
async fn a_consumer_reports_of_their_own_messages_only() {
    let world = World::new().await;
    world.log_in("ben", "t1").await;
    let theirs = world.campaign(&["ben"]).await;
    world.run().await;
    let known = report(
        &world,
        theirs.recipients[0].transaction,
        Report::Read,
        world.now(),
    )
    .await;
    assert!(!known);
    assert_eq!(world.message(&theirs, "ben").await.state(), State::Sent);
}

#[tokio::test]
async fn a_report_that_beats_the_senders_record_counts() {
    let world = World::new().await;
    world.log_in("ana", "t1").await;
    let accepted = world.campaign(&["ana"]).await;
    world.store.fail_next("record");
    let job = world.queue.take_jobs().remove(0);
    world.send(job.clone()).await.unwrap_err();
    report(
        &world,
        accepted.recipients[0].transaction,
        Report::Delivered,
        world.now(),
    )
    .await;
    assert_eq!(
        world.counts(&accepted).await.delivered,
        1,
        "the report proves that it arrived"
    );
    world.clock.advance(secs(60));
    world.send(job).await.unwrap();
    world.pump().await;
    assert_eq!(
        world.message(&accepted, "ana").await.state(),
        State::Delivered
    );
}
