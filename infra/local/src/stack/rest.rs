//! Waiting until the stack has done what it has to do.
use super::{Shared, Stack};
use crate::{queue::Queue, stream::is_drained};
use std::{collections::BTreeMap, time::Duration};

/// The stack did not come to rest in time.
#[derive(Debug, thiserror::Error)]
#[error(
    "not settled within {patience:?}: {running} invocations running, messages in {queues:?}, {streams} streams not drained"
)]
pub struct Unsettled {
    /// How long was waited.
    pub patience: Duration,
    /// Invocations that are running.
    pub running: usize,
    /// The queues with messages, and how many.
    pub queues: BTreeMap<String, usize>,
    /// Event sources that have not read their whole stream.
    pub streams: usize,
}

/// What is waited for.
#[derive(Clone, Copy)]
pub(super) enum Rest {
    /// Everything is done.
    Settled,
    /// Everything that can be done now is done.
    Quiet,
}

impl Shared {
    /// What keeps the stack from being at rest.
    fn unsettled(&self, rest: Rest, patience: Duration) -> Option<Unsettled> {
        let at_rest = |queue: &&Queue| match rest {
            Rest::Settled => queue.is_empty(),
            Rest::Quiet => queue.is_quiet(),
        };
        let fed = self
            .services
            .queues
            .all()
            .filter(|q| self.fed.contains(&q.0.name) && !at_rest(q));
        let queues: BTreeMap<_, _> = fed.map(|q| (q.0.name.clone(), q.len())).collect();
        let running = self.lambda.running();
        let streams = self
            .streams
            .iter()
            .filter(|s| !is_drained(s, &self.services.dynamodb))
            .count();
        let settled = running == 0 && queues.is_empty() && streams == 0;
        (!settled).then_some(Unsettled {
            patience,
            running,
            queues,
            streams,
        })
    }

    pub(super) async fn at_rest(&self, rest: Rest, patience: Duration) -> Result<(), Unsettled> {
        let wait = async {
            loop {
                let seen = self.changed.count();
                let unsettled = self.unsettled(rest, patience);
                // When nothing changed while looking, what was seen was so at one time.
                if self.changed.count() == seen {
                    if unsettled.is_none() {
                        return;
                    }
                    self.changed.after(seen).await;
                }
            }
        };
        let waited = tokio::time::timeout(patience, wait).await;
        match (waited, self.unsettled(rest, patience)) {
            (Err(_), Some(unsettled)) => Err(unsettled),
            _ => Ok(()),
        }
    }
}

impl Stack {
    /// Resolves when nothing is running, every stream is read, and no queue that feeds a function has
    /// a message, visible or not.
    ///
    /// # Errors
    /// When that is not so within three minutes.
    pub async fn settled(&self) -> Result<(), Unsettled> {
        self.settled_within(Duration::from_mins(3)).await
    }

    /// As [`Stack::settled`], with a patience of one's own.
    ///
    /// # Errors
    /// When it is not settled by then.
    pub async fn settled_within(&self, patience: Duration) -> Result<(), Unsettled> {
        self.shared.at_rest(Rest::Settled, patience).await
    }

    /// Resolves when everything that can be done now is done: as [`Stack::settled`], but messages may
    /// be delayed, or hidden after a failure until the clock is put forward.
    ///
    /// # Errors
    /// When that is not so within three minutes.
    pub async fn quiet(&self) -> Result<(), Unsettled> {
        self.shared
            .at_rest(Rest::Quiet, Duration::from_mins(3))
            .await
    }

    /// Resolves when the condition holds, which is looked at after every change in the stack; false
    /// when patience ran out.
    pub async fn until(&self, patience: Duration, condition: impl Fn(&Self) -> bool) -> bool {
        let wait = async {
            loop {
                let seen = self.shared.changed.count();
                if condition(self) {
                    return;
                }
                self.shared.changed.after(seen).await;
            }
        };
        tokio::time::timeout(patience, wait).await.is_ok()
    }
}
