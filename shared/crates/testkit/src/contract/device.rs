//! What keepers of devices promise.

use super::sample;
use domain::{
    conversation::{Profile, ReadStanding, Standing},
    device::{DeadDevices, Device, DeviceStore, MAX_DEVICES, Takes},
    id::DeviceId,
};
use futures_util::future::join_all;
use std::{collections::BTreeSet, ops::Range, slice::from_ref};

/// A device that comes again, or with a new token, is the same device.
pub async fn devices_that_come_again<S: DeviceStore + ReadStanding>(store: &S) {
    let (ours, now) = (sample::account(), sample::now());
    let (ana, ben) = (sample::consumer("ana"), sample::consumer("ben"));
    let of = async |name| devices(store, &ours, name).await;
    let phone = sample::device("phone", "t1", now);
    store.register(&ours, &ana, &phone).await.unwrap();
    let again = sample::device("phone", "t1", now + sample::ms(1));
    store.register(&ours, &ana, &again).await.unwrap();
    assert_eq!(of("ana").await, from_ref(&again), "it comes again");
    let moved = Device {
        app: "com.example.club".parse().unwrap(),
        ..again.clone()
    };
    store.register(&ours, &ana, &moved).await.unwrap();
    assert_eq!(of("ana").await, from_ref(&moved), "from another app");
    let profile = store.standing(&ours, &ana).await.unwrap().profile;
    assert_eq!(profile.unwrap().app, Some(moved.app.clone()));
    let fresh = sample::device("phone", "t2", now + sample::ms(2));
    store.register(&ours, &ana, &fresh).await.unwrap();
    assert_eq!(of("ana").await, from_ref(&fresh), "with a new token");
    let old = sample::device("old", "t1", now);
    store.register(&ours, &ben, &old).await.unwrap();
    assert_eq!(of("ben").await, from_ref(&old), "its old one is free");
    store.remove(&ours, &ana, &fresh.id).await.unwrap();
    store.register(&ours, &ana, &phone).await.unwrap();
    assert_eq!(of("ana").await, from_ref(&phone), "after a log-out");
    assert_eq!(of("ben").await, [], "and takes its first token back");
}

/// A consumer has at most [`MAX_DEVICES`]: the one that logged in longest ago goes.
pub async fn surplus_devices<S: DeadDevices + DeviceStore + ReadStanding>(store: &S) {
    let (ours, now) = (sample::account(), sample::now());
    let (ana, ben) = (sample::consumer("ana"), sample::consumer("ben"));
    let device = |n: i64| sample::device(&format!("d{n}"), &format!("t{n}"), now + sample::ms(n));
    let most = i64::try_from(MAX_DEVICES).unwrap();
    for n in 0..most {
        store.register(&ours, &ana, &device(n)).await.unwrap();
    }
    // The oldest comes again, so that the next is the oldest.
    let newest = Device {
        registered_at: now + sample::ms(1_000),
        ..device(0)
    };
    store.register(&ours, &ana, &newest).await.unwrap();
    assert_eq!(devices(store, &ours, "ana").await.len(), MAX_DEVICES);
    store.register(&ours, &ana, &device(most)).await.unwrap();
    let left = devices(store, &ours, "ana").await.into_iter().collect_ids();
    let wanted = |range: Range<i64>| range.map(device).chain([newest.clone()]).collect_ids();
    assert_eq!(left, wanted(2..most + 1), "the oldest is gone");
    store.register(&ours, &ben, &device(1)).await.unwrap();
    assert_eq!(devices(store, &ours, "ana").await.len(), MAX_DEVICES);
    assert_eq!(
        devices(store, &ours, "ben").await,
        [device(1)],
        "and its token is free"
    );

    // Places that became free are free: of one who logged out, whose token another took, that is
    // dead, and whose token another device of the same consumer has.
    store.remove(&ours, &ana, &device(2).id).await.unwrap();
    store.register(&ours, &ben, &device(3)).await.unwrap();
    store.forget(&ours, &ana, &device(4)).await.unwrap();
    let reinstalled = Device {
        id: "reinstalled".parse().unwrap(),
        ..device(5)
    };
    store.register(&ours, &ana, &reinstalled).await.unwrap();
    for n in most + 1..most + 4 {
        store.register(&ours, &ana, &device(n)).await.unwrap();
    }
    let left = devices(store, &ours, "ana").await.into_iter().collect_ids();
    let mut expected = wanted(6..most + 4);
    expected.insert(reinstalled.id.clone());
    assert_eq!(left, expected, "nobody had to go");
    assert_eq!(left.len(), MAX_DEVICES);
}

