//! The agents' and bots' side of the chat.

use dynamodb::Table;
use functions::{Ports, agent};
use lambda::{Environment, Group, Guard};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda::Error> {
    let environment = Environment::of_process();
    let table = Table::from_env(environment.table()?, environment.retention()?);
    let clock = environment.clock()?;
    let guard = Guard::from_env(&environment, table.clone(), Group::Agents).await?;
    let ports = Ports { table, clock };
    let router = agent::routes().with_state(ports);
    lambda::serve(guard.over(router)).await
}
