//! Functions that follow the table's stream.

use crate::{
    Error,
    about::About,
    metrics::{Metric, measure},
    telemetry::{Chain, Telemetry},
};
use aws_lambda_events::streams::{DynamoDbBatchItemFailure, DynamoDbEventResponse};
use lambda_runtime::{LambdaEvent, service_fn};
use std::{error::Error as StdError, fmt, future::Future};

/// A change of the table: its `change.new_image` is what `serde_dynamo::from_item` takes.
pub type Record = aws_lambda_events::dynamodb::EventRecord;

/// A batch that was not handled to its end.
#[derive(Debug)]
pub struct Stuck {
    sequence: Option<String>,
    about: About,
    source: Error,
}

impl Stuck {
    /// Stuck at `record`: it and those after it are given again, those before it are done.
    pub fn at(record: &Record, about: About, why: impl Into<Error>) -> Self {
        Self {
            sequence: record.change.sequence_number.clone(),
            about,
            source: why.into(),
        }
    }

    /// Stuck from the start: the whole batch is given again.
    pub fn at_all(why: impl Into<Error>) -> Self {
        Self {
            sequence: None,
            about: About::default(),
            source: why.into(),
        }
    }
}

impl fmt::Display for Stuck {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a batch of the stream was not handled to its end")
    }
}

impl StdError for Stuck {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        Some(&*self.source)
    }
}

/// Starts telemetry, then gives `handle` each batch of the stream. From where it is stuck
/// the stream gives the records again, in order.
///
/// # Errors
/// When metrics have no namespace, or the Runtime API cannot be reached.
pub async fn serve_stream<F, Fut>(handle: F) -> Result<(), Error>
where
    F: Fn(Vec<Record>) -> Fut + Clone + Send + Sync + 'static,
    Fut: Future<Output = Result<(), Stuck>> + Send + 'static,
{
    let telemetry = Telemetry::start()?;
    lambda_runtime::run_concurrent(service_fn(
        move |event: LambdaEvent<aws_lambda_events::dynamodb::Event>| {
            let (handle, telemetry) = (handle.clone(), telemetry.clone());
            async move {
                let done = batch(event.payload.records, handle);
                Ok::<_, Error>(telemetry.around(&event.context, done).await)
            }
        },
    ))
    .await
}

async fn batch<Fut>(
    records: Vec<Record>,
    handle: impl Fn(Vec<Record>) -> Fut,
) -> DynamoDbEventResponse
where
    Fut: Future<Output = Result<(), Stuck>>,
{
    let count = records.len();
    let first = records
        .first()
        .and_then(|record| record.change.sequence_number.clone());
    let mut answer = DynamoDbEventResponse::default();
    // Boxed: deep futures are more than the compiler can lay out.
    if let Err(stuck) = Box::pin(handle(records)).await {
        let mut failure = DynamoDbBatchItemFailure::default();
        failure.item_identifier = stuck.sequence.clone().or(first);
        stuck.about.span().in_scope(|| {
            tracing::error!(stream.sequence = failure.item_identifier, stream.records = count,
                error = %Chain(&stuck), "the stream is stuck: records are given again");
        });
        measure(&stuck.about, Metric::GivenBack, 1);
        answer.batch_item_failures = vec![failure];
    }
    answer
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn records() -> Vec<Record> {
        let record = |n: u32| {
            json!({"awsRegion": "eu-west-1", "eventID": "e", "eventName": "INSERT", "dynamodb": {
                "ApproximateCreationDateTime": 1_800_000_000,
                "Keys": {"pk": {"S": "a"}},
                "NewImage": {"pk": {"S": "a"}, "n": {"N": n.to_string()}},
                "SequenceNumber": n.to_string(), "SizeBytes": 3,
            }})
        };
        let event = json!({"Records": [record(1), record(2), record(3)]});
        let event: aws_lambda_events::dynamodb::Event = serde_json::from_value(event).unwrap();
        event.records
    }

    fn stuck_at(record: &Record) -> Stuck {
        Stuck::at(record, About::default(), "down")
    }

    fn failed(answer: &DynamoDbEventResponse) -> Vec<&str> {
        let failures = answer.batch_item_failures.iter();
        failures
            .filter_map(|f| f.item_identifier.as_deref())
            .collect()
    }

    #[tokio::test]
    async fn the_stream_goes_on_from_where_it_is_stuck() {
        let answer = batch(records(), async |_| Ok(())).await;
        assert!(failed(&answer).is_empty());
        let answer = batch(records(), async |r| Err(stuck_at(&r[1]))).await;
        assert_eq!(failed(&answer), ["2"]);
        let answer = batch(records(), async |_| Err(Stuck::at_all("down"))).await;
        assert_eq!(failed(&answer), ["1"]);
    }
}
