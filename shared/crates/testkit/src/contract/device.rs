//! What keepers of devices promise.

use super::sample;
use domain::{
    conversation::{Profile, ReadStanding, Standing},
    device::{DeadDevices, Device, DeviceStore, Takes},
};
use futures_util::future::join_all;
use std::slice::from_ref;

/// A consumer's devices come and go, and the consumer stays known.
pub async fn device_store<S: DeviceStore + ReadStanding>(store: &S) {
    let (ours, theirs) = (sample::account(), sample::account());
    let (ana, now) = (sample::consumer("ana@example.com/#1 ✨"), sample::now());
    assert_eq!(
        store.standing(&ours, &ana).await.unwrap(),
        Standing::default(),
        "nothing is known of one who never logged in"
    );
    let phone = sample::device("phone", "t1", now);
    let pad = sample::device("pad", "t2", now);
    store.register(&ours, &ana, &phone).await.unwrap();
    let other = Device {
        traits: domain::device::Traits::default(),
        ..pad.clone()
    };
    store.register(&ours, &ana, &other).await.unwrap();
    store.register(&ours, &ana, &pad).await.unwrap();
    let standing = store.standing(&ours, &ana).await.unwrap();
    assert_eq!(
        standing.profile,
        Some(Profile {
            app: Some(sample::app_name()),
            os: Some("iOS 26".into()),
            device: Some("iPhone".into()),
            country: Some("PT".into()),
            city: Some("Lisboa".into()),
        }),
        "the device that logged in last tells of the consumer"
    );
    assert_eq!(
        sorted(standing.devices),
        [pad.clone(), phone.clone()],
        "all devices are there, the one that came again once"
    );
    assert_eq!(
        store.standing(&theirs, &ana).await.unwrap(),
        Standing::default(),
        "an account sees only its own"
    );

    store
        .set_takes(&ours, &ana, &pad.id, Takes::Proactive)
        .await
        .unwrap();
    let quiet = Device {
        takes: Takes::Proactive,
        ..pad.clone()
    };
    assert_eq!(
        devices(store, &ours, "ana@example.com/#1 ✨").await,
        [quiet, phone.clone()],
        "one device takes fewer pushes"
    );
    store
        .set_takes(&ours, &ana, &"none".parse().unwrap(), Takes::Proactive)
        .await
        .expect("a device that is not there is no error");

    store.remove(&ours, &ana, &pad.id).await.unwrap();
    store
        .remove(&ours, &ana, &pad.id)
        .await
        .expect("removing twice is no error");
    store.remove(&ours, &ana, &phone.id).await.unwrap();
    let standing = store.standing(&ours, &ana).await.unwrap();
    assert_eq!(standing.devices, [], "removed devices are gone");
    assert!(
        standing.profile.is_some(),
        "one who logged out has logged in before"
    );
    assert_eq!(standing.conversation, None, "and has no open conversation");
}

/// A push token is one device's of one consumer, whoever logs in.
pub async fn tokens<S: DeviceStore + ReadStanding>(store: &S) {
    let (ours, theirs) = (sample::account(), sample::account());
    let (ana, ben, now) = (
        sample::consumer("ana"),
        sample::consumer("ben"),
        sample::now(),
    );
    let shared = sample::device("shared", "t1", now);
    store.register(&ours, &ana, &shared).await.unwrap();
    store.register(&theirs, &ana, &shared).await.unwrap();
    store.register(&ours, &ben, &shared).await.unwrap();
    assert_eq!(
        devices(store, &ours, "ana").await,
        [],
        "the token is taken from the one before"
    );
    assert_eq!(
        devices(store, &ours, "ben").await,
        from_ref(&shared),
        "and given to the next"
    );
    assert_eq!(
        devices(store, &theirs, "ana").await,
        from_ref(&shared),
        "tokens are per account"
    );

    let renewed = sample::device("shared", "t2", now + sample::ms(1));
    store.register(&ours, &ben, &renewed).await.unwrap();
    let old = sample::device("other", "t1", now + sample::ms(2));
    store.register(&ours, &ana, &old).await.unwrap();
    assert_eq!(
        devices(store, &ours, "ben").await,
        from_ref(&renewed),
        "a token that a device gave up is free, and the device stays"
    );
    store
        .register(&ours, &ana, &sample::device("other", "t3", now))
        .await
        .unwrap();
    store.remove(&ours, &ben, &renewed.id).await.unwrap();
    store
        .register(&ours, &ana, &sample::device("third", "t2", now))
        .await
        .unwrap();
    store.remove(&ours, &ben, &renewed.id).await.unwrap();
    assert_eq!(
        devices(store, &ours, "ana").await.len(),
        2,
        "a removed device frees its token"
    );
    let reinstalled = sample::device("fourth", "t2", now);
    store.register(&ours, &ana, &reinstalled).await.unwrap();
    assert_eq!(
        devices(store, &ours, "ana").await,
        [reinstalled, sample::device("other", "t3", now)],
        "a consumer's own older device loses its token too"
    );

    let names: Vec<_> = (0..8).map(|i| format!("rival {i}")).collect();
    let contested = sample::device("contested", "t9", now);
    let rivals: Vec<_> = names.iter().map(|n| sample::consumer(n)).collect();
    let tries = join_all(rivals.iter().map(|r| store.register(&ours, r, &contested))).await;
    let mut owners = 0;
    for name in &names {
        owners += devices(store, &ours, name).await.len();
    }
    assert!(
        tries.iter().any(Result::is_ok),
        "of many at once, some log in"
    );
    assert_eq!(owners, 1, "and one has the token");
}

/// Only the very registration that a gateway called gone is dropped.
pub async fn dead_devices<S: DeadDevices + DeviceStore + ReadStanding>(store: &S) {
    let (ours, now) = (sample::account(), sample::now());
    let (ana, ben) = (sample::consumer("ana"), sample::consumer("ben"));
    let gone = sample::device("phone", "t1", now);
    let registered_again = sample::device("phone", "t1", now + sample::ms(1));
    let renewed = sample::device("phone", "t2", now + sample::ms(2));
    store
        .register(&ours, &ana, &registered_again)
        .await
        .unwrap();
    store.forget(&ours, &ana, &gone).await.unwrap();
    assert_eq!(
        devices(store, &ours, "ana").await,
        from_ref(&registered_again),
        "a later registration of the token stays"
    );
    store.register(&ours, &ana, &renewed).await.unwrap();
    store.forget(&ours, &ana, &registered_again).await.unwrap();
    store.forget(&ours, &ben, &renewed).await.unwrap();
    assert_eq!(
        devices(store, &ours, "ana").await,
        from_ref(&renewed),
        "a new token stays, and another's word does not count"
    );
    store.forget(&ours, &ana, &renewed).await.unwrap();
    store
        .forget(&ours, &ana, &renewed)
        .await
        .expect("forgetting twice is no error");
    assert_eq!(
        devices(store, &ours, "ana").await,
        [],
        "the dead device is gone"
    );
    store.register(&ours, &ben, &renewed).await.unwrap();
    store.forget(&ours, &ana, &renewed).await.unwrap();
    assert_eq!(
        devices(store, &ours, "ben").await,
        [renewed],
        "its token is free for others"
    );
}

fn sorted(mut devices: Vec<Device>) -> Vec<Device> {
    devices.sort_by(|a, b| a.id.cmp(&b.id));
    devices
}

async fn devices(
    store: &impl ReadStanding,
    account: &domain::id::AccountId,
    name: &str,
) -> Vec<Device> {
    let consumer = sample::consumer(name);
    sorted(store.standing(account, &consumer).await.unwrap().devices)
}
