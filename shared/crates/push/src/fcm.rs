//! Google's gateway: one HTTP/2 connection and one access token per service account.
//!
//! Source: <https://firebase.google.com/docs/reference/fcm/rest/v1/projects.messages/send>.

use crate::{
    classify,
    connection::Connector,
    credentials::{Credentials, Secrets},
    gateway::{self, Gateway, Open},
    oauth::{AccessToken, Google},
    payload,
    settings::{CannotConnect, Settings},
    slots::Slots,
};
use bytes::Bytes;
use domain::{
    clock::Clock,
    push::{Notification, Receipt, Target, Undelivered},
};
use http::{
    HeaderMap, StatusCode,
    header::{AUTHORIZATION, CONTENT_TYPE, HeaderValue},
};
use serde::Deserialize;
use std::time::Duration;

/// The longest that FCM keeps a message: four weeks.
const LONGEST: Duration = Duration::from_hours(4 * 7 * 24);
const UNAUTHENTICATED: &str = "UNAUTHENTICATED";

/// A Firebase project and its service account, as an app's route names them.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Route<'a> {
    pub(crate) project_id: &'a str,
    pub(crate) credential: &'a str,
}

#[derive(Deserialize)]
struct Sent {
    name: String,
}

/// FCM, HTTP v1.
#[derive(Debug)]
pub(crate) struct Fcm {
    gateway: Gateway,
    google: Google,
    connections: Slots<[String; 2], Open>,
}

impl Fcm {
    pub(crate) fn new(settings: &Settings, connector: &Connector) -> Result<Self, CannotConnect> {
        Ok(Self {
            gateway: Gateway::new(&settings.fcm, "the URL of FCM", connector)?,
            google: Google::new(settings, connector)?,
            connections: Slots::default(),
        })
    }

    pub(crate) async fn push<S: Secrets>(
        &self,
        credentials: &Credentials<S>,
        clock: &impl Clock,
        route: Route<'_>,
        target: &Target<'_>,
        notification: &Notification,
    ) -> Result<Receipt, Undelivered> {
        let ttl = notification.expires_at.duration_since(clock.now());
        let ttl = Duration::try_from(ttl).unwrap_or_default().min(LONGEST);
        let payload = payload::fcm(notification, target.token.expose(), ttl)?;
        let json = Bytes::from(payload.json);
        let sent = self.authorized(credentials, clock, route, &json).await;
        sent.map(|id| Receipt {
            id,
            shortened: payload.shortened,
        })
    }

    async fn authorized<S: Secrets>(
        &self,
        credentials: &Credentials<S>,
        clock: &impl Clock,
        route: Route<'_>,
        payload: &Bytes,
    ) -> Result<String, Undelivered> {
        let account = credentials.get(route.credential).await?;
        let google = &self.google;
        let token = google
            .token(route.credential, &account, clock, None)
            .await?;
        match self.send(route, payload, &token, clock).await {
            Err(Undelivered::Refused { reason }) if reason == UNAUTHENTICATED => {
                // Nothing was taken: the token ended before its time.
                let token = google
                    .token(route.credential, &account, clock, Some(&token))
                    .await?;
                self.send(route, payload, &token, clock).await
            }
            sent => sent,
        }
    }

    /// One request: the gateway's name for what it took.
    async fn send(
        &self,
        route: Route<'_>,
        payload: &Bytes,
        token: &AccessToken,
        clock: &impl Clock,
    ) -> Result<String, Undelivered> {
        let headers = || {
            let mut headers = HeaderMap::with_capacity(3);
            headers.insert(AUTHORIZATION, token.bearer.clone());
            headers.insert(
                CONTENT_TYPE,
                const { HeaderValue::from_static("application/json") },
            );
            headers
        };
        let gateway = &self.gateway;
        // A project's name is of letters, digits, dots and dashes.
        let (base, project) = (gateway.base(), route.project_id);
        let path = format!("{base}/v1/projects/{project}/messages:send");
        let key = [project, route.credential].map(str::to_owned);
        let connection = self.connections.slot(&key);
        let answer = gateway.post(&connection, path, headers, payload.clone());
        let answer = answer.await?;
        let status = answer.status();
        let after = classify::retry_after(answer.headers(), clock.now());
        let body = gateway::body(answer).await;
        if status == StatusCode::OK {
            // It was taken, whatever became of the name it was given.
            let sent = body.ok().and_then(|b| serde_json::from_slice(&b).ok());
            return Ok(sent.map(|Sent { name }| name).unwrap_or_default());
        }
        Err(classify::fcm(status.as_u16(), &body?, after))
    }
}
