//! A table's stream as an event source: its records go to a function in batches, in order.
use crate::{
    clock::Clock,
    dynamodb::{DatabaseError, DynamoDb},
    lambda::{Failed, Lambda},
    message::Sent,
    poller::failures,
    pulse::Pulse,
    services::Services,
    template::StreamSource,
};
use serde_json::{Value, json};
use std::{
    collections::BTreeMap,
    path::PathBuf,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};
use tokio::time::Instant;

/// Records read from the stream at once.
const PAGE: usize = 1000;
/// The wait before the first retry, and the longest.
const RETRY: (Duration, Duration) = (Duration::from_millis(50), Duration::from_secs(2));
/// What a public sequence number of the emulator is above the position it stands for.
const SEQUENCE_OFFSET: i128 = 100_000_000_000_000_000_000;

/// How far every event source has read, kept in a file when there is one.
#[derive(Clone, Debug, Default)]
pub(crate) struct Checkpoints {
    positions: Arc<Mutex<BTreeMap<String, i64>>>,
    file: Option<PathBuf>,
}

impl Checkpoints {
    pub(crate) fn open(file: Option<PathBuf>) -> Self {
        let read = file.as_deref().and_then(|f| std::fs::read(f).ok());
        let positions = read
            .and_then(|json| serde_json::from_slice(&json).ok())
            .unwrap_or_default();
        Self {
            positions: Arc::new(Mutex::new(positions)),
            file,
        }
    }

    fn get(&self, source: &str) -> Option<i64> {
        self.positions
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .get(source)
            .copied()
    }

    fn set(&self, source: &str, position: i64) {
        let mut positions = self
            .positions
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        positions.insert(source.to_owned(), position);
        let Some(file) = &self.file else { return };
        let written = serde_json::to_vec(&*positions).map_err(std::io::Error::from);
        if let Err(error) = written.and_then(|json| crate::keep::write(file, &json)) {
            tracing::warn!(%error, "cannot keep how far a stream was read");
        }
    }
}

/// One function's reading of one stream.
#[derive(Debug)]
pub(crate) struct Reader {
    pub(crate) source: StreamSource,
    pub(crate) table: String,
    pub(crate) function: String,
    /// What the function is called in faults.
    pub(crate) label: String,
    pub(crate) lambda: Lambda,
    pub(crate) services: Services,
    pub(crate) checkpoints: Checkpoints,
    pub(crate) clock: Clock,
    pub(crate) changed: Pulse,
    /// How many writes there had been when it last found nothing more to read, plus one.
    pub(crate) drained: Arc<AtomicU64>,
}

/// Whether a reader has read all that was written.
pub(crate) fn is_drained(drained: &AtomicU64, dynamodb: &DynamoDb) -> bool {
    drained.load(Ordering::Acquire) == dynamodb.written.count() + 1
}

impl Reader {
    /// Feeds the function with the stream's records, without end.
    pub(crate) async fn feed(self) {
        let id = format!("{}/{}", self.function, self.source.name);
        let mut position = match self.checkpoints.get(&id) {
            Some(position) => position,
            None if self.source.from_start => 0,
            None => self.newest().unwrap_or(0),
        };
        loop {
            let written = self.services.dynamodb.written.count();
            let (batch, read_to) = match self.next(position).await {
                Ok(next) => next,
                Err(error) => {
                    tracing::error!(function = self.function, %error, "a stream cannot be read");
                    return;
                }
            };
            if !batch.is_empty() {
                self.deliver(&id, batch).await;
            }
            if read_to > position {
                position = read_to;
                self.checkpoints.set(&id, position);
                continue;
            }
            self.drained.store(written + 1, Ordering::Release);
            self.changed.beat();
            self.services.dynamodb.written.after(written).await;
        }
    }

    /// The next batch of records that the function is for, and the position after it.
    async fn next(&self, from: i64) -> Result<(Vec<Value>, i64), DatabaseError> {
        let closes = Instant::now() + self.source.window;
        let (mut batch, mut position) = (Vec::new(), from);
        loop {
            let written = self.services.dynamodb.written.count();
            let records = self
                .services
                .dynamodb
                .records(&self.table, position, PAGE)?;
            let more = records.len() == PAGE;
            for mut record in records {
                position = position_of(&record);
                if self.source.filter.matches(&record)
                    && !self.services.faults.loses_record(&self.label)
                {
                    record["eventSourceARN"] = self.source.arn.clone().into();
                    batch.push(record);
                }
                if batch.len() == self.source.batch_size {
                    return Ok((batch, position));
                }
            }
            if more {
                continue;
            }
            let wait = self.services.dynamodb.written.after(written);
            if batch.is_empty()
                || self.source.window.is_zero()
                || tokio::time::timeout_at(closes, wait).await.is_err()
            {
                return Ok((batch, position));
            }
        }
    }

