//! Counts what happened: follows the table's stream into campaigns' boards and daily totals.

use domain::board::{self, Change};
use dynamodb::{Stored, Table};
use lambda::{Environment, Record, Stuck};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda::Error> {
    let environment = Environment::of_process();
    let table = Table::from_env(environment.table()?, environment.retention()?).await;
    lambda::serve_stream(move |records| {
        let table = table.clone();
        async move {
            let changes = records.iter().filter_map(change).collect();
            board::tally(&table, changes).await.map_err(Stuck::at_all)
        }
    })
    .await
}

/// What the counts have to take in of a record.
fn change(record: &Record) -> Option<Change> {
    match functions::stream::stored(record)? {
        Stored::Chunk(chunk) => Some(Change::Accepted {
            account: chunk.account,
            campaign: chunk.campaign,
            chunk: chunk.number,
        }),
        Stored::Message(message) => Some(Change::Message {
            progress: message.progress(),
            account: message.key.account,
            place: message.place,
        }),
        Stored::Entry(..) | Stored::Conversation(_) | Stored::Pause(..) => None,
    }
}
