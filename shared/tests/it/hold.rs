//! A consumer in an open conversation: fail, append, hold.

use crate::world::{World, secs, token};
use domain::{
    campaign::{CancelCampaigns, OpenConversation},
    conversation::{Author, Kind, ReadStanding},
    dispatch::{Holds, release},
    failure::Failure,
    message::State,
    push::Custom,
    send::{CLAIM, Done},
    sweep::{FIRST_LOOK, sweep},
};
use testkit::{contract::sample, memory::Record};

#[tokio::test]
async fn rule_10_an_open_conversation_fails_the_message_by_default() {
    let world = World::new().await;
    world.log_in("ana", "t1").await;
    world.reply("ana", "Hi").await;
    let accepted = world.campaign(&["ana"]).await;
    world.run().await;
    let message = world.message(&accepted, "ana").await;
    assert_eq!(message.failure, Some(Failure::OpenConversation));
    assert_eq!(message.failure.unwrap().code(), "proactive_1800");
    assert_eq!(world.gateways.pushed(), []);
}

#[tokio::test]
async fn rule_10_append_posts_it_into_the_open_conversation() {
    let world = World::new().await;
    world.log_in("ana", "t1").await;
    let open = world.reply("ana", "Hi").await;
    world.clock.advance(secs(1));
    let accepted = world
        .campaign_with(&["ana"], OpenConversation::Append)
        .await;
    world.run().await;
    assert_eq!(world.message(&accepted, "ana").await.state(), State::Sent);
    let transcript = world.transcript(open.conversation).await;
    let posted = transcript.last().unwrap();
    assert_eq!(
        (posted.author, posted.kind),
        (Author::Brand, Kind::Proactive)
    );
    assert_eq!(posted.text, "Hello ana");
    let shown = world.gateways.taken(&token("t1"));
    assert_eq!(shown.len(), 1, "no push beyond the usual chat push");
    assert!(matches!(shown[0].custom, Custom::Chat { .. }));
}

#[tokio::test]
async fn rule_10_append_posts_it_once_however_often_it_is_tried() {
    let world = World::new().await;
    world.log_in("ana", "t1").await;
    let open = world.reply("ana", "Hi").await;
    world
        .campaign_with(&["ana"], OpenConversation::Append)
        .await;
    world.store.fail_next("record");
    world.run_for(secs(300)).await;
    let transcript = world.transcript(open.conversation).await;
    let posted = transcript.iter().filter(|e| e.kind == Kind::Proactive);
    assert_eq!(posted.count(), 1);
}

#[tokio::test]
async fn what_an_app_calls_its_consumers_words_cannot_keep_a_message_from_being_appended() {
    let world = World::new().await;
    world.log_in("ana", "t1").await;
    let open = world.reply("ana", "Hi").await;
    let accepted = world
        .campaign_with(&["ana"], OpenConversation::Append)
        .await;
    let named = domain::reply::Reply {
        text: "Hello again".into(),
        message: None,
        client_message: Some(world.key(&accepted, "ana").transaction.to_string()),
    };
    let ana = world.consumer("ana");
    domain::reply::reply(&world.store, &world.clock, &ana, &named)
        .await
        .unwrap();
    world.run().await;
    let transcript = world.transcript(open.conversation).await;
    let posted = transcript.iter().filter(|e| e.kind == Kind::Proactive);
    assert_eq!(posted.count(), 1);
}

#[tokio::test]
async fn rule_10_hold_sends_it_when_the_conversation_closes() {
    let world = World::new().await;
    world.log_in("ana", "t1").await;
    let open = world.reply("ana", "Hi").await;
    let accepted = world.campaign_with(&["ana"], OpenConversation::Hold).await;
    world.run().await;
    assert_eq!(world.message(&accepted, "ana").await.state(), State::Held);
    assert_eq!(world.counts(&accepted).await.held, 1);
    assert_eq!(world.gateways.pushed(), []);
    world.close(open.conversation).await;
    world.run().await;
    let message = world.message(&accepted, "ana").await;
    assert_eq!(message.state(), State::Sent);
    assert!(message.timeline.iter().any(|e| e.event == "RELEASED"));
    assert_eq!(world.gateways.taken(&token("t1")).len(), 1);
    let held = world
        .store
        .held(&world.account, &sample::consumer("ana"))
        .await;
    assert_eq!(held.unwrap(), []);
}

#[tokio::test]
async fn a_held_message_whose_consumer_writes_again_is_held_again() {
    let world = World::new().await;
    world.log_in("ana", "t1").await;
    let first = world.reply("ana", "Hi").await;
    let accepted = world.campaign_with(&["ana"], OpenConversation::Hold).await;
    world.run().await;
    world.close(first.conversation).await;
    let second = world.reply("ana", "One more thing").await;
    world.run().await;
    assert_eq!(world.message(&accepted, "ana").await.state(), State::Held);
    world.close(second.conversation).await;
    world.run().await;
    assert_eq!(world.message(&accepted, "ana").await.state(), State::Sent);
    assert_eq!(world.gateways.taken(&token("t1")).len(), 1);
}

#[tokio::test]
async fn a_held_message_does_not_outlive_its_lookback() {
    let world = World::new().await;
    world.log_in("ana", "t1").await;
    let open = world.reply("ana", "Hi").await;
    let accepted = world.campaign_with(&["ana"], OpenConversation::Hold).await;
    world.run().await;
    world.clock.set(accepted.campaign.lookback_ends_at);
    world.close(open.conversation).await;
    world.run().await;
    assert_eq!(
        world.message(&accepted, "ana").await.state(),
        State::Expired
    );
    assert_eq!(world.gateways.pushed(), []);
}

