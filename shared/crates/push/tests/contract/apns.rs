//! Apple's gateway: one case per class of answer, and the life of a provider token.

use crate::support::{P8, TOKEN, World};
use domain::{
    account::Route,
    device::Environment,
    push::Undelivered::{DeviceGone, Later, Refused, Rejected},
};
use futures_util::future::join_all;
use jiff::Timestamp;
use sandbox::{Answer, Brand, Device, Environment as Apple};
use std::{
    sync::atomic::Ordering,
    time::{Duration, Instant},
};

fn later(reason: &str) -> domain::push::Undelivered {
    Later {
        after: None,
        reason: reason.to_owned().into(),
    }
}

#[tokio::test]
async fn a_push_arrives_as_apple_wants_it() {
    let world = World::new().await;
    let notification = world.notification();
    let production = Environment::Production;
    let receipt = world
        .push_it(&world.apns(), production, &notification)
        .await
        .unwrap();
    let push = world.only();
    let header = |name: &str| push.headers[name].clone();
    assert_eq!(push.device_token, TOKEN);
    assert_eq!(header("apns-topic"), "com.example.shop");
    assert_eq!(header("apns-push-type"), "alert");
    assert_eq!(header("apns-priority"), "10");
    assert_eq!(
        header("apns-expiration"),
        notification.expires_at.as_second().to_string()
    );
    assert_eq!(header("apns-collapse-id"), "one");
    assert_eq!(header("apns-id"), receipt.id);
    assert_eq!(push.payload["aps"]["alert"]["title"], "Shop");
    assert_eq!(push.payload["externalConsumerId"], "alice");
    assert!(!receipt.shortened);
}

#[tokio::test]
async fn a_long_text_is_shortened_and_taken() {
    let world = World::new().await;
    let mut notification = world.notification();
    notification.body = "👨‍👩‍👧‍👦".repeat(1000);
    let production = Environment::Production;
    let receipt = world
        .push_it(&world.apns(), production, &notification)
        .await
        .unwrap();
    assert!(receipt.shortened);
    assert_eq!(world.only().status, 200);
}

#[tokio::test]
async fn a_device_gone_is_told_with_its_time() {
    let world = World::new().await;
    let unregistered = Answer::reason("Unregistered").timestamp(1_700_000_000_000);
    world.sandbox.script(TOKEN, [unregistered]);
    assert_eq!(
        world.push(&world.apns()).await,
        Err(DeviceGone {
            since: Some(Timestamp::from_second(1_700_000_000).unwrap()),
            reason: "Unregistered".into()
        })
    );
}

#[tokio::test]
async fn a_token_is_tried_in_its_own_environment() {
    let world = World::new().await;
    let declared = Device {
        environment: Some(Apple::Development),
        ..Device::default()
    };
    world.sandbox.declare(TOKEN, declared);
    let (route, notification) = (world.apns(), world.notification());
    let own = world
        .push_it(&route, Environment::Sandbox, &notification)
        .await;
    assert!(own.is_ok(), "{own:?}");
    assert_eq!(world.only().environment, Some(Apple::Development));
    let dead = world
        .push_it(&route, Environment::Production, &notification)
        .await;
    assert!(
        matches!(dead, Err(DeviceGone { since: None, .. })),
        "{dead:?}"
    );
}

#[tokio::test]
async fn credentials_of_another_are_refused() {
    let world = World::new().await;
    let Route::Apns {
        team_id,
        topic,
        credential,
        ..
    } = world.apns()
    else {
        unreachable!()
    };
    let key_id = "UNKNOWN000".to_owned();
    let unknown = Route::Apns {
        team_id,
        key_id,
        topic,
        credential,
    };
    let refused = world.push(&unknown).await;
    let reason = "InvalidProviderToken".into();
    assert_eq!(refused, Err(Refused { reason }));
    assert!(
        world.push(&world.apns()).await.is_ok(),
        "another key is another matter"
    );
}

