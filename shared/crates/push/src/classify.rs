//! Each documented answer of a gateway as what is to be done about it.
//!
//! | outcome | APNs | FCM |
//! |---|---|---|
//! | device gone | `Unregistered`, `BadDeviceToken` | `UNREGISTERED` |
//! | credentials refused | every other 403, the topic's 400s | `THIRD_PARTY_AUTH_ERROR`, 401, 403 and 404 without a code |
//! | rejected for ever | the request's own 400s, 404, 405, 413, `ExpiredToken` | `INVALID_ARGUMENT`, `SENDER_ID_MISMATCH` |
//! | later | 429, 5xx, `IdleTimeout`, anything unknown | `QUOTA_EXCEEDED`, `UNAVAILABLE`, `INTERNAL`, 5xx, anything unknown |
//!
//! SNS has its own table in `sns::trouble`. A push proxy answers in LivePerson's few words: 2xx
//! for taken, 401 for refused credentials, 403 for a token that cannot take a push, and beyond
//! these 410 for one that never will again; 408, 425, 429 and 5xx are for later. A redirect, 404,
//! 405 and 415 say that no push proxy is where the app's route leads: as with a credential, the
//! brand has to mend that, and no message is at fault. Every other answer rejects the
//! notification.
//!
//! What a single device can cause never counts against the app's credentials: a device token of
//! another app or sender (`DeviceTokenNotForTopic`, `SENDER_ID_MISMATCH`) is the device's fault,
//! and stops nobody else. Sources:
//! <https://developer.apple.com/documentation/usernotifications/handling-notification-responses-from-apns>,
//! <https://firebase.google.com/docs/reference/fcm/rest/v1/ErrorCode>.

use domain::push::Undelivered;
use http::header::{HeaderMap, RETRY_AFTER};
use jiff::{Timestamp, fmt::rfc2822};
use serde::Deserialize;
use std::{borrow::Cow, time::Duration};

/// The longest wait that a gateway is believed.
const LONGEST: Duration = Duration::from_hours(24);
/// What Google asks for on a 429 without `Retry-After`:
/// <https://firebase.google.com/docs/cloud-messaging/scale-fcm#errors>.
const QUOTA_WAIT: Duration = Duration::from_mins(1);

/// The body of an APNs error.
#[derive(Default, Deserialize)]
struct ApnsError {
    #[serde(default)]
    reason: String,
    /// Milliseconds since 1970, with a 410.
    timestamp: Option<i64>,
}

/// What an APNs answer other than 200 means, for a token that was sent to its own environment.
pub(crate) fn apns(status: u16, body: &[u8], after: Option<Duration>) -> Undelivered {
    let error: ApnsError = serde_json::from_slice(body).unwrap_or_default();
    let reason = word(&error.reason);
    match &*reason {
        "Unregistered" | "BadDeviceToken" => Undelivered::DeviceGone {
            since: error
                .timestamp
                .filter(|_| status == 410)
                .and_then(|millis| Timestamp::from_millisecond(millis).ok()),
            reason,
        },
        "BadCertificate"
        | "BadCertificateEnvironment"
        | "BadEnvironmentKeyIdInToken"
        | "BadTopic"
        | "ExpiredProviderToken"
        | "Forbidden"
        | "InvalidProviderToken"
        | "MissingProviderToken"
        | "MissingTopic"
        | "TopicDisallowed"
        | "UnrelatedKeyIdInToken" => Undelivered::Refused { reason },
        "BadCollapseId"
        | "BadExpirationDate"
        | "BadMessageId"
        | "BadPath"
        | "BadPriority"
        | "DeviceTokenNotForTopic"
        | "DuplicateHeaders"
        | "ExpiredToken"
        | "InvalidPushType"
        | "MethodNotAllowed"
        | "MissingDeviceToken"
        | "PayloadEmpty"
        | "PayloadTooLarge" => Undelivered::Rejected { reason },
        "IdleTimeout"
        | "InternalServerError"
        | "ServiceUnavailable"
        | "Shutdown"
        | "TooManyProviderTokenUpdates"
        | "TooManyRequests" => Undelivered::Later { after, reason },
        _ => unknown("apns", status, reason, after),
    }
}

/// The body of a Google error.
#[derive(Default, Deserialize)]
struct GoogleError {
    #[serde(default)]
    error: GoogleStatus,
}

#[derive(Default, Deserialize)]
struct GoogleStatus {
    #[serde(default)]
    status: String,
    #[serde(default)]
    details: Vec<Detail>,
}

#[derive(Deserialize)]
struct Detail {
    #[serde(rename = "@type", default)]
    kind: String,
    #[serde(rename = "errorCode", default)]
    code: String,
}