/// Devices that log in at the same instant all find a place, or one of them goes.
pub async fn devices_at_once<S: DeviceStore + ReadStanding>(store: &S) {
    let (ours, now) = (sample::account(), sample::now());
    let ana = sample::consumer("ana");
    let most = i64::try_from(MAX_DEVICES).unwrap();
    let all: Vec<_> = (0..most + 4)
        .map(|n| sample::device(&format!("d{n}"), &format!("t{n}"), now + sample::ms(n)))
        .collect();
    for device in &all[..MAX_DEVICES - 4] {
        store.register(&ours, &ana, device).await.unwrap();
    }
    let comers = &all[MAX_DEVICES - 4..];
    let tries = join_all(comers.iter().map(|d| store.register(&ours, &ana, d))).await;
    assert!(tries.iter().all(Result::is_ok), "{tries:?}");
    let left = devices(store, &ours, "ana").await.into_iter().collect_ids();
    assert_eq!(left.len(), MAX_DEVICES, "no more than there are places");
    let newest = all[4..].iter().cloned().collect_ids();
    assert_eq!(left, newest);
}

trait CollectIds {
    fn collect_ids(self) -> BTreeSet<DeviceId>;
}

impl<I: Iterator<Item = Device>> CollectIds for I {
    fn collect_ids(self) -> BTreeSet<DeviceId> {
        self.map(|device| device.id).collect()
    }
}

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

    let club = Device {
        app: "com.example.club".parse().unwrap(),
        ..sample::device("club", "t2", now)
    };
    store.register(&ours, &ben, &club).await.unwrap();
    assert_eq!(
        devices(store, &ours, "ana").await,
        [sample::device("other", "t3", now)],
        "a token is taken from another app's device, too"
    );
    assert_eq!(devices(store, &ours, "ben").await, [club]);

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

/// Many consumers log in on one phone at the same instant, while others log out of it.
pub async fn contested_tokens<S: DeviceStore + ReadStanding>(store: &S) {
    let (ours, now) = (sample::account(), sample::now());
    let names: Vec<_> = (0..16).map(|i| format!("rival {i}")).collect();
    let rivals: Vec<_> = names.iter().map(|n| sample::consumer(n)).collect();
    let ours = &ours;
    let of_all = async || {
        let each = names.iter().map(|name| devices(store, ours, name));
        join_all(each).await.concat()
    };
    for round in 0..3 {
        let token = format!("t{round}");
        let phone = |id: &str| sample::device(id, &token, now + sample::ms(round));
        // Half of them keep the phone under an id of their own.
        let tries = rivals.iter().enumerate().map(|(n, rival)| {
            let id = if n % 2 == 0 {
                "phone"
            } else {
                names[n].as_str()
            };
            let phone = phone(&id.replace(' ', "-"));
            async move { store.register(ours, rival, &phone).await }
        });
        let tries = join_all(tries).await;
        assert!(tries.iter().any(Result::is_ok), "some log in");
        let mut having = of_all().await;
        having.retain(|device| device.token.expose() == token);
        assert_eq!(having.len(), 1, "one has the token");

        // Whoever lost it, or never got it, can log in.
        for rival in &rivals {
            store.register(ours, rival, &phone("phone")).await.unwrap();
        }
        assert_eq!(
            of_all().await,
            [phone("phone")],
            "the last has the phone, and nobody keeps a device of it"
        );

        // The last owner's log-out, told as the next one logs in, is not the next one's.
        let (last, next) = (&rivals[15], &rivals[0]);
        let (phone, id) = (phone("phone"), "phone".parse().unwrap());
        let (out, quiet, took) = tokio::join!(
            store.remove(ours, last, &id),
            store.set_takes(ours, last, &id, Takes::Proactive),
            store.register(ours, next, &phone),
        );
        out.and(quiet).and(took).unwrap();
        assert_eq!(of_all().await, [phone], "it is the next one's");
    }
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