#[tokio::test]
async fn a_cancelled_campaigns_held_message_is_not_sent_when_the_conversation_closes() {
    let world = World::new().await;
    world.log_in("ana", "t1").await;
    let open = world.reply("ana", "Hi").await;
    let accepted = world.campaign_with(&["ana"], OpenConversation::Hold).await;
    world.run().await;
    let id = &accepted.campaign.id;
    world.store.cancel(&world.by(), id).await.unwrap();
    assert_eq!(world.counts(&accepted).await.cancelled, 1);
    world.close(open.conversation).await;
    world.run().await;
    assert_eq!(
        world.message(&accepted, "ana").await.state(),
        State::Cancelled
    );
    assert_eq!(world.gateways.pushed(), []);
}

#[tokio::test]
async fn a_release_that_dies_half_way_is_done_again() {
    for call in ["queue_again", "let_go", "held"] {
        let world = World::new().await;
        world.log_in("ana", "t1").await;
        let open = world.reply("ana", "Hi").await;
        let accepted = world.campaign_with(&["ana"], OpenConversation::Hold).await;
        world.run().await;
        let admin = world.staff("root", domain::access::Role::Admin, &[]);
        let closed = domain::agent::close(&world.store, &world.clock, &admin, open.conversation);
        closed.await.unwrap();
        world.store.fail_next(call);
        for record in world.store.stream() {
            // The stream gives a record again until it was passed on.
            let again: Record = record.clone();
            if world.pass_on(record).await.is_err() {
                world.pass_on(again).await.unwrap();
            }
        }
        world.run_for(secs(120)).await;
        assert_eq!(
            world.message(&accepted, "ana").await.state(),
            State::Sent,
            "{call}"
        );
        assert_eq!(world.gateways.taken(&token("t1")).len(), 1, "{call}");
    }
}

/// The conversation closes between the hold and its record: the release finds a message
/// that is not held yet.
#[tokio::test]
async fn p1_a_conversation_that_closes_while_the_message_is_being_held_leaves_none_behind() {
    let world = World::new().await;
    world.log_in("ana", "t1").await;
    let open = world.reply("ana", "Hi").await;
    let accepted = world.campaign_with(&["ana"], OpenConversation::Hold).await;
    let job = world.queue.take_jobs().remove(0);
    // The sender is at it, and dies once it remembered the hold.
    world.store.fail_next("record");
    world.send(job.clone()).await.unwrap_err();
    let ana = sample::consumer("ana");
    let (store, queue, clock) = (&world.store, &world.queue, &world.clock);
    release(store, queue, clock, &world.account, &ana)
        .await
        .unwrap();
    let released = world.queue.take_jobs();
    // Its successor holds it again; nothing waits for the close that was already told.
    world.clock.advance(CLAIM);
    assert_eq!(world.send(job).await.unwrap(), Done::Through);
    assert_eq!(world.message(&accepted, "ana").await.state(), State::Held);
    for job in released {
        world.send(job).await.unwrap();
    }
    world.close(open.conversation).await;
    world.run().await;
    assert_eq!(world.message(&accepted, "ana").await.state(), State::Sent);
}

#[tokio::test]
async fn p1_a_close_in_the_middle_of_holding_releases_the_message() {
    for head_start in 0..16 {
        let world = World::new().await;
        world.log_in("ana", "t1").await;
        let open = world.reply("ana", "Hi").await;
        let accepted = world.campaign_with(&["ana"], OpenConversation::Hold).await;
        let job = world.queue.take_jobs().remove(0);
        // The sender stands still after so many steps, while everything else goes on.
        let mut sender = std::pin::pin!(world.send(job));
        let sent = tokio::select! {
            biased;
            sent = &mut sender => Some(sent),
            () = steps(head_start) => None,
        };
        world.close(open.conversation).await;
        match sent {
            Some(sent) => sent.unwrap(),
            None => sender.await.unwrap(),
        };
        world.run_for(secs(300)).await;
        let ana = sample::consumer("ana");
        let standing = world.store.standing(&world.account, &ana).await;
        assert_eq!(standing.unwrap().conversation, None);
        let state = world.message(&accepted, "ana").await.state();
        assert_eq!(
            state,
            State::Sent,
            "closed {head_start} steps after the sender began"
        );
    }
}

/// As before, but the sender dies where it stands: the queue gives its job again, and the sweep
/// looks for what nobody tells of any more.
#[tokio::test]
async fn p1_a_sender_that_dies_while_holding_leaves_nothing_behind_a_closed_conversation() {
    for head_start in 0..16 {
        let world = World::new().await;
        world.log_in("ana", "t1").await;
        let open = world.reply("ana", "Hi").await;
        let accepted = world.campaign_with(&["ana"], OpenConversation::Hold).await;
        let job = world.queue.take_jobs().remove(0);
        // The conversation closes before the hold is there, if the sender gets that far.
        let mut closed = false;
        {
            let mut sender = std::pin::pin!(world.send(job.clone()));
            for step in 0..head_start {
                tokio::select! {
                    biased;
                    _ = &mut sender => break,
                    () = steps(1) => {}
                }
                if step == head_start / 2 {
                    world.close(open.conversation).await;
                    closed = true;
                }
            }
        }
        if !closed {
            world.close(open.conversation).await;
        }
        world.clock.advance(CLAIM);
        world.send(job).await.unwrap();
        for _ in 0..3 {
            world.clock.advance(FIRST_LOOK);
            let (store, queue, clock) = (&world.store, &world.queue, &world.clock);
            sweep(store, queue, clock).await.unwrap();
            world.run().await;
        }
        let state = world.message(&accepted, "ana").await.state();
        assert_eq!(state, State::Sent, "died after {head_start} steps");
    }
}

async fn steps(count: u32) {
    for _ in 0..count {
        tokio::task::yield_now().await;
    }
}
