//! Errors as clients see them: RFC 9457.
//!
//! `type` is a stable identifier, `code` the same for programs, `detail` for people.
//! Nothing internal is ever in a body: what is our fault is logged here, once, with its
//! causes, and answered with a trace to find it by.

mod from_domain;
mod kind;
mod openapi;

pub use kind::Kind;
pub use openapi::{Refusals, TokenRefusals};

use crate::{context::Context, telemetry::Chain};
use axum::{
    http::{HeaderValue, header},
    response::{IntoResponse, Response},
};
use serde::Serialize;
use std::{error::Error, fmt};
use uuid::Uuid;

/// The type of a problem's body.
pub const CONTENT_TYPE: &str = "application/problem+json";

/// What is wrong with a call.
#[derive(Debug)]
pub struct Problem {
    kind: Kind,
    detail: Option<String>,
    errors: Vec<FieldError>,
    retry_after: Option<u64>,
    trace: Uuid,
    safe_to_resend: bool,
}

/// What is wrong with a part of the body.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct FieldError {
    /// Where it stands: a JSON pointer (RFC 6901).
    #[schema(example = "/campaignName")]
    pub(crate) pointer: String,
    /// What is wrong with it.
    #[schema(example = "a name must not be blank")]
    pub(crate) detail: String,
}

/// An error (RFC 9457), `application/problem+json`.
#[derive(Serialize, utoipa::ToSchema)]
#[schema(as = Problem)]
#[serde(rename_all = "camelCase")]
pub struct Body {
    /// The problem's stable identifier: a page of the documentation.
    #[serde(rename = "type")]
    #[schema(example = "/problems/name-taken")]
    kind: String,
    /// What the problem is called.
    #[schema(example = "The name is taken")]
    title: &'static str,
    /// The answer's status.
    #[schema(example = 409)]
    status: u16,
    /// What is wrong with this call.
    #[serde(skip_serializing_if = "Option::is_none")]
    detail: Option<String>,
    /// The same as `detail`, or as `title` without one: where LivePerson's clients read it.
    #[schema(example = "the account has a handoff named `Renewal`")]
    message: String,
    /// The problem's stable name for programs.
    #[schema(example = "NAME_TAKEN")]
    code: &'static str,
    /// Names the call, for support.
    #[schema(format = "uuid")]
    request_trace_id: String,
    /// What is wrong with which parts of the body.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    errors: Vec<FieldError>,
    /// Whether the same call may be answered better later.
    retryable: bool,
    /// Whether sending the same call again cannot do its work twice.
    safe_to_resend: bool,
    /// When to try again, in seconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    retry_after: Option<u64>,
}

/// The most characters of a detail.
const MAX_DETAIL: usize = 500;

/// A detail, cut off where it repeats too much of the request.
fn told(detail: impl fmt::Display) -> String {
    let mut detail = detail.to_string();
    if let Some((end, _)) = detail.char_indices().nth(MAX_DETAIL) {
        detail.truncate(end);
        detail.push('…');
    }
    detail
}

impl Problem {
    /// A problem of that kind. What is our fault has no detail.
    pub fn new(kind: Kind, detail: impl fmt::Display) -> Self {
        let context = Context::current();
        let detail = (!kind.status().is_server_error()).then(|| told(detail));
        Self {
            kind,
            detail,
            errors: Vec::new(),
            retry_after: None,
            trace: context.trace,
            safe_to_resend: kind.did_nothing() || context.repeatable,
        }
    }

    /// A problem with the value in the body at `pointer`.
    pub fn invalid(pointer: impl Into<String>, detail: impl fmt::Display) -> Self {
        Self::of_value(Kind::InvalidBody, detail).at(pointer)
    }

    /// A problem with a value in the body; the caller knows where it stands.
    pub(crate) fn of_value(kind: Kind, detail: impl fmt::Display) -> Self {
        let mut problem = Self::new(kind, &detail);
        problem.errors.push(FieldError {
            pointer: String::new(),
            detail: told(detail),
        });
        problem
    }

