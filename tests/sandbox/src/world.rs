//! What the gateways share: the clock, the brands, the script and the record.

use crate::{
    brand::Brand,
    provider_token::{ProviderTokens, Verified},
    receiver::Received,
    record::Record,
    script::Script,
};
use jiff::{SignedDuration, Timestamp};
use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicI64, AtomicU64, Ordering},
    },
};

/// The state behind every listener.
#[derive(Debug, Default)]
pub(crate) struct World {
    advanced: AtomicI64,
    brands: Mutex<Vec<Arc<Brand>>>,
    pub(crate) script: Script,
    pub(crate) record: Record,
    /// What webhooks were told.
    pub(crate) received: Mutex<Vec<Received>>,
    /// When each APNs key changed its token last, over all connections.
    pub(crate) provider_tokens: ProviderTokens,
    /// The APNs tokens whose signature was checked.
    pub(crate) verified: Verified,
    /// `OAuth2` access tokens, good for a project until then.
    pub(crate) access_tokens: Mutex<HashMap<String, (String, Timestamp)>>,
    /// How many access tokens were asked for.
    pub(crate) grants: AtomicU64,
    /// How often a key set was fetched.
    pub(crate) key_set_reads: AtomicU64,
}

impl World {
    pub(crate) fn now(&self) -> Timestamp {
        let advanced = SignedDuration::from_millis(self.advanced.load(Ordering::Relaxed));
        Timestamp::now()
            .checked_add(advanced)
            .unwrap_or(Timestamp::MAX)
    }

    pub(crate) fn advance(&self, millis: i64) {
        self.advanced.fetch_add(millis, Ordering::Relaxed);
    }

    pub(crate) fn brands(&self) -> Vec<Arc<Brand>> {
        lock(&self.brands).clone()
    }

    pub(crate) fn brand(&self, is_it: impl Fn(&Brand) -> bool) -> Option<Arc<Brand>> {
        lock(&self.brands).iter().find(|b| is_it(b)).cloned()
    }

    /// Adds the brand, in the place of one of the same name.
    pub(crate) fn put_brand(&self, brand: Brand) {
        let mut brands = lock(&self.brands);
        let brand = Arc::new(brand);
        match brands.iter_mut().find(|b| b.name == brand.name) {
            Some(old) => *old = brand,
            None => brands.push(brand),
        }
    }
}

/// Locks, whatever became of those who held it before.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
