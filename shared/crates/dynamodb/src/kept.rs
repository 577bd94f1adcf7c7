//! What is read of an account for every message or call of it, kept for a while.

use domain::{id::AccountId, store::Unavailable};
use futures_util::lock::Mutex as AsyncMutex;
use std::{
    collections::HashMap,
    hash::Hash,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

/// The most accounts that something is kept of.
const MOST: usize = 1_000;

/// What was read of each account, for at most so long; not at all by default.
#[derive(Clone, Debug)]
pub(crate) struct Kept<T, K = AccountId> {
    time: Duration,
    slots: Arc<Mutex<HashMap<K, Slot<T>>>>,
}

/// What was read of an account, and when. Whoever reads it holds the lock, so that the
/// messages of a batch read it once.
type Slot<T> = Arc<AsyncMutex<Option<(Instant, T)>>>;

impl<T, K: Clone + Eq + Hash> Default for Kept<T, K> {
    fn default() -> Self {
        Self::at_most(Duration::ZERO)
    }
}

impl<T, K: Clone + Eq + Hash> Kept<T, K> {
    pub(crate) fn at_most(time: Duration) -> Self {
        Self {
            time,
            slots: Arc::default(),
        }
    }

    /// Reads it anew the next time.
    pub(crate) fn forget(&self, account: &K) {
        let mut slots = self.slots.lock().unwrap_or_else(PoisonError::into_inner);
        slots.remove(account);
    }

    fn slot(&self, account: &K) -> Slot<T> {
        let mut slots = self.slots.lock().unwrap_or_else(PoisonError::into_inner);
        if slots.len() >= MOST && !slots.contains_key(account) {
            slots.clear();
        }
        slots.entry(account.clone()).or_default().clone()
    }
}

impl<T: Clone, K: Clone + Eq + Hash> Kept<T, K> {
    /// What is kept, or what `read` finds.
    pub(crate) async fn get<F>(
        &self,
        account: &K,
        read: impl FnOnce() -> F,
    ) -> Result<T, Unavailable>
    where
        F: Future<Output = Result<T, Unavailable>>,
    {
        if self.time.is_zero() {
            return read().await;
        }
        let slot = self.slot(account);
        let mut slot = slot.lock().await;
        if let Some((at, found)) = &*slot
            && at.elapsed() < self.time
        {
            return Ok(found.clone());
        }
        let found = read().await?;
        *slot = Some((Instant::now(), found.clone()));
        Ok(found)
    }
}
