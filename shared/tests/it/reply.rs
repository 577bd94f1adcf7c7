//! The consumer writes: where it goes, and what it begins with.

use crate::world::{World, secs};
use domain::{
    account::WriteSettings,
    campaign::{Accepted, OpenConversation},
    conversation::{Author, Kind, State as Stands},
    dispatch::Announcement,
    handoff,
    id::TransactionId,
    message::State,
    reply::{Replied, Reply, ReplyError, reply},
};
use testkit::contract::sample;

/// Ana was sent a message.
async fn sent(world: &World) -> Accepted {
    world.log_in("ana", "t1").await;
    let accepted = world.campaign(&["ana"]).await;
    world.run().await;
    accepted
}

async fn write(
    world: &World,
    message: Option<TransactionId>,
    client: Option<&str>,
) -> Result<Replied, ReplyError> {
    let what = Reply {
        text: "Yes please".into(),
        message,
        client_message: client.map(Into::into),
    };
    let replied = reply(&world.store, &world.clock, &world.consumer("ana"), &what).await;
    world.pump().await;
    replied
}

async fn kinds(world: &World, replied: &Replied) -> Vec<Kind> {
    let transcript = world.transcript(replied.conversation).await;
    transcript.iter().map(|e| e.kind).collect()
}

#[tokio::test]
async fn rule_12_a_reply_within_the_lookback_goes_to_the_campaigns_skill_without_the_welcome() {
    let world = World::new().await;
    let accepted = sent(&world).await;
    for message in [None, Some(accepted.recipients[0].transaction)] {
        let world = World::new().await;
        let accepted = sent(&world).await;
        let message = message.map(|_| accepted.recipients[0].transaction);
        world
            .clock
            .set(accepted.campaign.lookback_ends_at - secs(1));
        let replied = write(&world, message, None).await.unwrap();
        assert_eq!(replied.skill, sample::skill("sales"));
        assert_eq!(replied.state, Stands::Waiting);
        assert_eq!(kinds(&world, &replied).await, [Kind::Proactive, Kind::Chat]);
        let agent = world.staff("eve", domain::access::Role::Agent, &["sales"]);
        let seen = domain::agent::read(&world.store, &agent, replied.conversation)
            .await
            .unwrap();
        let info = seen.campaign.unwrap();
        assert_eq!(info.transaction, accepted.recipients[0].transaction);
        assert_eq!(info.name, "Spring", "the campaign is attached");
        assert_eq!(seen.profile.city.as_deref(), Some("Lisboa"));
        assert_eq!(
            world.message(&accepted, "ana").await.state(),
            State::Responded
        );
        assert_eq!(world.counts(&accepted).await.responded, 1);
    }
    assert_eq!(world.counts(&accepted).await.responded, 0);
}

#[tokio::test]
async fn rule_12_after_the_lookback_it_goes_to_the_default_skill_with_the_welcome() {
    for named in [false, true] {
        let world = World::new().await;
        let accepted = sent(&world).await;
        world.clock.set(accepted.campaign.lookback_ends_at);
        let message = named.then_some(accepted.recipients[0].transaction);
        let replied = write(&world, message, None).await.unwrap();
        assert_eq!(replied.skill, sample::skill("support"));
        let mut kinds = kinds(&world, &replied).await;
        kinds.sort_by_key(|k| *k == Kind::Chat);
        assert_eq!(kinds, [Kind::Welcome, Kind::Chat]);
        assert_eq!(world.message(&accepted, "ana").await.state(), State::Sent);
    }
}

#[tokio::test]
async fn rule_12_with_no_message_it_goes_to_the_default_skill_with_the_welcome() {
    let world = World::new().await;
    world.log_in("ana", "t1").await;
    let replied = write(&world, None, None).await.unwrap();
    assert_eq!(replied.skill, sample::skill("support"));
    let welcome = world.transcript(replied.conversation).await;
    let welcome = welcome.iter().find(|e| e.kind == Kind::Welcome).unwrap();
    assert_eq!(
        (welcome.author, welcome.text.as_str()),
        (Author::System, "Welcome!")
    );
}

