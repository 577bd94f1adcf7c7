//! An account's settings, apps, clients and limits.

use crate::world::World;
use domain::{
    access::Role,
    account::{self, MAX_APPS, ReadSettings, SaveAppError, SaveSettingsError, Settings},
    client::{self, ClientSecret, KnowClients, MAX_CLIENTS, MakeError},
    limit::{Limiter, Pace},
};
use testkit::contract::sample;

#[tokio::test]
async fn a_default_skill_must_exist() {
    let world = World::new().await;
    let before = world.store.settings(&world.account).await.unwrap();
    let nowhere = Settings {
        default_skill: Some(sample::skill("nobody")),
        ..Settings::default()
    };
    let refused = account::save_settings(&world.store, &world.account, nowhere).await;
    assert!(matches!(refused, Err(SaveSettingsError::UnknownSkill(s)) if s.as_str() == "nobody"));
    assert_eq!(world.store.settings(&world.account).await.unwrap(), before);
}

#[tokio::test]
async fn an_account_has_a_bounded_number_of_apps() {
    let world = World::new().await;
    for i in 1..MAX_APPS {
        let app = sample::app(&format!("app{i}"));
        account::save_app(&world.store, &world.account, app)
            .await
            .unwrap();
    }
    let more = account::save_app(&world.store, &world.account, sample::app("more")).await;
    assert!(matches!(more, Err(SaveAppError::TooMany)));
    let again = sample::app("app1");
    account::save_app(&world.store, &world.account, again)
        .await
        .expect("changing one is fine");
}

#[tokio::test]
async fn a_client_gets_a_secret_that_opens_for_it_alone() {
    let world = World::new().await;
    let admin = world.staff("root", Role::Admin, &[]);
    let roles = vec![Role::CampaignManager];
    let (made, secret) = client::make(&world.store, &world.clock, &admin, "CRM", roles, vec![])
        .await
        .unwrap();
    assert_eq!(secret.expose().len(), 64);
    assert!(
        !format!("{secret:?}").contains(secret.expose()),
        "it is not shown"
    );
    let known = world
        .store
        .client(&world.account, &made.id, &secret)
        .await
        .unwrap();
    assert_eq!(known, Some(made.clone()));
    let wrong = ClientSecret::given("guess");
    let known = world
        .store
        .client(&world.account, &made.id, &wrong)
        .await
        .unwrap();
    assert_eq!(known, None);
}

#[tokio::test]
async fn nobody_makes_a_client_above_themselves() {
    let world = World::new().await;
    let admin = world.staff("root", Role::Admin, &[]);
    let operator = world.staff("ops", Role::Operator, &[]);
    for roles in [vec![], vec![Role::Operator]] {
        let refused = client::make(&world.store, &world.clock, &admin, "CRM", roles, vec![]).await;
        assert!(matches!(refused, Err(MakeError::Roles)));
    }
    let roles = vec![Role::Operator];
    client::make(&world.store, &world.clock, &operator, "Ops", roles, vec![])
        .await
        .unwrap();
    let roles = vec![Role::Bot];
    let refused = client::make(&world.store, &world.clock, &admin, " ", roles, vec![]).await;
    assert!(matches!(refused, Err(MakeError::Name(_))));
    for _ in 1..MAX_CLIENTS {
        let roles = vec![Role::Bot];
        client::make(&world.store, &world.clock, &admin, "Bot", roles, vec![])
            .await
            .unwrap();
    }
    let more = client::make(
        &world.store,
        &world.clock,
        &admin,
        "Bot",
        vec![Role::Bot],
        vec![],
    )
    .await;
    assert!(matches!(more, Err(MakeError::TooMany)));
}

#[tokio::test]
async fn rule_14_ten_calls_per_second_and_group_are_taken() {
    let world = World::new().await;
    let pace = Pace { per_second: 10 };
    let take = async |group: &str| {
        let taken = world
            .store
            .take(&world.account, group, pace, world.now())
            .await;
        taken.unwrap().taken
    };
    let mut taken = 0;
    // 25 calls a second for 4 seconds.
    for _ in 0..100 {
        taken += u32::from(take("campaigns").await);
        world.clock.advance(sample::ms(40));
    }
    assert!(
        (49..=50).contains(&taken),
        "a second's at once, then 10 per second: {taken}"
    );
    assert!(take("reports").await, "another group is not touched");
}