    /// There is no such thing, or it is another account's.
    #[must_use]
    pub fn not_found() -> Self {
        Self::new(Kind::NotFound, "the account has no such thing")
    }

    /// Something that the call needs does not answer. Logs why.
    #[must_use]
    pub fn unavailable(why: &(dyn Error + 'static)) -> Self {
        let problem = Self::new(Kind::Unavailable, "").retry_after(1);
        tracing::error!(request.trace = %problem.trace, error = %Chain(why), "unavailable");
        problem
    }

    /// Our fault. Logs why.
    #[must_use]
    pub fn internal(why: &(dyn Error + 'static)) -> Self {
        let problem = Self::new(Kind::Internal, "");
        tracing::error!(request.trace = %problem.trace, error = %Chain(why), "an internal error");
        problem
    }

    /// Our fault: a panic, whose words stand in the log already.
    pub(crate) fn panicked() -> Self {
        let problem = Self::new(Kind::Internal, "");
        tracing::error!(request.trace = %problem.trace, "a handler panicked");
        problem
    }

    /// The problem, with its place in the body: pointers that it has are taken from there.
    #[must_use]
    pub fn at(mut self, pointer: impl Into<String>) -> Self {
        let pointer = pointer.into();
        if self.errors.is_empty()
            && let Some(detail) = self.detail.clone()
        {
            self.errors.push(FieldError { pointer, detail });
            return self;
        }
        for error in &mut self.errors {
            error.pointer.insert_str(0, &pointer);
        }
        self
    }

    /// The problem, with when to try again, in seconds.
    #[must_use]
    pub fn retry_after(mut self, seconds: u64) -> Self {
        self.retry_after = Some(seconds);
        self
    }

    /// The problem, arisen before anything was done.
    pub(crate) fn before_anything(mut self) -> Self {
        self.safe_to_resend = true;
        self
    }

    /// What kind it is.
    #[must_use]
    pub const fn kind(&self) -> Kind {
        self.kind
    }

    fn into_body(self) -> Body {
        let status = self.kind.status().as_u16();
        Body {
            kind: self.kind.uri(),
            title: self.kind.title(),
            status,
            message: self
                .detail
                .as_deref()
                .unwrap_or(self.kind.title())
                .to_owned(),
            detail: self.detail,
            code: self.kind.code(),
            request_trace_id: self.trace.to_string(),
            errors: self.errors,
            retryable: self.kind.is_retryable(),
            safe_to_resend: self.safe_to_resend,
            retry_after: self.retry_after,
        }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let (kind, retry_after) = (self.kind, self.retry_after);
        tracing::info!(request.trace = %self.trace, problem.code = kind.code(),
            problem.status = kind.status().as_u16(), "answered {}", kind.code());
        let mut response = (kind.status(), axum::Json(self.into_body())).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(CONTENT_TYPE));
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        if let Some(seconds) = retry_after {
            headers.insert(header::RETRY_AFTER, seconds.into());
        }
        let challenge = match kind {
            Kind::TokenExpired | Kind::WrongTokenKind => "Bearer error=\"invalid_token\"",
            _ => "Bearer",
        };
        if kind.status() == axum::http::StatusCode::UNAUTHORIZED {
            headers.insert(
                header::WWW_AUTHENTICATE,
                HeaderValue::from_static(challenge),
            );
        }
        response
    }
}

/// Says where in the body a value that was refused stands.
pub trait At<T> {
    /// The result, its error a problem with the value at `pointer`.
    ///
    /// # Errors
    /// When it is one.
    fn at(self, pointer: &str) -> Result<T, Problem>;
}

impl<T, E: Into<Problem>> At<T> for Result<T, E> {
    fn at(self, pointer: &str) -> Result<T, Problem> {
        self.map_err(|e| e.into().at(pointer))
    }
}

#[cfg(test)]
mod tests;
