//! One message leaves: to all devices, once, or fails with a reason.

use crate::world::{World, secs, token};
use domain::{
    account::{self, WriteApps},
    campaign::CancelCampaigns,
    device::{self, Logout},
    dispatch::Job,
    failure::Failure,
    message::State,
    push::{Custom, Undelivered},
    send::Done,
};
use testkit::contract::sample;

#[tokio::test]
async fn every_device_gets_the_message() {
    let world = World::new().await;
    for name in ["t1", "t2"] {
        world.log_in("ana", name).await;
    }
    let accepted = world.campaign(&["ana"]).await;
    world.run().await;
    for name in ["t1", "t2"] {
        let shown = world.gateways.taken(&token(name));
        assert_eq!(shown.len(), 1, "{name}");
        assert_eq!(shown[0].body, "Hello ana");
        assert_eq!(shown[0].expires_at, accepted.campaign.lookback_ends_at);
        let Custom::Proactive { transaction, .. } = &shown[0].custom else {
            panic!("a campaign's message says so");
        };
        assert_eq!(shown[0].collapse_id, transaction.to_string());
    }
    let message = world.message(&accepted, "ana").await;
    assert_eq!(message.taken.len(), 2);
    assert_eq!(message.rendered.unwrap().text, "Hello ana");
    assert_eq!(world.counts(&accepted).await.sent, 1);
}

#[tokio::test]
async fn rule_15_sent_is_not_delivered() {
    let world = World::new().await;
    world.log_in("ana", "t1").await;
    let accepted = world.campaign(&["ana"]).await;
    world.run().await;
    let message = world.message(&accepted, "ana").await;
    assert_eq!((message.state(), message.delivered_at), (State::Sent, None));
    let counts = world.counts(&accepted).await;
    assert_eq!((counts.sent, counts.delivered), (1, 0));
}

#[tokio::test]
async fn rule_11_a_consumer_who_never_logged_in_fails() {
    let world = World::new().await;
    world.log_in("ben", "t1").await;
    let accepted = world.campaign(&["ana", "ben"]).await;
    world.run().await;
    let message = world.message(&accepted, "ana").await;
    assert_eq!(message.failure, Some(Failure::ConsumerNotRegistered));
    let ben = world.message(&accepted, "ben").await;
    assert_eq!(ben.state(), State::Sent, "and does not harm another");
}

#[tokio::test]
async fn rule_11_a_consumer_without_a_device_for_the_handoffs_apps_fails() {
    let world = World::new().await;
    let out = world.log_in("ana", "t1").await;
    let ana = sample::consumer("ana");
    device::log_out(&world.store, &world.account, &ana, &out.id, Logout::All)
        .await
        .unwrap();
    world.log_in_elsewhere("ben", "t2").await;
    let accepted = world.campaign(&["ana", "ben"]).await;
    world.run().await;
    for name in ["ana", "ben"] {
        let message = world.message(&accepted, name).await;
        assert_eq!(message.failure, Some(Failure::NoDevice), "{name}");
    }
    assert_eq!(world.gateways.pushed(), []);
}

#[tokio::test]
async fn logging_out_of_the_chat_keeps_campaigns_coming() {
    let world = World::new().await;
    let ana = sample::consumer("ana");
    for (name, kind) in [("t1", Logout::Agent), ("t2", Logout::None)] {
        let device = world.log_in("ana", name).await;
        device::log_out(&world.store, &world.account, &ana, &device.id, kind)
            .await
            .unwrap();
    }
    world.campaign(&["ana"]).await;
    world.run().await;
    assert_eq!(world.gateways.pushed().len(), 2);
}

fn gone(since: Option<jiff::Timestamp>) -> Undelivered {
    Undelivered::DeviceGone {
        since,
        reason: "Unregistered".into(),
    }
}

#[tokio::test]
async fn p8_a_dead_token_is_dropped_and_the_message_fails_with_device_gone() {
    let world = World::new().await;
    world.log_in("ana", "t1").await;
    world
        .gateways
        .answer(&token("t1"), gone(Some(world.now() + secs(1))));
    let accepted = world.campaign(&["ana"]).await;
    world.run().await;
    let message = world.message(&accepted, "ana").await;
    assert_eq!(message.failure, Some(Failure::DeviceGone));
    assert_eq!(world.devices("ana").await, []);
    let events: Vec<_> = message.timeline.iter().map(|e| e.event.as_str()).collect();
    assert_eq!(events, ["DEVICE_GONE", "FAILED"]);
}

