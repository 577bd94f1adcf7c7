//! A queue as an event source: its messages go to a function in batches.
use crate::{
    lambda::Lambda,
    queue::{InHand, Message, Queue},
    template::QueueSource,
};
use serde_json::{Value, json};
use std::{collections::HashSet, sync::Arc, time::Duration};
use tokio::{sync::Semaphore, task::JoinSet, time::Instant};

/// Concurrent invocations when the template does not say it.
const CONCURRENCY: usize = 4;

/// Feeds the function with the queue's messages, without end.
pub(crate) async fn feed(queue: Queue, source: Arc<QueueSource>, lambda: Lambda, function: String) {
    let places = Arc::new(Semaphore::new(
        source.concurrency.unwrap_or(CONCURRENCY).max(1),
    ));
    let mut running = JoinSet::new();
    loop {
        let Ok(place) = places.clone().acquire_owned().await else {
            return;
        };
        let (batch, in_hand) = batch(&queue, &source).await;
        let (queue, source, lambda, function) = (
            queue.clone(),
            source.clone(),
            lambda.clone(),
            function.clone(),
        );
        running.spawn(async move {
            deliver(&queue, &source, &lambda, &function, batch).await;
            drop((in_hand, place));
        });
        while running.try_join_next().is_some() {}
    }
}

/// The next messages: as many as fit, or as there are when the window closes.
async fn batch(queue: &Queue, source: &QueueSource) -> (Vec<Message>, InHand) {
    let (mut batch, in_hand) = loop {
        queue.available().await;
        let in_hand = queue.take_in_hand();
        let batch = queue.receive(source.batch_size, None);
        if !batch.is_empty() {
            break (batch, in_hand);
        }
    };
    let closes = Instant::now() + source.window;
    while batch.len() < source.batch_size && source.window > Duration::ZERO {
        if tokio::time::timeout_at(closes, queue.available())
            .await
            .is_err()
        {
            break;
        }
        batch.extend(queue.receive(source.batch_size - batch.len(), None));
    }
    (batch, in_hand)
}

/// Invokes the function and deletes what it has handled. The rest is seen again when its visibility
/// timeout is over.
async fn deliver(
    queue: &Queue,
    source: &QueueSource,
    lambda: &Lambda,
    function: &str,
    batch: Vec<Message>,
) {
    let records: Vec<Value> = batch.iter().map(|m| m.record(&queue.0.arn)).collect();
    let event = json!({"Records": records}).to_string();
    let failed = match lambda.invoke(function, event.into()).await {
        Ok(answer) if source.partial_failures => failures(&answer),
        Ok(_) => Some(HashSet::new()),
        Err(failed) => {
            tracing::warn!(function, error = %failed, "a batch of {} messages failed", batch.len());
            None
        }
    };
    let Some(failed) = failed else {
        return;
    };
    if failed.iter().any(|id| !batch.iter().any(|m| m.id == *id)) {
        tracing::warn!(
            function,
            "batchItemFailures names a message that is not in the batch: all of it failed"
        );
        return;
    }
    for message in batch.iter().filter(|m| !failed.contains(&m.id)) {
        queue.delete(message.receipt.as_deref().unwrap_or_default());
    }
}

/// The items that the function says have failed; nothing when its answer cannot be read, which
/// means that all have.
pub(crate) fn failures(answer: &[u8]) -> Option<HashSet<String>> {
    let answer: Value = serde_json::from_slice(answer).ok()?;
    let items = match &answer["batchItemFailures"] {
        Value::Null => return Some(HashSet::new()),
        Value::Array(items) => items,
        _ => return None,
    };
    let id = |item: &Value| {
        item["itemIdentifier"]
            .as_str()
            .filter(|id| !id.is_empty())
            .map(str::to_owned)
    };
    items.iter().map(id).collect()
}
