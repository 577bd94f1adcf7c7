//! What a keeper of handoffs promises.

use super::sample;
use domain::{
    handoff::{Handoff, HandoffName, HandoffStore, InsertError, ReplaceError},
    id::HandoffId,
};
use futures_util::future::join_all;

/// Names and ids are unique, and accounts are apart.
pub async fn handoff_store(store: &impl HandoffStore) {
    let (ours, theirs) = (sample::account(), sample::account());
    let now = sample::now();
    let made = sample::handoff(&ours, "Front desk", now);
    store
        .insert(&made)
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
    assert_eq!(
        store.find(&ours, &HandoffId::random()).await.unwrap(),
        None,
        "what was never added is absent"
    );

    let shouted = sample::handoff(&ours, "FRONT DESK", now);
    assert!(
        matches!(store.insert(&shouted).await, Err(InsertError::NameTaken)),
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
        matches!(store.insert(&same_id).await, Err(InsertError::IdTaken)),
        "an id is unique"
    );
    let elsewhere = Handoff {
        id: made.id.clone(),
        ..sample::handoff(&theirs, "Front desk", now)
    };
    store
        .insert(&elsewhere)
        .await
        .expect("names and ids are per account");

    let freed = sample::handoff(&ours, "Back desk", now + sample::ms(1));
    store
        .insert(&freed)
        .await
        .expect("a refused call takes no name");
    let third = sample::handoff(&ours, "A third", now - sample::ms(1));
    store.insert(&third).await.unwrap();
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
    let results = join_all(rivals.iter().map(|h| store.insert(h))).await;
    let added = results.iter().filter(|r| r.is_ok()).count();
    assert_eq!(added, 1, "of many at once with one name, one is added");
}

/// A change replaces what was read, or nothing.
pub async fn handoff_versions(store: &impl HandoffStore) {
    let account = sample::account();
    let now = sample::now();
    let first = sample::handoff(&account, "Front desk", now);
    let other = sample::handoff(&account, "Back desk", now + sample::ms(1));
    store.insert(&first).await.unwrap();
    store.insert(&other).await.unwrap();
    let changed = |old: &Handoff, name: &str| {
        let mut new = old.clone();
        new.design.name = HandoffName::parse(name).unwrap();
        new.version += 1;
        new.updated_at = now + sample::ms(5);
        new
    };

    let second = changed(&first, "FRONT desk");
    store
        .replace(&first, &second)
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
            store.replace(&first, &late).await,
            Err(ReplaceError::Changed)
        ),
        "what was changed meanwhile is not replaced"
    );
    let taken = changed(&second, "back DESK");
    assert!(
        matches!(
            store.replace(&second, &taken).await,
            Err(ReplaceError::NameTaken)
        ),
        "another's name is not given"
    );
    let third = changed(&second, "Reception");
    store
        .replace(&second, &third)
        .await
        .expect("a free name is given");
    let heir = sample::handoff(&account, "Front desk", now);
    store.insert(&heir).await.expect("a name given up is free");
    let blocked = sample::handoff(&account, "RECEPTION", now);
    assert!(
        matches!(store.insert(&blocked).await, Err(InsertError::NameTaken)),
        "a name taken on is taken"
    );

    let (a, b) = (changed(&third, "A"), changed(&third, "B"));
    let (a, b) = tokio::join!(store.replace(&third, &a), store.replace(&third, &b));
    assert!(a.is_ok() != b.is_ok(), "of two changes at once one wins");

    assert!(
        !store.remove(&third).await.unwrap(),
        "an old state removes nothing"
    );
    assert!(
        store.remove(&other).await.unwrap(),
        "the present state is removed"
    );
    assert!(!store.remove(&other).await.unwrap(), "once");
    assert_eq!(
        store.find(&account, &other.id).await.unwrap(),
        None,
        "it is gone"
    );
    assert!(
        matches!(
            store.replace(&other, &changed(&other, "Back")).await,
            Err(ReplaceError::Changed)
        ),
        "what is gone is not replaced"
    );
    let again = sample::handoff(&account, "Back desk", now);
    store.insert(&again).await.expect("its name is free again");
}
