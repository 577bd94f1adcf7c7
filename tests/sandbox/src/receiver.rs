//! Webhooks of a brand: `POST /webhooks/{name}`, which takes everything unless it is told
//! otherwise. It knows no secret: whoever made the webhook checks the signatures.

use crate::{
    apns::recorded,
    proxy::respond,
    script::Answer,
    serve::{NoReply, Reply, broken},
    world::{World, lock},
};
use hyper::{Request, body::Bytes};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Where they are, before their names.
pub(crate) const PATH: &str = "/webhooks/";

/// A request to a webhook, and what it got.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Received {
    /// The webhook, by the end of its path.
    pub name: String,
    /// The request's method.
    pub method: String,
    /// Its headers; the names in lower case.
    pub headers: BTreeMap<String, String>,
    /// Its body, as it was.
    pub body: String,
    /// When, by the sandbox's clock.
    pub at: Timestamp,
    /// The status answered; 0 when the stream was reset instead.
    pub status: u16,
}

/// Answers as the script of the request's path says. A reason that is a number is the status.
pub(crate) async fn answer(world: &World, request: &Request<Bytes>) -> Result<Reply, NoReply> {
    let path = request.uri().path();
    let answer = world.script.next(&[path]);
    if answer.after_millis > 0 {
        tokio::time::sleep(answer.latency()).await;
    }
    let outcome = match broken(&answer) {
        Some(none) => Err(none),
        None => Ok(respond(status(&answer), &answer)),
    };
    lock(&world.received).push(Received {
        name: path.trim_start_matches(PATH).to_owned(),
        method: request.method().to_string(),
        headers: recorded(request.headers()),
        body: String::from_utf8_lossy(request.body()).into_owned(),
        at: world.now(),
        status: outcome.as_ref().map_or(0, |reply| reply.status().as_u16()),
    });
    outcome
}

fn status(answer: &Answer) -> u16 {
    let given = answer.reason.as_deref();
    let given = given.map(|reason| answer.status.or_else(|| reason.parse().ok()).unwrap_or(500));
    given.unwrap_or(204)
}
