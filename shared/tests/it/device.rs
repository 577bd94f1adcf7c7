//! Logging in and out: whose a phone is, and what it still gets.

use crate::world::{World, token};
use domain::{
    device::{self, Device, LogInError, Logout, MAX_DEVICES, Takes},
    failure::Failure,
    id::DeviceId,
    message::State,
};
use futures_util::future::join_all;
use testkit::contract::sample;

impl World {
    async fn log_out(&self, name: &str, device: &DeviceId, kind: Logout) {
        let consumer = sample::consumer(name);
        device::log_out(&self.store, &self.account, &consumer, device, kind)
            .await
            .unwrap();
    }

    /// Logs in on a device as it is.
    async fn log_in_on(&self, name: &str, device: Device) -> Device {
        let consumer = sample::consumer(name);
        device::log_in(&self.store, &self.clock, &self.account, &consumer, device)
            .await
            .unwrap()
    }
}

#[tokio::test]
async fn p7_of_16_who_log_in_on_one_phone_at_once_one_is_reached_by_it() {
    let world = World::new().await;
    let names: Vec<_> = (0..16).map(|n| format!("rival-{n}")).collect();
    join_all(names.iter().map(|name| world.log_in(name, "t1"))).await;
    let mut owners = Vec::new();
    for name in &names {
        if !world.devices(name).await.is_empty() {
            owners.push(name.as_str());
        }
    }
    let [owner] = owners[..] else {
        panic!("{owners:?}")
    };
    let all: Vec<_> = names.iter().map(String::as_str).collect();
    let accepted = world.campaign(&all).await;
    world.run().await;
    assert_eq!(world.gateways.taken(&token("t1")).len(), 1);
    for name in all {
        let message = world.message(&accepted, name).await;
        if name == owner {
            assert_eq!(message.state(), State::Sent);
        } else {
            assert_eq!(message.failure, Some(Failure::NoDevice), "{name}");
        }
    }
}

#[tokio::test]
async fn p7_a_token_of_apns_is_one_however_it_is_spelled() {
    let world = World::new().await;
    world.log_in("ana", "abcdef01").await;
    let phone = world.log_in("ben", "ABCDEF01").await;
    assert_eq!(phone.token, token("abcdef01"));
    assert_eq!(world.devices("ana").await, []);
    assert_eq!(world.devices("ben").await, [phone]);
    // FCM's are not: two spellings are two tokens.
    for name in ["t:One", "t:oNE"] {
        let android = Device {
            platform: device::Platform::Android,
            ..sample::device(&name.replace(':', "-"), name, world.now())
        };
        world.log_in_on("ana", android).await;
    }
    assert_eq!(world.devices("ana").await.len(), 2);
}

#[tokio::test]
async fn a_device_is_of_an_app_of_the_account() {
    let world = World::new().await;
    let mut phone = world.log_in("ana", "t1").await;
    phone.app = "com.example.none".parse().unwrap();
    let (store, clock, ana) = (&world.store, &world.clock, sample::consumer("ana"));
    let refused = device::log_in(store, clock, &world.account, &ana, phone.clone()).await;
    let Err(LogInError::UnknownApp(app)) = refused else {
        panic!("{refused:?}")
    };
    assert_eq!(app, phone.app);
    assert_ne!(world.devices("ana").await, [phone], "it is as it was");
}

#[tokio::test]
async fn logging_out_of_all_ends_every_push_and_twice_is_no_error() {
    let world = World::new().await;
    let phone = world.log_in("ana", "t1").await;
    let pad = world.log_in("ana", "t2").await;
    for _ in 0..2 {
        world.log_out("ana", &phone.id, Logout::All).await;
    }
    assert_eq!(world.devices("ana").await, [pad], "the other one stays");
}

#[tokio::test]
async fn logging_out_of_none_changes_nothing() {
    let world = World::new().await;
    let phone = world.log_in("ana", "t1").await;
    world.log_out("ana", &phone.id, Logout::None).await;
    assert_eq!(world.devices("ana").await, [phone]);
}

#[tokio::test]
async fn logging_out_of_the_chat_lasts_until_the_next_log_in() {
    let world = World::new().await;
    let phone = world.log_in("ana", "t1").await;
    world.log_out("ana", &phone.id, Logout::Agent).await;
    let quiet = world.devices("ana").await;
    assert_eq!(quiet[0].takes, Takes::Proactive);
    world.log_in_on("ana", phone).await;
    assert_eq!(world.devices("ana").await[0].takes, Takes::All);
}

#[tokio::test]
async fn p7_who_logs_out_late_takes_the_phone_from_nobody() {
    let world = World::new().await;
    for kind in [Logout::All, Logout::Agent, Logout::None] {
        let phone = world.log_in("ana", "t1").await;
        let bens = world.log_in("ben", "t1").await;
        world.log_out("ana", &phone.id, kind).await;
        assert_eq!(
            world.devices("ana").await,
            [],
            "{kind:?} brings nothing back"
        );
        assert_eq!(world.devices("ben").await, [bens], "{kind:?}");
    }
}

#[tokio::test]
async fn one_device_too_many_takes_the_place_of_the_oldest() {
    let world = World::new().await;
    let mut ids = Vec::new();
    for n in 0..=MAX_DEVICES {
        ids.push(world.log_in("ana", &format!("t{n}")).await.id);
        world.clock.advance(sample::ms(1));
    }
    let mut left: Vec<_> = world
        .devices("ana")
        .await
        .into_iter()
        .map(|d| d.id)
        .collect();
    left.sort();
    let mut wanted = ids.split_off(1);
    wanted.sort();
    assert_eq!(left, wanted);
}
