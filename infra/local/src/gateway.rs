//! API Gateway's HTTP API: routes to functions, in payload format 2.0.
mod answer;
mod event;
mod routes;

use crate::{
    clock::Clock,
    lambda::{Failed, Lambda},
    template::Function,
};
use axum::{
    body::{Body, Bytes},
    extract::{ConnectInfo, Request, State},
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};
use routes::Routes;
use serde_json::json;
use std::{net::SocketAddr, sync::Arc, time::Duration};

/// The greatest body of a request.
const MAX_BODY: usize = 10 * 1024 * 1024;
/// How long the gateway waits for a function.
const PATIENCE: Duration = Duration::from_secs(30);

/// The HTTP API.
#[derive(Clone, Debug)]
pub(crate) struct Gateway {
    routes: Arc<Routes>,
    lambda: Lambda,
    clock: Clock,
}

impl Gateway {
    pub(crate) fn new(functions: &[Function], lambda: Lambda, clock: Clock) -> Self {
        Self {
            routes: Arc::new(Routes::new(functions)),
            lambda,
            clock,
        }
    }
}

/// Answers every request that is not the local stack's own.
pub(crate) fn handle_with(gateway: Gateway) -> axum::routing::MethodRouter {
    axum::routing::any(handle).with_state(gateway)
}

async fn handle(
    State(gateway): State<Gateway>,
    ConnectInfo(from): ConnectInfo<SocketAddr>,
    request: Request,
) -> Response {
    let (head, body) = request.into_parts();
    if !event::has_host(&head.headers) {
        return message(StatusCode::BAD_REQUEST, "Bad Request");
    }
    let path = event::path(&head.uri);
    let Some(hit) = gateway.routes.find(head.method.as_str(), &path) else {
        return message(StatusCode::NOT_FOUND, "Not Found");
    };
    let Ok(body) = read(body, head.headers.get(header::CONTENT_LENGTH)).await else {
        return message(StatusCode::PAYLOAD_TOO_LARGE, "Request Entity Too Large");
    };
    let event = event::of(&head, &body, &hit, from, gateway.clock.now());
    let invocation = gateway
        .lambda
        .invoke(hit.function, event.to_string().into());
    match tokio::time::timeout(PATIENCE, invocation).await {
        Ok(Ok(payload)) => match answer::read(&payload) {
            Some(answer) => answer,
            None => message(StatusCode::INTERNAL_SERVER_ERROR, "Internal Server Error"),
        },
        Ok(Err(Failed::TimedOut(_) | Failed::Stopping)) | Err(_) => {
            message(StatusCode::SERVICE_UNAVAILABLE, "Service Unavailable")
        }
        Ok(Err(failed)) => {
            tracing::warn!(function = hit.function, error = %failed, "an invocation failed");
            message(StatusCode::INTERNAL_SERVER_ERROR, "Internal Server Error")
        }
    }
}

async fn read(body: Body, length: Option<&header::HeaderValue>) -> Result<Bytes, axum::Error> {
    let told = length
        .and_then(|l| l.to_str().ok())
        .and_then(|l| l.parse::<usize>().ok());
    // What is said to be too long is not even read.
    let limit = if told.is_some_and(|l| l > MAX_BODY) {
        0
    } else {
        MAX_BODY
    };
    axum::body::to_bytes(body, limit).await
}

fn message(status: StatusCode, message: &str) -> Response {
    (status, axum::Json(json!({"message": message}))).into_response()
}
