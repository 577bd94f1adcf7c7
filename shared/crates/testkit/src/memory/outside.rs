//! The queue, the topic and the gateways, in memory.

use domain::{
    deliver::{self, EnqueueDeliveries, Post},
    device::PushToken,
    dispatch::{Announce, Announcement, Delayed, Enqueue, Job},
    event::Event,
    id::WebhookName,
    push::{Notification, Push, Receipt, Target, Undelivered},
    store::Unavailable,
    webhook::{DeriveSecrets, SecretVersion, Webhook, WebhookSecret},
};
use jiff::Timestamp;
use std::{
    collections::{HashMap, VecDeque},
    sync::Mutex,
    time::Duration,
};

/// A queue that keeps what it is given until somebody takes it.
#[derive(Debug, Default)]
pub struct Queue {
    jobs: Mutex<Vec<Delayed>>,
    calls: Mutex<u32>,
    failing: Mutex<u32>,
}

impl Queue {
    /// Takes all that is in the queue, delayed or not.
    pub fn take(&self) -> Vec<Delayed> {
        std::mem::take(&mut self.jobs.lock().unwrap())
    }

    /// Takes all jobs of the queue, whatever their delay.
    pub fn take_jobs(&self) -> Vec<Job> {
        self.take().into_iter().map(|d| d.job).collect()
    }

    /// How often something was put since the start, failed calls left out.
    pub fn calls(&self) -> u32 {
        *self.calls.lock().unwrap()
    }

    /// Makes the next `times` calls fail.
    pub fn fail(&self, times: u32) {
        *self.failing.lock().unwrap() = times;
    }
}

impl Enqueue for Queue {
    async fn enqueue(&self, jobs: &[Delayed]) -> Result<(), Unavailable> {
        tokio::task::yield_now().await;
        let mut failing = self.failing.lock().unwrap();
        if *failing > 0 {
            *failing -= 1;
            return Err(Unavailable::new("the queue was made to fail"));
        }
        *self.calls.lock().unwrap() += 1;
        self.jobs.lock().unwrap().extend_from_slice(jobs);
        Ok(())
    }
}

/// A topic that remembers what it was told.
#[derive(Debug, Default)]
pub struct Topic(Mutex<Vec<Announcement>>);

impl Topic {
    /// Takes what it was told since the last time.
    pub fn take(&self) -> Vec<Announcement> {
        std::mem::take(&mut self.0.lock().unwrap())
    }
}

impl Announce for Topic {
    async fn announce(&self, announcement: &Announcement) -> Result<(), Unavailable> {
        tokio::task::yield_now().await;
        self.0.lock().unwrap().push(announcement.clone());
        Ok(())
    }
}

/// A notification that was handed over, and whether the gateway took it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pushed {
    /// The device's address.
    pub token: String,
    /// What it was.
    pub notification: Notification,
    /// Whether the gateway took it.
    pub taken: bool,
}

/// Gateways that take everything, unless a token was scripted otherwise or they are down.
#[derive(Debug, Default)]
pub struct Gateways {
    down: Mutex<Option<Undelivered>>,
    script: Mutex<HashMap<String, VecDeque<Undelivered>>>,
    pushed: Mutex<Vec<Pushed>>,
}

impl Gateways {
    /// Answers the next push to `token` with `answer`; scripted ones come in turn.
    pub fn answer(&self, token: &PushToken, answer: Undelivered) {
        self.script
            .lock()
            .unwrap()
            .entry(token.expose().to_owned())
            .or_default()
            .push_back(answer);
    }

    /// Answers every push with `answer`, until [`Self::up`].
    pub fn down(&self, answer: Undelivered) {
        *self.down.lock().unwrap() = Some(answer);
    }

    /// Ends [`Self::down`].
    pub fn up(&self) {
        *self.down.lock().unwrap() = None;
    }

    /// Everything that was handed over, in order.
    pub fn pushed(&self) -> Vec<Pushed> {
        self.pushed.lock().unwrap().clone()
    }

    /// What was taken for `token`.
    pub fn taken(&self, token: &PushToken) -> Vec<Notification> {
        self.pushed()
            .into_iter()
            .filter(|p| p.taken && p.token == token.expose())
            .map(|p| p.notification)
            .collect()
    }
}