#[tokio::test]
async fn an_account_without_a_default_skill_takes_no_cold_reply() {
    let world = World::new().await;
    let bare = domain::account::Settings::default();
    let full = domain::account::Service::Full;
    world
        .store
        .put_settings(&world.by(), &bare, full)
        .await
        .unwrap();
    assert!(matches!(
        write(&world, None, None).await,
        Err(ReplyError::NoSkill)
    ));
}

#[tokio::test]
async fn rule_13_the_first_entry_is_exactly_what_the_consumer_saw() {
    let world = World::saying("Olá ${{1}} 👩‍👩‍👧‍👦\n«${{1}}»").await;
    let accepted = sent(&world).await;
    let design = sample::design("Renewal", "Changed since");
    let (store, id) = (&world.store, &world.handoff.id);
    handoff::change(store, &world.by(), id, None, design)
        .await
        .unwrap();
    let replied = world.reply("ana", "Hi").await;
    let first = &world.transcript(replied.conversation).await[0];
    assert_eq!((first.author, first.kind), (Author::Brand, Kind::Proactive));
    assert_eq!(first.text, "Olá ana 👩‍👩‍👧‍👦\n«ana»");
    let message = world.message(&accepted, "ana").await;
    assert_eq!(Some(first.at), message.sent_at, "when they saw it");
}

#[tokio::test]
async fn the_newest_unanswered_message_is_answered() {
    let world = World::new().await;
    let old = sent(&world).await;
    let new = world.campaign(&["ana"]).await;
    world.run().await;
    let replied = world.reply("ana", "Hi").await;
    assert_eq!(
        world.message(&new, "ana").await.conversation,
        Some(replied.conversation)
    );
    assert_eq!(world.message(&old, "ana").await.state(), State::Sent);
}

#[tokio::test]
async fn an_answered_message_does_not_route_a_new_conversation() {
    let world = World::new().await;
    let accepted = sent(&world).await;
    let first = world.reply("ana", "Hi").await;
    world.close(first.conversation).await;
    let closed = world.message(&accepted, "ana").await;
    assert_eq!(closed.conversation_closed_at, Some(world.now()));
    let second = world.reply("ana", "Hi again").await;
    assert_eq!(second.skill, sample::skill("support"));
}

#[tokio::test]
async fn an_answered_newest_message_does_not_hide_an_older_unanswered_one() {
    let world = World::new().await;
    let old = sent(&world).await;
    world.campaign(&["ana"]).await;
    world.run().await;
    let first = world.reply("ana", "To the new one").await;
    world.close(first.conversation).await;
    let second = world.reply("ana", "To the old one").await;
    assert_eq!(second.skill, sample::skill("sales"));
    assert_eq!(world.message(&old, "ana").await.state(), State::Responded);
}

#[tokio::test]
async fn with_route_all_an_answered_message_routes_again_within_the_lookback() {
    let mut world = World::new().await;
    let mut design = sample::design("All", "Hello ${{1}}");
    design.route_all = true;
    let made = handoff::create(&world.store, &world.by(), design).await;
    world.handoff = made.unwrap();
    let accepted = sent(&world).await;
    let first = world.reply("ana", "Hi").await;
    world.close(first.conversation).await;
    let second = world.reply("ana", "Hi again").await;
    assert_eq!(second.skill, sample::skill("sales"));
    world.close(second.conversation).await;
    world.clock.set(accepted.campaign.lookback_ends_at);
    let third = world.reply("ana", "And again").await;
    assert_eq!(third.skill, sample::skill("support"));
    assert_eq!(
        world.counts(&accepted).await.responded,
        1,
        "answered is answered"
    );
}

#[tokio::test]
async fn a_message_of_another_consumer_is_unknown() {
    let world = World::new().await;
    sent(&world).await;
    world.log_in("ben", "t2").await;
    let theirs = world.campaign(&["ben"]).await;
    world.run().await;
    let replied = write(&world, Some(theirs.recipients[0].transaction), None).await;
    assert!(matches!(replied, Err(ReplyError::UnknownMessage)));
    let never = TransactionId::at(world.now());
    let replied = write(&world, Some(never), None).await;
    assert!(matches!(replied, Err(ReplyError::UnknownMessage)));
}

