//! The queue, the topic and the gateways, in memory.

use domain::{
    device::PushToken,
    dispatch::{Announce, Announcement, Delayed, Enqueue, Job},
    push::{Notification, Push, Receipt, Target, Undelivered},
    store::Unavailable,
};
use std::{
    collections::{HashMap, VecDeque},
    sync::Mutex,
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
