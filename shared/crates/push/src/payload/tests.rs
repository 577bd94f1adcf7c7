//! What both gateways are told, byte by byte.

use super::*;
use domain::push::Backend;
use jiff::{SignedDuration, Timestamp};

const FAMILY: &str = "👨‍👩‍👧‍👦";

fn notification(title: Option<&str>, body: &str) -> Notification {
    Notification {
        account: "demo".parse().unwrap(),
        title: title.map(str::to_owned),
        body: body.to_owned(),
        collapse_id: "one".to_owned(),
        expires_at: Timestamp::from_second(1_800_000_000).unwrap(),
        custom: Custom::Proactive {
            transaction: "0190163d-8694-739b-aea5-966c26f8ad91".parse().unwrap(),
            backend: Backend::Prmsg,
            lookback: SignedDuration::from_hours(1),
            le_campaign: "11".to_owned(),
            le_engagement: "22".to_owned(),
            consumer: "alice".parse().unwrap(),
        },
    }
}

const TOKEN: &str = "abc";

fn parsed(payload: &Payload) -> Value {
    serde_json::from_str(&payload.json).unwrap()
}

#[test]
fn apns_has_the_custom_keys_beside_aps() {
    let notification = notification(Some("Shop"), "Hello");
    let payload = apns(&notification).unwrap();
    assert!(!payload.shortened);
    assert_eq!(
        parsed(&payload),
        json!({
            "aps": { "alert": { "title": "Shop", "body": "Hello" }, "sound": "default" },
            "transactionId": "0190163d-8694-739b-aea5-966c26f8ad91",
            "brandId": "demo",
            "backendService": "prmsg",
            "lookBackPeriod": 3_600_000,
            "expirationEpochTime": 1_800_000_000_000_i64,
            "leCampaignId": "11",
            "leEngagementId": "22",
            "externalConsumerId": "alice",
        })
    );
}

#[test]
fn fcm_has_them_as_strings_in_data() {
    let ttl = Duration::from_hours(1);
    let notification = notification(None, "Hello");
    let payload = fcm(&notification, TOKEN, ttl).unwrap();
    assert_eq!(
        parsed(&payload),
        json!({ "message": {
            "token": "abc",
            "notification": { "body": "Hello" },
            "data": {
                "transactionId": "0190163d-8694-739b-aea5-966c26f8ad91",
                "brandId": "demo",
                "backendService": "prmsg",
                "lookBackPeriod": "3600000",
                "expirationEpochTime": "1800000000000",
                "leCampaignId": "11",
                "leEngagementId": "22",
                "externalConsumerId": "alice",
            },
            "android": {
                "priority": "HIGH",
                "ttl": "3600s",
                "collapse_key": "one",
                "notification": { "tag": "one" },
            },
        }})
    );
}

#[test]
fn a_chats_notification_names_its_conversation() {
    let mut chat = notification(None, "Hello");
    chat.custom = Custom::Chat {
        conversation: "0190163d-8694-739b-aea5-966c26f8ad91".parse().unwrap(),
        originator: "eve".to_owned(),
        consumer: "ana".parse().unwrap(),
    };
    let payload = parsed(&apns(&chat).unwrap());
    assert_eq!(payload["originatorId"], "demo.eve");
    assert_eq!(payload["backendService"], "ams");
    assert_eq!(payload["externalConsumerId"], "ana");
    assert_eq!(payload["conversationId"], payload["dialogId"]);
    assert!(payload.get("transactionId").is_none());
}

#[test]
fn a_long_body_is_cut_between_graphemes_to_the_byte() {
    for text in ["x".repeat(9000), FAMILY.repeat(900), "\"\n".repeat(5000)] {
        let long = notification(Some("Shop"), &text);
        let at_apns = apns(&long).unwrap();
        let at_fcm = fcm(&long, TOKEN, Duration::ZERO).unwrap();
        let sizes = [
            at_apns.json.len(),
            at_fcm.json.len() - r#"{"message":}abc"#.len(),
        ];
        let bodies = [
            parsed(&at_apns)["aps"]["alert"]["body"].take(),
            parsed(&at_fcm)["message"]["notification"]["body"].take(),
        ];
        assert!(at_apns.shortened && at_fcm.shortened);
        for (size, body) in sizes.into_iter().zip(bodies) {
            assert!(size <= MOST && size > MOST - 40, "{size} of {MOST} bytes");
            let kept = body.as_str().unwrap().strip_suffix('…').unwrap().to_owned();
            assert!(text.starts_with(&kept));
            if text.starts_with(FAMILY) {
                assert!(
                    kept.len().is_multiple_of(FAMILY.len()),
                    "no family is parted"
                );
            }
        }
    }
}

#[test]
fn a_text_that_just_fits_is_whole() {
    let frame = apns(&notification(None, "")).unwrap().json.len();
    let longest = notification(None, &"x".repeat(MOST - frame));
    let fits = apns(&longest).unwrap();
    assert_eq!((fits.json.len(), fits.shortened), (MOST, false));
    let longer = notification(None, &"x".repeat(MOST - frame + 1));
    let over = apns(&longer).unwrap();
    assert!(over.shortened && over.json.len() <= MOST);
}

#[test]
fn a_long_title_leaves_room_for_the_body() {
    let long = "x".repeat(5000);
    let both = parsed(&apns(&notification(Some(&long), &long)).unwrap());
    let length = |name: &str| both["aps"]["alert"][name].as_str().unwrap().len();
    assert!(length("title") > 1000 && length("body") > 1000);
    let title = parsed(&apns(&notification(Some(&long), "short")).unwrap());
    assert_eq!(title["aps"]["alert"]["body"], "short");
}

#[test]
fn what_cannot_fit_is_rejected() {
    let mut huge = notification(None, "Hello");
    if let Custom::Proactive { le_campaign, .. } = &mut huge.custom {
        *le_campaign = "x".repeat(4096);
    }
    assert!(matches!(apns(&huge), Err(Undelivered::Rejected { .. })));
}

#[test]
fn sns_gets_fcms_message_without_its_token() {
    let ttl = Duration::from_hours(1);
    let notification = notification(Some("Shop"), "Hello");
    let by_sns = parsed(&fcm_by_sns(&notification, ttl).unwrap());
    let mut direct = parsed(&fcm(&notification, TOKEN, ttl).unwrap());
    direct["message"].as_object_mut().unwrap().remove("token");
    assert_eq!(by_sns["fcmV1Message"], direct);
}

#[test]
fn a_proxys_body_is_shortened_to_what_gateways_take() {
    let long = "t".repeat(4096);
    let notification = notification(Some("Shop"), &format!("{FAMILY}\n").repeat(1000));
    for platform in [Platform::Ios, Platform::Android] {
        let payload = proxy(&notification, platform, &long).unwrap();
        assert!(payload.shortened);
        let length = payload.json.len() - 4096;
        assert!((4000..=4096).contains(&length), "{length}");
    }
}
