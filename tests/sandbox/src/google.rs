//! Errors as Google's APIs print them.
//!
//! Sources: <https://firebase.google.com/docs/reference/fcm/rest/v1/ErrorCode> and
//! <https://cloud.google.com/apis/design/errors>.

use crate::serve::{Reply, json, set};
use hyper::StatusCode;
use serde_json::{Value, json};

/// Every documented code: FCM's own, and those of Google's that come without one.
pub(crate) const CODES: [&str; 12] = [
    "UNREGISTERED",
    "INVALID_ARGUMENT",
    "SENDER_ID_MISMATCH",
    "THIRD_PARTY_AUTH_ERROR",
    "UNAUTHENTICATED",
    "PERMISSION_DENIED",
    "NOT_FOUND",
    "QUOTA_EXCEEDED",
    "RESOURCE_EXHAUSTED",
    "UNAVAILABLE",
    "INTERNAL",
    "UNSPECIFIED_ERROR",
];

/// An error of `messages:send`.
#[derive(Clone, Debug)]
pub(crate) struct Refusal {
    pub(crate) http: u16,
    /// The canonical code (`google.rpc.Code`).
    status: &'static str,
    /// FCM's own code, or what the record calls it.
    pub(crate) code: String,
    message: String,
    /// Whether the error carries FCM's own code.
    fcm: bool,
    /// Which field is wrong (`google.rpc.BadRequest`).
    field: Option<String>,
    pub(crate) retry_after: Option<String>,
}

impl Refusal {
    /// The error that goes with a code of the reference.
    pub(crate) fn new(code: &str) -> Self {
        let (http, status, message, fcm) = match code {
            "UNREGISTERED" => (404, "NOT_FOUND", "Requested entity was not found.", true),
            "SENDER_ID_MISMATCH" => (403, "PERMISSION_DENIED", "SenderId mismatch", true),
            "QUOTA_EXCEEDED" => (
                429,
                "RESOURCE_EXHAUSTED",
                "Quota exceeded for quota metric 'Send requests'.",
                true,
            ),
            "RESOURCE_EXHAUSTED" => (
                429,
                "RESOURCE_EXHAUSTED",
                "Resource has been exhausted (e.g. check quota).",
                false,
            ),
            "UNAVAILABLE" => (
                503,
                "UNAVAILABLE",
                "The service is currently unavailable.",
                true,
            ),
            "INTERNAL" => (500, "INTERNAL", "Internal error encountered.", true),
            "THIRD_PARTY_AUTH_ERROR" => (
                401,
                "UNAUTHENTICATED",
                "Auth error from APNS or Web Push Service",
                true,
            ),
            "INVALID_ARGUMENT" => (
                400,
                "INVALID_ARGUMENT",
                "Request contains an invalid argument.",
                true,
            ),
            "UNAUTHENTICATED" => (
                401,
                "UNAUTHENTICATED",
                "Request had invalid authentication credentials. Expected OAuth 2 access token, \
                 login cookie or other valid authentication credential.",
                false,
            ),
            "PERMISSION_DENIED" => (
                403,
                "PERMISSION_DENIED",
                "Permission 'cloudmessaging.messages.create' denied on resource.",
                false,
            ),
            "NOT_FOUND" => (404, "NOT_FOUND", "Requested entity was not found.", false),
            _ => (500, "UNKNOWN", "Unknown error.", true),
        };
        Self {
            http,
            status,
            code: code.to_owned(),
            message: message.to_owned(),
            fcm,
            field: None,
            retry_after: None,
        }
    }

    /// The request is wrong in this field: `google.rpc.BadRequest`.
    pub(crate) fn field(field: impl Into<String>, message: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            fcm: false,
            field: Some(field.into()),
            ..Self::new("INVALID_ARGUMENT")
        }
    }

    /// FCM itself says what is wrong with the message.
    pub(crate) fn invalid(message: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            ..Self::new("INVALID_ARGUMENT")
        }
    }

    pub(crate) fn reply(&self) -> Reply {
        let mut details = Vec::<Value>::new();
        if self.fcm {
            details.push(json!({
                "@type": "type.googleapis.com/google.firebase.fcm.v1.FcmError",
                "errorCode": self.code,
            }));
        }
        if let Some(field) = &self.field {
            details.push(json!({
                "@type": "type.googleapis.com/google.rpc.BadRequest",
                "fieldViolations": [{ "field": field, "description": self.message }],
            }));
        }
        let mut error = json!({
            "code": self.http,
            "message": self.message,
            "status": self.status,
        });
        if !details.is_empty() {
            error["details"] = details.into();
        }
        let status = StatusCode::from_u16(self.http).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let mut reply = json(status, &json!({ "error": error }));
        if let Some(value) = &self.retry_after {
            set(&mut reply, "retry-after", value);
        }
        reply
    }
}
