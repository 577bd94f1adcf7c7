//! Every documented answer, one by one.

use super::*;
use Undelivered::{DeviceGone, Later, Refused, Rejected};

fn reason(word: &str) -> Vec<u8> {
    format!(r#"{{"reason":"{word}","timestamp":1700000000000}}"#).into_bytes()
}

fn google(status: &str, code: Option<&str>) -> Vec<u8> {
    let details = code.map_or(String::new(), |code| {
        format!(
            r#","details":[{{"@type":"type.googleapis.com/google.rpc.BadRequest","fieldViolations":[]}},{{"@type":"type.googleapis.com/google.firebase.fcm.v1.FcmError","errorCode":"{code}"}}]"#
        )
    });
    format!(r#"{{"error":{{"code":1,"message":"m","status":"{status}"{details}}}}}"#).into_bytes()
}

#[test]
fn a_device_of_apns_is_gone_since_then() {
    let since = Timestamp::from_second(1_700_000_000).unwrap();
    let gone = |since, reason: &str| DeviceGone {
        since,
        reason: reason.to_owned().into(),
    };
    assert_eq!(
        apns(410, &reason("Unregistered"), None),
        gone(Some(since), "Unregistered")
    );
    assert_eq!(
        apns(400, br#"{"reason":"BadDeviceToken"}"#, None),
        gone(None, "BadDeviceToken")
    );
}

#[test]
fn apns_refuses_credentials() {
    for word in [
        "BadCertificate",
        "BadCertificateEnvironment",
        "BadEnvironmentKeyIdInToken",
        "BadTopic",
        "ExpiredProviderToken",
        "Forbidden",
        "InvalidProviderToken",
        "MissingProviderToken",
        "MissingTopic",
        "TopicDisallowed",
        "UnrelatedKeyIdInToken",
    ] {
        assert!(
            matches!(apns(403, &reason(word), None), Refused { .. }),
            "{word}"
        );
    }
}

#[test]
fn apns_rejects_a_notification_for_ever() {
    for word in [
        "BadCollapseId",
        "BadExpirationDate",
        "BadMessageId",
        "BadPath",
        "BadPriority",
        "DeviceTokenNotForTopic",
        "DuplicateHeaders",
        "ExpiredToken",
        "InvalidPushType",
        "MethodNotAllowed",
        "MissingDeviceToken",
        "PayloadEmpty",
        "PayloadTooLarge",
    ] {
        assert!(
            matches!(apns(400, &reason(word), None), Rejected { .. }),
            "{word}"
        );
    }
}

#[test]
fn apns_puts_off() {
    let wait = Some(Duration::from_secs(3));
    for word in [
        "IdleTimeout",
        "InternalServerError",
        "ServiceUnavailable",
        "Shutdown",
        "TooManyProviderTokenUpdates",
        "TooManyRequests",
        "NeverHeardOf",
    ] {
        assert_eq!(
            apns(503, &reason(word), wait),
            Later {
                after: wait,
                reason: word.to_owned().into()
            }
        );
    }
    for body in [
        &b"<html>"[..],
        b"",
        br#"{"reason":"a b"}"#,
        br#"{"reason":7}"#,
    ] {
        assert_eq!(
            apns(502, body, None),
            Later {
                after: None,
                reason: "unknown".into()
            }
        );
    }
}

#[test]
fn only_fcms_own_code_makes_a_device_gone() {
    let unregistered = google("NOT_FOUND", Some("UNREGISTERED"));
    assert!(matches!(
        fcm(404, &unregistered, None),
        DeviceGone { since: None, .. }
    ));
    assert!(matches!(
        fcm(404, &google("NOT_FOUND", None), None),
        Refused { .. }
    ));
    for code in [Some("INVALID_ARGUMENT"), None] {
        let invalid = google("INVALID_ARGUMENT", code);
        assert!(matches!(fcm(400, &invalid, None), Rejected { .. }));
    }
}

#[test]
fn every_other_code_of_fcm_has_its_class() {
    let wait = Some(Duration::from_secs(3));
    let classify = |http, status, code| fcm(http, &google(status, code), wait);
    assert!(matches!(
        classify(403, "PERMISSION_DENIED", Some("SENDER_ID_MISMATCH")),
        Rejected { .. }
    ));
    for (http, status, code) in [
        (401, "UNAUTHENTICATED", Some("THIRD_PARTY_AUTH_ERROR")),
        (401, "UNAUTHENTICATED", None),
        (403, "PERMISSION_DENIED", None),
    ] {
        assert!(
            matches!(classify(http, status, code), Refused { .. }),
            "{status} {code:?}"
        );
    }
    for (http, status, code) in [
        (429, "RESOURCE_EXHAUSTED", Some("QUOTA_EXCEEDED")),
        (429, "RESOURCE_EXHAUSTED", None),
        (503, "UNAVAILABLE", Some("UNAVAILABLE")),
        (500, "INTERNAL", Some("INTERNAL")),
        (400, "FAILED_PRECONDITION", Some("UNSPECIFIED_ERROR")),
        (418, "NOVELTY", None),
    ] {
        assert!(
            matches!(classify(http, status, code), Later { after, .. } if after == wait),
            "{status} {code:?}"
        );
    }
    assert!(matches!(
        fcm(
            429,
            &google("RESOURCE_EXHAUSTED", Some("QUOTA_EXCEEDED")),
            None
        ),
        Later {
            after: Some(QUOTA_WAIT),
            ..
        }
    ));
    assert!(matches!(
        fcm(502, b"<html>", None),
        Later { after: None, .. }
    ));
}

#[test]
fn a_token_endpoint_judges_the_service_account() {
    for (status, word) in [
        (400, "invalid_grant"),
        (400, "invalid_scope"),
        (401, "invalid_client"),
        (403, "access_denied"),
    ] {
        let body = format!(r#"{{"error":"{word}"}}"#);
        assert!(
            matches!(oauth(status, body.as_bytes(), None), Refused { .. }),
            "{word}"
        );
    }
    for (status, body) in [
        (429, "{}"),
        (500, r#"{"error":"internal_failure"}"#),
        (400, "<html>"),
    ] {
        assert!(
            matches!(oauth(status, body.as_bytes(), None), Later { .. }),
            "{status}"
        );
    }
}

#[test]
fn retry_after_is_seconds_or_a_date() {
    let now: Timestamp = "2026-01-01T00:00:00Z".parse().unwrap();
    let wait = |value: &str| {
        let headers = HeaderMap::from_iter([(RETRY_AFTER, value.parse().unwrap())]);
        retry_after(&headers, now)
    };
    assert_eq!(wait("30"), Some(Duration::from_secs(30)));
    assert_eq!(
        wait("Thu, 01 Jan 2026 00:01:00 GMT"),
        Some(Duration::from_mins(1))
    );
    assert_eq!(wait("Wed, 31 Dec 2025 00:00:00 GMT"), Some(Duration::ZERO));
    assert_eq!(wait("99999999999"), Some(LONGEST));
    assert_eq!(wait("soon"), None);
    assert_eq!(retry_after(&HeaderMap::new(), now), None);
}

#[test]
fn a_proxys_answer_means_what_liveperson_documents() {
    let wait = Some(Duration::from_secs(3));
    assert_eq!(proxy(200, None), Ok(()));
    assert_eq!(proxy(204, None), Ok(()));
    for status in [300, 301, 302, 303, 307, 308, 401, 404, 405, 415] {
        assert!(
            matches!(proxy(status, wait), Err(Refused { .. })),
            "{status}"
        );
    }
    assert!(matches!(
        proxy(410, None),
        Err(DeviceGone { since: None, .. })
    ));
    for status in [400, 403, 409, 413, 422] {
        assert!(
            matches!(proxy(status, wait), Err(Rejected { .. })),
            "{status}"
        );
    }
    for status in [408, 425, 429, 500, 503, 599] {
        assert!(
            matches!(proxy(status, wait), Err(Later { after, .. }) if after == wait),
            "{status}"
        );
    }
}

#[test]
fn every_error_of_sns_has_its_class() {
    for code in [
        "AccessDenied",
        "AuthorizationError",
        "InvalidSecurity",
        "PlatformApplicationDisabled",
    ] {
        assert!(matches!(sns(403, code), Refused { .. }), "{code}");
    }
    for code in [
        "InvalidParameter",
        "InvalidParameterValue",
        "ParameterValueInvalid",
        "Validation",
    ] {
        assert!(matches!(sns(400, code), Rejected { .. }), "{code}");
    }
    for (status, code) in [
        (500, "InternalError"),
        (500, "InternalFailure"),
        (503, "ServiceUnavailable"),
        (400, "Throttling"),
        (400, "ThrottlingException"),
        (400, "Throttled"),
        (429, "TooManyRequests"),
        (429, ""),
        (502, ""),
        (403, "ExpiredToken"),
        (400, "Novelty"),
    ] {
        assert!(
            matches!(sns(status, code), Later { after: None, .. }),
            "{status} {code}"
        );
    }
}
