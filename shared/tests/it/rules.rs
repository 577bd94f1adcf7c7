//! Rules of the product that belong to handoffs; the others stand with their use cases.

use crate::world::{World, token};
use domain::{
    device::Platform,
    handoff::{self, Apps, InvalidApps, SaveError},
    id::AppName,
    lookback::Lookback,
    text::{InvalidText, Template},
};
use testkit::contract::sample;

#[tokio::test]
async fn rule_2_a_handoff_names_1_to_4_configured_apps() {
    let world = World::new().await;
    let apps =
        |n: usize| -> Vec<AppName> { (0..n).map(|i| format!("app{i}").parse().unwrap()).collect() };
    assert_eq!(Apps::try_from(apps(5)), Err(InvalidApps::Count(5)));
    let mut design = sample::design("Four", "Hello");
    design.apps = Apps::try_from(apps(4)).unwrap();
    let refused = handoff::create(&world.store, &world.clock, &world.account, design.clone()).await;
    assert!(matches!(refused, Err(SaveError::UnknownApp(app)) if app.as_str() == "app0"));
    for app in apps(4) {
        let app = sample::app(app.as_str());
        domain::account::save_app(&world.store, &world.account, app)
            .await
            .unwrap();
    }
    handoff::create(&world.store, &world.clock, &world.account, design)
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
    let (store, clock, id) = (&world.store, &world.clock, &world.handoff.id);
    let design = || sample::design("Changed", "Hello");
    let stale = handoff::change(store, clock, &world.account, id, Some(7), design()).await;
    assert!(matches!(stale, Err(SaveError::Changed)));
    let changed = handoff::change(store, clock, &world.account, id, Some(1), design()).await;
    assert_eq!(changed.unwrap().version, 2);
    let other = sample::design("CHANGED", "Hello");
    let taken = handoff::create(store, clock, &world.account, other).await;
    assert!(matches!(taken, Err(SaveError::NameTaken(_))));
    let stale = handoff::delete(store, &world.account, id, Some(1)).await;
    assert!(matches!(stale, Err(SaveError::Changed)));
    handoff::delete(store, &world.account, id, Some(2))
        .await
        .unwrap();
    let gone = handoff::delete(store, &world.account, id, None).await;
    assert!(matches!(gone, Err(SaveError::NotFound)));
}

#[tokio::test]
async fn a_campaign_that_runs_keeps_what_its_handoff_said() {
    let world = World::new().await;
    let device = world.log_in("ana", "t1").await;
    assert_eq!(device.platform, Platform::Ios);
    let accepted = world.campaign(&["ana"]).await;
    let (store, id) = (&world.store, &world.handoff.id);
    handoff::delete(store, &world.account, id, None)
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