#[tokio::test]
async fn a_secret_that_is_no_key_is_refused_unsent() {
    let world = World::new().await;
    world.secrets.put(P8, "not a key");
    let reason = "credential_malformed".into();
    assert_eq!(world.push(&world.apns()).await, Err(Refused { reason }));
    let Route::Apns {
        team_id,
        key_id,
        topic,
        ..
    } = world.apns()
    else {
        unreachable!()
    };
    let credential = "arn:aws:secretsmanager:eu-west-1:1:secret:none".to_owned();
    let missing = Route::Apns {
        team_id,
        key_id,
        topic,
        credential,
    };
    let reason = "credential_unreadable".into();
    assert_eq!(world.push(&missing).await, Err(Refused { reason }));
    assert!(world.sandbox.pushes().is_empty());
}

#[tokio::test]
async fn secrets_that_cannot_be_read_now_are_read_later() {
    let world = World::new().await;
    world.secrets.down.store(1, Ordering::Relaxed);
    assert_eq!(
        world.push(&world.apns()).await,
        Err(later("credential_unavailable"))
    );
    world.secrets.down.store(0, Ordering::Relaxed);
    assert!(world.push(&world.apns()).await.is_ok());
    assert!(world.push(&world.apns()).await.is_ok());
    assert_eq!(
        world.secrets.reads.load(Ordering::Relaxed),
        2,
        "a secret is kept"
    );
}

#[tokio::test]
async fn a_secret_that_was_refused_is_read_again_for_the_next_push_but_not_for_each() {
    let world = World::new().await;
    let right = world.sandbox.apns_key().pem;
    let reads = || world.secrets.reads.load(Ordering::Relaxed);
    world.secrets.put(P8, "not a key");
    let reason = "credential_malformed".into();
    let refused = Err(Refused { reason });
    assert_eq!(world.push(&world.apns()).await, refused);
    world.secrets.put(P8, &right);
    assert!(world.push(&world.apns()).await.is_ok());
    assert_eq!(reads(), 2);

    let world = World::new().await;
    let reads = || world.secrets.reads.load(Ordering::Relaxed);
    world.secrets.put(P8, "not a key");
    for _ in 0..4 {
        assert_eq!(world.push(&world.apns()).await, refused);
    }
    assert_eq!(reads(), 2);
}

#[tokio::test]
async fn what_apple_will_never_take_is_rejected() {
    let world = World::new().await;
    let mut notification = world.notification();
    notification.collapse_id = "x".repeat(65);
    let production = Environment::Production;
    let rejected = world
        .push_it(&world.apns(), production, &notification)
        .await;
    let reason = "BadCollapseId".into();
    assert_eq!(rejected, Err(Rejected { reason }));
}

#[tokio::test]
async fn after_the_lookback_nothing_is_sent() {
    let world = World::new().await;
    let mut notification = world.notification();
    notification.expires_at = world.now();
    for route in [world.apns(), world.fcm()] {
        let expired = world
            .push_it(&route, Environment::Production, &notification)
            .await;
        let reason = "expired".into();
        assert_eq!(expired, Err(Rejected { reason }));
    }
    assert!(world.sandbox.pushes().is_empty());
}

#[tokio::test]
async fn apple_may_put_off() {
    let world = World::new().await;
    let busy = Answer::reason("TooManyRequests").once().retry_after("7");
    let novelty = Answer::reason("Novelty").status(418).once();
    world.sandbox.script(TOKEN, [busy, novelty]);
    assert_eq!(
        world.push(&world.apns()).await,
        Err(Later {
            after: Some(Duration::from_secs(7)),
            reason: "TooManyRequests".into()
        })
    );
    assert_eq!(world.push(&world.apns()).await, Err(later("Novelty")));
    assert!(world.push(&world.apns()).await.is_ok());
}

