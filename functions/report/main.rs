//! Outbound reporting, as LivePerson has it.

use dynamodb::Table;
use functions::{Ports, report};
use lambda::{Environment, Group, Guard};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda::Error> {
    let environment = Environment::of_process();
    let table = Table::from_env(environment.table()?, environment.retention()?);
    let clock = environment.clock()?;
    let guard = Guard::from_env(&environment, table.clone(), Group::Reports).await?;
    let ports = Ports { table, clock };
    let router = report::routes().with_state(ports);
    lambda::serve(guard.over(router)).await
}
