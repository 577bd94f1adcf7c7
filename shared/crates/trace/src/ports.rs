//! The domain's ports, with spans around what they do.

use crate::span::{self, Kind};
use domain::{
    deliver::{Answer, Post},
    dispatch::{Delayed, Enqueue},
    event::Event,
    origin::Origin,
    push::{Notification, Push, Receipt, Target, Undelivered},
    store::Unavailable,
    webhook::Webhook,
};
use jiff::Timestamp;
use std::ops::Deref;

/// A port whose calls are spans below the one at hand.
#[derive(Clone, Debug)]
pub struct Traced<P>(pub P);

impl<P> Deref for Traced<P> {
    type Target = P;

    fn deref(&self) -> &P {
        &self.0
    }
}

impl<Q: Enqueue> Enqueue for Traced<Q> {
    /// The jobs of the trace at hand follow from this call; those of others from what they did
    /// before.
    async fn enqueue(&self, jobs: &[Delayed]) -> Result<(), Unavailable> {
        let span = span::child(Kind::Producer, "send SendQueue");
        let Some(here) = span.origin() else {
            return self.0.enqueue(jobs).await;
        };
        span.set("messaging.system", "aws_sqs");
        span.set("messaging.destination.name", "SendQueue");
        span.set("messaging.operation.type", "send");
        span.set("messaging.batch.message_count", jobs.len());
        let mut jobs = jobs.to_vec();
        if let Some(first) = jobs.first() {
            span.set("overture.account", first.job.account().to_string());
        }
        for Delayed { job, .. } in &mut jobs {
            let is_of_it = |origin: &Origin| origin.trace() == here.trace();
            if job.origin().is_some_and(is_of_it) {
                *job = job.clone().from_there(here.clone());
            }
        }
        span.attempt(self.0.enqueue(&jobs)).await
    }
}

impl<P: Push> Push for Traced<P> {
    async fn push(
        &self,
        target: Target<'_>,
        notification: &Notification,
    ) -> Result<Receipt, Undelivered> {
        let gateway = target.route.name();
        let span = span::child(Kind::Client, format!("push {gateway}"));
        let pushed = span.run(self.0.push(target, notification)).await;
        if span.is_recorded() {
            span.set("overture.account", notification.account.to_string());
            span.set("overture.gateway", gateway);
            span.set("overture.platform", target.platform.as_str());
            let outcome = match &pushed {
                Ok(_) => "taken",
                Err(Undelivered::DeviceGone { .. }) => "device_gone",
                Err(Undelivered::Refused { .. }) => "refused",
                Err(Undelivered::Rejected { .. }) => "rejected",
                Err(Undelivered::Later { .. }) => "later",
            };
            span.set("overture.outcome", outcome);
            if let Err(undelivered) = &pushed {
                span.fail(undelivered.reason().to_owned());
            }
        }
        pushed
    }
}

impl<P: Post> Post for Traced<P> {
    async fn post(
        &self,
        webhook: &Webhook,
        event: &Event,
        now: Timestamp,
    ) -> Result<Answer, Unavailable> {
        let span = span::child(Kind::Client, "POST");
        let answer = span.attempt(self.0.post(webhook, event, now)).await;
        if span.is_recorded() {
            span.set("http.request.method", "POST");
            span.set("overture.account", webhook.account.to_string());
        }
        if let Ok(answer) = &answer {
            match answer.status {
                Some(status) => {
                    span.set("http.response.status_code", status);
                    if !answer.is_taken() {
                        span.fail(status.to_string());
                    }
                }
                None => span.fail(answer.trouble.clone().unwrap_or_default()),
            }
        }
        answer
    }
}