    fn newest(&self) -> Option<i64> {
        let mut position = 0;
        loop {
            let records = self
                .services
                .dynamodb
                .records(&self.table, position, PAGE)
                .ok()?;
            position = records.last().map_or(position, position_of);
            if records.len() < PAGE {
                return Some(position);
            }
        }
    }

    /// Invokes the function with the records until all are handled or given up.
    async fn deliver(&self, id: &str, batch: Vec<Value>) {
        let mut parts = vec![(batch, 0)];
        while let Some((mut part, tries)) = parts.pop() {
            let event = json!({"Records": part}).to_string();
            let answer = self.lambda.invoke(&self.function, event.into()).await;
            let from = match answer {
                Err(Failed::Stopping) => return std::future::pending().await,
                Ok(answer) if self.source.partial_failures => {
                    first_failure(&part, failures(&answer))
                }
                Ok(_) => None,
                Err(failed) => {
                    tracing::warn!(function = self.function, error = %failed, "a batch of {} records failed", part.len());
                    Some(0)
                }
            };
            let Some(from) = from else { continue };
            part.drain(..from);
            if let Some(first) = part.first() {
                self.checkpoints.set(id, position_of(first) - 1);
            }
            if self.source.retries.is_some_and(|most| tries >= most) {
                self.give_up(&part);
            } else if from == 0 && self.source.bisect && part.len() > 1 {
                let second = part.split_off(part.len() / 2);
                parts.push((second, tries + 1));
                parts.push((part, tries + 1));
            } else {
                // Progress makes it another batch, with tries of its own.
                let tries = if from > 0 { 0 } else { tries + 1 };
                self.pause(tries).await;
                parts.push((part, tries));
            }
        }
    }

    async fn pause(&self, tries: u32) {
        let (first, longest) = RETRY;
        let pause = first
            .saturating_mul(2_u32.saturating_pow(tries.min(16)))
            .min(longest);
        tokio::time::sleep(pause).await;
    }

    /// Sends word of records that could not be handled to where the template says.
    fn give_up(&self, records: &[Value]) {
        tracing::error!(
            function = self.function,
            "{} records are given up",
            records.len()
        );
        let Some(arn) = &self.source.on_failure else {
            return;
        };
        let (first, last) = (
            records.first().unwrap_or(&Value::Null),
            records.last().unwrap_or(&Value::Null),
        );
        let word = json!({
            "requestContext": {"functionArn": self.function, "condition": "RetryAttemptsExhausted"},
            "version": "1.0",
            "timestamp": self.clock.now().to_string(),
            "DDBStreamBatchInfo": {
                "shardId": dynoxide::streams::shard_id(&self.table),
                "startSequenceNumber": first["dynamodb"]["SequenceNumber"],
                "endSequenceNumber": last["dynamodb"]["SequenceNumber"],
                "batchSize": records.len(),
                "streamArn": self.source.arn,
            },
        });
        if let Some(queue) = self.services.queues.find(arn) {
            queue.send(&Sent {
                body: word.to_string(),
                ..Sent::default()
            });
        } else {
            self.services.topics.publish(arn, &word.to_string());
        }
    }
}

/// The index of the first record that failed: the checkpoint.
fn first_failure(
    part: &[Value],
    failed: Option<std::collections::HashSet<String>>,
) -> Option<usize> {
    let Some(failed) = failed else { return Some(0) };
    if failed.is_empty() {
        return None;
    }
    let sequence = |r: &Value| {
        r["dynamodb"]["SequenceNumber"]
            .as_str()
            .unwrap_or_default()
            .to_owned()
    };
    // A number that is not in the batch means that all of it failed.
    Some(
        part.iter()
            .position(|r| failed.contains(&sequence(r)))
            .unwrap_or(0),
    )
}

fn position_of(record: &Value) -> i64 {
    let number = record["dynamodb"]["SequenceNumber"]
        .as_str()
        .and_then(|n| n.parse::<i128>().ok());
    number
        .and_then(|n| i64::try_from(n - SEQUENCE_OFFSET).ok())
        .unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::first_failure;
    use serde_json::json;

    #[test]
    fn the_lowest_failed_record_is_the_checkpoint() {
        let record = |n: &str| json!({"dynamodb": {"SequenceNumber": n}});
        let part = [record("1"), record("2"), record("3")];
        let failed = |ids: &[&str]| Some(ids.iter().map(|&id| id.to_owned()).collect());
        assert_eq!(first_failure(&part, failed(&[])), None);
        assert_eq!(first_failure(&part, failed(&["3", "2"])), Some(1));
        assert_eq!(
            first_failure(&part, failed(&["9"])),
            Some(0),
            "an unknown number fails all"
        );
        assert_eq!(
            first_failure(&part, None),
            Some(0),
            "an answer that cannot be read fails all"
        );
    }
}
