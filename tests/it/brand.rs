//! A brand and its consumers, and what they do again and again.

use crate::{
    parts::{Device, handoff},
    world::{SHOP, Session, lines, list, text},
};
use serde_json::{Value, json};
use std::ops::Deref;

/// A brand with two skills, two apps and an API client.
pub(crate) struct Brand<'w> {
    pub(crate) session: Session<'w>,
    pub(crate) operator: Session<'w>,
    pub(crate) client_secret: String,
}

impl<'w> Deref for Brand<'w> {
    type Target = Session<'w>;

    fn deref(&self) -> &Session<'w> {
        &self.session
    }
}

impl<'w> Brand<'w> {
    /// A handoff of the first app that greets by name; its id.
    pub(crate) async fn greeting(&self) -> String {
        self.handoff(handoff("Greeting", &[SHOP], "Hello ${{1}}"))
            .await
    }

    /// A handoff; its id.
    pub(crate) async fn handoff(&self, body: Value) -> String {
        text(&self.post("handoffs", body).await.ok(201)["id"])
    }

    /// A handoff for calls, of the first app; its id.
    pub(crate) async fn handoff_for_calls(&self, words: &str) -> String {
        let mut body = handoff("Calls", &[SHOP], words);
        body["source"] = "IVR".into();
        self.handoff(body).await
    }

    /// A campaign that is accepted.
    pub(crate) async fn launch(&self, body: Value) -> Value {
        self.post("campaign", body).await.ok(202)
    }

    /// A campaign's state and counts, which add up.
    pub(crate) async fn look(&self, campaign: &Value) -> Value {
        let id = text(&campaign["proactiveCampaignId"]);
        let seen = self.get(&format!("campaign/{id}")).await.ok(200);
        adds_up(&seen["counts"]);
        seen
    }

    /// One recipient's timeline.
    pub(crate) async fn recipient(&self, campaign: &Value, consumer: &str) -> Value {
        let id = text(&campaign["proactiveCampaignId"]);
        let path = format!("campaign/{id}/recipients/{consumer}");
        self.get(&path).await.ok(200)
    }

    /// The brand with a new token: the clock was put forward past the old one's hour.
    pub(crate) fn refreshed(mut self) -> Self {
        let token = self.world.stack.token("admin", &self.account, "crm", &[]);
        self.session.token = token.unwrap();
        self
    }

    /// A consumer of the brand.
    pub(crate) fn consumer(&self, id: &str) -> Consumer<'w> {
        let world = self.world;
        let token = world
            .stack
            .token("consumer", &self.account, id, &[])
            .unwrap();
        Consumer {
            session: world.session(&self.account, token),
            id: id.to_owned(),
        }
    }

    /// A consumer of the brand, logged in with an iPhone.
    pub(crate) async fn with_iphone(&self, id: &str) -> Consumer<'w> {
        let consumer = self.consumer(id);
        consumer.log_in(&Device::iphone(id)).await;
        consumer
    }
}

/// Checks that a campaign's counts add up to what was accepted.
#[track_caller]
pub(crate) fn adds_up(counts: &Value) {
    let states = [
        "queued",
        "sending",
        "held",
        "sent",
        "failed",
        "skipped",
        "expired",
        "cancelled",
    ];
    let sum: u64 = states
        .iter()
        .map(|state| counts[state].as_u64().expect(state))
        .sum();
    assert_eq!(counts["accepted"], sum, "{counts}");
}

/// A person with the brand's app.
pub(crate) struct Consumer<'w> {
    session: Session<'w>,
    pub(crate) id: String,
}

impl<'w> Deref for Consumer<'w> {
    type Target = Session<'w>;

    fn deref(&self) -> &Session<'w> {
        &self.session
    }
}

impl Consumer<'_> {
    pub(crate) async fn log_in(&self, device: &Device) {
        let path = format!("me/devices/{}", device.id);
        let shown = self.put(&path, device.body()).await.ok(200);
        assert!(!shown.to_string().contains(&device.token), "{shown}");
    }

    /// Writes into the chat.
    pub(crate) async fn write(&self, text: &str) -> Value {
        self.post("me/conversation/messages", json!({"text": text}))
            .await
            .ok(201)
    }

    pub(crate) async fn inbox(&self) -> Vec<Value> {
        list(&self.get("me/messages").await.ok(200)["messages"])
    }

    pub(crate) async fn report(&self, message: &str, kind: &str) {
        let at = self.world.stack.clock().now().to_string();
        let event = json!({"type": kind, "at": at});
        self.post(&format!("me/messages/{message}/events"), event)
            .await
            .ok(204);
    }

    /// What the chat shows: who wrote what.
    pub(crate) async fn chat(&self) -> Vec<(String, String)> {
        let chat = self.get("me/conversation").await.ok(200);
        lines(&chat["messages"])
    }
}
