//! What a process remembers for a while. Its age is told by the caller's clock, which goes
//! on while Lambda holds the process still.

use jiff::{SignedDuration, Timestamp};
use std::{
    collections::HashMap,
    hash::Hash,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};
use tokio::sync::OnceCell;

/// The most that is remembered: a process is not to grow with what it is asked.
const MOST: usize = 1_000;

/// Values with the time they were read.
pub(crate) struct Cache<K, V> {
    kept: SignedDuration,
    entries: Mutex<Entries<K, V>>,
}

type Entries<K, V> = HashMap<K, (Timestamp, V)>;

fn insert<K: Eq + Hash, V>(entries: &mut Entries<K, V>, key: K, value: V, now: Timestamp) {
    if entries.len() >= MOST {
        entries.clear();
    }
    entries.insert(key, (now, value));
}

impl<K: Eq + Hash, V: Clone> Cache<K, V> {
    /// A cache whose values are good for so long.
    pub(crate) fn new(kept: SignedDuration) -> Self {
        Self {
            kept,
            entries: Mutex::default(),
        }
    }

    /// The value, if it is good, and when it was read.
    pub(crate) fn get(&self, key: &K, now: Timestamp) -> Option<(Timestamp, V)> {
        let entries = self.lock();
        entries
            .get(key)
            .filter(|(read, _)| self.good(*read, now))
            .cloned()
    }

    /// Remembers the value.
    pub(crate) fn put(&self, key: K, value: V, now: Timestamp) {
        insert(&mut self.lock(), key, value, now);
    }

    /// The value, if it is good, else an empty one that is remembered from now on.
    fn get_or_put(&self, key: K, now: Timestamp) -> V
    where
        V: Default,
    {
        let mut entries = self.lock();
        match entries.get(&key) {
            Some((read, value)) if self.good(*read, now) => value.clone(),
            _ => {
                let value = V::default();
                insert(&mut entries, key, value.clone(), now);
                value
            }
        }
    }

    fn good(&self, read: Timestamp, now: Timestamp) -> bool {
        now.duration_since(read).abs() < self.kept
    }

    fn lock(&self) -> MutexGuard<'_, Entries<K, V>> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Values that are read by one caller for all who want them at the same time.
pub(crate) struct Readings<K, V>(Cache<K, Arc<OnceCell<V>>>);

impl<K: Eq + Hash, V: Clone> Readings<K, V> {
    /// Readings whose values are good for so long.
    pub(crate) fn new(kept: SignedDuration) -> Self {
        Self(Cache::new(kept))
    }

    /// The value, if it is good, else as `read` tells it. Who comes while it is being read waits
    /// for that; when it fails, the next one reads.
    pub(crate) async fn get<E, F>(
        &self,
        key: K,
        now: Timestamp,
        read: impl FnOnce() -> F,
    ) -> Result<V, E>
    where
        F: Future<Output = Result<V, E>>,
    {
        let cell = self.0.get_or_put(key, now);
        cell.get_or_try_init(read).await.cloned()
    }

    /// Remembers what was read elsewhere.
    pub(crate) fn put(&self, key: K, value: V, now: Timestamp) {
        self.0.put(key, Arc::new(OnceCell::from(value)), now);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::{cell::Cell, convert::Infallible};

    #[tokio::test]
    async fn one_reads_for_all_who_come_meanwhile() {
        let readings = Readings::new(SignedDuration::from_secs(60));
        let reads = Cell::new(0);
        let read = || async {
            reads.set(reads.get() + 1);
            tokio::task::yield_now().await;
            Ok::<_, Infallible>(reads.get())
        };
        let start = Timestamp::UNIX_EPOCH;
        let both = tokio::join!(
            readings.get("a", start, read),
            readings.get("a", start, read)
        );
        assert_eq!(both, (Ok(1), Ok(1)));
        let later = start + SignedDuration::from_secs(60);
        assert_eq!(readings.get("a", later, read).await, Ok(2));
        readings.put("b", 7, start);
        assert_eq!(readings.get("b", start, read).await, Ok(7));
        assert_eq!(reads.get(), 2);
    }

    #[tokio::test]
    async fn what_could_not_be_read_is_read_by_the_next() {
        let readings = Readings::new(SignedDuration::from_secs(60));
        let now = Timestamp::UNIX_EPOCH;
        let failing = || async {
            tokio::task::yield_now().await;
            Err("down")
        };
        let (one, other) = tokio::join!(
            readings.get("a", now, failing),
            readings.get("a", now, || async { Ok::<_, &str>(1) })
        );
        assert_eq!((one, other), (Err("down"), Ok(1)));
    }

    #[test]
    fn values_are_good_for_a_while_and_are_not_hoarded() {
        let cache = Cache::new(SignedDuration::from_secs(60));
        let start = Timestamp::UNIX_EPOCH;
        cache.put(0, "a", start);
        assert!(
            cache
                .get(&0, start + SignedDuration::from_secs(59))
                .is_some()
        );
        assert!(
            cache
                .get(&0, start + SignedDuration::from_secs(60))
                .is_none()
        );
        for key in 1..=MOST {
            cache.put(key, "b", start);
        }
        assert!(cache.entries.lock().unwrap().len() <= MOST);
    }
}
