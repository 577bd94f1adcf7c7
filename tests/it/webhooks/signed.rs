//! What is posted to an endpoint: signed, and never to a private address.

use super::{hook, kind, post, told, verify};
use crate::{
    parts::campaign,
    world::{World, list, text},
};
use sandbox::{Answer, Received};
use serde_json::{Value, json};
use standardwebhooks::Webhook;
use std::time::Duration;

/// Which of a request's signatures are made with the secret.
fn signed_with(received: &Received, secret: &str) -> Vec<bool> {
    let at = received.headers["webhook-timestamp"].parse().unwrap();
    let id = &received.headers["webhook-id"];
    let webhook = Webhook::new(secret).unwrap();
    let right = webhook.sign(id, at, received.body.as_bytes()).unwrap();
    let signatures = received.headers["webhook-signature"].split(' ');
    signatures.map(|s| s == right).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_test_call_tells_what_the_endpoint_answered() {
    let world = World::start().await;
    let brand = world.brand("acme").await;
    let secret = hook(&brand, "crm").await;
    let test = async || post(&brand, "webhooks/crm/test").await.ok(200);
    let taken = test().await;
    assert_eq!(
        (&taken["delivered"], &taken["status"]),
        (&json!(true), &json!(204))
    );
    assert!(taken["tookMillis"].is_number());
    let [received] = told(&world, "crm").try_into().unwrap();
    verify(&received, &secret);
    assert_eq!(kind(&received), "webhook.test");
    assert_eq!(received.headers["webhook-id"], text(&taken["id"]));
    let sandbox = world.stack.sandbox();
    // Nobody follows a redirect.
    for (status, delivered) in [
        ("500", false),
        ("410", false),
        ("302", false),
        ("201", true),
    ] {
        sandbox.script("/webhooks/crm", [Answer::reason(status).once()]);
        let seen = test().await;
        assert_eq!(seen["delivered"], delivered, "{status}: {seen}");
        assert_eq!(seen["status"].to_string(), status, "{seen}");
    }
    assert_eq!(told(&world, "crm").len(), 5, "one request each");
    sandbox.set_proxy_reachable(false);
    let seen = test().await;
    assert_eq!(seen["delivered"], false, "{seen}");
    assert!(
        seen["reason"].is_string() && seen["status"].is_null(),
        "{seen}"
    );
    let shown = brand.get("webhooks/crm").await.ok(200);
    assert_eq!(shown["state"], "enabled", "a test changes nothing");
    assert!(shown["failingSince"].is_null());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_private_address_is_never_called() {
    let world = World::start_with(&[("OUTBOUND_PRIVATE", "")]).await;
    let brand = world.brand("acme").await;
    hook(&brand, "crm").await;
    let seen = post(&brand, "webhooks/crm/test").await.ok(200);
    assert_eq!(seen["reason"], "endpoint_not_public", "{seen}");
    let handoff = brand.greeting().await;
    brand.launch(campaign(&handoff, &["ben"])).await;
    world.stack.quiet().await.unwrap();
    assert_eq!(told(&world, "crm").len(), 0);
    let shown = brand.get("webhooks/crm").await.ok(200);
    assert!(shown["failingSince"].is_string(), "{shown}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_secrets_sign_while_one_takes_the_others_place() {
    let world = World::start().await;
    let brand = world.brand("acme").await;
    let first = hook(&brand, "crm").await;
    let rotated = post(&brand, "webhooks/crm/rotate?keepHours=1").await;
    let rotated = rotated.ok(200);
    let second = text(&rotated["secret"]);
    assert_ne!(first, second);
    let secrets = list(&rotated["secrets"]);
    assert_eq!(secrets.len(), 2, "{rotated}");
    assert!(secrets[0]["expiresAt"].is_string() && secrets[1]["expiresAt"].is_null());
    post(&brand, "webhooks/crm/test").await.ok(200);
    let both = told(&world, "crm").pop().unwrap();
    assert_eq!(
        signed_with(&both, &second),
        [true, false],
        "the newest first"
    );
    assert_eq!(signed_with(&both, &first), [false, true]);
    verify(&both, &first);
    verify(&both, &second);
    // Two live, never three.
    let third = text(&post(&brand, "webhooks/crm/rotate").await.ok(200)["secret"]);
    post(&brand, "webhooks/crm/test").await.ok(200);
    let both = told(&world, "crm").pop().unwrap();
    assert_eq!(signed_with(&both, &third), [true, false]);
    assert_eq!(signed_with(&both, &second), [false, true]);
    assert_eq!(signed_with(&both, &first), [false, false]);
    world.stack.advance(Duration::from_hours(25)).await;
    let brand = brand.refreshed();
    post(&brand, "webhooks/crm/test").await.ok(200);
    let one = told(&world, "crm").pop().unwrap();
    assert_eq!(signed_with(&one, &third), [true], "its day is over");
    // A new key of ours leaves what brands have as it is.
    let name = "overture-WebhookSecret";
    let keys: Value = serde_json::from_str(&world.stack.secret(name).unwrap()).unwrap();
    let keys = json!({"current": "another key", "previous": keys["current"]});
    world.stack.put_secret(name, &keys.to_string()).unwrap();
    world.stack.kill("webhook").unwrap();
    post(&brand, "webhooks/crm/test").await.ok(200);
    let one = told(&world, "crm").pop().unwrap();
    assert_eq!(signed_with(&one, &third), [true]);
    let fourth = text(&post(&brand, "webhooks/crm/rotate").await.ok(200)["secret"]);
    post(&brand, "webhooks/crm/test").await.ok(200);
    let both = told(&world, "crm").pop().unwrap();
    assert_eq!(signed_with(&both, &fourth), [true, false]);
    assert_eq!(signed_with(&both, &third), [false, true]);
}
