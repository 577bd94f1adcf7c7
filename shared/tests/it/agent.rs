//! Agents and bots serve the conversations of their skills.

use crate::world::{World, secs, token};
use domain::{
    access::Role,
    agent::{AgentError, accept, answer, close, read, transfer},
    conversation::{Author, State},
    id::ConversationId,
    push::{Custom, Undelivered},
};
use testkit::contract::sample;

/// Ana has a device and waits in the queue of support.
async fn waiting(world: &World) -> ConversationId {
    world.log_in("ana", "t1").await;
    world.reply("ana", "Hi").await.conversation
}

#[tokio::test]
async fn an_agent_accepts_answers_and_closes() {
    let world = World::new().await;
    let id = waiting(&world).await;
    let eve = world.staff("eve", Role::Agent, &["support"]);
    let refused = answer(&world.store, &world.clock, &eve, id, "Hello".into(), None).await;
    assert!(
        matches!(refused, Err(AgentError::Waiting)),
        "an answer needs an accept"
    );
    let open = accept(&world.store, &eve, id).await.unwrap();
    assert_eq!(
        (open.state, open.agent.as_deref()),
        (State::Open, Some("eve"))
    );
    let again = accept(&world.store, &eve, id).await.unwrap();
    assert_eq!(again, open, "accepting one's own again changes nothing");
    world.clock.advance(secs(1));
    let entry = answer(&world.store, &world.clock, &eve, id, "Hello".into(), None)
        .await
        .unwrap();
    assert_eq!(
        (entry.author, entry.originator.as_deref()),
        (Author::Agent, Some("eve"))
    );
    assert_eq!(world.transcript(id).await.last(), Some(&entry));
    let closed = close(&world.store, &world.clock, &eve, id).await.unwrap();
    assert_eq!(
        (closed.state, closed.closed_at),
        (State::Closed, Some(world.now()))
    );
    let again = close(&world.store, &world.clock, &eve, id).await.unwrap();
    assert_eq!(again, closed, "closing a closed one changes nothing");
    let late = answer(&world.store, &world.clock, &eve, id, "Hello".into(), None).await;
    assert!(matches!(late, Err(AgentError::Closed)));
    assert!(matches!(
        accept(&world.store, &eve, id).await,
        Err(AgentError::Closed)
    ));
}

#[tokio::test]
async fn only_agents_of_the_skill_see_a_conversation() {
    let world = World::new().await;
    let id = waiting(&world).await;
    let stranger = world.staff("sam", Role::Agent, &["sales"]);
    assert!(matches!(
        read(&world.store, &stranger, id).await,
        Err(AgentError::NotFound)
    ));
    assert!(matches!(
        accept(&world.store, &stranger, id).await,
        Err(AgentError::NotFound)
    ));
    let mut foreign = world.staff("eve", Role::Admin, &[]);
    foreign.account = "other".parse().unwrap();
    assert!(matches!(
        read(&world.store, &foreign, id).await,
        Err(AgentError::NotFound)
    ));
    let manager = world.staff("max", Role::AgentManager, &[]);
    assert!(
        read(&world.store, &manager, id).await.is_ok(),
        "a manager reads all"
    );
    assert!(
        matches!(
            accept(&world.store, &manager, id).await,
            Err(AgentError::NotFound)
        ),
        "and serves none"
    );
    let campaigner = world.staff("kim", Role::CampaignManager, &["support"]);
    assert!(matches!(
        read(&world.store, &campaigner, id).await,
        Err(AgentError::NotFound)
    ));
}

#[tokio::test]
async fn a_conversation_has_one_agent() {
    let world = World::new().await;
    let id = waiting(&world).await;
    let eve = world.staff("eve", Role::Agent, &["support"]);
    let bob = world.staff("bob", Role::Bot, &["support"]);
    let (a, b) = tokio::join!(
        accept(&world.store, &eve, id),
        accept(&world.store, &bob, id)
    );
    assert!(a.is_ok() != b.is_ok(), "of two at once one gets it");
    let loser = if a.is_ok() { &bob } else { &eve };
    assert!(matches!(
        accept(&world.store, loser, id).await,
        Err(AgentError::Taken)
    ));
    let (store, clock) = (&world.store, &world.clock);
    let answered = answer(store, clock, loser, id, "Me too".into(), None).await;
    assert!(matches!(answered, Err(AgentError::Taken)));
    assert!(matches!(
        close(store, clock, loser, id).await,
        Err(AgentError::Taken)
    ));
    let support = sample::skill("support");
    let given = transfer(store, loser, id, &support).await;
    assert!(matches!(given, Err(AgentError::Taken)));
    let admin = world.staff("root", Role::Admin, &[]);
    answer(store, clock, &admin, id, "I step in".into(), None)
        .await
        .unwrap();
}

#[tokio::test]
async fn a_transferred_conversation_waits_for_the_other_skill() {
    let world = World::new().await;
    let id = waiting(&world).await;
    let eve = world.staff("eve", Role::Agent, &["support"]);
    accept(&world.store, &eve, id).await.unwrap();
    let nowhere = transfer(&world.store, &eve, id, &sample::skill("nobody")).await;
    assert!(matches!(nowhere, Err(AgentError::UnknownSkill)));
    let moved = transfer(&world.store, &eve, id, &sample::skill("sales"))
        .await
        .unwrap();
    assert_eq!((moved.state, moved.agent), (State::Waiting, None));
    assert!(matches!(
        read(&world.store, &eve, id).await,
        Err(AgentError::NotFound)
    ));
    let sam = world.staff("sam", Role::Agent, &["sales"]);
    accept(&world.store, &sam, id).await.unwrap();
    let replied = world.reply("ana", "Still here").await;
    assert_eq!(
        (replied.conversation, replied.skill),
        (id, sample::skill("sales"))
    );
}

#[tokio::test]
async fn an_answer_is_pushed_to_the_devices_that_take_chat() {
    let world = World::new().await;
    let id = waiting(&world).await;
    let quiet = world.log_in("ana", "t2").await;
    let ana = sample::consumer("ana");
    let agent = domain::device::Logout::Agent;
    domain::device::log_out(&world.store, &world.account, &ana, &quiet.id, agent)
        .await
        .unwrap();
    let bot = world.staff("bot", Role::Bot, &["support"]);
    accept(&world.store, &bot, id).await.unwrap();
    let later = Undelivered::Later {
        after: None,
        reason: "503".into(),
    };
    world.gateways.answer(&token("t1"), later);
    let entry = answer(&world.store, &world.clock, &bot, id, "Hello".into(), None)
        .await
        .unwrap();
    assert_eq!(entry.author, Author::Bot);
    world.run().await;
    let shown = world.gateways.taken(&token("t1"));
    assert_eq!(shown.len(), 1, "it is tried again");
    assert_eq!(shown[0].body, "Hello");
    assert!(
        matches!(&shown[0].custom, Custom::Chat { conversation, originator, .. }
        if *conversation == id && originator == "bot")
    );
    assert_eq!(world.gateways.taken(&token("t2")), []);
}

#[tokio::test]
async fn opening_a_conversation_pushes_nothing() {
    let world = World::new().await;
    waiting(&world).await;
    world.run().await;
    assert_eq!(world.gateways.pushed(), [], "the consumer is there");
}
