//! A pace as callers are told of it: `RateLimit-*` on every answer, `Retry-After` when they are
//! too fast.

use crate::problem::{Kind, Problem};
use axum::{
    http::{HeaderMap, HeaderName, HeaderValue},
    response::{IntoResponse, Response},
};
use domain::limit::Decision;
use jiff::SignedDuration;

/// An answer, with the pace that its caller is held to.
#[derive(Clone, Copy, Debug)]
pub struct Paced<T>(pub Decision, pub T);

impl<T: IntoResponse> IntoResponse for Paced<T> {
    fn into_response(self) -> Response {
        let mut response = self.1.into_response();
        tell(&self.0, response.headers_mut());
        response
    }
}

/// The problem of a caller who is too fast.
#[must_use]
pub fn too_many(decision: &Decision) -> Problem {
    let limit = decision.limit;
    let detail = format_args!("at most {limit} calls per second");
    Problem::new(Kind::TooManyRequests, detail).retry_after(seconds(decision.retry_after).max(1))
}

/// Whole seconds, rounded up.
fn seconds(duration: SignedDuration) -> u64 {
    let up = duration.as_secs() + i64::from(duration.subsec_nanos() > 0);
    u64::try_from(up).unwrap_or_default()
}

/// Tells the pace in an answer's headers.
pub(crate) fn tell(decision: &Decision, headers: &mut HeaderMap) {
    headers.insert("ratelimit-limit", decision.limit.into());
    headers.insert("ratelimit-remaining", decision.remaining.into());
    headers.insert("ratelimit-reset", seconds(decision.reset_after).into());
    let policy = HeaderValue::from_str(&format!("{};w=1", decision.limit));
    headers.extend(policy.map(|policy| (HeaderName::from_static("ratelimit-policy"), policy)));
}
