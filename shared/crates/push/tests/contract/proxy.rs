//! A brand's own endpoint: what it gets, what its answers mean, and where it may not be.

use crate::support::{TEXT, TOKEN, World};
use domain::{
    account::{Headers, Route},
    clock::SystemClock,
    device::{Environment, Platform},
    push::{
        Custom, Push as _,
        Undelivered::{DeviceGone, Later, Refused, Rejected},
    },
};
use push::{Gateways, Settings};
use sandbox::{Answer, Gateway, scripts};
use serde_json::json;
use std::time::Duration;

const SECRET: &str = "arn:aws:secretsmanager:eu-west-1:1:secret:overture/demo/proxy";

/// The sandbox's push proxy with its secret.
fn route(world: &World) -> Route {
    let secret = world.sandbox.brand().proxy_secret();
    world.secrets.put(SECRET, &secret.to_string());
    at(&world.sandbox.proxy_url())
}

fn at(url: &str) -> Route {
    let header = ("X-Brand".to_owned(), "acme".to_owned());
    Route::Proxy {
        url: url.to_owned(),
        credential: Some(SECRET.to_owned()),
        headers: Headers([header].into()),
    }
}

#[tokio::test]
async fn an_iphones_push_arrives_as_liveperson_sends_it() {
    let world = World::new().await;
    let receipt = world.push_on(Platform::Ios, &route(&world)).await.unwrap();
    assert_eq!((receipt.id.as_str(), receipt.shortened), ("one", false));
    let push = world.only();
    assert_eq!((push.gateway, push.status), (Gateway::Proxy, 200));
    let expires_at = push.payload["expirationEpochTime"].clone();
    assert_eq!(
        push.payload,
        json!({
            "aps": { "alert": { "title": "Shop", "body": TEXT }, "sound": "default" },
            "push-service": 1, "device-token": TOKEN, "notificationType": "apn",
            "transactionId": "0190163d-8694-739b-aea5-966c26f8ad91",
            "brandId": "demo", "backendService": "prmsg",
            "lookBackPeriod": 2_592_000_000_u64, "expirationEpochTime": expires_at,
            "leCampaignId": "11", "leEngagementId": "22", "externalConsumerId": "alice",
        })
    );
    assert_eq!(push.headers["webhook-id"], "one");
    assert_eq!(push.headers["x-brand"], "acme");
    assert!(push.headers["webhook-signature"].starts_with("v1,"));
}

#[tokio::test]
async fn an_androids_push_is_data_alone() {
    let world = World::new().await;
    let pushed = world.push_on(Platform::Android, &route(&world)).await;
    pushed.unwrap();
    let payload = world.only().payload;
    assert_eq!(payload["push-service"], 2);
    assert_eq!(payload["notificationType"], "gcm");
    assert_eq!(payload["data"]["message"], TEXT);
    assert_eq!(payload["data"]["title"], "Shop");
    let custom = &payload["data"]["payload"];
    assert_eq!(custom["externalConsumerId"], "alice");
    assert_eq!(custom["backendService"], "prmsg");
}

#[tokio::test]
async fn a_chats_push_is_a_regular_one() {
    let world = World::new().await;
    let mut chat = world.notification();
    chat.title = None;
    chat.custom = Custom::Chat {
        conversation: "0190163d-8694-739b-aea5-966c26f8ad91".parse().unwrap(),
        originator: "eve".to_owned(),
        consumer: "alice".parse().unwrap(),
    };
    let pushed = world
        .push_as(
            Platform::Ios,
            &route(&world),
            Environment::Production,
            &chat,
        )
        .await;
    pushed.unwrap();
    let payload = world.only().payload;
    assert_eq!(payload["aps"]["alert"], TEXT);
    assert_eq!(payload["backendService"], "ams");
    assert_eq!(payload["originatorId"], "demo.eve");
}

#[tokio::test]
async fn a_long_text_is_shortened_to_what_gateways_take() {
    let world = World::new().await;
    let mut notification = world.notification();
    notification.body = "👨‍👩‍👧‍👦\n\"".repeat(1000);
    let route = route(&world);
    for platform in [Platform::Ios, Platform::Android] {
        let pushed = world
            .push_as(platform, &route, Environment::Production, &notification)
            .await;
        assert!(pushed.unwrap().shortened, "{platform:?}");
    }
}

#[tokio::test]
async fn each_class_of_answer_is_told_apart() {
    let world = World::new().await;
    let route = route(&world);
    let answer = async |status: &str| {
        let told = Answer::reason(status).once();
        world.sandbox.script(scripts::PROXY, [told]);
        world.push(&route).await
    };
    assert!(answer("204").await.is_ok());
    for refused in ["401", "404", "405", "415"] {
        let answer = answer(refused).await;
        assert!(
            matches!(answer, Err(Refused { .. })),
            "{refused}: {answer:?}"
        );
    }
    assert!(matches!(
        answer("410").await,
        Err(DeviceGone { since: None, .. })
    ));
    for rejected in ["400", "403", "413", "422"] {
        let answer = answer(rejected).await;
        assert!(
            matches!(answer, Err(Rejected { .. })),
            "{rejected}: {answer:?}"
        );
    }
    for later in ["408", "425", "429", "500", "502", "503", "504"] {
        let answer = answer(later).await;
        assert!(
            matches!(&answer, Err(Later { after: None, reason }) if reason == &format!("http_{later}")),
            "{later}: {answer:?}"
        );
    }
    let busy = Answer::reason("429").once().retry_after("90");
    world.sandbox.script(TOKEN, [busy]);
    let wait = Some(Duration::from_secs(90));
    assert!(matches!(world.push(&route).await, Err(Later { after, .. }) if after == wait));
}

