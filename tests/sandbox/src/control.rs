//! The control API: plain HTTP on the loopback, for what cannot call the Rust API.
//!
//! [`CALLS`] lists it; `infra/docs/sandbox.md` tells it with examples. What it refuses, it refuses
//! with `{"error":…}`: what is wrong, where, and what would be right.

mod body;
mod calls;
mod refused;

pub use calls::{CALLS, Call};

use crate::sandbox::{Handle, Sandbox};
use axum::{
    Json, Router,
    extract::{FromRef, FromRequestParts, Path},
    http::{Method, StatusCode, Uri, request::Parts},
    response::{IntoResponse, Response},
    routing::{delete, get, post, put},
};
use body::{Advance, Reach, Scripted, Told, Which};
use refused::Refused;
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
        .route("/control/", get(overview))
        .route("/control/tokens/{token}", put(script).delete(forget))
        .route("/control/tokens", delete(forget_all))
        .route("/control/pushes", get(pushes).delete(clear))
        .route("/control/visible", get(visible))
        .route("/control/clock", post(advance))
        .route("/control/gateways/{name}", put(reach))
        .route("/control/apns/tokens", post(provider_token))
        .route("/control/fcm/tokens", post(access_token))
        .route("/control/identity/tokens", post(sign))
        .route("/control/identity/rotate", post(rotate))
        .method_not_allowed_fallback(no_such_call)
        .fallback(no_such_call)
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

async fn no_such_call(method: Method, uri: Uri) -> Refused {
    Refused::no_such_call(&method, uri.path())
}

async fn overview(Live(sandbox): Live) -> Json<Value> {
    use crate::script::Environment::{Development, Production};
    let calls = CALLS.iter().map(|call| {
        let Call { method, path, what } = call;
        json!({ "call": format!("{method} {path}"), "what": what })
    });
    Json(json!({
        "gateways": {
            "apns": sandbox.apns_url(Production),
            "apnsDevelopment": sandbox.apns_url(Development),
            "fcm": sandbox.fcm_url(),
            "oauth": sandbox.fcm_token_url(),
            "proxy": sandbox.proxy_url(),
            "identity": sandbox.issuer(),
        },
        "calls": calls.collect::<Vec<_>>(),
    }))
}

async fn script(
    Live(sandbox): Live,
    Path(token): Path<String>,
    Told(told): Told<Scripted>,
) -> Result<StatusCode, Refused> {
    let Scripted { answers, device } = told.checked(&token)?;
    if let Some(answers) = answers {
        sandbox.script(&token, answers);
    }
    if let Some(device) = device {
        sandbox.declare(&token, device);
    }
    Ok(StatusCode::NO_CONTENT)
}

async fn forget(Live(sandbox): Live, Path(token): Path<String>) -> StatusCode {
    sandbox.forget(&token);
    StatusCode::NO_CONTENT
}

async fn forget_all(Live(sandbox): Live) -> StatusCode {
    sandbox.forget_all();
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

async fn advance(Live(sandbox): Live, Told(by): Told<Advance>) -> Json<Value> {
    sandbox.advance(Duration::from_millis(by.advance_millis));
    Json(json!({ "now": sandbox.now() }))
}

async fn reach(
    Live(sandbox): Live,
    Path(name): Path<String>,
    Told(Reach { reachable }): Told<Reach>,
) -> Result<StatusCode, Refused> {
    match name.as_str() {
        "apns" => sandbox.set_apns_reachable(reachable),
        "fcm" => sandbox.set_fcm_reachable(reachable),
        "proxy" => sandbox.set_proxy_reachable(reachable),
        "identity" => sandbox.set_identity_reachable(reachable),
        _ => return Err(Refused::no_gateway(&name)),
    }
    Ok(StatusCode::NO_CONTENT)
}

async fn provider_token(Live(sandbox): Live, which: Which) -> Result<Json<Value>, Refused> {
    let token = sandbox.provider_token(&which.brand(&sandbox))?;
    Ok(Json(json!({ "token": token })))
}

async fn access_token(Live(sandbox): Live, which: Which) -> Result<Json<Value>, Refused> {
    let token = sandbox.access_token(&which.brand(&sandbox))?;
    Ok(Json(json!({ "token": token })))
}

async fn sign(
    Live(sandbox): Live,
    which: Which,
    Told(claims): Told<Map<String, Value>>,
) -> Result<Json<Value>, Refused> {
    let algorithm = which.algorithm();
    let token = sandbox.sign(&which.brand(&sandbox), algorithm, &claims)?;
    Ok(Json(json!({ "token": token })))
}

async fn rotate(Live(sandbox): Live, which: Which) -> Result<StatusCode, Refused> {
    sandbox.rotate_identity(&which.brand(&sandbox)).await?;
    Ok(StatusCode::NO_CONTENT)
}
