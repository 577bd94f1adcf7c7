//! APNs: what a script makes it answer, and what a device shows.

use crate::{
    apns::{Request, TOKEN},
    support::{body, client, sandbox},
};
use reqwest::{Client, StatusCode};
use sandbox::{Answer, scripts};
use serde_json::json;
use std::time::Duration;

#[tokio::test]
async fn every_documented_reason_has_its_status() {
    let sandbox = sandbox().await;
    let client = client(&sandbox);
    let documented = [
        (400, "BadDeviceToken"),
        (400, "IdleTimeout"),
        (403, "BadCertificate"),
        (403, "BadCertificateEnvironment"),
        (403, "BadEnvironmentKeyIdInToken"),
        (403, "Forbidden"),
        (403, "UnrelatedKeyIdInToken"),
        (410, "ExpiredToken"),
        (410, "Unregistered"),
        (429, "TooManyRequests"),
        (500, "InternalServerError"),
        (503, "ServiceUnavailable"),
        (503, "Shutdown"),
    ];
    for (status, reason) in documented {
        let answer = Answer::reason(reason)
            .once()
            .timestamp(1_700_000_000_000)
            .retry_after("7");
        sandbox.script(TOKEN, [answer]);
        let response = Request::new(&sandbox)
            .send(&client, &sandbox)
            .await
            .unwrap();
        assert_eq!(response.status().as_u16(), status, "{reason}");
        assert!(response.headers().contains_key("apns-id"));
        assert_eq!(response.headers()["retry-after"], "7");
        let mut expected = json!({ "reason": reason });
        if status == 410 {
            expected["timestamp"] = 1_700_000_000_000_i64.into();
        }
        assert_eq!(body(response).await, expected);
    }
    let unknown = Answer::reason("Novelty").status(418).once();
    sandbox.script(TOKEN, [unknown]);
    assert_eq!(
        Request::new(&sandbox).outcome(&sandbox).await,
        (418, "Novelty".to_owned())
    );
    assert_eq!(
        Request::new(&sandbox).outcome(&sandbox).await.0,
        200,
        "a script ends"
    );
}

#[tokio::test]
async fn a_script_answers_in_order_and_for_a_whole_gateway() {
    let sandbox = sandbox().await;
    let right = Request::new(&sandbox);
    let down = Answer::reason("ServiceUnavailable");
    sandbox.script(TOKEN, [down.clone().times(2), Answer::accept().once()]);
    sandbox.script(scripts::APNS, [down]);
    let mut statuses = Vec::new();
    for _ in 0..5 {
        statuses.push(right.outcome(&sandbox).await.0);
    }
    assert_eq!(statuses, [503, 503, 200, 503, 503]);
    sandbox.forget(scripts::APNS);
    assert_eq!(right.outcome(&sandbox).await.0, 200);
}

#[tokio::test]
async fn streams_and_connections_break_on_demand() {
    let sandbox = sandbox().await;
    let client = client(&sandbox);
    let right = Request::new(&sandbox);

    sandbox.script(TOKEN, [Answer::reason(Answer::RESET).once()]);
    assert!(right.send(&client, &sandbox).await.is_err());
    assert!(
        sandbox.visible().is_empty(),
        "a reset stream was not processed"
    );

    sandbox.script(TOKEN, [Answer::reason(Answer::LOSE).once()]);
    assert!(right.send(&client, &sandbox).await.is_err());
    assert_eq!(
        sandbox.visible()[0].visible,
        1,
        "a lost answer was processed"
    );

    // The client may try again what a GOAWAY did not process, on another connection.
    sandbox.clear_pushes();
    sandbox.script(TOKEN, [Answer::reason(Answer::GO_AWAY).once()]);
    let _ = right.send(&client, &sandbox).await;
    assert_eq!(
        right.send(&client, &sandbox).await.unwrap().status(),
        StatusCode::OK
    );
    let pushes = sandbox.pushes();
    let first = pushes.first().unwrap().connection;
    assert!(
        pushes.last().unwrap().connection > first,
        "the connection went away"
    );

    sandbox.set_apns_reachable(false);
    assert!(right.send(&client, &sandbox).await.is_err());
    sandbox.set_apns_reachable(true);
    assert_eq!(
        right.send(&client, &sandbox).await.unwrap().status(),
        StatusCode::OK
    );
}

#[tokio::test]
async fn an_answer_can_take_its_time() {
    let sandbox = sandbox().await;
    sandbox.script(
        TOKEN,
        [Answer::accept().after(Duration::from_mins(1)).once()],
    );
    let slow = Request::new(&sandbox);
    let client = client(&sandbox);
    let sent = slow.send(&client, &sandbox);
    assert!(
        tokio::time::timeout(Duration::from_millis(200), sent)
            .await
            .is_err()
    );
}

#[tokio::test]
async fn notifications_replace_one_another_by_collapse_id() {
    let sandbox = sandbox().await;
    for request in [
        Request::new(&sandbox),
        Request::new(&sandbox),
        Request::new(&sandbox).with("apns-collapse-id", "two"),
        Request::new(&sandbox).without("apns-collapse-id"),
        Request::new(&sandbox).without("apns-collapse-id"),
        Request::new(&sandbox)
            .with("apns-expiration", "1")
            .with("apns-collapse-id", "old"),
    ] {
        assert_eq!(request.outcome(&sandbox).await.0, 200);
    }
    let visible = sandbox.visible();
    assert_eq!((visible[0].visible, visible[0].accepted), (4, 6));
}

#[tokio::test]
async fn http_1_is_not_spoken() {
    let sandbox = sandbox().await;
    let ca = reqwest::Certificate::from_pem(sandbox.ca_pem().as_bytes()).unwrap();
    let old = Client::builder()
        .tls_certs_only([ca])
        .http1_only()
        .no_proxy()
        .build()
        .unwrap();
    assert!(Request::new(&sandbox).send(&old, &sandbox).await.is_err());
}

#[tokio::test]
async fn a_stranger_does_not_trust_it() {
    let sandbox = sandbox().await;
    let stranger = Client::builder().no_proxy().build().unwrap();
    assert!(
        Request::new(&sandbox)
            .send(&stranger, &sandbox)
            .await
            .is_err()
    );
}
