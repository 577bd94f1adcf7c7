//! Firebase Cloud Messaging, HTTP v1: `POST /v1/projects/{project}/messages:send`.
//!
//! Source: <https://firebase.google.com/docs/reference/fcm/rest/v1/projects.messages/send>.

use crate::{
    apns::recorded,
    google::Refusal,
    message, oauth,
    record::{Gateway, Push},
    script::{Answer, scripts},
    serve::{Answers, Connection, NoReply, Reply, broken, json},
    world::{World, lock},
};
use hyper::{Method, Request, StatusCode, body::Bytes};
use serde_json::{Value, json};
use std::sync::{Arc, OnceLock};
use uuid::Uuid;

/// Google's token endpoint and FCM, on one listener.
#[derive(Debug)]
pub(crate) struct Fcm {
    pub(crate) world: Arc<World>,
    /// The audiences that an assertion may name; known once the port is.
    pub(crate) audiences: Arc<OnceLock<Vec<String>>>,
}

impl Answers for Fcm {
    async fn answer(
        &self,
        request: Request<Bytes>,
        connection: &Connection,
    ) -> Result<Reply, NoReply> {
        if request.uri().path() == "/token" {
            let urls = self.audiences.get().map_or(&[][..], Vec::as_slice);
            return oauth::answer(&self.world, urls, request).await;
        }
        let project = project(request.uri().path());
        let payload = serde_json::from_slice(request.body()).unwrap_or(Value::Null);
        let (answer, refusal) = match self.check(&request, project, &payload) {
            Err(refusal) => (Answer::accept(), Some(refusal)),
            Ok(token) => {
                let answer = self.world.script.next(&[token, scripts::FCM]);
                let refusal = answer.reason.as_deref().map(|code| {
                    let mut refusal = Refusal::new(code);
                    refusal.http = answer.status.unwrap_or(refusal.http);
                    refusal.retry_after.clone_from(&answer.retry_after);
                    refusal
                });
                (answer, refusal)
            }
        };
        if answer.after_millis > 0 {
            tokio::time::sleep(answer.latency()).await;
        }
        let outcome = match (broken(&answer), &refusal) {
            (Some(no_reply), _) => Err(no_reply),
            (None, Some(refusal)) => Ok(refusal.reply()),
            (None, None) => {
                let name = format!(
                    "projects/{}/messages/0:{}",
                    project.unwrap_or_default(),
                    Uuid::new_v4()
                );
                Ok(json(StatusCode::OK, &json!({ "name": name })))
            }
        };
        let token = payload.pointer("/message/token").and_then(Value::as_str);
        self.world.record.add(Push {
            gateway: Gateway::Fcm,
            environment: None,
            device_token: token.unwrap_or_default().to_owned(),
            headers: recorded(request.headers()),
            at: self.world.now(),
            status: outcome.as_ref().map_or(0, |reply| reply.status().as_u16()),
            accepted: refusal.as_ref().is_none_or(|r| r.code == Answer::LOSE),
            reason: refusal.map(|r| r.code),
            connection: connection.number,
            payload,
        });
        outcome
    }
}

impl Fcm {
    /// All that Google checks before it looks for the device.
    fn check<'a>(
        &self,
        request: &Request<Bytes>,
        project: Option<&str>,
        payload: &'a Value,
    ) -> Result<&'a str, Refusal> {
        let project = project
            .filter(|_| request.method() == Method::POST)
            .ok_or_else(|| Refusal::new("NOT_FOUND"))?;
        let bearer = request
            .headers()
            .get("authorization")
            .and_then(|value| value.to_str().ok())
            .and_then(|value| value.strip_prefix("Bearer "))
            .unwrap_or_default();
        let granted = lock(&self.world.access_tokens).get(bearer).cloned();
        match granted {
            Some((granted, until)) if until > self.world.now() => {
                if granted != project {
                    return Err(Refusal::new("PERMISSION_DENIED"));
                }
            }
            _ => return Err(Refusal::new("UNAUTHENTICATED")),
        }
        if !payload.is_object() {
            return Err(Refusal::field("", "Invalid JSON payload received."));
        }
        let token = message::check(payload)?;
        if self
            .world
            .script
            .device(token)
            .project
            .is_some_and(|its| its != project)
        {
            return Err(Refusal::new("SENDER_ID_MISMATCH"));
        }
        Ok(token)
    }
}

/// The project that a path names.
fn project(path: &str) -> Option<&str> {
    path.strip_prefix("/v1/projects/")?
        .strip_suffix("/messages:send")
        .filter(|project| !project.is_empty() && !project.contains('/'))
}
