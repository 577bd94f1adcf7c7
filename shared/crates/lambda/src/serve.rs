//! Functions that answer HTTP requests.

use crate::{
    Error,
    about::About,
    context::Context,
    event::{self, Answer, Event},
    problem::{Kind, Problem},
    telemetry::Telemetry,
};
use axum::{
    Router,
    extract::Request,
    middleware::{self, Next},
    response::{IntoResponse, Response},
};
use futures_util::FutureExt as _;
use lambda_runtime::{LambdaEvent, service_fn};
use std::{convert::Infallible, panic::AssertUnwindSafe};
use trace::Asked;
use tracing::Instrument as _;

/// Starts telemetry, then serves `router` from the Lambda Runtime API for as long as the
/// process lives.
///
/// # Errors
/// When metrics have no namespace, or the Runtime API cannot be reached.
pub async fn serve(router: Router) -> Result<(), Error> {
    let (telemetry, router) = (Telemetry::start()?, app(router));
    let answer = |invoked: LambdaEvent<Event>| {
        let (router, telemetry) = (router.clone(), telemetry.clone());
        async move {
            let context = invoked.context.clone();
            let answer = Box::pin(traced(router, invoked));
            telemetry.around(&context, answer).await
        }
    };
    lambda_runtime::run(service_fn(answer)).await
}

/// What `router` answers, as a span in the caller's trace or a new one. Of a path only the route
/// is told, for consumers' ids are in it.
async fn traced(router: Router, invoked: LambdaEvent<Event>) -> Result<Answer, Infallible> {
    let LambdaEvent { payload, context } = invoked;
    let asked = Asked {
        traceparent: payload.header("traceparent"),
        xray: context.xray_trace_id.as_deref(),
    };
    let (method, route) = payload.route();
    let span = trace::begin(asked, trace::Kind::Server, format!("{method} {route}"));
    if span.is_recorded() {
        span.set("http.request.method", method.to_owned());
        span.set("http.route", route.to_owned());
        span.set("faas.trigger", "http");
        span.set("faas.invocation_id", context.request_id);
        if let Some(account) = payload.parameter("accountId") {
            span.set("overture.account", account.to_owned());
        }
    }
    let Ok(answer) = span.run(event::answer(router, payload)).await;
    span.set("http.response.status_code", answer.status());
    if answer.status() >= 500 {
        span.fail(answer.status().to_string());
    }
    Ok(answer)
}

/// `router` as it is served: every request has a trace, and whatever is wrong with it is
/// answered with a problem, even a panic.
pub fn app(router: Router) -> Router {
    router
        .fallback(async || Problem::new(Kind::NotFound, "there is nothing at this path"))
        .method_not_allowed_fallback(async || {
            Problem::new(Kind::MethodNotAllowed, "this path has other methods")
        })
        .layer(middleware::from_fn(enter))
}

async fn enter(request: Request, next: Next) -> Response {
    let keyed = request.headers().contains_key("idempotency-key");
    let span = About::path(request.uri().path()).span();
    let context = Context::new(request.method(), keyed);
    trace::note("overture.request_trace_id", context.trace.to_string());
    context
        .around(async {
            // A panic must not cost other requests their process.
            AssertUnwindSafe(next.run(request))
                .catch_unwind()
                .await
                .unwrap_or_else(|_| Problem::panicked().into_response())
        })
        .instrument(span)
        .await
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::{
        body::{Body, to_bytes},
        routing::{get, post},
    };
    use serde_json::Value;
    use tower::ServiceExt as _;

    async fn call(method: &str, path: &str) -> (u16, axum::http::HeaderMap, Value) {
        let router = Router::new()
            .route("/there", get(async || "here"))
            .route(
                "/panic",
                post(async || {
                    assert!(std::hint::black_box(false), "a fault");
                }),
            )
            .route(
                "/trace",
                get(async || Problem::new(Kind::NotFound, crate::trace_id().to_string())),
            );
        let request = Request::builder()
            .method(method)
            .uri(path)
            .body(Body::empty())
            .unwrap();
        let answer = app(router).oneshot(request).await.unwrap();
        let (parts, body) = answer.into_parts();
        let body = to_bytes(body, usize::MAX).await.unwrap();
        (
            parts.status.as_u16(),
            parts.headers,
            serde_json::from_slice(&body).unwrap_or_default(),
        )
    }

    #[tokio::test]
    async fn unknown_paths_and_methods_are_problems() {
        let (status, _, body) = call("GET", "/elsewhere").await;
        assert_eq!((status, &body["code"]), (404, &"NOT_FOUND".into()));
        let (status, headers, body) = call("POST", "/there").await;
        assert_eq!((status, &body["code"]), (405, &"METHOD_NOT_ALLOWED".into()));
        assert_eq!(headers["allow"], "GET,HEAD");
    }

    #[tokio::test]
    async fn a_panic_is_a_problem_without_its_message() {
        let (status, _, body) = call("POST", "/panic").await;
        assert_eq!((status, &body["code"]), (500, &"INTERNAL_ERROR".into()));
        assert!(!body.to_string().contains("a fault"));
    }

    #[tokio::test]
    async fn a_request_has_one_trace() {
        let (_, _, body) = call("GET", "/trace").await;
        assert_eq!(body["detail"], body["requestTraceId"]);
    }
}
