//! Google's gateway: one HTTP/2 connection and one access token per service account.
//!
//! Source: <https://firebase.google.com/docs/reference/fcm/rest/v1/projects.messages/send>.

use crate::{
    classify,
    connection::{self, Connector, later},
    credentials::{Credentials, Secrets},
    oauth::{AccessToken, Google},
    payload,
    settings::{CannotConnect, Settings},
    slots::Slots,
};
use domain::{
    clock::Clock,
    push::{Notification, Receipt, Target, Undelivered},
};
use reqwest::{
    Client, StatusCode, Url,
    header::{AUTHORIZATION, CONTENT_TYPE},
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
    url: Url,
    google: Google,
    connector: Connector,
    clients: Slots<[String; 2], Client>,
}

impl Fcm {
    pub(crate) fn new(settings: &Settings, connector: Connector) -> Result<Self, CannotConnect> {
        Ok(Self {
            url: connection::url(&settings.fcm, "the URL of FCM")?,
            google: Google::new(settings, &connector)?,
            connector,
            clients: Slots::default(),
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
        let sent = self
            .authorized(credentials, clock, route, &payload.json)
            .await;
        if matches!(sent, Err(Undelivered::Refused { .. })) {
            credentials.refused(route.credential).await;
        }
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
        payload: &str,
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
        payload: &str,
        token: &AccessToken,
        clock: &impl Clock,
    ) -> Result<String, Undelivered> {
        let client = self.client(route).await?;
        let response = client
            .post(self.url(route)?)
            .header(AUTHORIZATION, token.bearer.clone())
            .header(CONTENT_TYPE, "application/json")
            .body(payload.to_owned())
            .send()
            .await
            .map_err(|e| connection::no_answer(&e))?;
        let status = response.status();
        let after = classify::retry_after(response.headers(), clock.now());
        let body = connection::body(response).await;
        if status == StatusCode::OK {
            // It was taken, whatever became of the name it was given.
            let sent = body.ok().and_then(|b| serde_json::from_slice(&b).ok());
            return Ok(sent.map(|Sent { name }| name).unwrap_or_default());
        }
        Err(classify::fcm(status.as_u16(), &body?, after))
    }

    fn url(&self, route: Route<'_>) -> Result<Url, Undelivered> {
        let mut url = self.url.clone();
        let segments = url.path_segments_mut();
        segments
            .map_err(|()| later("bad_url"))?
            .pop_if_empty()
            .extend(["v1", "projects", route.project_id, "messages:send"]);
        Ok(url)
    }

    /// The service account's connection, made on its first use.
    async fn client(&self, route: Route<'_>) -> Result<Client, Undelivered> {
        let key = [route.project_id, route.credential].map(str::to_owned);
        let slot = self.clients.slot(&key);
        let mut slot = slot.lock().await;
        if let Some(client) = &*slot {
            return Ok(client.clone());
        }
        let client = self.connector.connect();
        let client = client.map_err(|e| connection::no_client(&e))?;
        Ok(slot.insert(client).clone())
    }
}
