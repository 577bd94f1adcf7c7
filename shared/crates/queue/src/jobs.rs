//! A queue of jobs, on SQS: the sender's.

use crate::unavailable;
use aws_sdk_sqs::{Client, types::SendMessageBatchRequestEntry};
use domain::{
    dispatch::{Delayed, Enqueue},
    store::Unavailable,
};
use futures_util::future::try_join_all;
use std::{sync::LazyLock, time::Duration};

/// The sender's queue.
#[derive(Clone, Debug)]
pub struct Jobs {
    client: Client,
    url: String,
}

/// Some of a batch did not get onto the queue.
#[derive(Debug, thiserror::Error)]
#[error("the queue did not take {count} of a batch, the first for {code}")]
struct PartlyTaken {
    count: usize,
    code: String,
}

/// The most messages of one call.
const MOST: usize = 10;

/// The most bytes of one call's bodies: a quarter of what SQS takes, so that a batch of ten
/// that Lambda is given stays within its limits, too.
const MOST_BYTES: usize = 256 * 1024;

impl Jobs {
    /// The queue at `url`, reached through `client`.
    #[must_use]
    pub fn new(client: Client, url: impl Into<String>) -> Self {
        Self {
            client,
            url: url.into(),
        }
    }

    /// The queue at `url`, reached with the environment's region, credentials and endpoint.
    #[must_use]
    pub fn from_env(url: impl Into<String>) -> Self {
        // One for all queues: each has rules of its own of where AWS is, which take longer to read
        // than a queue's message.
        static CLIENT: LazyLock<Client> = LazyLock::new(|| Client::new(aws::config()));
        Self::new(CLIENT.clone(), url)
    }

    /// Puts messages, each with its delay and its group, in as few calls as the queue allows.
    pub(crate) async fn put(&self, messages: Vec<Message>) -> Result<(), Unavailable> {
        try_join_all(batches(messages).into_iter().map(|batch| self.send(batch)))
            .await
            .map(drop)
    }

    async fn send(&self, batch: Vec<Message>) -> Result<(), Unavailable> {
        let entries = batch
            .into_iter()
            .enumerate()
            .map(|(id, (body, delay, group))| {
                let delay = i32::try_from(delay.as_secs()).map_err(unavailable)?;
                SendMessageBatchRequestEntry::builder()
                    .id(id.to_string())
                    .message_body(body)
                    .delay_seconds(delay)
                    .set_message_group_id(group)
                    .build()
                    .map_err(unavailable)
            })
            .collect::<Result<_, Unavailable>>()?;
        let sent = self
            .client
            .send_message_batch()
            .queue_url(&self.url)
            .set_entries(Some(entries))
            .send()
            .await
            .map_err(unavailable)?;
        match sent.failed.first() {
            None => Ok(()),
            Some(first) => Err(unavailable(PartlyTaken {
                count: sent.failed.len(),
                code: first.code.clone(),
            })),
        }
    }
}

/// A message's body, its delay, and its group, if it is to have one.
pub(crate) type Message = (String, Duration, Option<String>);

/// Puts as many messages into each call as fit.
fn batches(messages: Vec<Message>) -> Vec<Vec<Message>> {
    let mut batches: Vec<Vec<Message>> = Vec::new();
    let mut bytes = 0;
    for message in messages {
        let size = message.0.len();
        match batches.last_mut() {
            Some(batch) if batch.len() < MOST && bytes + size <= MOST_BYTES => {
                bytes += size;
                batch.push(message);
            }
            _ => {
                bytes = size;
                batches.push(vec![message]);
            }
        }
    }
    batches
}

impl Enqueue for Jobs {
    async fn enqueue(&self, jobs: &[Delayed]) -> Result<(), Unavailable> {
        let messages = jobs
            .iter()
            .map(|delayed| {
                let body = serde_json::to_string(&delayed.job).map_err(unavailable)?;
                Ok((body, delayed.delay, None))
            })
            .collect::<Result<_, Unavailable>>()?;
        self.put(messages).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain::{
        dispatch::{Job, MessageJob},
        id::TransactionId,
        message::{MessageKey, Place},
        origin::Origin,
    };

    #[test]
    fn a_call_holds_ten_messages_and_a_quarter_mebibyte() {
        let small = vec![("x".to_owned(), Duration::ZERO, None); 25];
        let sizes: Vec<_> = batches(small).iter().map(Vec::len).collect();
        assert_eq!(sizes, [10, 10, 5]);
        let large = vec![("x".repeat(100 * 1024), Duration::ZERO, None); 5];
        let sizes: Vec<_> = batches(large).iter().map(Vec::len).collect();
        assert_eq!(sizes, [2, 2, 1]);
        assert!(batches(Vec::new()).is_empty());
    }

    #[test]
    fn a_job_is_read_as_it_was_written() {
        let now = jiff::Timestamp::from_millisecond(1_800_000_000_000).unwrap();
        let job = Job::Message(MessageJob {
            key: MessageKey {
                account: "demo".parse().unwrap(),
                consumer: "ana".parse().unwrap(),
                transaction: TransactionId::at(now),
            },
            place: Place {
                campaign: "c1".parse().unwrap(),
                chunk: 0,
                index: 7,
            },
            variables: [(1, "Ana".to_owned()), (20, "👨‍👩‍👧‍👦".to_owned())].into(),
            lookback_ends_at: now,
            not_before: now,
            has_slot: false,
            sends_per_second: 25,
            attempt: 3,
            origin: Origin::parse("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"),
        });
        let body = serde_json::to_string(&job).unwrap();
        assert_eq!(serde_json::from_str::<Job>(&body).unwrap(), job, "{body}");
    }

    #[test]
    fn a_job_that_does_not_tell_of_slots_has_one() {
        let body = r#"{"type": "message.v1", "account": "demo", "consumer": "ana",
            "transaction": "019a0659-416a-7862-812e-65f067d53a07", "campaign": "c1", "chunk": 0,
            "index": 7, "variables": {}, "lookbackEndsAt": "2026-01-02T00:00:00Z",
            "notBefore": "2026-01-01T00:00:00Z", "attempt": 0}"#;
        let Job::Message(job) = serde_json::from_str(body).unwrap() else {
            panic!("it is a message's");
        };
        assert_eq!((job.has_slot, job.sends_per_second), (true, 10));
        assert_eq!(job.origin, None);
        // One whose origin is none is sent all the same.
        let body = body.replacen('{', r#"{"origin": 7, "#, 1);
        assert!(serde_json::from_str::<Job>(&body).is_ok(), "{body}");
    }
}
