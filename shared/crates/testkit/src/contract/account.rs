//! What keepers of settings, skills, apps and clients promise.

use super::sample;
use domain::{
    access::Role,
    account::{
        Limits, ReadApps, ReadSettings, Settings, Skill, SkillStore, WelcomeMessage, WriteApps,
        WriteSettings,
    },
    client::{Client, ClientSecret, ClientStore, KnowClients},
};
use std::slice::from_ref;

/// A keeper of settings gives back what it was given, and the defaults before that.
pub async fn settings_store(store: &(impl ReadSettings + WriteSettings)) {
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
    };
    store.put_settings(&ours, &set).await.unwrap();
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
    store.put_settings(&ours, &bare).await.unwrap();
    assert_eq!(
        store.settings(&ours).await.unwrap(),
        bare,
        "what is left out is gone"
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
    store.put_skill(&ours, &support).await.unwrap();
    store.put_skill(&ours, &sales).await.unwrap();
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
    store.put_skill(&ours, &described).await.unwrap();
    assert_eq!(
        store.skills(&ours).await.unwrap(),
        [described, support.clone()],
        "adding it again replaces it"
    );
    assert!(
        store.remove_skill(&ours, &support.name).await.unwrap(),
        "it was there"
    );
    assert!(
        !store.remove_skill(&ours, &support.name).await.unwrap(),
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
    store.put_app(&ours, &shop).await.unwrap();
    store.put_app(&ours, &bank).await.unwrap();
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
    let mut changed = bank.clone();
    changed.android = None;
    store.put_app(&ours, &changed).await.unwrap();
    assert_eq!(
        store.apps(&ours).await.unwrap(),
        [changed, shop.clone()],
        "adding it again replaces it"
    );
    assert!(
        store.remove_app(&ours, &bank.name).await.unwrap(),
        "it was there"
    );
    assert!(
        !store.remove_app(&ours, &bank.name).await.unwrap(),
        "it was gone"
    );
    assert_eq!(store.apps(&ours).await.unwrap(), [shop], "the others stay");
}

/// A keeper of clients knows them by their secrets, per account.
pub async fn client_store(store: &(impl ClientStore + KnowClients)) {
    let (ours, theirs) = (sample::account(), sample::account());
    let client = Client {
        account: ours.clone(),
        id: "c1".parse().unwrap(),
        name: "CRM".into(),
        roles: vec![Role::CampaignManager, Role::Bot],
        skills: vec![sample::skill("sales")],
        created_at: sample::now(),
    };
    let (secret, wrong) = (ClientSecret::given("right"), ClientSecret::given("wrong"));
    store.add_client(&client, &secret).await.unwrap();
    assert_eq!(
        store.client(&ours, &client.id, &secret).await.unwrap(),
        Some(client.clone()),
        "the secret opens"
    );
    assert_eq!(
        store.client(&ours, &client.id, &wrong).await.unwrap(),
        None,
        "another secret does not"
    );
    assert_eq!(
        store.client(&theirs, &client.id, &secret).await.unwrap(),
        None,
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
        !store.remove_client(&theirs, &client.id).await.unwrap(),
        "it is not theirs"
    );
    assert!(
        store.remove_client(&ours, &client.id).await.unwrap(),
        "it was there"
    );
    assert!(
        !store.remove_client(&ours, &client.id).await.unwrap(),
        "it was gone"
    );
    assert_eq!(
        store.client(&ours, &client.id, &secret).await.unwrap(),
        None,
        "a removed client's secret opens nothing"
    );
}
