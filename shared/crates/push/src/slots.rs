//! Values made once per key, by one caller at a time.

use std::{
    collections::HashMap,
    hash::Hash,
    sync::{Arc, Mutex, PoisonError},
};
use tokio::sync::Mutex as Turn;

/// More keys than one process ever serves at once; beyond it all are made anew.
const MOST: usize = 1024;

/// A place for a value: whoever holds its lock makes the value, the rest wait for it.
pub(crate) type Slot<V> = Arc<Turn<Option<V>>>;

/// A slot per key.
#[derive(Debug)]
pub(crate) struct Slots<K, V>(Mutex<HashMap<K, Slot<V>>>);

impl<K, V> Default for Slots<K, V> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<K: Eq + Hash + Clone, V> Slots<K, V> {
    pub(crate) fn slot(&self, key: &K) -> Slot<V> {
        let mut slots = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(slot) = slots.get(key) {
            return Arc::clone(slot);
        }
        if slots.len() >= MOST {
            slots.clear();
        }
        Arc::clone(slots.entry(key.clone()).or_default())
    }
}