#[tokio::test]
async fn a_reply_within_an_open_conversation_stays_in_it() {
    let world = World::new().await;
    world.log_in("ana", "t1").await;
    let open = world.reply("ana", "Hi").await;
    world
        .campaign_with(&["ana"], OpenConversation::Append)
        .await;
    world.run().await;
    let replied = world.reply("ana", "More").await;
    assert_eq!(
        (replied.conversation, replied.skill),
        (open.conversation, open.skill)
    );
}

#[tokio::test]
async fn a_repeated_client_message_is_one_entry() {
    let world = World::new().await;
    sent(&world).await;
    let first = write(&world, None, Some("m1")).await.unwrap();
    world.clock.advance(secs(1));
    let again = write(&world, None, Some("m1")).await.unwrap();
    assert_eq!(again, first);
    let second = write(&world, None, Some("m2")).await.unwrap();
    world.clock.advance(secs(1));
    assert_eq!(write(&world, None, Some("m2")).await.unwrap(), second);
    world.close(first.conversation).await;
    let late = write(&world, None, Some("m1")).await.unwrap();
    assert_eq!(
        late.conversation, first.conversation,
        "also once it is closed"
    );
    assert_eq!(kinds(&world, &first).await.len(), 3);
}

#[tokio::test]
async fn concurrent_first_messages_are_one_conversation() {
    let world = World::new().await;
    sent(&world).await;
    let (a, b, c) = tokio::join!(
        write(&world, None, Some("m1")),
        write(&world, None, Some("m1")),
        write(&world, None, None),
    );
    let (a, b, c) = (a.unwrap(), b.unwrap(), c.unwrap());
    assert_eq!(a, b, "a repeated one is the same entry");
    assert_eq!(a.conversation, c.conversation);
    assert_eq!(kinds(&world, &a).await.len(), 3);
    assert_eq!(kinds(&world, &a).await[0], Kind::Proactive);
}

#[tokio::test]
async fn those_who_serve_the_skill_are_told() {
    let world = World::new().await;
    sent(&world).await;
    let replied = world.reply("ana", "Hi").await;
    let told = world.topic.take();
    assert!(told.iter().any(|t| t.event() == "conversation.waiting"));
    assert!(told.iter().all(|t| t.skill() == Some(&replied.skill)));
    let of_ana = |t: &Announcement| matches!(t, Announcement::Conversation(t) if t.consumer_id.as_str() == "ana");
    assert!(told.iter().all(of_ana));
    world.reply("ana", "More").await;
    let told = world.topic.take();
    assert_eq!(told.len(), 1);
    assert_eq!(told[0].event(), "conversation.message");
}

#[tokio::test]
async fn rule_12_a_message_whose_sender_died_after_the_push_is_answered_like_any_other() {
    for open in [
        OpenConversation::Fail,
        OpenConversation::Hold,
        OpenConversation::Append,
    ] {
        let world = World::new().await;
        world.log_in("ana", "t1").await;
        let accepted = world.campaign_with(&["ana"], open).await;
        world.store.fail_next("record");
        let job = world.queue.take_jobs().remove(0);
        world.send(job.clone()).await.unwrap_err();
        assert_eq!(world.gateways.pushed().len(), 1, "it had left");
        let named = Reply {
            text: "Yes".into(),
            message: Some(world.key(&accepted, "ana").transaction),
            client_message: None,
        };
        let ana = world.consumer("ana");
        let replied = reply(&world.store, &world.clock, &ana, &named).await;
        let replied = replied.unwrap();
        assert_eq!(replied.skill.as_str(), "sales");
        let transcript = world.transcript(replied.conversation).await;
        let said: Vec<_> = transcript.iter().map(|e| e.text.as_str()).collect();
        assert_eq!(said, ["Hello ana", "Yes"], "rule 13");

        world.clock.advance(secs(60));
        world.send(job).await.unwrap();
        world.pump().await;
        world.close(replied.conversation).await;
        world.run_for(secs(600)).await;
        let message = world.message(&accepted, "ana").await;
        assert_eq!(message.state(), State::Responded);
        assert_eq!(message.failure, None, "{open:?}");
        assert_eq!(world.counts(&accepted).await.sent, 1);
        assert_eq!(world.gateways.pushed().len(), 1, "{open:?}: never again");
        let transcript = world.transcript(replied.conversation).await;
        assert_eq!(transcript.len(), 2, "{open:?}: nor into the chat");
    }
}
