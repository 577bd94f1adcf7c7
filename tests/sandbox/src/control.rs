//! The control API: plain HTTP on the loopback, for what cannot call the Rust API.
//!
//! | call | body | what |
//! |---|---|---|
//! | `PUT /control/tokens/{token}` | `{"answers":[{"reason":"Unregistered","times":1,"afterMillis":0}],"device":{"environment":"development"}}` | scripts a device token, or `apns`, `fcm`, `proxy`, `oauth`; declares where it belongs |
//! | `DELETE /control/tokens/{token}` | | forgets that |
//! | `GET /control/pushes`, `DELETE` | | every push so far; forgets them |
//! | `GET /control/visible` | | what each device has on its screen |
//! | `POST /control/clock` | `{"advanceMillis":60000}` | moves the clock; answers `{"now":…}` |
//! | `PUT /control/gateways/{name}` | `{"reachable":false}` | stops `apns`, `fcm`, `proxy` or `identity`, or brings it back |
//! | `POST /control/identity/tokens` | claims; query `brand`, `alg` | signs a consumer's token: `{"token":…}` |
//! | `POST /control/identity/rotate` | query `brand` | new keys |

use crate::{
    sandbox::{Handle, Sandbox},
    script::{Answer, Device},
};
use axum::{
    Json, Router,
    extract::{FromRef, FromRequestParts, Path, Query},
    http::{StatusCode, request::Parts},
    response::{IntoResponse, Response},
    routing::{get, post, put},
};
use jsonwebtoken::Algorithm;
use serde::Deserialize;
use serde_json::{Map, Value, json};
use std::{
    io,
    net::{Ipv4Addr, SocketAddr},
    time::Duration,
};
use tokio::{net::TcpListener, task::AbortHandle};

/// The control API at work; it stops when dropped.
pub(crate) struct Controlling {
    pub(crate) address: SocketAddr,
    task: AbortHandle,
}

impl Drop for Controlling {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Controlling {
    pub(crate) async fn start(port: u16, sandbox: Handle) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await?;
        let address = listener.local_addr()?;
        let task = tokio::spawn(async move { axum::serve(listener, router(sandbox)).await });
        Ok(Self {
            address,
            task: task.abort_handle(),
        })
    }
}

fn router(sandbox: Handle) -> Router {
    Router::new()
        .route("/control/tokens/{token}", put(script).delete(forget))
        .route("/control/pushes", get(pushes).delete(clear))
        .route("/control/visible", get(visible))
        .route("/control/clock", post(advance))
        .route("/control/gateways/{name}", put(reach))
        .route("/control/identity/tokens", post(sign))
        .route("/control/identity/rotate", post(rotate))
        .with_state(sandbox)
}

/// The sandbox, as long as it runs.
struct Live(Sandbox);

impl<S: Send + Sync> FromRequestParts<S> for Live
where
    Handle: FromRef<S>,
{
    type Rejection = StatusCode;

    async fn from_request_parts(_: &mut Parts, state: &S) -> Result<Self, StatusCode> {
        let sandbox = Handle::from_ref(state).get();
        sandbox.map(Self).ok_or(StatusCode::SERVICE_UNAVAILABLE)
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Scripted {
    #[serde(default)]
    answers: Option<Vec<Answer>>,
    #[serde(default)]
    device: Option<Device>,
}

async fn script(
    Live(sandbox): Live,
    Path(token): Path<String>,
    Json(told): Json<Scripted>,
) -> StatusCode {
    if let Some(answers) = told.answers {
        sandbox.script(&token, answers);
    }
    if let Some(device) = told.device {
        sandbox.declare(&token, device);
    }
    StatusCode::NO_CONTENT
}

async fn forget(Live(sandbox): Live, Path(token): Path<String>) -> StatusCode {
    sandbox.forget(&token);
    StatusCode::NO_CONTENT
}

async fn pushes(Live(sandbox): Live) -> Response {
    Json(sandbox.pushes()).into_response()
}

async fn clear(Live(sandbox): Live) -> StatusCode {
    sandbox.clear_pushes();
    StatusCode::NO_CONTENT
}

async fn visible(Live(sandbox): Live) -> Response {
    Json(sandbox.visible()).into_response()
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Advance {
    advance_millis: u64,
}

async fn advance(Live(sandbox): Live, Json(by): Json<Advance>) -> Json<Value> {
    sandbox.advance(Duration::from_millis(by.advance_millis));
    Json(json!({ "now": sandbox.now() }))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Reach {
    reachable: bool,
}

async fn reach(
    Live(sandbox): Live,
    Path(name): Path<String>,
    Json(Reach { reachable }): Json<Reach>,
) -> StatusCode {
    match name.as_str() {
        "apns" => sandbox.set_apns_reachable(reachable),
        "fcm" => sandbox.set_fcm_reachable(reachable),
        "proxy" => sandbox.set_proxy_reachable(reachable),
        "identity" => sandbox.set_identity_reachable(reachable),
        _ => return StatusCode::NOT_FOUND,
    }
    StatusCode::NO_CONTENT
}

#[derive(Deserialize)]
struct Which {
    brand: Option<String>,
    alg: Option<Algorithm>,
}

impl Which {
    fn brand(&self, sandbox: &Sandbox) -> String {
        let first = || sandbox.brand().name.clone();
        self.brand.clone().unwrap_or_else(first)
    }
}

async fn sign(
    Live(sandbox): Live,
    Query(which): Query<Which>,
    Json(claims): Json<Map<String, Value>>,
) -> Response {
    let algorithm = which.alg.unwrap_or(Algorithm::ES256);
    match sandbox.sign(&which.brand(&sandbox), algorithm, &claims) {
        Ok(token) => Json(json!({ "token": token })).into_response(),
        Err(e) => (StatusCode::UNPROCESSABLE_ENTITY, e.to_string()).into_response(),
    }
}

async fn rotate(Live(sandbox): Live, Query(which): Query<Which>) -> Response {
    match sandbox.rotate_identity(&which.brand(&sandbox)).await {
        Ok(()) => StatusCode::NO_CONTENT.into_response(),
        Err(e) => (StatusCode::UNPROCESSABLE_ENTITY, e.to_string()).into_response(),
    }
}
