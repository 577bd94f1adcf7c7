//! Calls that an IVR deflects: who is eligible, and that an invitation is a campaign of one.

use crate::world::World;
use domain::{
    campaign::{CreateError, ReadCampaigns, Refusal},
    failure::Failure,
    handoff::{self, Handoff, Source},
    id::{CallId, CampaignId},
    ivr::{self, CALL_HOURS, Call, Caller, CheckError, Deflection, InviteError},
    message::State,
    report::{Filters, ListCampaigns, transactions},
};
use jiff::SignedDuration;
use std::collections::BTreeMap;
use testkit::contract::sample;

/// A handoff for calls.
async fn for_calls(world: &World) -> Handoff {
    let mut design = sample::design("Calls", "Hello ${{1}}");
    design.source = Source::Ivr;
    handoff::create(&world.store, &world.by(), design)
        .await
        .unwrap()
}

fn caller(handoff: &Handoff, name: &str) -> Caller {
    Caller {
        consumer: sample::consumer(name),
        skill: "sales".into(),
        handoff: handoff.id.to_string(),
        variables: BTreeMap::from([("1".to_owned(), Some(name.to_owned()))]),
        ivr_number: "180000".into(),
    }
}

async fn check(world: &World, caller: Caller) -> Result<Call, CheckError> {
    ivr::check(&world.store, &world.clock, &world.account, caller).await
}

async fn invite(
    world: &World,
    call: &CallId,
    skill: Option<&str>,
) -> Result<Option<CampaignId>, InviteError> {
    let (store, clock) = (&world.store, &world.clock);
    ivr::invite(store, clock, &world.by(), call, skill, "trace".into()).await
}

async fn campaigns(world: &World) -> Vec<CampaignId> {
    let hour = SignedDuration::from_hours(100);
    let (from, to) = (world.now() - hour, world.now() + hour);
    let found = world.store.campaigns(&world.account, from, to).await;
    found.unwrap().into_iter().map(|listed| listed.id).collect()
}

#[tokio::test]
async fn who_has_a_usable_device_and_no_conversation_is_eligible() {
    let world = World::new().await;
    let handoff = for_calls(&world).await;
    let obstacle = async || {
        let call = check(&world, caller(&handoff, "ana")).await.unwrap();
        call.obstacle
    };
    assert_eq!(obstacle().await, Some(Failure::ConsumerNotRegistered));
    let device = world.log_in("ana", "a1").await;
    assert_eq!(obstacle().await, None);
    world.reply("ana", "Hello?").await;
    assert_eq!(obstacle().await, Some(Failure::OpenConversation));

    world.log_in("ben", "b1").await;
    world.clock.advance(domain::device::STALE_AFTER);
    let ben = check(&world, caller(&handoff, "ben")).await.unwrap();
    assert_eq!(ben.obstacle, Some(Failure::NoDevice), "it is stale");
    world.log_in_elsewhere("cid", "b2").await;
    let cid = check(&world, caller(&handoff, "cid")).await.unwrap();
    assert_eq!(cid.obstacle, Some(Failure::NoDevice), "of another app");
    assert_eq!(device.app, sample::app_name());
}

#[tokio::test]
async fn a_check_refuses_what_a_campaign_would() {
    let world = World::new().await;
    let handoff = for_calls(&world).await;
    let with = |change: fn(&mut Caller)| {
        let mut caller = caller(&handoff, "ana");
        change(&mut caller);
        check(&world, caller)
    };
    assert!(matches!(
        with(|c| c.skill = "nobody".into()).await,
        Err(CheckError::UnknownSkill(name)) if name == "nobody"
    ));
    assert!(matches!(
        with(|c| c.handoff = "H1".into()).await,
        Err(CheckError::UnknownHandoff)
    ));
    assert!(matches!(
        with(|c| c.variables.clear()).await,
        Err(CheckError::Variables(Refusal::Missing(1)))
    ));
    let proactive = caller(&world.handoff, "ana");
    assert!(
        matches!(
            check(&world, proactive).await,
            Err(CheckError::UnknownHandoff)
        ),
        "a campaign's handoff is none for calls"
    );
}

