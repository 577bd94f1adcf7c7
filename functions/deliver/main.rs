//! Tells webhooks: takes deliveries from their queue and posts them to brands' endpoints.

use domain::{
    deliver::{self, Job},
    send::Done,
    store::Unavailable,
};
use dynamodb::Table;
use functions::{credentials::Credentials, measured};
use lambda::{About, Environment, Receives, Secrets};
use push::Webhooks;
use queue::Deliveries;
use std::sync::Arc;
use trace::{Source, Span, Traced};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda::Error> {
    let environment = Environment::of_process();
    let clock = environment.clock()?;
    let table = Table::from_env(environment.table()?, environment.retention()?);
    let queue = Deliveries::from_env(environment.webhook_queue()?);
    let settings = push::Settings {
        authorities: environment.authorities()?,
        outbound_private: environment.outbound_private()?,
        ..push::Settings::default()
    };
    let credentials = Credentials(Secrets::from_env());
    let endpoints = Webhooks::new(&settings, credentials, environment.webhook_secret()?)?;
    let endpoints = Arc::new(Traced(endpoints));
    lambda::serve_queue(move |job: Job, _: Receives| {
        let (table, queue, endpoints) = (table.clone(), queue.clone(), endpoints.clone());
        async move {
            let about = About::from(&job);
            let span = follow(&job, &about);
            let posted = Box::pin(deliver::work(&table, &queue, &*endpoints, &clock, job));
            if let Some(posted) = span.attempt(posted).await? {
                measured::posted(&about, posted);
            }
            Ok::<_, Unavailable>(Done::Through)
        }
    })
    .await
}

/// The span of a delivery.
fn follow(job: &Job, about: &About) -> Span {
    let Job::Event(job) = job else {
        return Span::default();
    };
    let span = trace::process(job.event.origin.as_ref(), Source::WebhookQueue);
    if span.is_recorded() {
        about.tell(&span);
        span.set("overture.webhook", job.webhook.to_string());
        span.set("overture.event", job.event.kind.as_str());
        span.set("overture.attempt", job.attempt);
    }
    span
}
