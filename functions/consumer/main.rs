//! A consumer's devices and inbox, and what their devices report.

use dynamodb::Table;
use functions::{Ports, consumer};
use lambda::{Environment, Guard};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda::Error> {
    let environment = Environment::of_process();
    let table = Table::from_env(environment.table()?, environment.retention()?);
    let clock = environment.clock()?;
    let guard = Guard::of_consumers(&environment, table.clone())?;
    let ports = Ports {
        table: table.for_devices(),
        clock,
    };
    let router = consumer::routes().with_state(ports);
    lambda::serve(guard.over(router)).await
}
