//! The sender: takes jobs from the queue and hands notifications to the gateways.

use domain::{
    breaker::Recent,
    dispatch::Job,
    send::{self, Handled, Next},
    store::Unavailable,
};
use dynamodb::Table;
use functions::{credentials::Credentials, measured};
use lambda::{About, Environment, Receives, Secrets};
use push::Gateways;
use queue::Jobs;
use std::sync::Arc;
use trace::{Source, Span, Traced};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda::Error> {
    let environment = Environment::of_process();
    let clock = environment.clock()?;
    let table = Table::from_env(environment.table()?, environment.retention()?).for_sending();
    let jobs = Traced(Jobs::from_env(environment.send_queue()?));
    let gateways = environment.gateways()?;
    let settings = push::Settings {
        apns: gateways.apns_production,
        apns_sandbox: gateways.apns_sandbox,
        fcm: gateways.fcm,
        google_token: gateways.fcm_token,
        authorities: environment.authorities()?,
        outbound_private: environment.outbound_private()?,
    };
    let credentials = Credentials(Secrets::from_env());
    let gateways = Arc::new(Traced(Gateways::new(&settings, credentials, clock)?));
    let recent = Arc::new(Recent::default());
    lambda::serve_queue(move |job: Job, receives: Receives| {
        let (table, jobs) = (table.clone(), jobs.clone());
        let (gateways, recent) = (gateways.clone(), recent.clone());
        async move {
            let (span, job) = traced(job, receives);
            let handled = Box::pin(send::send(&table, &jobs, &*gateways, &clock, &recent, job));
            let handled = span.attempt(handled).await?;
            handled.recorded.iter().for_each(measured::recorded);
            tell(&span, &handled);
            Ok::<_, Unavailable>(handled.done)
        }
    })
    .await
}

/// The span of a job of a trace, and the job, which goes on from there.
fn traced(job: Job, Receives(receives): Receives) -> (Span, Job) {
    let span = trace::process(job.origin(), Source::SendQueue);
    let Some(here) = span.origin() else {
        return (span, job);
    };
    About::from(&job).tell(&span);
    span.set("overture.attempt", job.attempt());
    span.set("overture.receives", receives);
    (span, job.from_there(here))
}

/// Tells a message's span what the attempt came to.
fn tell(span: &Span, handled: &Handled) {
    let Some(recorded) = &handled.recorded else {
        return;
    };
    let (outcome, code) = match recorded.next {
        Next::Sent => ("sent", None),
        Next::Held => ("held", None),
        Next::Cancelled => ("cancelled", None),
        Next::Failed(failure) => ("failed", Some(failure)),
        Next::Expired(failure) => ("expired", failure),
        Next::Again { trouble, .. } => ("again", Some(trouble)),
    };
    span.set("overture.outcome", outcome);
    if let Some(failure) = code {
        span.set("overture.code", failure.as_str());
    }
}