/// What an FCM answer other than 200 means.
pub(crate) fn fcm(status: u16, body: &[u8], after: Option<Duration>) -> Undelivered {
    let error = serde_json::from_slice::<GoogleError>(body)
        .unwrap_or_default()
        .error;
    let code = error
        .details
        .iter()
        .find(|detail| detail.kind == "type.googleapis.com/google.firebase.fcm.v1.FcmError")
        .map(|detail| detail.code.as_str());
    let reason = word(code.unwrap_or(&error.status));
    match (code, &*reason) {
        (Some("UNREGISTERED"), _) => Undelivered::DeviceGone {
            since: None,
            reason,
        },
        (Some("SENDER_ID_MISMATCH"), _) | (_, "INVALID_ARGUMENT") => {
            Undelivered::Rejected { reason }
        }
        (Some("THIRD_PARTY_AUTH_ERROR"), _)
        | (None, "UNAUTHENTICATED" | "PERMISSION_DENIED" | "NOT_FOUND") => {
            Undelivered::Refused { reason }
        }
        (_, "QUOTA_EXCEEDED" | "RESOURCE_EXHAUSTED") => Undelivered::Later {
            after: after.or(Some(QUOTA_WAIT)),
            reason,
        },
        (_, "UNAVAILABLE" | "INTERNAL" | "UNSPECIFIED_ERROR") => {
            Undelivered::Later { after, reason }
        }
        _ => unknown("fcm", status, reason, after),
    }
}

/// The body of an error of RFC 6749, section 5.2.
#[derive(Default, Deserialize)]
struct OauthError {
    #[serde(default)]
    error: String,
}

/// What an answer other than 200 of Google's token endpoint means: it judges nothing but the
/// service account.
pub(crate) fn oauth(status: u16, body: &[u8], after: Option<Duration>) -> Undelivered {
    let error: OauthError = serde_json::from_slice(body).unwrap_or_default();
    let reason = word(&error.error);
    match (status, &*reason) {
        (429, _) => Undelivered::Later {
            after: after.or(Some(QUOTA_WAIT)),
            reason,
        },
        (400 | 401 | 403, known) if known != UNKNOWN => Undelivered::Refused { reason },
        (500.., _) => Undelivered::Later { after, reason },
        _ => unknown("google", status, reason, after),
    }
}

/// What an answer of a brand's own endpoint means; only 410 says that a device is gone for good.
/// An answer that tells of a wrong URL must not cost the brand its audience.
pub(crate) fn proxy(status: u16, after: Option<Duration>) -> Result<(), Undelivered> {
    let reason = Cow::Owned(format!("http_{status}"));
    match status {
        200..=299 => Ok(()),
        300..=399 | 401 | 404 | 405 | 415 => Err(Undelivered::Refused { reason }),
        410 => Err(Undelivered::DeviceGone {
            since: None,
            reason,
        }),
        408 | 425 | 429 | 500.. => Err(Undelivered::Later { after, reason }),
        _ => Err(Undelivered::Rejected { reason }),
    }
}

/// What an error of SNS means that is about neither the application nor the endpoint.
pub(crate) fn sns(status: u16, code: &str) -> Undelivered {
    let reason = word(code);
    match (code, status) {
        (
            "AccessDenied"
            | "AuthorizationError"
            | "InvalidSecurity"
            | "PlatformApplicationDisabled",
            _,
        ) => Undelivered::Refused { reason },
        (
            "InvalidParameter" | "InvalidParameterValue" | "ParameterValueInvalid" | "Validation",
            _,
        ) => Undelivered::Rejected { reason },
        ("InternalError" | "InternalFailure" | "ServiceUnavailable", _) | (_, 429 | 500..) => {
            Undelivered::Later {
                after: None,
                reason,
            }
        }
        (code, _) if code.contains("Throttl") || code == "TooManyRequests" => Undelivered::Later {
            after: None,
            reason,
        },
        _ => unknown("sns", status, reason, None),
    }
}

/// What the gateway's documentation does not hold may pass.
fn unknown(
    gateway: &str,
    status: u16,
    reason: Cow<'static, str>,
    after: Option<Duration>,
) -> Undelivered {
    tracing::warn!(gateway, status, %reason, "an unknown answer of a push gateway");
    Undelivered::Later { after, reason }
}

const UNKNOWN: &str = "unknown";

/// A gateway's word, when it is one: nothing else of an answer is passed on.
fn word(text: &str) -> Cow<'static, str> {
    let is_word = (1..=64).contains(&text.len())
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
    if is_word {
        Cow::Owned(text.to_owned())
    } else {
        Cow::Borrowed(UNKNOWN)
    }
}

/// How long `Retry-After` says to wait: seconds, or until a date (RFC 9110, section 10.2.3).
pub(crate) fn retry_after(headers: &HeaderMap, now: Timestamp) -> Option<Duration> {
    let value = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    let wait = if let Ok(seconds) = value.parse() {
        Duration::from_secs(seconds)
    } else {
        let until = rfc2822::DateTimeParser::new().parse_timestamp(value).ok()?;
        Duration::try_from(until.duration_since(now)).unwrap_or_default()
    };
    Some(wait.min(LONGEST))
}

#[cfg(test)]
mod tests;
