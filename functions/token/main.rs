//! Gives clients of a brand bearer tokens, and tells where services are.

use domain::clock::Clock as _;
use dynamodb::Table;
use functions::token::{self, Issuer};
use lambda::{
    Environment, Secrets,
    auth::{BrandTokens, OperatorClient},
};
use std::sync::Arc;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda::Error> {
    let env = Environment::of_process();
    env.telemetry()?;
    let (clock, secrets) = (env.clock()?, Secrets::from_env());
    let issuer = Issuer {
        clients: Table::from_env(env.table()?, env.retention()?),
        operator: Arc::new(OperatorClient::new(secrets.clone(), env.operator_secret()?)),
        tokens: Arc::new(BrandTokens::new(secrets, env.token_secret()?, clock.now()).await?),
        clock,
    };
    let router = token::routes().with_state(issuer);
    lambda::serve(router).await
}
