//! Buckets of call limits: one number each, moved by one conditional write.

use crate::{
    Table,
    key::{Attributes, Key},
    read::from_item,
    table::{Change, Updated, n, unavailable},
};
use domain::{
    id::AccountId,
    limit::{Decision, Limiter, Pace},
    store::Unavailable,
};
use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;
use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

/// A bucket as it is stored: when it is as new, in microseconds since 1970.
#[derive(Debug, Deserialize)]
struct Item {
    full_until: i64,
}

fn full_until(item: Attributes) -> Result<Timestamp, Unavailable> {
    let item: Item = from_item(item).map_err(unavailable)?;
    Timestamp::from_microsecond(item.full_until).map_err(unavailable)
}

/// How long a bucket is kept once it is as new, in seconds.
const KEPT: i64 = 24 * 3600;

/// How full this process last saw buckets: which of two writes to try first. The numbers only
/// grow, so one that leaves no room need not be asked for again.
#[derive(Clone, Debug, Default)]
pub(crate) struct Seen(Arc<Mutex<HashMap<String, Timestamp>>>);

/// The most buckets that are remembered.
const MOST: usize = 1_000;

impl Seen {
    fn get(&self, key: &Key) -> Option<Timestamp> {
        let seen = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        seen.get(&key.pk).copied()
    }

    fn put(&self, key: &Key, full_until: Timestamp) {
        let mut seen = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if seen.len() >= MOST {
            seen.clear();
        }
        let known = seen.entry(key.pk.clone()).or_insert(full_until);
        *known = full_until.max(*known);
    }
}

impl Limiter for Table {
    /// One write, or none for a call that is known to come too fast; one more when another
    /// process was at the bucket since this one.
    async fn take(
        &self,
        account: &AccountId,
        bucket: &str,
        pace: Pace,
        now: Timestamp,
    ) -> Result<Decision, Unavailable> {
        let key = Key::limit(account, bucket);
        let micros = |d: SignedDuration| i64::try_from(d.as_micros()).map_err(unavailable);
        let (step, tolerance) = (micros(pace.step())?, micros(pace.tolerance())?);
        let instant = now.as_microsecond();
        let with_ttl = |change: Change| {
            change
                .name("#ttl", "ttl")
                .value(":ttl", n(now.as_second() + KEPT))
                .value(":now", n(instant))
        };
        let mut stands = self.seen().get(&key);
        loop {
            let decision = pace.decide(stands.unwrap_or(now), now);
            if !decision.taken {
                return Ok(decision);
            }
            let change = if stands.is_some_and(|stands| stands > now) {
                Change::new("SET full_until = full_until + :step, #ttl = :ttl")
                    .only_if("full_until > :now AND full_until <= :most")
                    .value(":step", n(step))
                    .value(":most", n(instant + tolerance))
            } else {
                Change::new("SET full_until = :end, #ttl = :ttl")
                    .only_if("attribute_not_exists(full_until) OR full_until <= :now")
                    .value(":end", n(instant + step))
            };
            match self.update(&key, with_ttl(change)).await? {
                Updated::Done(item) => {
                    let end = full_until(item)?;
                    self.seen().put(&key, end);
                    return Ok(pace.decide(end - pace.step(), now));
                }
                Updated::Refused(item) => {
                    stands = item.map(full_until).transpose()?;
                    if let Some(stands) = stands {
                        self.seen().put(&key, stands);
                    }
                }
            }
        }
    }
}
