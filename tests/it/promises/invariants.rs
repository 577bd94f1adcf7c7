//! What holds at any time, and what holds in the end.

use super::account::Account;
use crate::{
    parts::custom,
    world::{World, list},
};
use sandbox::{Gateway, Push};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// P2 and P5, of everything that gateways took: a message has one place on a device's screen,
/// and comes within its lookback.
#[track_caller]
pub(super) fn shown_once_and_in_time(world: &World) {
    let mut places: BTreeMap<(String, String), BTreeSet<String>> = BTreeMap::new();
    for push in world.stack.sandbox().pushes().iter().filter(|p| p.accepted) {
        let message = message(push);
        if let Some(transaction) = &message {
            let ends: i64 = custom(push, "expirationEpochTime").parse().unwrap();
            let at = push.at.as_millisecond();
            assert!(
                at < ends,
                "P5: {transaction} came at {at}, its lookback ended at {ends}"
            );
        }
        let place = place(push);
        let what = message.unwrap_or_else(|| place.clone());
        let of_device = places.entry((push.device_token.clone(), what));
        of_device.or_default().insert(place);
    }
    for ((device, message), places) in &places {
        assert_eq!(
            places.len(),
            1,
            "P2: {device} shows {message} at {places:?}"
        );
    }
    for seen in world.stack.sandbox().visible() {
        let messages = places
            .keys()
            .filter(|(device, _)| *device == seen.device_token);
        assert!(seen.visible <= messages.count(), "P2: {seen:?}");
    }
}

/// The message that a push shows; nothing for the chat's own.
fn message(push: &Push) -> Option<String> {
    (custom(push, "backendService") == "prmsg").then(|| custom(push, "transactionId"))
}

/// What replaces one another on a screen.
fn place(push: &Push) -> String {
    let place = match push.gateway {
        Gateway::Fcm => push.payload.pointer("/message/android/notification/tag"),
        _ => None,
    };
    let place = place.and_then(Value::as_str).map(str::to_owned);
    place.unwrap_or_else(|| {
        push.headers
            .get("apns-collapse-id")
            .cloned()
            .unwrap_or_default()
    })
}

/// P1: every message is in a final state, and the board counts what is stored.
pub(super) async fn final_and_counted(account: &Account<'_>, campaign: &str) {
    let counts = account.counts(campaign).await;
    for open in ["queued", "sending", "held"] {
        assert_eq!(
            counts[open],
            0,
            "P1: {counts:#}\n{:#?}",
            account.states(campaign).await
        );
    }
    let states = account.states(campaign).await;
    let of = |names: &[&str]| {
        states
            .values()
            .filter(|s| names.contains(&s.as_str()))
            .count()
    };
    let stored = BTreeMap::from([
        ("accepted", states.len()),
        ("sent", of(&["SENT", "DELIVERED", "READ", "RESPONDED"])),
        ("failed", of(&["FAILED"])),
        ("expired", of(&["EXPIRED"])),
        ("cancelled", of(&["CANCELLED"])),
        ("responded", of(&["RESPONDED"])),
    ]);
    for (name, count) in stored {
        assert_eq!(counts[name], count, "P1: {name} of {counts:#}\n{states:#?}");
    }
}

/// P1: the account's daily totals are the sum of its campaigns.
pub(super) async fn totals_are_sums(account: &Account<'_>, campaigns: &[String], since_ms: i64) {
    let now = account.world.stack.clock().now_ms();
    let path = format!(
        "/api/account/{}/app/prmsg/analytics/?attemptedStartTime={since_ms}&attemptedEndTime={now}",
        account.name
    );
    let report = account.admin().get(&path).await.ok(200);
    let rows = list(&report["analytics"]);
    let mut sums: BTreeMap<&str, u64> = BTreeMap::new();
    for campaign in campaigns {
        let counts = account.counts(campaign).await;
        for name in [
            "accepted",
            "sent",
            "failed",
            "expired",
            "cancelled",
            "delivered",
            "read",
        ] {
            *sums.entry(name).or_default() += counts[name].as_u64().unwrap();
        }
    }
    for (name, sum) in sums {
        let called = if name == "accepted" {
            "attempted"
        } else {
            name
        };
        let told: u64 = rows.iter().map(|row| row[called].as_u64().unwrap()).sum();
        assert_eq!(told, sum, "P1: {called} of {report:#}");
    }
}
