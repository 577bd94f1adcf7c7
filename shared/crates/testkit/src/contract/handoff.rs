//! What a keeper of handoffs promises.

use super::sample::{self, by};
use domain::{
    account::WriteApps,
    campaign::{AcceptCampaigns, AcceptError, Acceptance, ReadCampaigns},
    handoff::{
        Apps, Found, Handoff, HandoffName, HandoffStore, InsertError, RemoveError, ReplaceError,
        Running, Shelf,
    },
    id::HandoffId,
};
use futures_util::future::join_all;
use jiff::Timestamp;

/// Names and ids are unique, and accounts are apart.
pub async fn handoff_store(store: &(impl HandoffStore + WriteApps)) {
    let (ours, theirs) = (sample::account(), sample::account());
    let now = sample::now();
    let made = sample::handoff(&ours, "Front desk", now);
    store
        .insert(&by(&made.account), &made)
        .await
        .expect("the first of its name is added");
    assert_eq!(
        store.find(&ours, &made.id).await.unwrap(),
        Some(made.clone()),
        "what was added is found, all of it"
    );
    assert_eq!(
        store.find(&theirs, &made.id).await.unwrap(),
        None,
        "an account sees only its own"
    );
    let app = sample::app(sample::app_name().as_str());
    store.put_app(&by(&ours), &app, &[]).await.unwrap();
    let shelf = Shelf {
        apps: vec![app.name.clone()],
        handoffs: 1,
    };
    assert_eq!(store.shelf(&ours).await.unwrap(), shelf, "with the apps");
    assert_eq!(store.shelf(&theirs).await.unwrap(), Shelf::default());
    let both = vec![app.name.clone(), "com.example.none".parse().unwrap()];
    let both = Apps::try_from(both).unwrap();
    let found = store.find_with(&ours, &made.id, &both).await.unwrap();
    let expected = Found {
        handoff: Some(made.clone()),
        apps: vec![app.name],
    };
    assert_eq!(found, expected, "and those apps that there are");
    let foreign = store.find_with(&theirs, &made.id, &both).await.unwrap();
    assert_eq!(foreign, Found::default());
    assert_eq!(
        store.find(&ours, &HandoffId::random()).await.unwrap(),
        None,
        "what was never added is absent"
    );

    let shouted = sample::handoff(&ours, "FRONT DESK", now);
    assert!(
        matches!(
            store.insert(&by(&shouted.account), &shouted).await,
            Err(InsertError::NameTaken)
        ),
        "a name is unique, whatever its case"
    );
    assert_eq!(
        store.find(&ours, &shouted.id).await.unwrap(),
        None,
        "what was refused is not there"
    );
    let same_id = Handoff {
        id: made.id.clone(),
        ..sample::handoff(&ours, "Back desk", now)
    };
    assert!(
        matches!(
            store.insert(&by(&same_id.account), &same_id).await,
            Err(InsertError::IdTaken)
        ),
        "an id is unique"
    );
    let elsewhere = Handoff {
        id: made.id.clone(),
        ..sample::handoff(&theirs, "Front desk", now)
    };
    store
        .insert(&by(&elsewhere.account), &elsewhere)
        .await
        .expect("names and ids are per account");

    let freed = sample::handoff(&ours, "Back desk", now + sample::ms(1));
    store
        .insert(&by(&freed.account), &freed)
        .await
        .expect("a refused call takes no name");
    let third = sample::handoff(&ours, "A third", now - sample::ms(1));
    store.insert(&by(&third.account), &third).await.unwrap();
    assert_eq!(
        store.list(&ours).await.unwrap(),
        [third, made, freed],
        "all are listed, oldest first"
    );
    assert_eq!(
        store.list(&theirs).await.unwrap(),
        [elsewhere],
        "each account its own"
    );

    let rivals: Vec<_> = (0..8)
        .map(|_| sample::handoff(&ours, "Rival", now))
        .collect();
    let author = by(&ours);
    let results = join_all(rivals.iter().map(|h| store.insert(&author, h))).await;
    let added = results.iter().filter(|r| r.is_ok()).count();
    assert_eq!(added, 1, "of many at once with one name, one is added");
}

