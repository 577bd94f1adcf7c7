//! Handoffs: their whole life, and LivePerson's read-only listings of them.

use dynamodb::Table;
use functions::{Ports, create_handoff};
use lambda::{Environment, Group, Guard};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda::Error> {
    let environment = Environment::of_process();
    let table = Table::from_env(environment.table()?, environment.retention()?);
    let clock = environment.clock()?;
    let guard = Guard::from_env(&environment, table.clone(), Group::Campaigns).await?;
    let ports = Ports { table, clock };
    let router = create_handoff::routes().with_state(ports);
    lambda::serve(guard.over(router)).await
}
