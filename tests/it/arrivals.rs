//! What arrives at the gateways for the story's campaign.

use crate::{
    parts::{custom, pushes_to, shown},
    story::DAY,
    world::{Brand, list, text},
};
use jiff::Timestamp;
use sandbox::{Gateway, Push};
use serde_json::Value;

/// Checks each push of the campaign to the byte; `text` is what a recipient's says.
#[track_caller]
pub(crate) fn are_exact(
    brand: &Brand<'_>,
    campaign: &Value,
    seen: &Value,
    text_of: fn(&str) -> String,
) {
    let stack = &brand.world.stack;
    let created: Timestamp = text(&seen["createdAt"]).parse().unwrap();
    let ends = created.as_millisecond() + DAY;
    for accepted in list(&campaign["acceptedConsumers"]) {
        let consumer = text(&accepted["consumerContent"]["inapp"]);
        let pushes = pushes_to(stack, &consumer);
        let expected = match consumer.split_once('-').map(|(kind, _)| kind) {
            Some("iphone" | "android") => 1,
            Some("both") => 2,
            _ => 0,
        };
        assert_eq!(pushes.len(), expected, "{consumer}");
        for push in &pushes {
            assert_eq!(shown(push), text_of(&consumer));
            assert_eq!(custom(push, "transactionId"), text(&accepted["id"]));
            assert_eq!(
                custom(push, "leCampaignId"),
                text(&campaign["leCampaignId"])
            );
            assert_eq!(
                custom(push, "leEngagementId"),
                text(&campaign["leEngagementId"])
            );
            assert_eq!(custom(push, "brandId"), brand.account);
            assert_eq!(custom(push, "backendService"), "prmsg");
            assert_eq!(custom(push, "lookBackPeriod"), DAY.to_string());
            assert_eq!(custom(push, "expirationEpochTime"), ends.to_string());
            gateway_forgets_in_time(push, ends);
        }
        if expected == 2 {
            assert_ne!(pushes[0].gateway, pushes[1].gateway, "{consumer}");
        }
    }
}

fn gateway_forgets_in_time(push: &Push, ends: i64) {
    match push.gateway {
        Gateway::Apns => {
            assert_eq!(push.headers["apns-expiration"], (ends / 1000).to_string());
            assert_eq!(push.headers["apns-push-type"], "alert");
            assert_eq!(push.headers["apns-priority"], "10");
            assert_eq!(
                push.headers["apns-collapse-id"],
                custom(push, "transactionId")
            );
            assert_eq!(push.payload["aps"]["alert"]["title"], "An offer 🎉");
        }
        Gateway::Fcm => {
            let android = &push.payload["message"]["android"];
            let ttl: i64 = text(&android["ttl"]).trim_end_matches('s').parse().unwrap();
            let forgotten = push.at.as_millisecond() + ttl * 1000;
            assert!(forgotten <= ends + 1000, "{ttl} s are too long");
            assert!(ttl > DAY / 1000 - 600, "{ttl} s are too short");
            assert_eq!(
                android["notification"]["tag"],
                custom(push, "transactionId").as_str()
            );
            assert_eq!(
                push.payload["message"]["notification"]["title"],
                "An offer 🎉"
            );
        }
        Gateway::Proxy => panic!("no app of the story has a proxy"),
    }
}