/// A change replaces what was read, or nothing.
pub async fn handoff_versions(store: &impl HandoffStore) {
    let account = sample::account();
    let now = sample::now();
    let first = sample::handoff(&account, "Front desk", now);
    let other = sample::handoff(&account, "Back desk", now + sample::ms(1));
    store.insert(&by(&first.account), &first).await.unwrap();
    store.insert(&by(&other.account), &other).await.unwrap();
    let changed = |old: &Handoff, name: &str| {
        let mut new = old.clone();
        new.design.name = HandoffName::parse(name).unwrap();
        new.version += 1;
        new.updated_at = now + sample::ms(5);
        new
    };

    let second = changed(&first, "FRONT desk");
    store
        .replace(&by(&first.account), &first, &second)
        .await
        .expect("its own name can change its case");
    assert_eq!(
        store.find(&account, &first.id).await.unwrap(),
        Some(second.clone()),
        "the new state is read"
    );
    let late = changed(&first, "Late");
    assert!(
        matches!(
            store.replace(&by(&first.account), &first, &late).await,
            Err(ReplaceError::Changed)
        ),
        "what was changed meanwhile is not replaced"
    );
    let taken = changed(&second, "back DESK");
    assert!(
        matches!(
            store.replace(&by(&second.account), &second, &taken).await,
            Err(ReplaceError::NameTaken)
        ),
        "another's name is not given"
    );
    let third = changed(&second, "Reception");
    store
        .replace(&by(&second.account), &second, &third)
        .await
        .expect("a free name is given");
    let heir = sample::handoff(&account, "Front desk", now);
    store
        .insert(&by(&heir.account), &heir)
        .await
        .expect("a name given up is free");
    let blocked = sample::handoff(&account, "RECEPTION", now);
    assert!(
        matches!(
            store.insert(&by(&blocked.account), &blocked).await,
            Err(InsertError::NameTaken)
        ),
        "a name taken on is taken"
    );

    let (a, b) = (changed(&third, "A"), changed(&third, "B"));
    let author = by(&account);
    let (a, b) = tokio::join!(
        store.replace(&author, &third, &a),
        store.replace(&author, &third, &b)
    );
    assert!(a.is_ok() != b.is_ok(), "of two changes at once one wins");

    assert!(
        matches!(
            store
                .remove(&sample::author(&third.account, now), &third)
                .await,
            Err(RemoveError::Changed)
        ),
        "an old state removes nothing"
    );
    store
        .remove(&sample::author(&other.account, now), &other)
        .await
        .expect("the present state is removed");
    assert!(
        matches!(
            store
                .remove(&sample::author(&other.account, now), &other)
                .await,
            Err(RemoveError::Changed)
        ),
        "once"
    );
    assert_eq!(
        store.find(&account, &other.id).await.unwrap(),
        None,
        "it is gone"
    );
    assert!(
        matches!(
            store
                .replace(&by(&other.account), &other, &changed(&other, "Back"))
                .await,
            Err(ReplaceError::Changed)
        ),
        "what is gone is not replaced"
    );
    let again = sample::handoff(&account, "Back desk", now);
    store
        .insert(&by(&again.account), &again)
        .await
        .expect("its name is free again");
}

/// A campaign of the handoff, as [`AcceptCampaigns::groundwork`] lets it be made.
async fn campaign_of(
    store: &impl AcceptCampaigns,
    handoff: &Handoff,
    until: Timestamp,
) -> Acceptance {
    let now = sample::now();
    let (account, id) = (&handoff.account, &handoff.id);
    let ground = store.groundwork(account, None, Some(id), None, now).await;
    let mut acceptance = sample::acceptance(account, 1, now);
    acceptance.lives_until = ground.unwrap().lives_until;
    acceptance.campaign.handoff = id.clone();
    acceptance.campaign.lookback_ends_at = until;
    acceptance
}