#[tokio::test]
async fn a_gateway_that_does_not_answer_is_tried_later() {
    let world = World::new().await;
    let reset = Answer::reason(Answer::RESET).once();
    let silent = Answer::accept().after(Duration::from_secs(30)).once();
    world.sandbox.script(TOKEN, [reset, silent]);
    assert_eq!(
        world.push(&world.apns()).await,
        Err(later("connection_lost"))
    );
    let began = Instant::now();
    assert_eq!(world.push(&world.apns()).await, Err(later("timeout")));
    assert!(
        began.elapsed() < Duration::from_secs(7),
        "five seconds are the limit"
    );
    world.sandbox.set_apns_reachable(false);
    assert!(matches!(world.push(&world.apns()).await, Err(Later { .. })));
    world.sandbox.set_apns_reachable(true);
    assert!(
        world.push(&world.apns()).await.is_ok(),
        "the connection is made anew"
    );
}

#[tokio::test]
async fn many_pushes_share_one_connection() {
    let world = World::new().await;
    let route = world.apns();
    let receipts = join_all((0..20).map(|_| world.push(&route))).await;
    assert!(receipts.iter().all(Result::is_ok), "{receipts:?}");
    assert!(world.push(&route).await.is_ok());
    let pushes = world.sandbox.pushes();
    assert!(
        pushes.iter().all(|push| push.connection == 1),
        "one connection"
    );
    let visible = world.sandbox.visible();
    assert_eq!(
        (visible[0].visible, visible[0].accepted),
        (1, 21),
        "they replace one another"
    );
}

#[tokio::test]
async fn a_connection_that_goes_away_is_replaced() {
    let world = World::new().await;
    assert!(world.push(&world.apns()).await.is_ok());
    world
        .sandbox
        .script(TOKEN, [Answer::reason(Answer::GO_AWAY).once()]);
    let _ = world.push(&world.apns()).await;
    assert!(world.push(&world.apns()).await.is_ok());
    assert_eq!(world.sandbox.pushes().last().unwrap().connection, 2);
}

#[tokio::test]
async fn a_provider_token_is_kept_and_renewed_in_time() {
    let world = World::new().await;
    for _ in 0..8 {
        // Too old a token is a 403 at the sandbox, too young a change is a 429.
        let pushed = world.push(&world.apns()).await;
        assert!(pushed.is_ok(), "{pushed:?}");
        world.advance(Duration::from_mins(15));
    }
}

#[tokio::test]
async fn an_expired_provider_token_is_renewed_once() {
    let world = World::new().await;
    assert!(world.push(&world.apns()).await.is_ok());
    world.advance(Duration::from_mins(30));
    let expired = Answer::reason("ExpiredProviderToken");
    world.sandbox.script(TOKEN, [expired.clone().once()]);
    assert!(world.push(&world.apns()).await.is_ok());
    assert_eq!(world.sandbox.pushes().len(), 3);
    world.sandbox.script(TOKEN, [expired]);
    let reason = "ExpiredProviderToken".into();
    let refused = Err(Refused { reason });
    assert_eq!(world.push(&world.apns()).await, refused);
    assert_eq!(world.sandbox.pushes().len(), 4, "a token so young stays");
    world.advance(Duration::from_mins(30));
    assert_eq!(world.push(&world.apns()).await, refused);
    assert_eq!(world.sandbox.pushes().len(), 6, "one more try, not more");
}

#[tokio::test]
async fn two_teams_have_a_connection_and_a_token_each() {
    let world = World::new().await;
    let other = Brand::new("other").unwrap();
    let key = other.apns_key();
    world.sandbox.put_brand(other);
    let credential = "arn:aws:secretsmanager:eu-west-1:1:secret:other".to_owned();
    world.secrets.put(&credential, &key.pem);
    let others = Route::Apns {
        team_id: key.team_id,
        key_id: key.key_id,
        topic: "com.other.app".to_owned(),
        credential,
    };
    assert!(world.push(&world.apns()).await.is_ok());
    assert!(world.push(&others).await.is_ok());
    let connections: Vec<_> = world
        .sandbox
        .pushes()
        .iter()
        .map(|p| p.connection)
        .collect();
    assert_eq!(connections, [1, 2]);
}
