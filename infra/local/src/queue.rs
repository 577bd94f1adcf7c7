//! An SQS queue: delays, visibility, receive counts, and the way to the dead-letter queue.
pub use crate::message::Message;

use crate::{clock::Clock, message::Sent, mischief::Mischief, pulse::Pulse, template};
use std::{
    sync::{
        Arc, Mutex, MutexGuard, OnceLock, PoisonError, Weak,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

/// A queue, to be looked at and disturbed by tests.
#[derive(Clone, Debug)]
pub struct Queue(pub(crate) Arc<Inner>);

#[derive(Debug)]
pub(crate) struct Inner {
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) arn: String,
    pub(crate) visibility: Duration,
    pub(crate) delay: Duration,
    pub(crate) retention: Duration,
    pub(crate) redrive: Option<(String, u32)>,
    /// Where its dead letters go; set once all queues are there.
    pub(crate) dead_letters: OnceLock<Weak<Inner>>,
    messages: Mutex<Vec<Message>>,
    /// How many batches its event source has in hand.
    pub(crate) in_hand: AtomicUsize,
    mischief: Mutex<Mischief>,
    clock: Clock,
    /// Beats when there may be something to receive sooner than known.
    pub(crate) arrived: Pulse,
    changed: Pulse,
}

impl Queue {
    pub(crate) fn new(queue: &template::Queue, clock: Clock, changed: Pulse) -> Self {
        Self(Arc::new(Inner {
            id: queue.id.clone(),
            name: queue.name.clone(),
            arn: queue.arn.clone(),
            visibility: queue.visibility,
            delay: queue.delay,
            retention: queue.retention,
            redrive: queue.redrive.clone(),
            dead_letters: OnceLock::new(),
            messages: Mutex::default(),
            in_hand: AtomicUsize::new(0),
            mischief: Mutex::default(),
            clock,
            arrived: Pulse::default(),
            changed,
        }))
    }

    /// Every message in the queue: waiting, delayed or received and not yet deleted.
    #[must_use]
    pub fn messages(&self) -> Vec<Message> {
        self.0.lock().clone()
    }

    /// How many messages are in the queue.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.lock().len()
    }

    /// Whether there is no message.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    pub(crate) fn arn(&self) -> &str {
        &self.0.arn
    }

    /// Makes the queue do to messages what SQS may do, and what it should not.
    pub fn faults(&self, mischief: Mischief) {
        *self
            .0
            .mischief
            .lock()
            .unwrap_or_else(PoisonError::into_inner) = mischief;
    }

    /// Puts a message into the queue.
    pub fn push(&self, body: impl Into<String>) {
        self.send(&Sent {
            body: body.into(),
            ..Sent::default()
        });
    }

    /// Lets every message be received at once: no delay, and no receive counts as under way.
    pub fn hurry(&self) {
        let now = self.0.clock.now_ms();
        for message in self.0.lock().iter_mut() {
            message.visible_ms = message.visible_ms.min(now);
        }
        self.0.arrived();
    }

    /// Moves every message to the queue it came from or, failing that, to `target`.
    pub fn redrive_to(&self, target: &Self) {
        let messages = std::mem::take(&mut *self.0.lock());
        let now = self.0.clock.now_ms();
        for message in messages {
            target.put(Message {
                visible_ms: now,
                receives: 0,
                receipt: None,
                first_received_ms: None,
                ..message
            });
        }
        self.0.changed.beat();
    }

    /// Adds a message, or as many as the mischief makes of it, and tells its id.
    pub(crate) fn send(&self, sent: &Sent) -> String {
        let id = uuid::Uuid::new_v4().to_string();
        let now = self.0.clock.now_ms();
        let delays = self
            .0
            .mischief
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .delays();
        for extra in delays {
            let delay = sent.delay.unwrap_or(self.0.delay) + extra;
            self.put(Message {
                id: id.clone(),
                body: sent.body.clone(),
                attributes: sent.attributes.clone(),
                system_attributes: sent.system_attributes.clone(),
                sent_ms: now,
                visible_ms: now + millis(delay),
                first_received_ms: None,
                receives: 0,
                receipt: None,
            });
        }
        id
    }

    fn put(&self, message: Message) {
        self.0.lock().push(message);
        self.0.arrived();
    }

    /// Says that a batch is in hand from before it is received until it is dealt with.
    pub(crate) fn take_in_hand(&self) -> InHand {
        self.0.in_hand.fetch_add(1, Ordering::AcqRel);
        InHand(self.clone())
    }

    /// Takes up to `max` visible messages, and hides them for so long.
    pub(crate) fn receive(&self, max: usize, visibility: Option<Duration>) -> Vec<Message> {
        let now = self.0.clock.now_ms();
        let hidden_until = now + millis(visibility.unwrap_or(self.0.visibility));
        let mut dead = Vec::new();
        let mut received = Vec::new();
        let mut messages = self.0.lock();
        messages.retain(|m| m.sent_ms + millis(self.0.retention) > now);
        let mut visible: Vec<usize> = (0..messages.len())
            .filter(|&i| messages[i].visible_ms <= now)
            .collect();
        visible.sort_by_key(|&i| messages[i].visible_ms);
        self.0
            .mischief
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .reorder_now(&mut visible);
        for index in visible {
            if received.len() == max {
                break;
            }
            let message = &mut messages[index];
            if self
                .0
                .redrive
                .as_ref()
                .is_some_and(|(_, most)| message.receives >= *most)
            {
                dead.push((message.id.clone(), message.receipt.clone()));
                continue;
            }
            message.receives += 1;
            message.first_received_ms.get_or_insert(now);
            message.visible_ms = hidden_until;
            message.receipt = Some(uuid::Uuid::new_v4().to_string());
            received.push(message.clone());
        }
        let dead: Vec<Message> = messages
            .extract_if(.., |m| dead.contains(&(m.id.clone(), m.receipt.clone())))
            .collect();
        drop(messages);
        let target = self.0.dead_letters.get().and_then(Weak::upgrade).map(Self);
        for message in dead {
            if let Some(target) = &target {
                target.put(Message {
                    visible_ms: now,
                    receipt: None,
                    ..message
                });
            }
        }
        self.0.changed.beat();
        received
    }

    /// Deletes a received message. A handle that is not the last one does nothing.
    pub(crate) fn delete(&self, receipt: &str) {
        self.0
            .lock()
            .retain(|m| m.receipt.as_deref() != Some(receipt));
        self.0.changed.beat();
    }

    /// Hides a received message for so long from now on; false when it is not there any more.
    pub(crate) fn hide(&self, receipt: &str, by: Duration) -> bool {
        let until = self.0.clock.now_ms() + millis(by);
        let mut messages = self.0.lock();
        let found = messages
            .iter_mut()
            .find(|m| m.receipt.as_deref() == Some(receipt));
        let known = found.map(|message| message.visible_ms = until).is_some();
        drop(messages);
        self.0.arrived();
        known
    }

    /// Deletes every message.
    pub fn purge(&self) {
        self.0.lock().clear();
        self.0.changed.beat();
    }

    /// Whether nothing can be received now, and nothing is in hand.
    pub(crate) fn is_quiet(&self) -> bool {
        self.0.in_hand.load(Ordering::Acquire) == 0 && self.counts().0 == 0
    }

    /// How many messages are visible, in flight and delayed.
    pub(crate) fn counts(&self) -> (usize, usize, usize) {
        let now = self.0.clock.now_ms();
        let (mut visible, mut in_flight, mut delayed) = (0, 0, 0);
        for message in self.0.lock().iter() {
            match (message.visible_ms <= now, message.receives) {
                (true, _) => visible += 1,
                (false, 0) => delayed += 1,
                (false, _) => in_flight += 1,
            }
        }
        (visible, in_flight, delayed)
    }

    /// Resolves when there may be a message to receive.
    pub(crate) async fn available(&self) {
        loop {
            let seen = self.0.arrived.count();
            let next = self.0.lock().iter().map(|m| m.visible_ms).min();
            let wait = next.map(|at| self.0.clock.until(at));
            match wait {
                Some(Duration::ZERO) => return,
                // The clock counts milliseconds; one more makes up for what was cut off.
                Some(wait) => tokio::select! {
                    () = tokio::time::sleep(wait + Duration::from_millis(1)) => {}
                    () = self.0.arrived.after(seen) => {}
                },
                None => self.0.arrived.after(seen).await,
            }
        }
    }

    pub(crate) fn restore(&self, messages: Vec<Message>) {
        *self.0.lock() = messages;
        self.0.arrived();
    }
}

/// A batch that an event source has in hand.
#[derive(Debug)]
pub(crate) struct InHand(Queue);

impl Drop for InHand {
    fn drop(&mut self) {
        self.0.0.in_hand.fetch_sub(1, Ordering::AcqRel);
        self.0.0.changed.beat();
    }
}

impl Inner {
    fn lock(&self) -> MutexGuard<'_, Vec<Message>> {
        self.messages.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn arrived(&self) {
        self.arrived.beat();
        self.changed.beat();
    }
}

fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX / 4)
}