#[tokio::test]
async fn an_invitation_is_a_campaign_of_one_and_sent_once() {
    let world = World::new().await;
    let handoff = for_calls(&world).await;
    world.log_in("ana", "a1").await;
    let call = check(&world, caller(&handoff, "ana")).await.unwrap();
    let eligible_at = world.now();
    world.clock.advance(SignedDuration::from_secs(30));
    for _ in 0..3 {
        invite(&world, &call.id, None).await.unwrap();
    }
    let [id] = campaigns(&world).await.try_into().unwrap();
    world.run().await;
    let campaign = world.store.campaign(&world.account, &id).await.unwrap();
    let campaign = campaign.unwrap();
    let deflection = Deflection {
        ivr_number: "180000".into(),
        eligible_at,
    };
    assert_eq!(campaign.deflection, Some(deflection));
    assert_eq!((campaign.recipients(), campaign.source), (1, Source::Ivr));
    assert_eq!(campaign.name.as_str(), "Calls", "agents see the handoff's");
    assert_eq!(world.gateways.pushed().len(), 1, "sent once");

    let window = (eligible_at, world.now() + SignedDuration::from_hours(1));
    let calls = Filters {
        source: Some(Source::Ivr),
        ..Filters::default()
    };
    let rows = transactions(&world.store, &world.account, window, &calls, 0, 10).await;
    let [row] = rows.unwrap().try_into().unwrap();
    let message = row.standing.message.unwrap();
    assert_eq!(message.state(), State::Sent);

    let replied = world.reply("ana", "Yes, please").await;
    assert_eq!(replied.skill.as_str(), "sales", "a reply is routed by it");
    let other = invite(&world, &call.id, Some("support")).await;
    assert!(matches!(
        other,
        Err(InviteError::Create(CreateError::KeyReused))
    ));
}

#[tokio::test]
async fn a_call_is_invited_to_another_skill_only_if_there_is_one() {
    let world = World::new().await;
    let handoff = for_calls(&world).await;
    world.log_in("ana", "a1").await;
    let call = check(&world, caller(&handoff, "ana")).await.unwrap();
    let refused = invite(&world, &call.id, Some("nobody")).await;
    assert!(matches!(refused, Err(InviteError::UnknownSkill)));
    invite(&world, &call.id, Some("support")).await.unwrap();
    world.run().await;
    let replied = world.reply("ana", "Yes, please").await;
    assert_eq!(replied.skill.as_str(), "support");
}

#[tokio::test]
async fn nobody_is_invited_who_was_not_eligible_or_was_checked_long_ago() {
    let world = World::new().await;
    let handoff = for_calls(&world).await;
    let call = check(&world, caller(&handoff, "ana")).await.unwrap();
    world.log_in("ana", "a1").await;
    assert!(matches!(
        invite(&world, &call.id, None).await,
        Err(InviteError::NotEligible(Failure::ConsumerNotRegistered))
    ));
    let unknown = invite(&world, &CallId::random(), None).await;
    assert!(matches!(unknown, Err(InviteError::NotFound)));
    let call = check(&world, caller(&handoff, "ana")).await.unwrap();
    world.clock.advance(SignedDuration::from_hours(CALL_HOURS));
    let late = invite(&world, &call.id, None).await;
    assert!(matches!(late, Err(InviteError::NotFound)));
    assert!(campaigns(&world).await.is_empty());
}

#[tokio::test]
async fn invitations_keep_to_the_limits_of_campaigns() {
    let world = World::new().await;
    let handoff = for_calls(&world).await;
    world.limit_days(1).await;
    for name in ["ana", "ben"] {
        world.log_in(name, name).await;
    }
    let ana = check(&world, caller(&handoff, "ana")).await.unwrap();
    let ben = check(&world, caller(&handoff, "ben")).await.unwrap();
    invite(&world, &ana.id, None).await.unwrap();
    assert!(matches!(
        invite(&world, &ben.id, None).await,
        Err(InviteError::Create(CreateError::DayFull { limit: 1, .. }))
    ));
}

#[tokio::test]
async fn a_handoff_that_was_deleted_invites_nobody() {
    let world = World::new().await;
    let handoff = for_calls(&world).await;
    world.log_in("ana", "a1").await;
    let call = check(&world, caller(&handoff, "ana")).await.unwrap();
    handoff::delete(&world.store, &world.by(), &handoff.id, None, false)
        .await
        .unwrap();
    assert!(matches!(
        invite(&world, &call.id, None).await,
        Err(InviteError::Create(CreateError::UnknownHandoff))
    ));
    assert!(campaigns(&world).await.is_empty());
}
