//! What a message may say, and its preview: what is shown is what arrives, to the byte.

use crate::{
    parts::{Device, campaign, handoff},
    world::{Brand, SHOP, World, list, text},
};
use reqwest::Method;
use sandbox::{Gateway, Push};
use serde_json::{Value, json};

/// A handoff with a title, a notification of its own and a chat text, each with a placeholder.
async fn three_texts(brand: &Brand<'_>) -> String {
    let mut body = handoff("Three texts", &[SHOP], "Chat: ${{1}}");
    let component = &mut body["channels"][0]["messageComponents"][0];
    component["notificationTitle"] = "For ${{2}}".into();
    component["notificationMessage"] = "Push: ${{1}}".into();
    component["isSameMessageForNotification"] = false.into();
    component["variables"] = json!(["1", "2"]);
    brand.handoff(body).await
}

async fn preview(brand: &Brand<'_>, handoff: &str, body: Value) -> Value {
    let path = format!("handoffs/{handoff}/preview");
    let shown = brand.post(&path, body).await.ok(200);
    let [component] = list(&shown["components"]).try_into().unwrap();
    component
}

fn gateway(component: &Value, gateway: &str, platform: &str) -> Value {
    let all = list(&component["gateways"]);
    all.into_iter()
        .find(|shown| shown["gateway"] == gateway && shown["platform"] == platform)
        .unwrap()
}

