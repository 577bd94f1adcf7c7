//! Tries after tries: gateways that fail, senders that die.

use crate::world::{World, secs, token};
use domain::{
    campaign::{Accepted, CancelCampaigns, OpenConversation},
    dispatch::{Delayed, Job, MessageJob},
    failure::Failure,
    message::{Phase, State},
    push::Undelivered,
    send::{CLAIM, Done, backoff},
};
use std::time::Duration;

fn later(seconds: u64) -> Undelivered {
    Undelivered::Later {
        after: Some(Duration::from_secs(seconds)),
        reason: "503".into(),
    }
}

fn refused() -> Undelivered {
    Undelivered::Refused {
        reason: "InvalidProviderToken".into(),
    }
}

/// A campaign to ana, and the only job there is.
async fn begin(world: &World) -> (Accepted, MessageJob) {
    let accepted = world.campaign(&["ana"]).await;
    (accepted, only_job(world).0)
}

fn only_job(world: &World) -> (MessageJob, Duration) {
    let mut jobs = world.queue.take();
    assert_eq!(jobs.len(), 1, "there is one job");
    let Some(Delayed {
        job: Job::Message(job),
        delay,
    }) = jobs.pop()
    else {
        panic!("it is a message's");
    };
    (job, delay)
}

#[tokio::test]
async fn a_gateway_that_puts_us_off_is_asked_again_not_before_it_said() {
    let world = World::new().await;
    world.log_in("ana", "t1").await;
    world.gateways.answer(&token("t1"), later(120));
    let (accepted, job) = begin(&world).await;
    assert_eq!(world.send(Job::Message(job)).await.unwrap(), Done::Through);
    let message = world.message(&accepted, "ana").await;
    assert_eq!((message.state(), message.attempt), (State::Queued, 1));
    let (job, delay) = only_job(&world);
    assert_eq!(job.attempt, 1, "the next attempt");
    assert!(
        job.not_before >= world.now() + secs(120),
        "Retry-After is honoured"
    );
    assert!(delay >= Duration::from_mins(2), "by the queue");
    world.clock.set(job.not_before);
    world.send(Job::Message(job)).await.unwrap();
    assert_eq!(world.message(&accepted, "ana").await.state(), State::Sent);
    let events: Vec<_> = world.message(&accepted, "ana").await.timeline;
    let events: Vec<_> = events.iter().map(|e| e.event.as_str()).collect();
    assert_eq!(events, ["RETRY", "SENT"]);
}

#[tokio::test]
async fn p2_only_the_device_that_did_not_take_it_is_tried_again() {
    let world = World::new().await;
    world.log_in("ana", "t1").await;
    world.log_in("ana", "t2").await;
    world.gateways.answer(&token("t2"), later(1));
    let (accepted, job) = begin(&world).await;
    world.send(Job::Message(job)).await.unwrap();
    let first = world.message(&accepted, "ana").await;
    assert_eq!((first.state(), first.phase), (State::Sent, Phase::Queued));
    world.run().await;
    let message = world.message(&accepted, "ana").await;
    assert_eq!((message.state(), message.taken.len()), (State::Sent, 2));
    assert_eq!(message.sent_at, first.sent_at, "the first time counts");
    for name in ["t1", "t2"] {
        assert_eq!(world.gateways.taken(&token(name)).len(), 1, "{name}");
    }
    assert_eq!(world.counts(&accepted).await.sent, 1);
}

/// One device took it, the other is put off: whatever happens then, it was sent.
async fn partly_sent(world: &World) -> Accepted {
    world.log_in("ana", "t1").await;
    world.log_in("ana", "t2").await;
    world.gateways.answer(&token("t2"), later(120));
    let (accepted, job) = begin(world).await;
    world.send(Job::Message(job)).await.unwrap();
    accepted
}

