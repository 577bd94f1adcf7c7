//! Webhooks: kept, told of everything, signed, and tried again.

mod delivery;
mod kept;
mod signed;
mod told;

use crate::world::{Answer, Session, World, text};
use reqwest::{Method, header::HeaderMap};
use sandbox::Received;
use serde_json::{Value, json};
use standardwebhooks::Webhook;

/// A webhook of that name at the sandbox, told of everything; its secret.
pub(crate) async fn hook(session: &Session<'_>, name: &str) -> String {
    let url = session.world.stack.sandbox().webhook_url(name);
    let path = format!("webhooks/{name}");
    let made = session.put(&path, json!({"url": url}));
    let secret = text(&made.await.ok(201)["secret"]);
    forget(session.world);
    secret
}

/// Lets those who follow the stream see the webhooks as they are.
pub(crate) fn forget(world: &World) {
    for function in ["tally", "dispatch"] {
        world.stack.kill(function).unwrap();
    }
}

pub(crate) async fn post(session: &Session<'_>, path: &str) -> Answer {
    session.send(Method::POST, path, &[], None).await
}

/// What the webhook was told so far.
pub(crate) fn told(world: &World, name: &str) -> Vec<Received> {
    let mut received = world.stack.sandbox().received();
    received.retain(|r| r.name == name);
    received
}

pub(crate) fn body(received: &Received) -> Value {
    serde_json::from_str(&received.body).unwrap()
}

pub(crate) fn kind(received: &Received) -> String {
    text(&body(received)["type"])
}

/// Checks a request as the specification's library does, by the machine's own clock.
#[track_caller]
fn verify(received: &Received, secret: &str) {
    let headers: HeaderMap = received
        .headers
        .iter()
        .map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap()))
        .collect();
    let webhook = Webhook::new(secret).unwrap();
    webhook.verify(received.body.as_bytes(), &headers).unwrap();
    assert!(webhook.verify(b"{}", &headers).is_err());
}
