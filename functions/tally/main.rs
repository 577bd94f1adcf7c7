//! Counts what happened, and records what webhooks are told: follows the table's stream into
//! campaigns' boards, daily totals and the log of events.

use domain::{
    board,
    clock::{Clock as _, SystemClock},
    journal,
    message::Message,
    store::Unavailable,
};
use dynamodb::{Stored, Table};
use functions::measured;
use lambda::{About, Environment, Record, Stuck};
use trace::Span;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda::Error> {
    let environment = Environment::of_process();
    let table = Table::from_env(environment.table()?, environment.retention()?).for_following();
    let clock = environment.clock()?;
    lambda::serve_stream(move |records| {
        let table = table.clone();
        async move {
            let taken = take_in(&table, clock, &records).await;
            taken.map_err(Stuck::at_all)?;
            measured::counted(&records, clock.now());
            Ok(())
        }
    })
    .await
}

async fn take_in(table: &Table, clock: SystemClock, records: &[Record]) -> Result<(), Unavailable> {
    let (mut counted, mut told, mut spans) = (Vec::new(), Vec::new(), Vec::new());
    for stored in records.iter().filter_map(functions::stream::stored) {
        match stored {
            Stored::Chunk(mut chunk) => {
                let span = functions::stream::follow(&mut chunk.origin, "chunk");
                About::campaign(&chunk.account, &chunk.campaign).tell(&span);
                spans.push(span);
                counted.push(board::Change::Accepted {
                    account: chunk.account,
                    campaign: chunk.campaign,
                    chunk: chunk.number,
                    origin: chunk.origin,
                });
            }
            Stored::Message(mut message) => {
                spans.push(follow(&mut message));
                counted.push(board::Change::Message(Box::new(message)));
            }
            Stored::Entry(mut posted, _) => {
                let span = functions::stream::follow(&mut posted.entry.origin, "entry");
                About::conversation(&posted.account, posted.conversation).tell(&span);
                spans.push(span);
                told.push(journal::Change::Entry(posted));
            }
            Stored::Conversation(conversation) => {
                told.push(journal::Change::Conversation(Box::new(conversation)));
            }
            Stored::Pause(account, pause, is_over) => {
                told.push(journal::Change::Pause(account, pause, is_over));
            }
            Stored::Campaign(campaign) => told.push(journal::Change::Campaign(campaign)),
            Stored::Events(..) => {}
        }
    }
    let taken = async {
        board::tally(table, &clock, counted).await?;
        for change in &told {
            journal::tell(table, &clock, change).await?;
        }
        Ok(())
    };
    let taken = taken.await;
    if taken.is_err() {
        for span in &spans {
            span.fail("unavailable");
        }
    }
    taken
}

/// The span of a change of a message, from which its events follow. Changes are taken in
/// together, so their spans last equally long.
fn follow(message: &mut Message) -> Span {
    let span = functions::stream::follow(&mut message.origin, "message");
    if span.is_recorded() {
        let key = &message.key;
        About::message(&key.account, &message.place.campaign, key.transaction).tell(&span);
        span.set("overture.attempt", message.attempt);
        span.set("overture.state", message.state().as_str());
        if let Some(failure) = message.failure.or(message.trouble) {
            span.set("overture.code", failure.as_str());
        }
    }
    span
}