async fn assert_sent(world: &World, accepted: &Accepted) {
    let message = world.message(accepted, "ana").await;
    assert_eq!((message.state(), message.phase), (State::Sent, Phase::Sent));
    assert_eq!(message.failure, None);
    let unsent = ["FAILED", "EXPIRED", "CANCELLED"];
    let told: Vec<_> = message.timeline.iter().map(|e| e.event.as_str()).collect();
    assert!(!told.iter().any(|e| unsent.contains(e)), "{told:?}");
    assert_eq!(
        world.gateways.taken(&token("t2")),
        [],
        "the rest is given up"
    );
}

#[tokio::test]
async fn what_left_for_one_device_is_sent_though_a_conversation_opened_meanwhile() {
    let world = World::new().await;
    let accepted = partly_sent(&world).await;
    world.reply("ana", "Hi").await;
    world.run_for(secs(600)).await;
    let message = world.message(&accepted, "ana").await;
    assert_eq!(message.state(), State::Responded);
    assert_eq!(message.failure, None, "it did not fail");
    assert_eq!(world.counts(&accepted).await.sent, 1);
}

#[tokio::test]
async fn what_left_for_one_device_is_sent_though_the_campaign_was_cancelled() {
    let world = World::new().await;
    let accepted = partly_sent(&world).await;
    let id = &accepted.campaign.id;
    world.store.cancel(&world.by(), id).await.unwrap();
    world.run_for(secs(600)).await;
    assert_sent(&world, &accepted).await;
}

#[tokio::test]
async fn what_left_for_one_device_is_sent_though_the_lookback_ended() {
    let world = World::new().await;
    let accepted = partly_sent(&world).await;
    world.clock.set(accepted.campaign.lookback_ends_at);
    world.run_for(secs(600)).await;
    assert_sent(&world, &accepted).await;
}

#[tokio::test]
async fn p6_refused_credentials_do_not_burn_the_message() {
    let world = World::new().await;
    world.log_in("ana", "t1").await;
    world.gateways.answer(&token("t1"), refused());
    let (accepted, job) = begin(&world).await;
    world.send(Job::Message(job)).await.unwrap();
    assert_eq!(world.message(&accepted, "ana").await.state(), State::Queued);
    let (job, _) = only_job(&world);
    assert!(
        job.not_before >= world.now() + secs(60),
        "there is time to mend them"
    );
    world.clock.set(job.not_before);
    world.send(Job::Message(job)).await.unwrap();
    assert_eq!(world.message(&accepted, "ana").await.state(), State::Sent);
}

#[tokio::test]
async fn p6_a_gateway_down_for_hours_loses_and_repeats_nothing() {
    let world = World::new().await;
    let names: Vec<_> = (0..20).map(|i| format!("c{i}")).collect();
    for name in &names {
        world.log_in(name, &format!("t-{name}")).await;
    }
    world.gateways.down(later(1_200));
    let names: Vec<_> = names.iter().map(String::as_str).collect();
    let accepted = world.campaign(&names).await;
    world.run_for(secs(3 * 3_600)).await;
    assert_eq!(world.counts(&accepted).await.queued, 20);
    world.gateways.up();
    world.run_for(secs(3_600)).await;
    assert_eq!(world.counts(&accepted).await.sent, 20);
    for name in &names {
        assert_eq!(world.gateways.taken(&token(&format!("t-{name}"))).len(), 1);
    }
    let first = world.message(&accepted, names[0]).await;
    assert!(
        first.timeline.len() <= 12,
        "a history does not grow without bound"
    );
}

#[tokio::test]
async fn tries_end_with_the_lookback_and_the_last_reason() {
    for (answer, failure) in [
        (later(1), Failure::GatewayUnavailable),
        (refused(), Failure::CredentialsRefused),
    ] {
        let world = World::new().await;
        world.log_in("ana", "t1").await;
        let (accepted, job) = begin(&world).await;
        world.gateways.answer(&token("t1"), answer);
        world
            .clock
            .set(accepted.campaign.lookback_ends_at - sample_ms(500));
        world.send(Job::Message(job)).await.unwrap();
        let message = world.message(&accepted, "ana").await;
        assert_eq!(message.failure, Some(failure));
        assert_eq!(world.queue.take(), []);
    }
}

