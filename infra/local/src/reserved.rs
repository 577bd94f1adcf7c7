//! `/_local/…`: what the local stack has beside the deployed API.
use crate::{stack::Shared, tokens::TokenRequest};
use axum::{
    Json, Router,
    extract::{Path, Query, State, rejection::JsonRejection},
    http::StatusCode,
    response::{IntoResponse, Response},
    routing::{get, post, put},
};
use serde::Deserialize;
use serde_json::{Value, json};
use std::{collections::BTreeMap, time::Duration};

pub(crate) fn router(shared: Shared) -> Router {
    Router::new()
        .route("/_local/health", get(health))
        .route("/_local/tokens", post(token))
        .route("/_local/pushes", get(pushes))
        .route("/_local/webhooks", get(webhooks))
        .route("/_local/usage", get(usage))
        .route("/_local/logs", get(logs))
        .route("/_local/messages", get(messages))
        .route("/_local/queues/{name}/redrive", post(redrive))
        .route("/_local/environment", get(environment))
        .route("/_local/events/{function}", get(example))
        .route("/_local/clock", get(now).post(advance))
        .route("/_local/secrets/{*name}", put(secret))
        .with_state(shared)
}

fn problem(status: StatusCode, detail: &impl ToString) -> Response {
    (status, Json(json!({"error": detail.to_string()}))).into_response()
}

async fn health(State(shared): State<Shared>) -> Response {
    if shared.is_ready() {
        return Json(json!({"status": "ready"})).into_response();
    }
    (
        StatusCode::SERVICE_UNAVAILABLE,
        Json(json!({"status": "starting"})),
    )
        .into_response()
}

async fn token(
    State(shared): State<Shared>,
    body: Result<Json<TokenRequest>, JsonRejection>,
) -> Response {
    let request = match body {
        Ok(Json(request)) => request,
        Err(rejection) => return problem(rejection.status(), &rejection.body_text()),
    };
    match shared.tokens.issue(&request) {
        Ok(token) => Json(json!({"access_token": token, "token_type": "Bearer", "expires_in": request.expires_in})).into_response(),
        Err(error) => problem(StatusCode::BAD_REQUEST, &error),
    }
}

#[derive(Deserialize)]
struct Of {
    account: Option<String>,
    consumer: Option<String>,
}

async fn pushes(State(shared): State<Shared>, Query(of): Query<Of>) -> Json<Value> {
    let wanted = |payload: &Value| {
        of.account
            .as_deref()
            .is_none_or(|account| says(payload, "brandId", account))
            && of
                .consumer
                .as_deref()
                .is_none_or(|consumer| says(payload, "externalConsumerId", consumer))
    };
    let mut all = shared.pushes();
    all.retain(|push| wanted(&push["payload"]));
    Json(all.into())
}

/// Whether the payload, or what is in it, has that field with that value.
fn says(payload: &Value, name: &str, value: &str) -> bool {
    match payload {
        Value::Object(map) => {
            map.get(name).is_some_and(|v| v == value)
                || map.values().any(|inner| says(inner, name, value))
        }
        Value::Array(all) => all.iter().any(|inner| says(inner, name, value)),
        // SNS has a payload per platform, each a JSON text.
        Value::String(text) if text.starts_with('{') => {
            serde_json::from_str(text).is_ok_and(|inner: Value| says(&inner, name, value))
        }
        _ => false,
    }
}

/// What the sandbox's webhooks, `…/webhooks/{name}` beside its push proxy, were told.
async fn webhooks(State(shared): State<Shared>) -> Json<Vec<sandbox::Received>> {
    Json(shared.sandbox.received())
}

/// As `sam local` takes it for `--env-vars`.
async fn environment(State(shared): State<Shared>) -> Json<Value> {
    Json(json!(shared.lambda.environments()))
}

/// A function's documented event, as `sam local invoke` takes it for `--event`.
async fn example(State(shared): State<Shared>, Path(function): Path<String>) -> Response {
    match shared.example(&function) {
        Ok(event) => Json(event).into_response(),
        Err(error) => problem(StatusCode::NOT_FOUND, &error),
    }
}

async fn usage(State(shared): State<Shared>) -> Json<Value> {
    Json(
        json!({"byFunction": shared.services.meter.read(), "invocations": shared.lambda.invocations()}),
    )
}

async fn logs(State(shared): State<Shared>) -> String {
    let lines = shared
        .logs
        .lines()
        .into_iter()
        .map(|line| format!("{}: {}\n", line.function, line.text));
    lines.collect()
}

async fn messages(State(shared): State<Shared>) -> Json<Value> {
    let queues: BTreeMap<_, _> = shared.services.queues.save();
    Json(json!({"queues": queues, "topics": shared.services.topics.published()}))
}

/// Moves what is in a dead-letter queue back to where it came from.
async fn redrive(State(shared): State<Shared>, Path(name): Path<String>) -> Response {
    let queues = &shared.services.queues;
    let Some(queue) = queues.find(&name) else {
        let names: Vec<_> = queues.save().into_keys().collect();
        let error = format!("there is no queue {name}: they are {}", names.join(", "));
        return problem(StatusCode::NOT_FOUND, &error);
    };
    let moved = queue.len();
    let task = json!({"SourceArn": queue.arn()});
    if queues.call("StartMessageMoveTask", task).await.is_err() {
        let error = format!("no queue has {name} for its dead letters");
        return problem(StatusCode::BAD_REQUEST, &error);
    }
    Json(json!({ "moved": moved })).into_response()
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Advance {
    advance_seconds: u64,
}

async fn now(State(shared): State<Shared>) -> Json<Value> {
    Json(
        json!({"now": shared.clock.now().to_string(), "aheadSeconds": shared.clock.ahead().as_secs()}),
    )
}

async fn advance(
    State(shared): State<Shared>,
    body: Result<Json<Advance>, JsonRejection>,
) -> Response {
    match body {
        // A hundred years are enough for any test, and what time can express.
        Ok(Json(by)) if by.advance_seconds <= 3_155_760_000 => {
            shared
                .advance(Duration::from_secs(by.advance_seconds))
                .await;
            now(State(shared)).await.into_response()
        }
        Ok(_) => problem(StatusCode::BAD_REQUEST, &"advanceSeconds is too great"),
        Err(rejection) => problem(rejection.status(), &rejection.body_text()),
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NewSecret {
    value: Value,
}

async fn secret(
    State(shared): State<Shared>,
    Path(name): Path<String>,
    body: Result<Json<NewSecret>, JsonRejection>,
) -> Response {
    let value = match body {
        Ok(Json(NewSecret {
            value: Value::String(text),
        })) => text,
        Ok(Json(NewSecret { value })) => value.to_string(),
        Err(rejection) => return problem(rejection.status(), &rejection.body_text()),
    };
    match shared.services.secrets.put(&name, value) {
        Ok(arn) => Json(json!({"arn": arn})).into_response(),
        Err(error) => problem(StatusCode::INTERNAL_SERVER_ERROR, &error),
    }
}
