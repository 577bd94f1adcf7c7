//! Jobs for webhooks, and the queue that keeps them until they are due.

use crate::{
    event::Event,
    id::{AccountId, WebhookName},
    pace,
    store::Unavailable,
    webhook::Webhook,
};
use jiff::{Timestamp, civil::Date};
use serde::{Deserialize, Serialize};
use std::{future::Future, time::Duration};

/// Something to be done for a webhook. The tag names the form: a new form is a new variant, so
/// that old and new code can share a queue.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type")]
pub enum Job {
    /// Tell it of an event.
    #[serde(rename = "event.v1")]
    Event(EventJob),
    /// Tell it of what the log has.
    #[serde(rename = "replay.v1")]
    Replay(ReplayJob),
}

/// An event that a webhook is to be told of.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct EventJob {
    /// The brand.
    pub account: AccountId,
    /// The webhook.
    pub webhook: WebhookName,
    /// The event.
    pub event: Event,
    /// Which try this is, from 0.
    pub attempt: u32,
    /// Its time.
    pub not_before: Timestamp,
}

/// Events of the log that a webhook is to be told of.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ReplayJob {
    /// The brand.
    pub account: AccountId,
    /// The webhook.
    pub webhook: WebhookName,
    /// Those recorded from then on.
    pub from: Timestamp,
    /// And before then.
    pub to: Timestamp,
    /// The day that is next.
    pub day: Date,
    /// Behind which of its pages.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<String>,
}

/// A job, and how long the queue keeps it back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delayed {
    /// The job.
    pub job: Job,
    /// At most [`pace::LONGEST_DELAY`].
    pub delay: Duration,
}

impl Delayed {
    /// A job that is due at once.
    #[must_use]
    pub const fn now(job: Job) -> Self {
        let delay = Duration::ZERO;
        Self { job, delay }
    }

    /// The job of telling the webhook of an event for the first time.
    pub(super) fn first_try(webhook: &Webhook, event: &Event, now: Timestamp) -> Self {
        Self::now(Job::Event(EventJob {
            account: webhook.account.clone(),
            webhook: webhook.name.clone(),
            event: event.clone(),
            attempt: 0,
            not_before: now,
        }))
    }

    /// An event's job, kept back until its time.
    pub(super) fn until_due(job: EventJob, now: Timestamp) -> Self {
        let delay = pace::delay_at_least(job.not_before, now);
        let job = Job::Event(job);
        Self { job, delay }
    }

    /// Whose turn it takes: no webhook's jobs are to keep those of others waiting.
    #[must_use]
    pub fn group(&self) -> String {
        let (account, webhook) = match &self.job {
            Job::Event(job) => (&job.account, &job.webhook),
            Job::Replay(job) => (&job.account, &job.webhook),
        };
        format!("{account}:{webhook}")
    }
}

/// Puts jobs on the queue of deliveries.
pub trait EnqueueDeliveries: Send + Sync {
    /// Puts all of them, in as few calls as the queue allows, or fails: some may then be
    /// there, and all are put again.
    fn enqueue_deliveries(
        &self,
        jobs: &[Delayed],
    ) -> impl Future<Output = Result<(), Unavailable>> + Send;
}