fn sample_ms(millis: i64) -> jiff::SignedDuration {
    testkit::contract::sample::ms(millis)
}

#[tokio::test]
async fn a_claimed_message_is_left_to_its_sender() {
    let world = World::new().await;
    world.log_in("ana", "t1").await;
    let (accepted, job) = begin(&world).await;
    world.store.fail_next("campaign");
    world.send(Job::Message(job.clone())).await.unwrap_err();
    let done = world.send(Job::Message(job)).await.unwrap();
    assert_eq!(done, Done::NotYet, "the queue gives it again later");
    assert_eq!(
        world.message(&accepted, "ana").await.state(),
        State::Sending
    );
    assert_eq!(world.gateways.pushed(), []);
}

#[tokio::test]
async fn p2_after_a_dead_senders_claim_another_sends_under_the_same_collapse_id() {
    let world = World::new().await;
    world.log_in("ana", "t1").await;
    let (accepted, job) = begin(&world).await;
    world.store.fail_next("record");
    world.send(Job::Message(job.clone())).await.unwrap_err();
    assert_eq!(world.gateways.pushed().len(), 1, "it had left");
    world.clock.advance(CLAIM);
    assert_eq!(world.send(Job::Message(job)).await.unwrap(), Done::Through);
    assert_eq!(world.message(&accepted, "ana").await.state(), State::Sent);
    let shown = world.gateways.taken(&token("t1"));
    assert_eq!(shown.len(), 2);
    assert_eq!(shown[0].collapse_id, shown[1].collapse_id, "one is seen");
    assert!(shown[0].collapse_id.len() <= 64);
}

#[tokio::test]
async fn a_sender_that_dies_between_recording_and_queueing_loses_nothing() {
    let world = World::new().await;
    world.log_in("ana", "t1").await;
    world.gateways.answer(&token("t1"), later(5));
    let (accepted, job) = begin(&world).await;
    world.queue.fail(1);
    world.send(Job::Message(job.clone())).await.unwrap_err();
    assert_eq!(world.queue.take(), []);
    assert_eq!(world.send(Job::Message(job)).await.unwrap(), Done::Through);
    let (next, _) = only_job(&world);
    assert_eq!(
        next.attempt, 1,
        "the queue's second giving finds where it stands"
    );
    world.clock.set(next.not_before);
    world.send(Job::Message(next)).await.unwrap();
    assert_eq!(world.message(&accepted, "ana").await.state(), State::Sent);
}

#[tokio::test]
async fn a_port_that_fails_anywhere_loses_and_repeats_nothing() {
    for call in [
        "claim",
        "campaign",
        "standing",
        "apps",
        "record",
        "conversation",
        "add",
    ] {
        let world = World::new().await;
        world.log_in("ana", "t1").await;
        let open = OpenConversation::Append;
        if call == "conversation" || call == "add" {
            world.reply("ana", "Hi").await;
        }
        let accepted = world.campaign_with(&["ana"], open).await;
        world.store.fail_next(call);
        world.run_for(secs(600)).await;
        let message = world.message(&accepted, "ana").await;
        assert_eq!(message.state(), State::Sent, "{call}");
        let ids: std::collections::BTreeSet<_> = world
            .gateways
            .taken(&token("t1"))
            .into_iter()
            .map(|n| n.collapse_id)
            .collect();
        assert_eq!(ids.len(), 1, "{call}: one notification is seen");
    }
}

#[test]
fn backoff_grows_and_never_undercuts_the_gateway() {
    let least = Duration::from_secs(7);
    assert_eq!(backoff(0, least, 0.0), least);
    assert_eq!(backoff(0, least, 1.0), least + Duration::from_secs(2));
    assert_eq!(backoff(3, least, 0.5), least + Duration::from_secs(8));
    assert_eq!(
        backoff(u32::MAX, Duration::ZERO, 1.0),
        Duration::from_mins(15)
    );
}
