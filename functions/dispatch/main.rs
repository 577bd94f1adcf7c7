//! The outbox: follows the table's stream and puts what follows from a write on its way.

use domain::{
    clock::SystemClock,
    deliver,
    dispatch::{self, AppEvent},
    store::Unavailable,
};
use dynamodb::{Stored, Table};
use functions::measured;
use lambda::{About, Environment, Record, Stuck};
use queue::{Deliveries, Jobs, Topic};
use trace::Traced;
use tracing::Instrument as _;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda::Error> {
    let environment = Environment::of_process();
    let outbox = Outbox {
        table: Table::from_env(environment.table()?, environment.retention()?).for_following(),
        deliveries: Deliveries::from_env(environment.webhook_queue()?),
        jobs: Traced(Jobs::from_env(environment.send_queue()?)),
        topic: Topic::from_env(environment.events_topic()?),
        clock: environment.clock()?,
    };
    lambda::serve_stream(move |records| {
        let outbox = outbox.clone();
        async move { outbox.relay_all(records).await }
    })
    .await
}

#[derive(Clone)]
struct Outbox {
    table: Table,
    deliveries: Deliveries,
    jobs: Traced<Jobs>,
    topic: Topic,
    clock: SystemClock,
}

impl Outbox {
    async fn relay_all(&self, records: Vec<Record>) -> Result<(), Stuck> {
        for record in records {
            let Some(stored) = functions::stream::stored(&record) else {
                continue;
            };
            let about = functions::stream::about(&stored);
            let relayed = self.relay(stored, &about).instrument(about.span()).await;
            relayed.map_err(|e| Stuck::at(&record, about, e))?;
        }
        Ok(())
    }

    async fn relay(&self, stored: Stored, about: &About) -> Result<(), Unavailable> {
        let Self {
            table,
            deliveries,
            jobs,
            topic,
            clock,
        } = self;
        match stored {
            Stored::Chunk(mut chunk) => {
                let span = functions::stream::follow(&mut chunk.origin, "chunk");
                about.tell(&span);
                span.set("overture.recipients", chunk.recipients.len());
                let dispatched = Box::pin(dispatch::dispatch(table, jobs, clock, &chunk));
                span.attempt(dispatched).await?;
                let (part, count) = (chunk.number, chunk.recipients.len());
                tracing::info!(
                    part,
                    jobs = count,
                    "{count} messages of a campaign are queued"
                );
                Ok(())
            }
            Stored::Entry(mut posted, opening) => {
                let span = functions::stream::follow(&mut posted.entry.origin, "entry");
                about.tell(&span);
                let relayed = Box::pin(dispatch::relay_entry(jobs, topic, &posted, opening));
                span.attempt(relayed).await
            }
            Stored::Conversation(conversation) => {
                dispatch::relay_state(table, jobs, topic, clock, &conversation).await
            }
            Stored::Pause(account, pause, is_over) => {
                let told = dispatch::relay_pause(topic, &account, &pause, is_over).await?;
                if let Some(event) = told {
                    warn(&event);
                }
                measured::pause(&account, is_over);
                Ok(())
            }
            Stored::Events(account, events) => {
                deliver::relay_events(table, deliveries, topic, clock, &account, &events).await
            }
            Stored::Message(_) | Stored::Campaign(_) => Ok(()),
        }
    }
}

/// Tells operators which app it is: an alarm sends them here.
fn warn(event: &AppEvent) {
    tracing::warn!(
        event = event.event,
        app = %event.of.app_name,
        platform = event.of.platform.as_str(),
        environment = event.of.environment.as_str(),
        cause = event.of.cause.as_str(),
        reason = event.of.reason,
        "the breaker of an app changed"
    );
}
