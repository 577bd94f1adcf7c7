//! Keeps a brand's account: apps, skills, settings and API clients.

use dynamodb::Table;
use functions::{Ports, account};
use lambda::{Environment, Group, Guard};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda::Error> {
    let env = Environment::of_process();
    let table = Table::from_env(env.table()?, env.retention()?);
    let guard = Guard::from_env(&env, table.clone(), Group::Campaigns).await?;
    let ports = Ports {
        table,
        clock: env.clock()?,
    };
    let router = account::routes().with_state(ports);
    lambda::serve(guard.over(router)).await
}
