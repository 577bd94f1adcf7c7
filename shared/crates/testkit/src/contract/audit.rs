//! What a keeper of the audit log promises.

use super::{sample, webhook::webhook};
use domain::{
    account::{ReadApps, Service, Settings, Skill, SkillStore, WriteApps, WriteSettings},
    audit::{Action, Author, ReadAudit},
    campaign::{AcceptCampaigns, AcceptError, CancelCampaigns},
    client::{Client, ClientSecret, ClientStore},
    deliver::Health,
    event,
    handoff::{HandoffStore, Running},
    id::{AccountId, AuditId, ClientId},
    journal::Page,
    webhook::{Disabled, Reason, WebhookStore},
};

/// Every change of an account.
async fn change_everything<S>(store: &S, by: &Author) -> Vec<(Action, String)>
where
    S: SkillStore
        + WriteSettings
        + WriteApps
        + ClientStore
        + HandoffStore
        + AcceptCampaigns
        + CancelCampaigns
        + WebhookStore
        + Health,
{
    let (account, now) = (&by.account, by.at);
    let skill = Skill {
        name: sample::skill("sales"),
        description: None,
    };
    let full = Settings::default();
    let paused = full.clone().with_pause(true, now);
    for (settings, before) in [
        (&full, Service::Full),
        (&paused, Service::Full),
        (&full, Service::Paused),
        (&Settings::ended(), Service::Full),
    ] {
        store.put_settings(by, settings, before).await.unwrap();
    }
    store.put_skill(by, &skill).await.unwrap();
    store.remove_skill(by, &skill.name).await.unwrap();
    let app = sample::app("com.example.shop");
    store.put_app(by, &app, &[]).await.unwrap();
    store.remove_app(by, &app.name).await.unwrap();
    let id: ClientId = "c1".parse().unwrap();
    let client = Client {
        account: account.clone(),
        id: id.clone(),
        name: "CRM".into(),
        roles: by.roles.clone(),
        skills: Vec::new(),
        created_at: now,
        expires_at: None,
        previous_until: None,
    };
    let secret = ClientSecret::given("a very secret secret");
    store.add_client(by, &client, &secret).await.unwrap();
    store.rotate_client(by, &id, &secret, now).await.unwrap();
    store.remove_client(by, &id).await.unwrap();
    let first = sample::handoff(account, "Front desk", now);
    let second = sample::handoff(account, "Back desk", now);
    for handoff in [&first, &second] {
        store.insert(by, handoff).await.unwrap();
    }
    let mut changed = first.clone();
    changed.version += 1;
    store.replace(by, &first, &changed).await.unwrap();
    store.remove(by, &changed).await.unwrap();
    store
        .stop(by, &second.tag(), &Running::default())
        .await
        .unwrap();
    let mut acceptance = sample::acceptance(account, 1, now);
    acceptance.by = by.clone();
    store.accept(&acceptance).await.unwrap();
    let campaign = acceptance.campaign.id;
    store.cancel(by, &campaign).await.unwrap();
    let webhook = change_webhooks(store, by).await;
    vec![
        (Action::WebhookSaved, webhook.clone()),
        (Action::WebhookRotated, webhook.clone()),
        (Action::WebhookDisabled, webhook.clone()),
        (Action::WebhookRemoved, webhook),
        (Action::SettingsChanged, "settings".into()),
        (Action::AccountPaused, "settings".into()),
        (Action::AccountResumed, "settings".into()),
        (Action::AccountDeleted, "settings".into()),
        (Action::SkillSaved, "sales".into()),
        (Action::SkillRemoved, "sales".into()),
        (Action::AppSaved, app.name.to_string()),
        (Action::AppRemoved, app.name.to_string()),
        (Action::ClientMade, "c1".into()),
        (Action::ClientRotated, "c1".into()),
        (Action::ClientRevoked, "c1".into()),
        (Action::HandoffMade, first.id.to_string()),
        (Action::HandoffMade, second.id.to_string()),
        (Action::HandoffChanged, first.id.to_string()),
        (Action::HandoffDeleted, first.id.to_string()),
        (Action::HandoffStopped, second.id.to_string()),
        (Action::CampaignAccepted, campaign.to_string()),
        (Action::CampaignCancelled, campaign.to_string()),
    ]
}

