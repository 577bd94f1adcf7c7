//! An account's settings, apps, clients and limits.

use crate::world::World;
use domain::{
    access::Role,
    account::{self, MAX_APPS, ReadSettings, SaveAppError, SaveSettingsError, Service, Settings},
    client::{
        self, Asked, ClientSecret, Knock, KnowClients, MAX_CLIENTS, MAX_KEEP_HOURS, MakeError,
        RotateError,
    },
    limit::{Limiter, Pace},
};
use jiff::SignedDuration;
use testkit::contract::sample;

#[tokio::test]
async fn a_default_skill_must_exist() {
    let world = World::new().await;
    let before = world.store.settings(&world.account).await.unwrap();
    let nowhere = Settings {
        default_skill: Some(sample::skill("nobody")),
        ..Settings::default()
    };
    let refused = account::save_settings(&world.store, &world.by(), nowhere, Service::Full).await;
    assert!(matches!(refused, Err(SaveSettingsError::UnknownSkill(s)) if s.as_str() == "nobody"));
    assert_eq!(world.store.settings(&world.account).await.unwrap(), before);
}

#[tokio::test]
async fn an_account_has_a_bounded_number_of_apps() {
    let world = World::new().await;
    for i in 1..MAX_APPS {
        let app = sample::app(&format!("app{i}"));
        account::save_app(&world.store, &world.by(), app)
            .await
            .unwrap();
    }
    let more = account::save_app(&world.store, &world.by(), sample::app("more")).await;
    assert!(matches!(more, Err(SaveAppError::TooMany)));
    let again = sample::app("app1");
    account::save_app(&world.store, &world.by(), again)
        .await
        .expect("changing one is fine");
}

#[tokio::test]
async fn a_client_gets_a_secret_that_opens_for_it_alone() {
    let world = World::new().await;
    let admin = world.staff("root", Role::Admin, &[]).at(world.now());
    let roles = vec![Role::CampaignManager];
    let (made, secret) = client::make(&world.store, &admin, "CRM", roles, vec![], None)
        .await
        .unwrap();
    assert_eq!(secret.expose().len(), 64);
    assert!(
        !format!("{secret:?}").contains(secret.expose()),
        "it is not shown"
    );
    let known = world
        .store
        .knock(&world.account, &made.id, &secret, world.now())
        .await
        .unwrap();
    assert_eq!(known, Knock::Opens(made.clone()));
    let wrong = ClientSecret::given("guess");
    let known = world
        .store
        .knock(&world.account, &made.id, &wrong, world.now())
        .await
        .unwrap();
    assert_eq!(known, Knock::Wrong);
}

#[tokio::test]
async fn nobody_makes_a_client_above_themselves() {
    let world = World::new().await;
    let admin = world.staff("root", Role::Admin, &[]).at(world.now());
    let operator = world.staff("ops", Role::Operator, &[]).at(world.now());
    for roles in [vec![], vec![Role::Operator]] {
        let refused = client::make(&world.store, &admin, "CRM", roles, vec![], None).await;
        assert!(matches!(refused, Err(MakeError::Roles)));
    }
    let roles = vec![Role::Operator];
    client::make(&world.store, &operator, "Ops", roles, vec![], None)
        .await
        .unwrap();
    let roles = vec![Role::Bot];
    let refused = client::make(&world.store, &admin, " ", roles, vec![], None).await;
    assert!(matches!(refused, Err(MakeError::Name(_))));
    for _ in 1..MAX_CLIENTS {
        let roles = vec![Role::Bot];
        client::make(&world.store, &admin, "Bot", roles, vec![], None)
            .await
            .unwrap();
    }
    let more = client::make(&world.store, &admin, "Bot", vec![Role::Bot], vec![], None).await;
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

#[tokio::test]
async fn a_rotated_client_has_two_live_secrets_for_a_while() {
    let world = World::new().await;
    let roles = vec![Role::Bot];
    let (made, first) = client::make(&world.store, &world.by(), "Bot", roles, vec![], None)
        .await
        .unwrap();
    let opens = async |secret: &ClientSecret| {
        let known = world
            .store
            .knock(&world.account, &made.id, secret, world.now())
            .await;
        matches!(known.unwrap(), Knock::Opens(_))
    };
    let (_, second) = client::rotate(&world.store, &world.by(), &made.id, 2)
        .await
        .unwrap();
    assert_ne!(first.expose(), second.expose());
    assert!(opens(&first).await && opens(&second).await);
    world.clock.advance(SignedDuration::from_hours(2));
    assert!(!opens(&first).await && opens(&second).await);

    let (_, third) = client::rotate(&world.store, &world.by(), &made.id, 0)
        .await
        .unwrap();
    assert!(
        !opens(&second).await,
        "when nothing is kept, it is over at once"
    );
    assert!(opens(&third).await);
    let long = client::rotate(&world.store, &world.by(), &made.id, MAX_KEEP_HOURS + 1).await;
    assert!(matches!(long, Err(RotateError::TooLong)));
    let nobody = "nobody".parse().unwrap();
    let absent = client::rotate(&world.store, &world.by(), &nobody, 1).await;
    assert!(matches!(absent, Err(RotateError::NotFound)));
}

#[tokio::test]
async fn a_client_ends_when_it_was_to() {
    let world = World::new().await;
    let (roles, now) = (vec![Role::Bot], world.now());
    let by = world.by();
    let late = client::make(&world.store, &by, "Bot", roles.clone(), vec![], Some(now));
    assert!(matches!(late.await, Err(MakeError::Expired)));
    let end = now + SignedDuration::from_hours(1);
    let (made, secret) = client::make(&world.store, &world.by(), "Bot", roles, vec![], Some(end))
        .await
        .unwrap();
    assert_eq!(made.expires_at, Some(end));
    let known = async |at| {
        let known = world
            .store
            .knock(&world.account, &made.id, &secret, at)
            .await;
        known.unwrap()
    };
    assert_eq!(known(end - sample::ms(1)).await, Knock::Opens(made.clone()));
    assert_eq!(known(end).await, Knock::Wrong);
}

#[tokio::test]
async fn wrong_secrets_keep_no_client_out_and_made_up_ones_leave_nothing() {
    let world = World::new().await;
    let roles = vec![Role::Bot];
    let (made, secret) = client::make(&world.store, &world.by(), "Bot", roles, vec![], None)
        .await
        .unwrap();
    let wrong = ClientSecret::given("guess");
    let nobody = "nobody".parse().unwrap();
    let ask = async |id, secret| {
        client::ask(&world.store, &world.account, id, secret, world.now())
            .await
            .unwrap()
    };
    for left in (0..10).rev() {
        let Asked::Refused(Some(decision)) = ask(&made.id, &wrong).await else {
            panic!("a wrong secret is refused");
        };
        assert_eq!((decision.limit, decision.remaining), (10, left));
    }
    let Asked::TooOften(decision) = ask(&made.id, &wrong).await else {
        panic!("ten a second");
    };
    assert_eq!(decision.retry_after, client::PACE.step());
    for _ in 0..10 {
        let asked = ask(&made.id, &secret).await;
        assert!(matches!(asked, Asked::Known(..)), "its own count is apart");
    }
    let asked = ask(&made.id, &secret).await;
    assert!(matches!(asked, Asked::TooOften(_)), "and as exact");
    for _ in 0..20 {
        assert_eq!(ask(&nobody, &wrong).await, Asked::Refused(None));
    }
}
