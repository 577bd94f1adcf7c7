//! Keeps a brand's webhooks, tries them, and tells them again what happened.

use dynamodb::Table;
use functions::{
    credentials::Credentials,
    webhook::{self, Ports},
};
use lambda::{Environment, Group, Guard, Secrets};
use push::Webhooks;
use queue::Deliveries;
use std::sync::Arc;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda::Error> {
    let env = Environment::of_process();
    let (secret, queue, clock) = (env.webhook_secret()?, env.webhook_queue()?, env.clock()?);
    let settings = push::Settings {
        authorities: env.authorities()?,
        outbound_private: env.outbound_private()?,
        ..push::Settings::default()
    };
    let table = Table::from_env(env.table()?, env.retention()?);
    let guard = Guard::from_env(&env, table.clone(), Group::Campaigns).await?;
    let credentials = Credentials(Secrets::from_env());
    let endpoints = Webhooks::new(&settings, credentials, secret)?;
    let ports = Ports {
        table,
        clock,
        queue: Deliveries::from_env(queue),
        endpoints: Arc::new(endpoints),
    };
    let router = webhook::routes().with_state(ports);
    lambda::serve(guard.over(router)).await
}
