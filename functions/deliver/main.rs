//! Tells webhooks: takes deliveries from their queue and posts them to brands' endpoints.

use domain::{
    deliver::{self, Job},
    event::Data,
    send::Done,
    store::Unavailable,
};
use dynamodb::Table;
use functions::{credentials::Credentials, measured};
use lambda::{About, Environment, Receives, Secrets};
use push::Webhooks;
use queue::Deliveries;
use std::sync::Arc;
use trace::{Kind, Span, Traced};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda::Error> {
    let environment = Environment::of_process();
    let clock = environment.clock()?;
    let table = Table::from_env(environment.table()?, environment.retention()?);
    let queue = Deliveries::from_env(environment.webhook_queue()?);
    let settings = push::Settings {
        outbound_private: environment.outbound_private()?,
        ..push::Settings::default()
    };
    let credentials = Credentials(Secrets::from_env());
    let endpoints = Webhooks::new(&settings, credentials, environment.webhook_secret()?)?;
    let endpoints = Arc::new(Traced(endpoints));
    lambda::serve_queue(move |job: Job, _: Receives| {
        let (table, queue, endpoints) = (table.clone(), queue.clone(), endpoints.clone());
        async move {
            let (about, span) = (About::from(&job), follow(&job));
            let posted = Box::pin(deliver::work(&table, &queue, &*endpoints, &clock, job));
            let posted = span.run(posted);
            let posted = posted.await.inspect_err(|_| span.fail("unavailable"))?;
            if let Some(posted) = posted {
                measured::posted(&about, posted);
            }
            Ok::<_, Unavailable>(Done::Through)
        }
    })
    .await
}

/// The span of a delivery.
fn follow(job: &Job) -> Span {
    let Job::Event(job) = job else {
        return Span::default();
    };
    let origin = job.event.origin.as_ref();
    let span = trace::follow(origin, Kind::Consumer, "process WebhookQueue");
    if span.is_recorded() {
        span.set("messaging.system", "aws_sqs");
        span.set("messaging.destination.name", "WebhookQueue");
        span.set("messaging.operation.type", "process");
        span.set("faas.trigger", "pubsub");
        span.set("overture.account", job.account.to_string());
        span.set("overture.webhook", job.webhook.to_string());
        span.set("overture.event", job.event.kind.as_str());
        span.set("overture.attempt", job.attempt);
        if let Data::Message(of) = &job.event.data {
            span.set("overture.campaign", of.campaign_id.to_string());
            span.set("overture.message", of.transaction_id.to_string());
        }
    }
    span
}
