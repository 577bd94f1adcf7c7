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
    let table = Table::from_env(env.table()?, env.retention()?).await;
    let guard = Guard::from_env(&env, table.clone(), Group::Campaigns).await?;
    let settings = push::Settings {
        outbound_private: env.outbound_private()?,
        ..push::Settings::default()
    };
    let credentials = Credentials(Secrets::from_env().await);
    let endpoints = Webhooks::new(&settings, credentials, env.webhook_secret()?)?;
    let ports = Ports {
        table,
        clock: env.clock()?,
        queue: Deliveries::from_env(env.webhook_queue()?).await,
        endpoints: Arc::new(endpoints),
    };
    let (router, _) = webhook::routes().with_state(ports).split_for_parts();
    lambda::serve(guard.over(router)).await
}