/// The bytes that count of what arrived: all but the token.
fn counted(push: &Push) -> usize {
    let all = push.payload.to_string().len();
    match push.gateway {
        Gateway::Apns => all,
        Gateway::Fcm | Gateway::Proxy => all - push.device_token.len(),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_preview_is_what_arrives_to_the_byte() {
    let world = World::start().await;
    let brand = world.brand("acme").await;
    let (ana, ben) = (Device::iphone("ana"), Device::android("ana"));
    for device in [&ana, &ben] {
        brand.consumer("ana").log_in(device).await;
    }
    let id = three_texts(&brand).await;
    let family = "👨‍👩‍👧‍👦";
    for value in [
        "a card".to_owned(),
        "שלום \u{200f}עולם e\u{301} नि \"quoted\" \n\ttabbed 🇵🇹👍🏽".to_owned(),
        family.repeat(200),
        "漢".repeat(1_550),
    ] {
        let variables = json!({"1": value, "2": "Ana 👩🏽‍🚀"});
        let body = json!({"variables": variables, "consumerId": "ana"});
        let shown = preview(&brand, &id, body).await;
        assert_eq!(shown["messageText"], format!("Chat: {value}"));
        assert_eq!(shown["messageBytes"], 6 + value.len());

        let before = world.stack.sandbox().pushes().len();
        let mut wanted = campaign(&id, &["ana"]);
        wanted["consumers"][0]["variables"] = variables;
        brand.launch(wanted).await;
        world.stack.settled().await.unwrap();
        let pushes = world.stack.sandbox().pushes();
        assert_eq!(pushes.len(), before + 2);
        for push in &pushes[before..] {
            let (at, gateway) = match push.gateway {
                Gateway::Apns => ("/aps/alert", gateway(&shown, "apns", "ios")),
                _ => ("/message/notification", gateway(&shown, "fcm", "android")),
            };
            let alert = push.payload.pointer(at).unwrap();
            assert_eq!(alert["title"], gateway["title"]);
            assert_eq!(alert["body"], gateway["text"]);
            assert_eq!(gateway["maxBytes"], 4096);
            let bytes = gateway["bytes"].as_u64().unwrap();
            assert_eq!(bytes, counted(push) as u64, "{gateway}");
            let full = format!("Push: {value}");
            assert_eq!(gateway["shortened"], gateway["text"] != full);
            if gateway["shortened"] == true {
                assert!((4_000..=4_096).contains(&bytes), "{bytes}");
                let kept = text(&gateway["text"]);
                let kept = kept.strip_suffix('…').unwrap();
                assert!(full.starts_with(kept));
                let rest = kept.strip_prefix("Push: ").unwrap();
                assert!(!value.starts_with(family) || rest.len().is_multiple_of(family.len()));
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_preview_shows_every_route_and_stores_nothing() {
    let world = World::start().await;
    let brand = world.brand("acme").await;
    let id = three_texts(&brand).await;
    let before = world.items();
    let shown = preview(&brand, &id, json!({"variables": {"1": "a", "2": "b"}})).await;
    let routes: Vec<_> = list(&shown["gateways"])
        .iter()
        .map(|g| format!("{} {}", text(&g["gateway"]), text(&g["platform"])))
        .collect();
    assert_eq!(
        routes,
        [
            "apns ios",
            "fcm android",
            "sns ios",
            "sns android",
            "proxy ios",
            "proxy android"
        ]
    );
    for gateway in list(&shown["gateways"]) {
        assert_eq!(gateway["title"], "For b", "{gateway}");
        assert_eq!(gateway["text"], "Push: a", "{gateway}");
        assert_eq!(gateway["shortened"], false, "{gateway}");
    }
    assert_eq!(world.items(), before);
    assert!(world.stack.sandbox().pushes().is_empty());

    let path = format!("handoffs/{id}/preview");
    for (body, pointer, detail) in [
        (json!({}), "/variables/1", "MISSING_VARIABLE=1"),
        (
            json!({"variables": {"1": "a"}}),
            "/variables/2",
            "MISSING_VARIABLE=2",
        ),
        (
            json!({"variables": {"1": "a", "2": "b", "3": "c"}}),
            "/variables",
            "TOO_MANY_VARIABLES",
        ),
        (
            json!({"variables": {"1": 1, "2": "b"}}),
            "/variables/1",
            "VARIABLE_NOT_STRING=1",
        ),
        (
            json!({"variables": {"1": "a\u{7}", "2": "b"}}),
            "/variables/1",
            "INVALID_VARIABLE=1",
        ),
        (
            json!({"variables": {"1": "a", "2": "x".repeat(1_500)}}),
            "/variables",
            "MESSAGE_TOO_LARGE",
        ),
        (
            json!({"variables": {"1": "a", "2": "b"}, "consumerId": ""}),
            "/consumerId",
            "MISSING_CONSUMER_INFORMATION==INAPP",
        ),
        (
            json!({"variables": {}, "text": "x"}),
            "/text",
            "unknown field",
        ),
    ] {
        let refused = brand.post(&path, body).await.problem(422, "INVALID_BODY");
        assert_eq!(refused["errors"][0]["pointer"], pointer, "{refused}");
        assert!(text(&refused["detail"]).contains(detail), "{refused}");
    }
    let missing = brand.post("handoffs/H0000000000/preview", json!({})).await;
    missing.problem(404, "NOT_FOUND");
    let other = world.brand("other").await;
    other.post(&path, json!({})).await.problem(404, "NOT_FOUND");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn control_characters_and_lone_surrogates_are_refused() {
    let world = World::start().await;
    let brand = world.brand("acme").await;
    for bad in ["\u{0}", "\u{7}", "\u{1b}[1m", "\r", "\u{7f}", "\u{85}"] {
        let refused = brand
            .post(
                "handoffs",
                handoff("Bad", &[SHOP], &format!("Hello {bad}!")),
            )
            .await;
        let refused = refused.problem(422, "INVALID_TEXT");
        assert_eq!(
            refused["errors"][0]["pointer"],
            "/channels/0/messageComponents/0/messageText"
        );
    }
    let id = three_texts(&brand).await;
    let path = format!("/api/v2/account/acme/handoffs/{id}/preview");
    for lone in [r"\ud83d", r"\udc4b", r"\udc4b\ud83d", r"\ud83dx"] {
        let body = format!(r#"{{"variables": {{"1": "{lone}", "2": "b"}}}}"#);
        let body = Some(("application/json", body));
        let token = Some(brand.token.as_str());
        let refused = world.call(Method::POST, &path, token, &[], body).await;
        refused.problem(400, "MALFORMED_JSON");
    }
    // A pair is an emoji.
    let body = r#"{"variables": {"1": "\ud83d\udc4b", "2": "b"}}"#.to_owned();
    let token = Some(brand.token.as_str());
    let body = Some(("application/json", body));
    let shown = world.call(Method::POST, &path, token, &[], body).await;
    assert_eq!(shown.ok(200)["components"][0]["messageText"], "Chat: 👋");
}