impl Push for Gateways {
    async fn push(
        &self,
        target: Target<'_>,
        notification: &Notification,
    ) -> Result<Receipt, Undelivered> {
        tokio::task::yield_now().await;
        let token = target.token.expose().to_owned();
        let scripted = self
            .script
            .lock()
            .unwrap()
            .get_mut(&token)
            .and_then(VecDeque::pop_front)
            .or_else(|| self.down.lock().unwrap().clone());
        let mut pushed = self.pushed.lock().unwrap();
        let id = format!("receipt-{}", pushed.len());
        pushed.push(Pushed {
            token,
            notification: notification.clone(),
            taken: scripted.is_none(),
        });
        match scripted {
            Some(undelivered) => Err(undelivered),
            None => Ok(Receipt {
                id,
                shortened: false,
            }),
        }
    }
}

/// A queue of deliveries that keeps what it is given until somebody takes it.
#[derive(Debug, Default)]
pub struct Deliveries(Mutex<Vec<deliver::Delayed>>);

impl Deliveries {
    /// Takes all that is in the queue, delayed or not.
    pub fn take(&self) -> Vec<deliver::Delayed> {
        std::mem::take(&mut self.0.lock().unwrap())
    }
}

impl EnqueueDeliveries for Deliveries {
    async fn enqueue_deliveries(&self, jobs: &[deliver::Delayed]) -> Result<(), Unavailable> {
        tokio::task::yield_now().await;
        self.0.lock().unwrap().extend_from_slice(jobs);
        Ok(())
    }
}

/// An event that was posted: to which webhook, signed with which of its secrets, and when.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hooked {
    /// The webhook.
    pub webhook: WebhookName,
    /// The event.
    pub event: Event,
    /// The numbers of the secrets that signed it.
    pub secrets: Vec<u32>,
    /// When.
    pub at: Timestamp,
}

/// Endpoints that take everything, unless one was told to answer otherwise.
#[derive(Debug, Default)]
pub struct Endpoints {
    statuses: Mutex<HashMap<WebhookName, Option<u16>>>,
    waits: Mutex<HashMap<WebhookName, Duration>>,
    posted: Mutex<Vec<Hooked>>,
}

impl Endpoints {
    /// Answers with that status from now on; none is no answer.
    pub fn answer(&self, webhook: &WebhookName, status: Option<u16>) {
        let mut statuses = self.statuses.lock().unwrap();
        statuses.insert(webhook.clone(), status);
    }

    /// Asks for so long before the next try.
    pub fn ask_for(&self, webhook: &WebhookName, wait: Duration) {
        let mut waits = self.waits.lock().unwrap();
        waits.insert(webhook.clone(), wait);
    }

    /// Takes what was posted since the last time.
    pub fn take(&self) -> Vec<Hooked> {
        std::mem::take(&mut self.posted.lock().unwrap())
    }
}

impl Post for Endpoints {
    async fn post(
        &self,
        webhook: &Webhook,
        event: &Event,
        now: Timestamp,
    ) -> Result<deliver::Answer, Unavailable> {
        tokio::task::yield_now().await;
        let statuses = self.statuses.lock().unwrap();
        let status = statuses.get(&webhook.name).copied().unwrap_or(Some(204));
        self.posted.lock().unwrap().push(Hooked {
            webhook: webhook.name.clone(),
            event: event.clone(),
            secrets: webhook.live_secrets(now).map(|s| s.number).collect(),
            at: now,
        });
        Ok(deliver::Answer {
            status,
            trouble: status.is_none().then(|| "timeout".to_owned()),
            retry_after: self.waits.lock().unwrap().get(&webhook.name).copied(),
            took: Duration::ZERO,
        })
    }
}

/// Secrets that say what they are derived from.
#[derive(Debug, Default)]
pub struct Keys;

impl DeriveSecrets for Keys {
    async fn newest_key(&self) -> Result<String, Unavailable> {
        Ok("key".to_owned())
    }

    async fn secret(
        &self,
        webhook: &Webhook,
        version: &SecretVersion,
    ) -> Result<Option<WebhookSecret>, Unavailable> {
        let (account, seed, number) = (&webhook.account, &webhook.seed, version.number);
        let secret = format!("whsec_{account}.{seed}.{number}");
        Ok((version.key == "key").then(|| WebhookSecret::derived(secret)))
    }
}
