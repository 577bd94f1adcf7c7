//! A brand and its people for as long as the clock is moved: nobody's token ever expires.

use crate::{
    brand::adds_up,
    parts::{Device, campaign},
    world::{Answer, Session, World, list, text},
};
use reqwest::Method;
use sandbox::Push;
use serde_json::Value;
use std::collections::BTreeMap;

/// A brand's account with a handoff that greets by name.
pub(super) struct Account<'w> {
    pub(super) world: &'w World,
    pub(super) name: String,
    handoff: String,
}

impl<'w> Account<'w> {
    /// An account that nobody had before.
    pub(super) async fn open(world: &'w World, name: &str) -> Self {
        let handoff = world.brand(name).await.greeting().await;
        Self {
            world,
            name: name.to_owned(),
            handoff,
        }
    }

    /// Its administrator.
    pub(super) fn admin(&self) -> Session<'w> {
        self.session("admin", "crm")
    }

    /// One of its consumers.
    pub(super) fn consumer(&self, id: &str) -> Session<'w> {
        self.session("consumer", id)
    }

    fn session(&self, role: &str, subject: &str) -> Session<'w> {
        let skills = ["sales", "support"];
        let token = self.world.stack.token(role, &self.name, subject, &skills);
        self.world.session(&self.name, token.unwrap())
    }

    /// Logs a consumer in on a device.
    pub(super) async fn log_in(&self, consumer: &str, device: &Device) -> Answer {
        let path = format!("me/devices/{}", device.id);
        self.consumer(consumer).put(&path, device.body()).await
    }

    /// Logs each of them in on an iPhone.
    pub(super) async fn log_in_all<S: AsRef<str>>(&self, consumers: &[S]) {
        for consumer in consumers.iter().map(AsRef::as_ref) {
            self.log_in(consumer, &Device::iphone(consumer))
                .await
                .ok(200);
        }
    }

    /// The body of a campaign to them with a lookback of so many hours.
    pub(super) fn body<S: AsRef<str>>(&self, consumers: &[S], hours: u32) -> Value {
        let mut body = campaign(&self.handoff, consumers);
        body["lookbackPeriodDay"] = (hours / 24).into();
        body["lookbackPeriodHour"] = (hours % 24).into();
        body
    }

    /// A campaign to them with a lookback of so many hours; its id.
    pub(super) async fn launch<S: AsRef<str>>(&self, consumers: &[S], hours: u32) -> String {
        self.launch_as(consumers, hours, "fail").await
    }

    /// Likewise, with something else to do about open conversations.
    pub(super) async fn launch_as<S: AsRef<str>>(
        &self,
        consumers: &[S],
        hours: u32,
        policy: &str,
    ) -> String {
        let mut body = self.body(consumers, hours);
        body["openConversation"] = policy.into();
        let made = self.admin().post("campaign", body).await.ok(202);
        text(&made["proactiveCampaignId"])
    }

    /// A campaign's counts, which add up.
    pub(super) async fn counts(&self, campaign: &str) -> Value {
        let path = format!("campaign/{campaign}");
        let seen = self.admin().get(&path).await.ok(200);
        adds_up(&seen["counts"]);
        seen["counts"].clone()
    }

    /// How many of a campaign's messages are in that state, as counted.
    pub(super) async fn count(&self, campaign: &str, state: &str) -> u64 {
        self.counts(campaign).await[state].as_u64().unwrap()
    }

    /// How many of a campaign's messages are not in a final state, those that are held left out.
    pub(super) async fn under_way(&self, campaign: &str) -> u64 {
        let counts = self.counts(campaign).await;
        counts["queued"].as_u64().unwrap() + counts["sending"].as_u64().unwrap()
    }

    /// The state of each recipient's message, as it is stored.
    pub(super) async fn states(&self, campaign: &str) -> BTreeMap<String, String> {
        let path = format!("campaign/{campaign}/recipients?limit=100");
        let page = self.admin().get(&path).await.ok(200);
        let state = |r: &Value| (text(&r["consumerId"]), text(&r["state"]));
        list(&page["recipients"]).iter().map(state).collect()
    }

    /// The state of a message, as it is stored.
    pub(super) async fn state(&self, campaign: &str, consumer: &str) -> String {
        self.states(campaign).await.remove(consumer).unwrap()
    }

    /// Everything that happened to a message.
    pub(super) async fn history(&self, campaign: &str, consumer: &str) -> Value {
        let path = format!("campaign/{campaign}/recipients/{consumer}");
        self.admin().get(&path).await.ok(200)
    }

    pub(super) async fn cancel(&self, campaign: &str) {
        let path = format!("campaign/{campaign}/cancel");
        let cancelled = self.admin().send(Method::POST, &path, &[], None).await;
        cancelled.ok(200);
    }

    /// A consumer writes; the conversation's id.
    pub(super) async fn write(&self, consumer: &str) -> String {
        let body = serde_json::json!({"text": "Hello?"});
        let consumer = self.consumer(consumer);
        let wrote = consumer.post("me/conversation/messages", body).await;
        text(&wrote.ok(201)["conversationId"])
    }

    /// An agent closes a conversation, if it is open.
    pub(super) async fn close(&self, conversation: &str) {
        let agent = self.session("agent", "agent-1");
        for step in ["accept", "close"] {
            let path = format!("conversations/{conversation}/{step}");
            let answer = agent.send(Method::POST, &path, &[], None).await;
            assert!(answer.status < 500, "{answer:?}");
        }
    }
}

/// What a device has on its screen, and how often a gateway took something for it.
pub(super) fn on_screen(world: &World, device: &Device) -> (usize, usize) {
    let all = world.stack.sandbox().visible();
    let its = all.iter().find(|seen| seen.device_token == device.token);
    its.map_or((0, 0), |seen| (seen.visible, seen.accepted))
}

/// How often a device was tried.
pub(super) fn tries(world: &World, device: &Device) -> usize {
    let is_its = |push: &&Push| push.device_token == device.token;
    world.stack.sandbox().pushes().iter().filter(is_its).count()
}
