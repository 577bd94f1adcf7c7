//! Google's gateway: one case per class of answer, and the life of an access token.

use crate::support::{ACCOUNT, TOKEN, World};
use domain::{
    account::Route,
    device::Environment,
    push::Undelivered::{DeviceGone, Later, Refused, Rejected},
};
use futures_util::future::join_all;
use sandbox::{Answer, Brand, scripts};
use std::time::Duration;

#[tokio::test]
async fn a_push_arrives_as_google_wants_it() {
    let world = World::new().await;
    let receipt = world.push(&world.fcm()).await.unwrap();
    assert!(
        receipt.id.starts_with("projects/demo-sandbox/messages/"),
        "{}",
        receipt.id
    );
    let message = world.only().payload["message"].take();
    assert_eq!(message["token"], TOKEN);
    assert_eq!(message["notification"]["title"], "Shop");
    assert_eq!(
        message["android"]["ttl"], "2419200s",
        "FCM keeps four weeks at most"
    );
    assert_eq!(message["android"]["collapse_key"], "one");
    assert_eq!(message["android"]["notification"]["tag"], "one");
    assert_eq!(
        message["data"]["transactionId"],
        "0190163d-8694-739b-aea5-966c26f8ad91"
    );
}

#[tokio::test]
async fn a_message_lives_at_fcm_as_long_as_its_lookback_and_four_weeks_at_most() {
    let world = World::new().await;
    let most = Duration::from_hours(28 * 24).as_secs();
    for (days, longest) in [(1, 86_400), (27, 2_332_800), (28, most), (30, most)] {
        let mut notification = world.notification();
        notification.expires_at = world.now() + jiff::SignedDuration::from_hours(24 * days);
        let pushed = world
            .push_it(&world.fcm(), Environment::Production, &notification)
            .await;
        pushed.unwrap();
        let ttl = world.only().payload["message"]["android"]["ttl"].clone();
        let ttl: u64 = ttl.as_str().unwrap().trim_end_matches('s').parse().unwrap();
        // The machine's clock goes on.
        assert!(
            (longest - 60..=longest).contains(&ttl),
            "{days} days: {ttl}"
        );
        world.sandbox.clear_pushes();
    }
}

#[tokio::test]
async fn a_long_text_is_shortened_and_taken() {
    let world = World::new().await;
    let mut notification = world.notification();
    notification.body = "👨‍👩‍👧‍👦\n\"".repeat(1000);
    let pushed = world
        .push_it(&world.fcm(), Environment::Production, &notification)
        .await;
    assert!(pushed.unwrap().shortened);
}

#[tokio::test]
async fn each_class_of_answer_is_told_apart() {
    let world = World::new().await;
    let route = world.fcm();
    let answer = async |code: &str| {
        world.sandbox.script(TOKEN, [Answer::reason(code).once()]);
        world.push(&route).await.unwrap_err()
    };
    assert!(matches!(
        answer("UNREGISTERED").await,
        DeviceGone { since: None, .. }
    ));
    assert!(matches!(answer("INVALID_ARGUMENT").await, Rejected { .. }));
    assert!(matches!(
        answer("SENDER_ID_MISMATCH").await,
        Rejected { .. }
    ));
    assert!(matches!(
        answer("THIRD_PARTY_AUTH_ERROR").await,
        Refused { .. }
    ));
    assert!(matches!(
        answer("UNAVAILABLE").await,
        Later { after: None, .. }
    ));
    assert!(matches!(
        answer("INTERNAL").await,
        Later { after: None, .. }
    ));
    assert!(matches!(answer("NOVELTY").await, Later { after: None, .. }));
    let minute = Some(Duration::from_mins(1));
    assert!(matches!(answer("QUOTA_EXCEEDED").await, Later { after, .. } if after == minute));
    let busy = Answer::reason("QUOTA_EXCEEDED").once().retry_after("90");
    world.sandbox.script(TOKEN, [busy]);
    let wait = Some(Duration::from_secs(90));
    assert!(matches!(world.push(&route).await, Err(Later { after, .. }) if after == wait));
    assert_eq!(
        world.sandbox.grants(),
        1,
        "none of this is about the access token"
    );
}

#[tokio::test]
async fn an_access_token_is_asked_for_once_and_kept() {
    let world = World::new().await;
    let route = world.fcm();
    let pushed = join_all((0..20).map(|_| world.push(&route))).await;
    assert!(pushed.iter().all(Result::is_ok), "{pushed:?}");
    assert_eq!(world.sandbox.grants(), 1);
    world.advance(Duration::from_mins(50));
    assert!(world.push(&route).await.is_ok());
    assert_eq!(world.sandbox.grants(), 1);
    world.advance(Duration::from_mins(6));
    assert!(world.push(&route).await.is_ok());
    assert_eq!(
        world.sandbox.grants(),
        2,
        "renewed five minutes before its end"
    );
    let mut connections: Vec<_> = world
        .sandbox
        .pushes()
        .iter()
        .map(|p| p.connection)
        .collect();
    connections.dedup();
    assert_eq!(connections.len(), 1, "one connection");
}

#[tokio::test]
async fn a_revoked_access_token_is_renewed_once() {
    let world = World::new().await;
    assert!(world.push(&world.fcm()).await.is_ok());
    world.sandbox.revoke_access_tokens();
    assert!(world.push(&world.fcm()).await.is_ok());
    assert_eq!(world.sandbox.grants(), 2);
}

#[tokio::test]
async fn a_service_account_of_another_is_refused() {
    let world = World::new().await;
    let stranger = Brand::new("stranger").unwrap();
    let account = world.sandbox.service_account_of(&stranger);
    world.secrets.put(ACCOUNT, &account.to_string());
    let refused = world.push(&world.fcm()).await;
    assert!(
        matches!(&refused, Err(Refused { reason }) if reason == "invalid_grant"),
        "{refused:?}"
    );
    assert!(world.sandbox.pushes().is_empty());
}

#[tokio::test]
async fn a_secret_that_is_no_service_account_is_refused_unsent() {
    let world = World::new().await;
    world.secrets.put(ACCOUNT, "{}");
    let reason = "credential_malformed".into();
    assert_eq!(world.push(&world.fcm()).await, Err(Refused { reason }));
    assert_eq!(world.sandbox.grants(), 0);
}

#[tokio::test]
async fn another_project_is_refused() {
    let world = World::new().await;
    let other = Route::Fcm {
        project_id: "another".to_owned(),
        credential: ACCOUNT.to_owned(),
    };
    let reason = "PERMISSION_DENIED".into();
    assert_eq!(world.push(&other).await, Err(Refused { reason }));
}

#[tokio::test]
async fn a_token_endpoint_in_trouble_is_asked_later() {
    let world = World::new().await;
    let down = Answer::reason("internal_failure").once().retry_after("9");
    world.sandbox.script(scripts::OAUTH, [down]);
    let wait = Some(Duration::from_secs(9));
    let put_off = world.push(&world.fcm()).await;
    assert!(
        matches!(put_off, Err(Later { after, .. }) if after == wait),
        "{put_off:?}"
    );
    assert!(world.push(&world.fcm()).await.is_ok());
    world.sandbox.set_fcm_reachable(false);
    assert!(matches!(world.push(&world.fcm()).await, Err(Later { .. })));
    world.sandbox.set_fcm_reachable(true);
    assert!(world.push(&world.fcm()).await.is_ok());
}