#[tokio::test]
async fn no_redirect_is_followed() {
    let world = World::new().await;
    let route = route(&world);
    for redirect in ["301", "302", "303", "307", "308"] {
        let told = Answer::reason(redirect).once();
        world.sandbox.script(scripts::PROXY, [told]);
        let pushed = world.push(&route).await;
        assert!(
            matches!(pushed, Err(Refused { .. })),
            "{redirect}: {pushed:?}"
        );
    }
    assert_eq!(world.sandbox.pushes().len(), 5);
}

#[tokio::test]
async fn an_endpoint_in_trouble_is_asked_later() {
    let world = World::new().await;
    let route = route(&world);
    let slow = Answer::accept().once().after(Duration::from_mins(1));
    world.sandbox.script(scripts::PROXY, [slow]);
    let begun = std::time::Instant::now();
    let pushed = world.push(&route).await;
    assert!(matches!(&pushed, Err(Later { reason, .. }) if reason == "timeout"));
    assert!(begun.elapsed() < Duration::from_secs(7));
    world.sandbox.set_proxy_reachable(false);
    assert!(matches!(world.push(&route).await, Err(Later { .. })));
    world.sandbox.set_proxy_reachable(true);
    assert!(world.push(&route).await.is_ok());
    let lost = Answer::reason(Answer::LOSE).once();
    world.sandbox.script(scripts::PROXY, [lost]);
    assert!(matches!(world.push(&route).await, Err(Later { .. })));
    assert!(world.push(&route).await.is_ok());
    let [device] = world.sandbox.visible().try_into().unwrap();
    assert_eq!((device.visible, device.accepted), (1, 3), "one webhook id");
}

#[tokio::test]
async fn a_wrong_secret_is_refused_and_no_secret_goes_unsent() {
    let world = World::new().await;
    let route = route(&world);
    let mut secret = world.sandbox.brand().proxy_secret();
    secret["signingSecret"] = "whsec_c2VjcmV0".into();
    world.secrets.put(SECRET, &secret.to_string());
    let reason = "http_401".into();
    assert_eq!(world.push(&route).await, Err(Refused { reason }));
    assert_eq!(world.only().reason.as_deref(), Some("BadSignature"));

    let world = World::new().await;
    world.secrets.put(SECRET, "{}");
    let reason = "credential_malformed".into();
    let route = at(&world.sandbox.proxy_url());
    assert_eq!(world.push(&route).await, Err(Refused { reason }));
    assert!(world.sandbox.pushes().is_empty());

    let open = Route::Proxy {
        url: world.sandbox.proxy_url(),
        credential: None,
        headers: Headers::default(),
    };
    assert!(matches!(world.push(&open).await, Err(Refused { .. })));
    let headers = world.only().headers;
    assert!(!headers.contains_key("webhook-signature"));
    assert_eq!(headers["webhook-id"], "one");
}

#[tokio::test]
async fn a_signature_is_of_the_senders_own_clock() {
    let world = World::new().await;
    let route = route(&world);
    world.advance(Duration::from_hours(24));
    assert!(world.push(&route).await.is_ok());
    world.sandbox.advance(Duration::from_mins(6));
    assert!(matches!(world.push(&route).await, Err(Refused { .. })));
    let reasons: Vec<_> = world
        .sandbox
        .pushes()
        .into_iter()
        .map(|p| p.reason)
        .collect();
    assert_eq!(reasons, [None, Some("BadTimestamp".to_owned())]);
}

#[tokio::test]
async fn nothing_is_sent_to_an_address_that_is_not_public() {
    let world = World::new().await;
    route(&world);
    let settings = Settings {
        authorities: Some(world.sandbox.ca_pem().to_owned()),
        ..Settings::default()
    };
    let secrets = world.secrets.clone();
    let gateways = Gateways::new(&settings, secrets, SystemClock::default()).unwrap();
    let port = world.sandbox.proxy_url();
    let port = port.rsplit(':').next().unwrap();
    for host in [
        "localhost",
        "127.0.0.1",
        "[::1]",
        "[::ffff:127.0.0.1]",
        "2130706433",
    ] {
        let route = at(&format!("https://{host}:{port}"));
        let token = TOKEN.parse().unwrap();
        let target = World::target(Platform::Ios, &route, &token);
        let pushed = gateways.push(target, &world.notification()).await;
        let reason = "endpoint_not_public".into();
        assert_eq!(pushed, Err(Refused { reason }), "{host}");
    }
    assert!(world.sandbox.pushes().is_empty());
}
