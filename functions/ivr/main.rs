//! IVR deflection: whether a caller can go on in the app, and inviting them there.

use dynamodb::Table;
use functions::{Ports, ivr};
use lambda::{Environment, Group, Guard};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda::Error> {
    let environment = Environment::of_process();
    let table = Table::from_env(environment.table()?, environment.retention()?);
    let clock = environment.clock()?;
    let guard = Guard::from_env(&environment, table.clone(), Group::Calls).await?;
    let table = table.for_calls();
    let ports = Ports { table, clock };
    let router = ivr::routes().with_state(ports);
    lambda::serve(ivr::in_liveperson_s_words(guard.over(router))).await
}
