//! Rules of the product that belong to handoffs; the others stand with their use cases.

use crate::world::{World, token};
use domain::{
    board::{Course, course},
    campaign::{self, CreateError, ReadCampaigns},
    device::Platform,
    handoff::{self, Apps, DeleteError, InvalidApps, SaveError},
    id::AppName,
    lookback::Lookback,
    text::{InvalidText, Template},
};
use jiff::SignedDuration;
use testkit::contract::sample;

#[tokio::test]
async fn rule_2_a_handoff_names_1_to_4_configured_apps() {
    let world = World::new().await;
    let apps =
        |n: usize| -> Vec<AppName> { (0..n).map(|i| format!("app{i}").parse().unwrap()).collect() };
    assert_eq!(Apps::try_from(apps(5)), Err(InvalidApps::Count(5)));
    let mut design = sample::design("Four", "Hello");
    design.apps = Apps::try_from(apps(4)).unwrap();
    let refused = handoff::create(&world.store, &world.by(), design.clone()).await;
    assert!(matches!(refused, Err(SaveError::UnknownApp(app)) if app.as_str() == "app0"));
    for app in apps(4) {
        let app = sample::app(app.as_str());
        domain::account::save_app(&world.store, &world.by(), app)
            .await
            .unwrap();
    }
    handoff::create(&world.store, &world.by(), design)
        .await
        .unwrap();
}

#[test]
fn rule_3_text_and_emoji_only() {
    for bad in ["bell \u{7}", "null \u{0}", "escape \u{1b}[31m"] {
        assert!(
            matches!(Template::parse(bad), Err(InvalidText::Control(_))),
            "{bad:?}"
        );
    }
    assert!(Template::parse("👩‍👩‍👧‍👦 🇵🇹 👍🏽 عربى").is_ok());
}

#[test]
fn rule_4_placeholders_are_numbered() {
    let template = Template::parse("${{1}} and ${{2}}").unwrap();
    assert_eq!(template.placeholders().len(), 2);
    assert!(Template::parse("${{name}}").is_err());
}

#[tokio::test]
async fn a_change_needs_the_state_that_was_read() {
    let world = World::new().await;
    let (store, id) = (&world.store, &world.handoff.id);
    let design = || sample::design("Changed", "Hello");
    let stale = handoff::change(store, &world.by(), id, Some(7), design()).await;
    assert!(matches!(stale, Err(SaveError::Changed)));
    let changed = handoff::change(store, &world.by(), id, Some(1), design()).await;
    assert_eq!(changed.unwrap().version, 2);
    let other = sample::design("CHANGED", "Hello");
    let taken = handoff::create(store, &world.by(), other).await;
    assert!(matches!(taken, Err(SaveError::NameTaken(_))));
    let stale = handoff::delete(store, &world.by(), id, Some(1), false).await;
    assert!(matches!(stale, Err(DeleteError::Changed)));
    handoff::delete(store, &world.by(), id, Some(2), false)
        .await
        .unwrap();
    let gone = handoff::delete(store, &world.by(), id, None, true).await;
    assert!(matches!(gone, Err(DeleteError::NotFound)));
}

#[tokio::test]
async fn a_campaign_that_runs_keeps_what_its_handoff_said() {
    let world = World::new().await;
    let device = world.log_in("ana", "t1").await;
    assert_eq!(device.platform, Platform::Ios);
    let accepted = world.campaign(&["ana"]).await;
    let design = sample::design("Renewal", "Changed ${{1}}");
    let (store, id) = (&world.store, &world.handoff.id);
    handoff::change(store, &world.by(), id, None, design)
        .await
        .unwrap();
    world.run().await;
    assert_eq!(world.gateways.taken(&token("t1"))[0].body, "Hello ana");
    let life = accepted
        .campaign
        .lookback_ends_at
        .duration_since(accepted.campaign.created_at);
    assert_eq!(
        life.as_mins(),
        i64::from(Lookback::MAX_MINUTES),
        "30 days by default"
    );
}

#[tokio::test]
async fn a_handoff_is_not_deleted_while_messages_of_it_live() {
    let world = World::new().await;
    let (store, clock, id) = (&world.store, &world.clock, &world.handoff.id);
    let delete = async |stop| handoff::delete(store, &world.by(), id, None, stop).await;
    world.accept(world.order(&["ana"])).await;
    assert!(matches!(delete(false).await, Err(DeleteError::Live)));
    world
        .clock
        .advance(SignedDuration::from_hours(30 * 24) - sample::ms(1));
    assert!(matches!(delete(false).await, Err(DeleteError::Live)));
    world.clock.advance(sample::ms(1));
    delete(false).await.expect("its lookback is over");
    let by = world.by();
    let refused = campaign::create(store, clock, &by, world.order(&["ana"]), false);
    assert!(matches!(refused.await, Err(CreateError::UnknownHandoff)));
}

#[tokio::test]
async fn a_handoff_that_is_stopped_sends_no_more() {
    let world = World::new().await;
    for name in ["ana", "ben"] {
        world.log_in(name, name).await;
    }
    let sent = world.campaign(&["ana"]).await;
    world.run().await;
    let waiting = world.accept(world.order(&["ben"])).await;
    let (store, id) = (&world.store, &world.handoff.id);
    handoff::delete(store, &world.by(), id, None, true)
        .await
        .unwrap();
    let counts = world.counts(&waiting).await;
    assert_eq!((counts.cancelled, counts.queued), (1, 0), "at once");
    world.run().await;
    assert_eq!(world.gateways.taken(&token("ben")).len(), 0);
    let counts = world.counts(&sent).await;
    assert_eq!((counts.sent, counts.cancelled), (1, 0));
    let campaign = store.campaign(&world.account, &sent.campaign.id).await;
    let course = course(&campaign.unwrap().unwrap(), &counts);
    assert_eq!(course, Course::Finished, "what was over stays so");
    assert_eq!(
        world.reply("ana", "Yes").await.skill.as_str(),
        "sales",
        "and is answered as before"
    );
}

#[tokio::test]
async fn a_campaign_accepted_while_its_handoff_is_stopped_is_stopped_too_or_refused() {
    for _ in 0..20 {
        let world = World::new().await;
        let (store, clock, id) = (&world.store, &world.clock, &world.handoff.id);
        world.accept(world.order(&["ana"])).await;
        let by = world.by();
        let (deleted, posted) = tokio::join!(
            handoff::delete(store, &by, id, None, true),
            campaign::create(store, clock, &by, world.order(&["ben"]), false),
        );
        deleted.unwrap();
        match posted {
            Ok(accepted) => assert_eq!(world.counts(&accepted).await.cancelled, 1),
            Err(refused) => assert!(matches!(refused, CreateError::UnknownHandoff)),
        }
    }
}
