//! Ends an account, and removes what is kept of it in the table: for an operator, with their own
//! rights in AWS. `infra/docs/runbooks/delete-account.md` tells when and how.

use aws_config::BehaviorVersion;
use aws_sdk_dynamodb::Client;
use domain::{
    access::Role,
    account,
    audit::Author,
    clock::{Clock as _, SystemClock},
    id::AccountId,
};
use dynamodb::Table;
use jiff::SignedDuration;
use std::{error::Error, process::ExitCode};

const USAGE: &str = "removal end TABLE ACCOUNT     it is not served any more
removal remove TABLE ACCOUNT  removes what is kept of an account that ended
removal count TABLE ACCOUNT   how many items there are of it; fails while there are any";

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    match run(&arguments).await {
        Ok(code) => code,
        Err(error) => {
            let mut cause: Option<&dyn Error> = Some(&*error);
            while let Some(why) = cause {
                eprintln!("{why}");
                cause = why.source();
            }
            ExitCode::FAILURE
        }
    }
}

async fn run(arguments: &[String]) -> Result<ExitCode, Box<dyn Error>> {
    let [command, table, account] = arguments else {
        return Err(USAGE.into());
    };
    let account: AccountId = account.parse()?;
    // An operator's credentials can be in any place that the AWS CLI knows.
    let config = aws_config::load_defaults(BehaviorVersion::latest()).await;
    // Nothing is written here that has an end.
    let table = Table::new(Client::new(&config), table, SignedDuration::ZERO);
    match command.as_str() {
        "end" => {
            let by = Author {
                account: account.clone(),
                subject: "removal".into(),
                roles: vec![Role::Operator],
                at: SystemClock::default().now(),
            };
            account::end(&table, &by).await?;
            println!("{account} is not served any more");
            Ok(ExitCode::SUCCESS)
        }
        "remove" => {
            let count = table.remove_all_of(&account).await?;
            println!("{count} items of {account} removed");
            Ok(ExitCode::SUCCESS)
        }
        "count" => {
            let count = table.count_of(&account).await?;
            println!("{count} items of {account}");
            Ok(if count == 0 {
                ExitCode::SUCCESS
            } else {
                ExitCode::FAILURE
            })
        }
        _ => Err(USAGE.into()),
    }
}