/// Every change of a webhook; its name.
async fn change_webhooks<S: WebhookStore + Health>(store: &S, by: &Author) -> String {
    let mut webhook = webhook(&by.account, "crm");
    for action in [Action::WebhookSaved, Action::WebhookRotated] {
        let saved = store.put_webhook(by, action, &webhook).await.unwrap();
        assert!(saved);
        webhook.version += 1;
    }
    webhook.disabled = Some(Disabled {
        at: by.at,
        reason: Reason::Gone,
    });
    let events = event::of_disabling(&webhook).into_iter().collect();
    let page = Page::of(&by.account, None, events, by.at).unwrap();
    assert!(store.disable(by, &webhook, &page).await.unwrap());
    store.remove_webhook(by, &webhook.name).await.unwrap();
    webhook.name.to_string()
}

/// Every change that is made, and no other, is in the log, newest first, with who made it.
pub async fn audit_log<S>(store: &S)
where
    S: SkillStore
        + WriteSettings
        + ReadApps
        + WriteApps
        + ClientStore
        + HandoffStore
        + AcceptCampaigns
        + CancelCampaigns
        + WebhookStore
        + Health
        + ReadAudit,
{
    let (ours, theirs) = (sample::account(), sample::account());
    let by = sample::by(&ours);
    let read = async |account: &AccountId, before: Option<AuditId>, limit: u32| {
        store.audit(account, before, limit).await.unwrap()
    };
    assert_eq!(read(&ours, None, 10).await, [], "a new account has none");
    let made = change_everything(store, &by).await;
    let told = read(&ours, None, 100).await;
    assert!(
        told.iter().all(|entry| entry.by == by),
        "it says who, and when: {told:?}"
    );
    let mut told: Vec<_> = told.into_iter().map(|e| (e.action, e.target)).collect();
    // Those of one millisecond are in no order.
    let mut made = made;
    let order = |(action, target): &(Action, String)| (action.as_str(), target.clone());
    told.sort_by_key(order);
    made.sort_by_key(order);
    assert_eq!(told, made, "it says what, for every change");
    for action in Action::ALL {
        assert!(told.iter().any(|(a, _)| *a == action), "{action:?}");
    }
    assert_eq!(read(&theirs, None, 10).await, [], "in its account alone");

    // What changes nothing is not in it.
    let count = told.len();
    let nobody: ClientId = "c9".parse().unwrap();
    let secret = ClientSecret::given("x");
    store.remove_skill(&by, &sample::skill("x")).await.unwrap();
    store.remove_app(&by, &sample::app_name()).await.unwrap();
    store.remove_client(&by, &nobody).await.unwrap();
    let none = "none".parse().unwrap();
    store.remove_webhook(&by, &none).await.unwrap();
    store
        .rotate_client(&by, &nobody, &secret, by.at)
        .await
        .unwrap();
    let absent = sample::handoff(&ours, "Absent", by.at);
    store.remove(&by, &absent).await.unwrap_err();
    store.replace(&by, &absent, &absent).await.unwrap_err();
    let full = domain::campaign::Acceptance {
        recipients_per_day: 0,
        ..sample::acceptance(&ours, 1, by.at)
    };
    assert!(matches!(
        store.accept(&full).await,
        Err(AcceptError::DayFull)
    ));
    assert_eq!(read(&ours, None, 100).await.len(), count);
}

/// The log is read in pages, newest first, each entry once.
pub async fn audit_pages<S: SkillStore + ReadAudit>(store: &S) {
    let ours = sample::account();
    let start = sample::now();
    for n in 0..25 {
        let skill = Skill {
            name: sample::skill(&format!("s{n}")),
            description: None,
        };
        // Several in one millisecond.
        let by = sample::author(&ours, start + sample::ms(n / 3));
        store.put_skill(&by, &skill).await.unwrap();
    }
    let (mut all, mut before) = (Vec::new(), None);
    loop {
        let page = store.audit(&ours, before, 10).await.unwrap();
        let Some(last) = page.last() else { break };
        before = Some(last.id);
        assert!(page.len() <= 10);
        all.extend(page);
    }
    assert_eq!(all.len(), 25, "each once");
    assert!(
        all.windows(2).all(|pair| pair[0].id > pair[1].id),
        "newest first"
    );
}
