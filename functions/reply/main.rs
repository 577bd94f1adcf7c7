//! The consumer's side of the chat.

use dynamodb::Table;
use functions::{Ports, reply};
use lambda::{Environment, Guard};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda::Error> {
    let environment = Environment::of_process();
    let table = Table::from_env(environment.table()?, environment.retention()?);
    let clock = environment.clock()?;
    let guard = Guard::of_consumers(&environment, table.clone())?;
    let table = table.for_replies();
    let ports = Ports { table, clock };
    let router = reply::routes().with_state(ports);
    lambda::serve(guard.over(router)).await
}
