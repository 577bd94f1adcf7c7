//! What a process remembers for a while. Its age is told by the caller's clock, which goes
//! on while Lambda holds the process still.

use jiff::{SignedDuration, Timestamp};
use std::{
    collections::HashMap,
    hash::Hash,
    sync::{Mutex, MutexGuard, PoisonError},
};

/// The most that is remembered: a process is not to grow with what it is asked.
const MOST: usize = 1_000;

/// Values with the time they were read.
pub(crate) struct Cache<K, V> {
    kept: SignedDuration,
    entries: Mutex<Entries<K, V>>,
}

type Entries<K, V> = HashMap<K, (Timestamp, V)>;

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
        let mut entries = self.lock();
        if entries.len() >= MOST {
            entries.clear();
        }
        entries.insert(key, (now, value));
    }

    fn good(&self, read: Timestamp, now: Timestamp) -> bool {
        now.duration_since(read).abs() < self.kept
    }

    fn lock(&self) -> MutexGuard<'_, Entries<K, V>> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
