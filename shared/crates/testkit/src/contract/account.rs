//! What keepers of settings, skills, apps and clients promise.

use super::sample::{self, by};
use domain::{
    access::Role,
    account::{
        Limits, ReadApps, ReadSettings, SaveSettingsError, Service, Settings, Skill, SkillStore,
        WelcomeMessage, WriteApps, WriteSettings,
    },
    client::{Client, ClientSecret, ClientStore, Knock, KnowClients},
};
use jiff::SignedDuration;
use std::slice::from_ref;

/// A keeper of settings gives back what it was given, and the defaults before that.
pub async fn settings_store(store: &(impl ReadSettings + WriteSettings + SkillStore)) {
    let (ours, theirs) = (sample::account(), sample::account());
    assert_eq!(
        store.settings(&ours).await.unwrap(),
        Settings::default(),
        "a new account has the default settings"
    );
    let set = Settings {
        default_skill: Some(sample::skill("Müller & Söhne")),
        welcome_message: Some(WelcomeMessage::parse("Hello 👋").unwrap()),
        limits: Limits {
            recipients_per_campaign: 250,
            sends_per_second: 20,
            requests_per_second: 30,
            recipients_per_day: 5_000_000,
        },
        ..Settings::default()
    };
    let full = Service::Full;
    let saved = store.put_settings(&by(&ours), &set, full).await;
    assert!(
        matches!(saved, Err(SaveSettingsError::UnknownSkill(_))),
        "an unknown skill is no default"
    );
    assert_eq!(store.settings(&ours).await.unwrap(), Settings::default());
    let skill = Skill {
        name: sample::skill("Müller & Söhne"),
        description: None,
    };
    store.put_skill(&by(&ours), &skill).await.unwrap();
    store.put_settings(&by(&ours), &set, full).await.unwrap();
    assert_eq!(
        store.settings(&ours).await.unwrap(),
        set,
        "what was set is read"
    );
    assert_eq!(
        store.settings(&theirs).await.unwrap(),
        Settings::default(),
        "an account sees only its own settings"
    );
    let bare = Settings::default();
    store.put_settings(&by(&ours), &bare, full).await.unwrap();
    assert_eq!(
        store.settings(&ours).await.unwrap(),
        bare,
        "what is left out is gone"
    );
    let paused = set.clone().with_pause(true, sample::now());
    store.put_settings(&by(&ours), &paused, full).await.unwrap();
    assert_eq!(store.settings(&ours).await.unwrap(), paused, "it is paused");
    let late = store.put_settings(&by(&ours), &set, full).await;
    assert!(
        matches!(late, Err(SaveSettingsError::Changed)),
        "who did not see the pause does not end it"
    );
    let resumed = paused.with_pause(false, sample::now());
    let was = Service::Paused;
    store.put_settings(&by(&ours), &resumed, was).await.unwrap();
    assert_eq!(
        store.settings(&ours).await.unwrap(),
        resumed,
        "it goes on, and when that began is kept"
    );
}

/// A keeper of skills keeps them by name, per account.
pub async fn skill_store(store: &impl SkillStore) {
    let (ours, theirs) = (sample::account(), sample::account());
    let skill = |name: &str, description: Option<&str>| Skill {
        name: sample::skill(name),
        description: description.map(Into::into),
    };
    let (sales, support) = (
        skill("sales", None),
        skill("sales #2/ä", Some("Second line")),
    );
    store.put_skill(&by(&ours), &support).await.unwrap();
    store.put_skill(&by(&ours), &sales).await.unwrap();
    assert_eq!(
        store.skill(&ours, &support.name).await.unwrap(),
        Some(support.clone()),
        "what was added is found, whatever its name's characters"
    );
    assert_eq!(
        store.skills(&ours).await.unwrap(),
        [sales.clone(), support.clone()],
        "all are listed by name"
    );
    assert_eq!(
        store.skill(&theirs, &sales.name).await.unwrap(),
        None,
        "an account sees only its own"
    );
    assert_eq!(
        store.skills(&theirs).await.unwrap(),
        [],
        "a new account has none"
    );
    let described = skill("sales", Some("First line"));
    store.put_skill(&by(&ours), &described).await.unwrap();
    assert_eq!(
        store.skills(&ours).await.unwrap(),
        [described, support.clone()],
        "adding it again replaces it"
    );
    assert!(
        store.remove_skill(&by(&ours), &support.name).await.unwrap(),
        "it was there"
    );
    assert!(
        !store.remove_skill(&by(&ours), &support.name).await.unwrap(),
        "it was gone"
    );
    assert_eq!(
        store.skill(&ours, &support.name).await.unwrap(),
        None,
        "it is gone"
    );
}

