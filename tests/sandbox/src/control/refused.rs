//! What the control API refuses: what is wrong, where, and what would be right.

use super::CALLS;
use crate::identity::CannotSign;
use axum::{
    Json,
    http::{Method, StatusCode},
    response::{IntoResponse, Response},
};
use serde_json::json;

/// A refusal.
#[derive(Debug)]
pub(super) struct Refused {
    status: StatusCode,
    error: String,
}

impl Refused {
    /// The body or the query is not what the call wants.
    pub(super) fn wrong(error: impl Into<String>) -> Self {
        Self {
            status: StatusCode::UNPROCESSABLE_ENTITY,
            error: error.into(),
        }
    }

    /// The body is no JSON at all.
    pub(super) fn unreadable(error: impl Into<String>) -> Self {
        Self {
            status: StatusCode::BAD_REQUEST,
            error: error.into(),
        }
    }

    pub(super) fn no_gateway(name: &str) -> Self {
        Self {
            status: StatusCode::NOT_FOUND,
            error: format!(
                "no gateway is called \"{name}\": they are apns, fcm, proxy and identity"
            ),
        }
    }

    /// Nothing is behind this path, or not with this method.
    pub(super) fn no_such_call(method: &Method, path: &str) -> Self {
        let methods: Vec<_> = CALLS
            .iter()
            .filter(|call| fits(call.path, path))
            .map(|call| call.method)
            .collect();
        if methods.is_empty() {
            return Self {
                status: StatusCode::NOT_FOUND,
                error: format!("there is no {path}: GET /control/ lists the calls"),
            };
        }
        Self {
            status: StatusCode::METHOD_NOT_ALLOWED,
            error: format!(
                "{path} does not take {method}, but {}",
                methods.join(" and ")
            ),
        }
    }
}

/// Whether a call's path is this one.
fn fits(template: &str, path: &str) -> bool {
    let (mut wanted, mut given) = (template.split('/'), path.split('/'));
    loop {
        match (wanted.next(), given.next()) {
            (None, None) => return true,
            (Some(w), Some(g)) if w == g || (w.starts_with('{') && !g.is_empty()) => {}
            _ => return false,
        }
    }
}

impl From<CannotSign> for Refused {
    fn from(e: CannotSign) -> Self {
        Self::wrong(match e {
            CannotSign::NoBrand => "query, brand: there is no such brand".to_owned(),
            CannotSign::NoKey => "query, alg: there are keys for ES256 and RS256 only".to_owned(),
            CannotSign::Key(_) | CannotSign::Claims(_) => e.to_string(),
        })
    }
}

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        (self.status, Json(json!({ "error": self.error }))).into_response()
    }
}