#[tokio::test]
async fn p3_one_dead_device_does_not_harm_another() {
    let world = World::new().await;
    world.log_in("ana", "t1").await;
    world.log_in("ana", "t2").await;
    world.gateways.answer(&token("t1"), gone(None));
    let accepted = world.campaign(&["ana"]).await;
    world.run().await;
    assert_eq!(world.message(&accepted, "ana").await.state(), State::Sent);
    assert_eq!(world.devices("ana").await.len(), 1);
    assert_eq!(world.gateways.taken(&token("t2")).len(), 1);
}

#[tokio::test]
async fn p2_what_left_is_recorded_though_a_dead_device_cannot_be_forgotten() {
    let world = World::new().await;
    world.log_in("ana", "t1").await;
    world.log_in("ana", "t2").await;
    world.gateways.answer(&token("t1"), gone(None));
    world.store.fail_next("forget");
    let accepted = world.campaign(&["ana"]).await;
    world.run().await;
    assert_eq!(world.message(&accepted, "ana").await.state(), State::Sent);
    assert_eq!(world.gateways.taken(&token("t2")).len(), 1);
    assert_eq!(
        world.devices("ana").await.len(),
        2,
        "the next message drops it"
    );
}

#[tokio::test]
async fn p8_a_word_older_than_the_registration_drops_nothing() {
    let world = World::new().await;
    let before = world.now();
    world.clock.advance(secs(10));
    world.log_in("ana", "t1").await;
    world.gateways.answer(&token("t1"), gone(Some(before)));
    let accepted = world.campaign(&["ana"]).await;
    world.run().await;
    assert_eq!(world.devices("ana").await.len(), 1, "the token stays");
    assert_eq!(
        world.message(&accepted, "ana").await.state(),
        State::Sent,
        "and is tried again"
    );
}

#[tokio::test]
async fn a_refused_notification_drops_no_token() {
    let world = World::new().await;
    world.log_in("ana", "t1").await;
    let refused = Undelivered::Rejected {
        reason: "INVALID_ARGUMENT".into(),
    };
    world.gateways.answer(&token("t1"), refused);
    let accepted = world.campaign(&["ana"]).await;
    world.run().await;
    let message = world.message(&accepted, "ana").await;
    assert_eq!(message.failure, Some(Failure::NotificationRefused));
    assert_eq!(world.devices("ana").await.len(), 1);
}

#[tokio::test]
async fn an_app_without_a_route_fails_the_message() {
    let world = World::new().await;
    world.log_in("ana", "t1").await;
    let accepted = world.campaign(&["ana"]).await;
    let mut app = sample::app(sample::app_name().as_str());
    app.ios = None;
    account::save_app(&world.store, &world.by(), app)
        .await
        .unwrap();
    world.run().await;
    let message = world.message(&accepted, "ana").await;
    assert_eq!(message.failure, Some(Failure::AppNotConfigured));
    world
        .store
        .remove_app(&world.by(), &sample::app_name())
        .await
        .unwrap();
    let accepted = world.campaign(&["ana"]).await;
    world.run().await;
    let message = world.message(&accepted, "ana").await;
    assert_eq!(message.failure, Some(Failure::AppNotConfigured));
}

#[tokio::test]
async fn p5_a_message_whose_lookback_ended_does_not_leave() {
    let world = World::new().await;
    world.log_in("ana", "t1").await;
    let accepted = world.campaign(&["ana"]).await;
    world.clock.set(accepted.campaign.lookback_ends_at);
    world.run().await;
    let message = world.message(&accepted, "ana").await;
    assert_eq!(message.state(), State::Expired);
    assert_eq!(world.gateways.pushed(), []);
    assert_eq!(world.counts(&accepted).await.expired, 1);
}

