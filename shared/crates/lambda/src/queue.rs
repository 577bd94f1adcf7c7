//! Functions that take messages from a queue.

use crate::{
    Error,
    about::About,
    metrics::{Metric, measure},
    telemetry::{Chain, Telemetry},
};
use aws_lambda_events::sqs::{BatchItemFailure, SqsBatchResponse, SqsEvent, SqsMessage};
use domain::send::Done;
use futures_util::{FutureExt as _, future::join_all};
use lambda_runtime::{LambdaEvent, service_fn};
use serde::de::DeserializeOwned;
use std::{error::Error as StdError, future::Future, panic::AssertUnwindSafe};
use tracing::Instrument as _;

/// How often the queue has given a message, this time included.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Receives(pub u32);

/// Starts telemetry, then gives `handle` each queued `T`, those of a batch at the same
/// time. One that fails, that is not through yet or that cannot be decoded goes back to
/// the queue alone.
///
/// # Errors
/// When metrics have no namespace, or the Runtime API cannot be reached.
pub async fn serve_queue<T, F, Fut, E>(handle: F) -> Result<(), Error>
where
    T: DeserializeOwned + Send + 'static,
    F: Fn(T, Receives) -> Fut + Clone + Send + Sync + 'static,
    Fut: Future<Output = Result<Done, E>> + Send + 'static,
    E: StdError + Send + Sync + 'static,
    for<'t> About: From<&'t T>,
{
    let telemetry = Telemetry::start()?;
    lambda_runtime::run_concurrent(service_fn(move |event: LambdaEvent<SqsEvent>| {
        let (handle, telemetry) = (handle.clone(), telemetry.clone());
        async move {
            let done = batch(event.payload, &handle);
            Ok::<_, Error>(telemetry.around(&event.context, done).await)
        }
    }))
    .await
}

async fn batch<T, Fut, E>(event: SqsEvent, handle: &impl Fn(T, Receives) -> Fut) -> SqsBatchResponse
where
    T: DeserializeOwned,
    Fut: Future<Output = Result<Done, E>>,
    E: StdError + Send + Sync + 'static,
    for<'t> About: From<&'t T>,
{
    let attempts = event.records.into_iter().map(|m| attempt(m, handle));
    let mut answer = SqsBatchResponse::default();
    answer.batch_item_failures = join_all(attempts).await.into_iter().flatten().collect();
    answer
}

/// Handles one message. Returns what to report of it, should it go back.
async fn attempt<T, Fut, E>(
    message: SqsMessage,
    handle: &impl Fn(T, Receives) -> Fut,
) -> Option<BatchItemFailure>
where
    T: DeserializeOwned,
    Fut: Future<Output = Result<Done, E>>,
    E: StdError + Send + Sync + 'static,
    for<'t> About: From<&'t T>,
{
    let id = message.message_id.unwrap_or_default();
    let receives = message
        .attributes
        .get("ApproximateReceiveCount")
        .and_then(|count| count.parse().ok())
        .map_or(Receives(1), Receives);
    let job: T = match serde_json::from_str(message.body.as_deref().unwrap_or_default()) {
        Ok(job) => job,
        Err(error) => {
            // The error's own words could quote the message.
            let (line, column, kind) = (error.line(), error.column(), error.classify());
            tracing::error!(message.id = %id, message.receives = receives.0, line, column, ?kind,
                "message {id} cannot be decoded: it goes back to its queue");
            measure(&About::default(), Metric::GivenBack, 1);
            return Some(failure(id));
        }
    };
    let about = About::from(&job);
    let worked = work(&id, receives, &about, async { handle(job, receives).await });
    let through = worked.instrument(about.span()).await;
    (!through).then(|| failure(id))
}

/// Does a message's work, and tells what went wrong; whether the queue can forget it.
async fn work<E>(
    id: &str,
    receives: Receives,
    about: &About,
    work: impl Future<Output = Result<Done, E>>,
) -> bool
where
    E: StdError + Send + Sync + 'static,
{
    // One message's panic must not send the whole batch back.
    let outcome = AssertUnwindSafe(Box::pin(work)).catch_unwind().await;
    match outcome {
        Ok(Ok(Done::Through)) => return true,
        Ok(Ok(Done::NotYet)) => {
            tracing::info!(message.id = %id, message.receives = receives.0,
                "message {id} is not through yet: it goes back to its queue");
            return false;
        }
        Ok(Err(error)) => {
            tracing::error!(message.id = %id, message.receives = receives.0, error = %Chain(&error),
                "message {id} failed: it goes back to its queue");
        }
        Err(_) => {
            tracing::error!(message.id = %id, message.receives = receives.0,
                "message {id} made the function panic: it goes back to its queue");
        }
    }
    measure(about, Metric::GivenBack, 1);
    false
}

fn failure(id: String) -> BatchItemFailure {
    let mut failure = BatchItemFailure::default();
    failure.item_identifier = id;
    failure
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain::store::Unavailable;
    use serde_json::json;

    impl From<&u32> for About {
        fn from(_: &u32) -> Self {
            Self::default()
        }
    }

    #[tokio::test]
    async fn only_what_failed_goes_back() {
        let record = |id: &str, body: &str, receives: &str| {
            json!({"messageId": id, "body": body,
                   "attributes": {"ApproximateReceiveCount": receives}})
        };
        let event = json!({"Records": [
            record("good", "1", "1"),
            record("not-yet", "2", "1"),
            record("failed", "3", "1"),
            record("garbage", "{", "1"),
            record("panics", "4", "1"),
            record("good-at-last", "5", "3"),
        ]});
        let event = serde_json::from_value(event).unwrap();
        let answer = batch(event, &|job: u32, receives: Receives| async move {
            match job {
                1 => Ok(Done::Through),
                2 => Ok(Done::NotYet),
                3 => Err(Unavailable::new("down")),
                5 if receives == Receives(3) => Ok(Done::Through),
                _ => panic!("a fault"),
            }
        })
        .await;
        let failed: Vec<_> = answer
            .batch_item_failures
            .into_iter()
            .map(|f| f.item_identifier)
            .collect();
        assert_eq!(failed, ["not-yet", "failed", "garbage", "panics"]);
    }
}