/// A handoff is removed when no message of it lives, and then no campaign of it is accepted.
pub async fn handoff_lives<S>(store: &S)
where
    S: HandoffStore + AcceptCampaigns + ReadCampaigns,
{
    let account = sample::account();
    let now = sample::now();
    let handoff = sample::handoff(&account, "Front desk", now);
    let other = sample::handoff(&account, "Back desk", now);
    store.insert(&by(&handoff.account), &handoff).await.unwrap();
    store.insert(&by(&other.account), &other).await.unwrap();
    let until = |hours| now + jiff::SignedDuration::from_hours(hours);
    let unused = store.running(&account, &handoff.id, now).await.unwrap();
    let expected = Running {
        handoff: Some(handoff.tag()),
        ..Running::default()
    };
    assert_eq!(unused, expected, "a new handoff has no campaigns");

    let stale = campaign_of(store, &handoff, until(1)).await;
    let long = campaign_of(store, &handoff, until(3)).await;
    store.accept(&long).await.unwrap();
    assert!(
        matches!(store.accept(&stale).await, Err(AcceptError::HandoffMoved)),
        "what was read before is not what is stored"
    );
    let short = campaign_of(store, &handoff, until(2)).await;
    assert_eq!(
        short.lives_until,
        Some(until(3)),
        "the longest life is told"
    );
    store.accept(&short).await.unwrap();
    let mut nobody = sample::acceptance(&account, 0, now);
    nobody.campaign.parts = Vec::new();
    nobody.chunks = Vec::new();
    nobody.campaign.handoff = other.id.clone();
    store.accept(&nobody).await.unwrap();
    let (long, short) = (long.campaign.id, short.campaign.id);

    let running = async |at| store.running(&account, &handoff.id, at).await.unwrap();
    let both = running(now).await;
    assert_eq!(both.accepted, 2);
    assert_eq!(
        both.campaigns,
        [short.clone(), long.clone()],
        "in the order in which their lookbacks end"
    );
    assert_eq!(
        running(until(2)).await.campaigns,
        std::slice::from_ref(&long),
        "without those whose lookback is over"
    );
    assert_eq!(running(until(3)).await.campaigns, []);
    for at in [now, until(2), until(3) - sample::ms(1)] {
        assert!(
            matches!(
                store
                    .remove(&sample::author(&handoff.account, at), &handoff)
                    .await,
                Err(RemoveError::Live)
            ),
            "a handoff is not removed while a message of it lives"
        );
    }
    store
        .remove(&sample::author(&other.account, now), &other)
        .await
        .expect("a campaign without recipients has no messages");
    let late = campaign_of(store, &other, until(1)).await;
    assert!(
        matches!(store.accept(&late).await, Err(AcceptError::HandoffMoved)),
        "a campaign of what is gone is not accepted"
    );

    // Whoever stops it sees every campaign that was accepted.
    let third = campaign_of(store, &handoff, until(1)).await;
    store.accept(&third).await.unwrap();
    assert!(
        matches!(
            store
                .stop(&sample::author(&account, now), &handoff.tag(), &both)
                .await,
            Err(RemoveError::Live)
        ),
        "a campaign that was not seen stops the removal"
    );
    assert!(
        store.find(&account, &handoff.id).await.unwrap().is_some(),
        "and the handoff is there"
    );
    let all = running(now).await;
    let mut changed = handoff.clone();
    changed.version += 1;
    assert!(
        matches!(
            store
                .stop(&sample::author(&account, now), &changed.tag(), &all)
                .await,
            Err(RemoveError::Changed)
        ),
        "another state removes nothing"
    );
    store
        .stop(&sample::author(&account, now), &handoff.tag(), &all)
        .await
        .unwrap();
    assert_eq!(
        store.find(&account, &handoff.id).await.unwrap(),
        None,
        "it is gone"
    );
    for id in [&long, &short, &third.campaign.id] {
        let campaign = store.campaign(&account, id).await.unwrap().unwrap();
        assert_eq!(campaign.cancelled_at, Some(now), "and all are cancelled");
    }
    let again = sample::handoff(&account, "Front desk", now);
    store
        .insert(&by(&again.account), &again)
        .await
        .expect("its name is free again");
}

/// More campaigns than a transaction has room for are stopped.
pub async fn handoff_stops<S>(store: &S)
where
    S: HandoffStore + AcceptCampaigns + ReadCampaigns,
{
    let account = sample::account();
    let now = sample::now();
    let handoff = sample::handoff(&account, "Front desk", now);
    store.insert(&by(&handoff.account), &handoff).await.unwrap();
    let mut ids = Vec::new();
    for n in 0..230 {
        let until = now + sample::ms(3_600_000 + n);
        let acceptance = campaign_of(store, &handoff, until).await;
        store.accept(&acceptance).await.unwrap();
        ids.push(acceptance.campaign.id);
    }
    let running = store.running(&account, &handoff.id, now).await.unwrap();
    assert_eq!(running.campaigns, ids, "all are listed");
    store
        .stop(&sample::author(&account, now), &handoff.tag(), &running)
        .await
        .unwrap();
    for id in &ids {
        let campaign = store.campaign(&account, id).await.unwrap().unwrap();
        assert_eq!(campaign.cancelled_at, Some(now), "all are cancelled");
    }
}
