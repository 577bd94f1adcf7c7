//! The sender: takes jobs from the queue and hands notifications to the gateways.

use domain::{breaker::Recent, dispatch::Job, send, store::Unavailable};
use dynamodb::Table;
use functions::{credentials::Credentials, measured};
use lambda::{Environment, Receives, Secrets};
use push::Gateways;
use queue::Jobs;
use std::sync::Arc;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda::Error> {
    let environment = Environment::of_process();
    let clock = environment.clock()?;
    let table = Table::from_env(environment.table()?, environment.retention()?).for_sending();
    let jobs = Jobs::from_env(environment.send_queue()?);
    let gateways = environment.gateways()?;
    let settings = push::Settings {
        apns: gateways.apns_production,
        apns_sandbox: gateways.apns_sandbox,
        fcm: gateways.fcm,
        google_token: gateways.fcm_token,
        authority: None,
        outbound_private: environment.outbound_private()?,
    };
    let credentials = Credentials(Secrets::from_env());
    let gateways = Arc::new(Gateways::new(&settings, credentials, clock)?);
    let recent = Arc::new(Recent::default());
    lambda::serve_queue(move |job: Job, _: Receives| {
        let (table, jobs) = (table.clone(), jobs.clone());
        let (gateways, recent) = (gateways.clone(), recent.clone());
        async move {
            let handled = send::send(&table, &jobs, &*gateways, &clock, &recent, job).await?;
            handled.recorded.iter().for_each(measured::recorded);
            Ok::<_, Unavailable>(handled.done)
        }
    })
    .await
}
