//! What keepers of paused circuits promise.

use super::sample;
use domain::{
    account::WriteApps,
    breaker::{Cause, Circuit, Pause, Pauses},
    device::{Environment, Platform},
    id::AppName,
};
use futures_util::future::join_all;

fn circuit(app: &AppName, environment: Environment) -> Circuit {
    Circuit {
        app: app.clone(),
        platform: Platform::Ios,
        environment,
    }
}

/// A circuit is paused once, tried by one at a time, and resumed.
pub async fn pauses(store: &(impl Pauses + WriteApps)) {
    let (ours, theirs) = (sample::account(), sample::account());
    let (app, now) = (sample::app_name(), sample::now());
    assert_eq!(
        store.pauses(&ours).await.unwrap(),
        [],
        "a new account has nothing paused"
    );
    let store_circuit = circuit(&app, Environment::Production);
    let other = circuit(&app, Environment::Sandbox);
    let pause = Pause::begin(
        store_circuit.clone(),
        Cause::Refused,
        "InvalidProviderToken",
        None,
        now,
    );
    let rivals = join_all((0..8).map(|_| store.pause(&ours, &pause))).await;
    let paused = rivals.into_iter().filter(|p| *p.as_ref().unwrap()).count();
    assert_eq!(paused, 1, "of many at once one pauses it");
    assert_eq!(
        store.pauses(&ours).await.unwrap(),
        std::slice::from_ref(&pause),
        "a pause is read back, all of it"
    );
    assert_eq!(
        store.pauses(&theirs).await.unwrap(),
        [],
        "accounts are apart"
    );

    let turn = pause.with_turn(pause.until);
    let rivals = join_all((0..8).map(|_| store.prolong(&ours, &pause, &turn))).await;
    let won = rivals.into_iter().filter(|p| *p.as_ref().unwrap()).count();
    assert_eq!(won, 1, "of many at once one has the turn");
    let longer = Pause {
        cause: Cause::Failing,
        reason: "timeout".to_owned(),
        ..turn.prolonged(None, turn.until)
    };
    assert!(store.prolong(&ours, &turn, &longer).await.unwrap());
    assert_eq!(
        store.pauses(&ours).await.unwrap(),
        std::slice::from_ref(&longer),
        "a longer pause is read back"
    );
    assert!(
        !store.pause(&ours, &pause).await.unwrap(),
        "what is paused is not paused again"
    );

    let beside = Pause::begin(other.clone(), Cause::Failing, "timeout", None, now);
    assert!(
        store.pause(&ours, &beside).await.unwrap(),
        "circuits are apart"
    );
    store.resume(&ours, &store_circuit).await.unwrap();
    assert_eq!(
        store.pauses(&ours).await.unwrap(),
        std::slice::from_ref(&beside),
        "a resumed one is gone, the other stays"
    );
    assert!(
        !store.prolong(&ours, &longer, &turn).await.unwrap(),
        "what was resumed is not prolonged"
    );
    store.resume(&ours, &store_circuit).await.unwrap();
    assert!(
        store.pause(&ours, &pause).await.unwrap(),
        "it can be paused anew"
    );
    let all = store.pauses(&ours).await.unwrap();
    assert!(all.contains(&pause) && all.len() == 2, "{all:?}");

    let saved = sample::app(app.as_str());
    let by = sample::by(&ours);
    store.put_app(&by, &saved, &[]).await.unwrap();
    let (apps, mut both) = store.apps_and_pauses(&ours).await.unwrap();
    both.sort_by_key(|p| all.iter().position(|other| other == p));
    assert_eq!((apps, both), (vec![saved.clone()], all), "read together");
    let none = store.apps_and_pauses(&theirs).await.unwrap();
    assert_eq!(none, (Vec::new(), Vec::new()), "accounts are apart");
    let paused = [store_circuit];
    store.put_app(&by, &saved, &paused).await.unwrap();
    let left = store.pauses(&ours).await.unwrap();
    assert_eq!(left, [beside], "whoever saves an app ends its pauses");
}
