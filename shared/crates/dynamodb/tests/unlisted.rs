//! Consumers whose profile an earlier release wrote, which listed no devices in it.

#![expect(clippy::unwrap_used, reason = "tests")]

use aws_sdk_dynamodb::{Client, types::AttributeValue};
use domain::{
    conversation::ReadStanding,
    device::{DeadDevices, Device, DeviceStore},
    id::{AccountId, DeviceId},
};
use dynamodb::Table;
use jiff::SignedDuration;
use std::collections::HashMap;
use testkit::{contract::sample, dynamodb::Emulator};

type Item = HashMap<String, AttributeValue>;

struct World {
    client: Client,
    name: String,
    table: Table,
    account: AccountId,
    _emulator: Emulator,
}

impl World {
    /// Ana has a phone and a pad, Ben a phone; no profile lists them.
    async fn new() -> Self {
        let emulator = Emulator::start().await;
        let (client, name) = (emulator.client(), emulator.table().to_owned());
        let retention = SignedDuration::from_hours(24);
        let world = Self {
            table: Table::new(client.clone(), &name, retention),
            client,
            name,
            account: sample::account(),
            _emulator: emulator,
        };
        world.log_in("ana", &device("phone", "t1")).await;
        world.log_in("ana", &device("pad", "t2")).await;
        world.log_in("ben", &device("phone", "t3")).await;
        world.unlist().await;
        world
    }

    /// All items of a kind.
    async fn items(&self, kind: &str) -> Vec<Item> {
        let found = self
            .client
            .scan()
            .table_name(&self.name)
            .filter_expression("kind = :kind")
            .expression_attribute_values(":kind", AttributeValue::S(kind.into()))
            .send()
            .await;
        found.unwrap().items.unwrap_or_default()
    }

    /// Makes of all profiles what an earlier release puts at each log-in.
    async fn unlist(&self) {
        for mut profile in self.items("profile").await {
            assert!(profile.remove("devices").is_some(), "{profile:?}");
            let put = self.client.put_item().table_name(&self.name);
            put.set_item(Some(profile)).send().await.unwrap();
        }
    }

    /// Removes Ana's phone as an earlier release does: from no list.
    async fn remove_anas_phone(&self) {
        let is = |item: &Item, name, value: &str| item[name].as_s().is_ok_and(|text| text == value);
        let mut gone = self.items("token-owner").await;
        gone.retain(|item| is(item, "consumer", "ana") && is(item, "device", "phone"));
        let devices = self.items("device").await;
        let of_ana = |item: &Item| item["pk"].as_s().unwrap().ends_with("#ana");
        gone.extend(
            devices
                .into_iter()
                .filter(|item| of_ana(item) && is(item, "id", "phone")),
        );
        assert_eq!(gone.len(), 2);
        for mut item in gone {
            item.retain(|name, _| name == "pk" || name == "sk");
            let delete = self.client.delete_item().table_name(&self.name);
            delete.set_key(Some(item)).send().await.unwrap();
        }
    }

    async fn log_in(&self, name: &str, device: &Device) {
        let consumer = sample::consumer(name);
        let register = self.table.register(&self.account, &consumer, device);
        register.await.unwrap();
    }

    async fn has(&self, name: &str, wanted: &[&str]) {
        let consumer = sample::consumer(name);
        let standing = self.table.standing(&self.account, &consumer).await;
        let devices = standing.unwrap().devices;
        let mut ids: Vec<_> = devices.iter().map(|device| device.id.as_str()).collect();
        ids.sort_unstable();
        assert_eq!(ids, wanted, "{name}");
    }
}

fn device(id: &str, token: &str) -> Device {
    sample::device(id, token, "2026-03-01T12:00:00Z".parse().unwrap())
}

fn id(id: &str) -> DeviceId {
    id.parse().unwrap()
}

#[tokio::test]
async fn devices_come_again_with_the_same_token_or_a_new_one() {
    let world = World::new().await;
    world.log_in("ana", &device("phone", "t1")).await;
    world.has("ana", &["pad", "phone"]).await;
    world.log_in("ana", &device("phone", "t9")).await;
    world.has("ana", &["pad", "phone"]).await;
    world.log_in("ben", &device("old", "t1")).await;
    world.has("ben", &["old", "phone"]).await;
}

#[tokio::test]
async fn a_new_device_finds_those_that_no_list_has() {
    let world = World::new().await;
    for n in 0..19 {
        let mut new = device(&format!("new{n:02}"), &format!("n{n}"));
        new.registered_at += sample::ms(1 + n);
        world.log_in("ana", &new).await;
    }
    let ana = sample::consumer("ana");
    let devices = world.table.standing(&world.account, &ana).await;
    assert_eq!(
        devices.unwrap().devices.len(),
        20,
        "the list is whole again"
    );
}

#[tokio::test]
async fn a_token_is_taken_from_who_has_no_list() {
    let world = World::new().await;
    world.log_in("ben", &device("shared", "t1")).await;
    world.has("ana", &["pad"]).await;
    world.has("ben", &["phone", "shared"]).await;
}

#[tokio::test]
async fn logged_out_and_dead_devices_go_without_a_list() {
    let world = World::new().await;
    let (account, ana) = (&world.account, sample::consumer("ana"));
    world.table.remove(account, &ana, &id("pad")).await.unwrap();
    world.has("ana", &["phone"]).await;
    let dead = device("phone", "t1");
    world.table.forget(account, &ana, &dead).await.unwrap();
    world.has("ana", &[]).await;
    // Both tokens are free.
    world.log_in("ben", &device("one", "t1")).await;
    world.log_in("ben", &device("two", "t2")).await;
    world.has("ben", &["one", "phone", "two"]).await;
}

#[tokio::test]
async fn a_list_that_tells_of_devices_that_are_gone_keeps_nobody_out() {
    let world = World::new().await;
    let (account, ana) = (&world.account, sample::consumer("ana"));
    world.log_in("ana", &device("phone", "t1")).await;
    world.remove_anas_phone().await;
    world.log_in("ben", &device("theirs", "t1")).await;
    world.has("ben", &["phone", "theirs"]).await;
    world
        .table
        .remove(account, &ana, &id("phone"))
        .await
        .unwrap();
    world.has("ben", &["phone", "theirs"]).await;
    world.log_in("ana", &device("phone", "t7")).await;
    world.has("ana", &["pad", "phone"]).await;
    world.has("ben", &["phone", "theirs"]).await;
}