/// A keeper of apps keeps them by name, per account.
pub async fn app_store(store: &(impl ReadApps + WriteApps)) {
    let (ours, theirs) = (sample::account(), sample::account());
    let (shop, bank) = (
        sample::app("com.example.shop"),
        sample::app("com.example.bank"),
    );
    store.put_app(&by(&ours), &shop, &[]).await.unwrap();
    store.put_app(&by(&ours), &bank, &[]).await.unwrap();
    assert_eq!(
        store.apps(&ours).await.unwrap(),
        [bank.clone(), shop.clone()],
        "all are listed by name"
    );
    assert_eq!(
        store.apps(&theirs).await.unwrap(),
        [],
        "an account sees only its own"
    );
    assert!(store.has_app(&ours, &shop.name).await.unwrap());
    assert!(!store.has_app(&theirs, &shop.name).await.unwrap());
    let mut changed = bank.clone();
    changed.android = None;
    store.put_app(&by(&ours), &changed, &[]).await.unwrap();
    assert_eq!(
        store.apps(&ours).await.unwrap(),
        [changed, shop.clone()],
        "adding it again replaces it"
    );
    assert!(
        store.remove_app(&by(&ours), &bank.name).await.unwrap(),
        "it was there"
    );
    assert!(
        !store.remove_app(&by(&ours), &bank.name).await.unwrap(),
        "it was gone"
    );
    assert!(!store.has_app(&ours, &bank.name).await.unwrap());
    assert_eq!(store.apps(&ours).await.unwrap(), [shop], "the others stay");
}

/// A keeper of clients knows them by their secrets, per account.
pub async fn client_store(store: &(impl ClientStore + KnowClients)) {
    let now = sample::now();
    let (ours, theirs) = (sample::account(), sample::account());
    let client = Client {
        account: ours.clone(),
        id: "c1".parse().unwrap(),
        name: "CRM".into(),
        roles: vec![Role::CampaignManager, Role::Bot],
        skills: vec![sample::skill("sales")],
        created_at: now,
        expires_at: None,
        previous_until: None,
    };
    let (secret, wrong) = (ClientSecret::given("right"), ClientSecret::given("wrong"));
    store
        .add_client(&by(&ours), &client, &secret)
        .await
        .unwrap();
    assert_eq!(
        store.knock(&ours, &client.id, &secret, now).await.unwrap(),
        Knock::Opens(client.clone()),
        "the secret opens"
    );
    assert_eq!(
        store.knock(&ours, &client.id, &wrong, now).await.unwrap(),
        Knock::Wrong,
        "another secret does not"
    );
    assert_eq!(
        store
            .knock(&theirs, &client.id, &secret, now)
            .await
            .unwrap(),
        Knock::Unknown,
        "nor does it in another account"
    );
    assert_eq!(
        store.clients(&ours).await.unwrap(),
        from_ref(&client),
        "it is listed"
    );
    assert_eq!(
        store.clients(&theirs).await.unwrap(),
        [],
        "in its account alone"
    );
    assert!(
        !store.remove_client(&by(&theirs), &client.id).await.unwrap(),
        "it is not theirs"
    );
    assert!(
        store.remove_client(&by(&ours), &client.id).await.unwrap(),
        "it was there"
    );
    assert!(
        !store.remove_client(&by(&ours), &client.id).await.unwrap(),
        "it was gone"
    );
    assert_eq!(
        store.knock(&ours, &client.id, &secret, now).await.unwrap(),
        Knock::Unknown,
        "a removed client's secret opens nothing"
    );
}

/// A client has two live secrets for a while, and none past its end.
pub async fn client_secrets(store: &(impl ClientStore + KnowClients)) {
    let (ours, theirs) = (sample::account(), sample::account());
    let now = sample::now();
    let hours = |n| now + SignedDuration::from_hours(n);
    let client = Client {
        account: ours.clone(),
        id: "c1".parse().unwrap(),
        name: "CRM".into(),
        roles: vec![Role::Bot],
        skills: Vec::new(),
        created_at: now,
        expires_at: Some(hours(9)),
        previous_until: None,
    };
    let [first, second, third] = ["first", "second", "third"].map(ClientSecret::given);
    store.add_client(&by(&ours), &client, &first).await.unwrap();
    let opens = async |secret: &ClientSecret, at| {
        let known = store.knock(&ours, &client.id, secret, at).await.unwrap();
        matches!(known, Knock::Opens(_))
    };
    assert!(opens(&first, hours(8)).await, "until its end");
    assert!(!opens(&first, hours(9)).await, "and not from then on");

    let rotate = async |account, secret, until| {
        let by = by(account);
        let rotated = store.rotate_client(&by, &client.id, secret, until);
        rotated.await.unwrap()
    };
    let absent = rotate(&theirs, &second, hours(2)).await;
    assert_eq!(absent, None, "it is not theirs");
    let rotated = rotate(&ours, &second, hours(2)).await.unwrap();
    let expected = Client {
        previous_until: Some(hours(2)),
        ..client.clone()
    };
    assert_eq!(rotated, expected, "the client is told");
    assert_eq!(
        store.clients(&ours).await.unwrap(),
        from_ref(&expected),
        "and listed so"
    );
    assert!(opens(&second, now).await, "the new secret opens");
    assert!(
        opens(&first, hours(1)).await,
        "the old one too, for a while"
    );
    assert!(!opens(&first, hours(2)).await, "and then no more");
    assert!(!opens(&third, now).await, "another never does");

    rotate(&ours, &third, hours(20)).await.unwrap();
    assert!(!opens(&first, now).await, "only two are live");
    assert!(opens(&second, hours(8)).await, "the last two");
    assert!(opens(&third, hours(8)).await, "the last two");
    for secret in [&second, &third] {
        assert!(!opens(secret, hours(9)).await, "none past the client's end");
    }
    store.remove_client(&by(&ours), &client.id).await.unwrap();
    let gone = rotate(&ours, &first, hours(1)).await;
    assert_eq!(gone, None, "a revoked one gets none");
}