#[tokio::test]
async fn what_a_cancelled_campaign_has_not_sent_is_never_sent() {
    let world = World::new().await;
    world.log_in("ana", "t1").await;
    let accepted = world.campaign(&["ana"]).await;
    let id = &accepted.campaign.id;
    world.store.cancel(&world.by(), id).await.unwrap();
    assert_eq!(
        world.counts(&accepted).await.cancelled,
        1,
        "from the instant of the call"
    );
    world.run().await;
    assert_eq!(
        world.message(&accepted, "ana").await.state(),
        State::Cancelled
    );
    assert_eq!(world.gateways.pushed(), []);
    assert_eq!(world.counts(&accepted).await.cancelled, 1);
}

#[tokio::test]
async fn what_was_cancelled_stays_cancelled_after_its_lookback() {
    let world = World::new().await;
    world.log_in("ana", "t1").await;
    let accepted = world.campaign(&["ana"]).await;
    let id = &accepted.campaign.id;
    world.store.cancel(&world.by(), id).await.unwrap();
    world.clock.set(accepted.campaign.lookback_ends_at);
    world.run().await;
    assert_eq!(
        world.counts(&accepted).await.cancelled,
        1,
        "a final count does not move"
    );
}

#[tokio::test]
async fn p2_a_job_repeated_five_times_is_one_push_per_device() {
    let world = World::new().await;
    world.log_in("ana", "t1").await;
    world.log_in("ana", "t2").await;
    world.campaign(&["ana"]).await;
    let jobs = world.queue.take_jobs();
    assert_eq!(jobs.len(), 1);
    let send = || world.send(jobs[0].clone());
    let (a, b, c) = tokio::join!(send(), send(), send());
    let done = [a.unwrap(), b.unwrap(), c.unwrap()];
    assert!(
        done.contains(&Done::NotYet),
        "while one is at it, the others come again"
    );
    for _ in 0..2 {
        assert_eq!(send().await.unwrap(), Done::Through);
    }
    assert_eq!(world.gateways.pushed().len(), 2);
}

#[tokio::test]
async fn another_consumers_login_takes_the_token() {
    let world = World::new().await;
    world.log_in("ana", "t1").await;
    world.log_in("ben", "t1").await;
    let accepted = world.campaign(&["ana", "ben"]).await;
    world.run().await;
    let shown = world.gateways.taken(&token("t1"));
    assert_eq!(shown.len(), 1, "p7: a token is one consumer's");
    assert_eq!(shown[0].body, "Hello ben");
    let ana = world.message(&accepted, "ana").await;
    assert_eq!(ana.failure, Some(Failure::NoDevice));
}

#[tokio::test]
async fn a_message_of_another_account_reaches_nobody_here() {
    let world = World::new().await;
    world.log_in("ana", "t1").await;
    world.campaign(&["ana"]).await;
    let Some(Job::Message(mut job)) = world.queue.take_jobs().pop() else {
        panic!("there is a job");
    };
    job.key.account = "other".parse().unwrap();
    world.send(Job::Message(job)).await.unwrap();
    assert_eq!(world.gateways.pushed(), []);
}

#[tokio::test]
async fn p8_a_device_unheard_of_for_270_days_is_not_sent_to_and_kept() {
    let world = World::new().await;
    let old = world.log_in("ana", "t-old").await;
    world.clock.advance(secs(270 * 24 * 3_600 - 60));
    let fresh = world.log_in("ben", "t-fresh").await;
    let first = world.campaign(&["ana", "ben"]).await;
    world.run_for(secs(30)).await;
    assert_eq!(world.counts(&first).await.sent, 2, "a minute is left");

    world.clock.advance(secs(60));
    let accepted = world.campaign(&["ana", "ben"]).await;
    world.run_for(secs(30)).await;
    let message = world.message(&accepted, "ana").await;
    assert_eq!(message.failure, Some(Failure::NoDevice));
    assert!(message.timeline.iter().any(|e| e.event == "DEVICE_STALE"));
    assert_eq!(world.gateways.taken(&old.token).len(), 1);
    assert_eq!(world.gateways.taken(&fresh.token).len(), 2);
    assert_eq!(world.devices("ana").await.len(), 1, "P8: it is not dropped");

    world.log_in("ana", "t-old").await;
    world.campaign(&["ana"]).await;
    world.run_for(secs(30)).await;
    assert_eq!(world.gateways.taken(&old.token).len(), 2, "it is back");
}
