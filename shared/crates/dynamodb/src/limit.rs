//! Buckets of call limits: one number each, moved by one conditional write.

use crate::{
    Table,
    key::{Attributes, Key},
    table::{Change, Updated, n, unavailable},
};
use domain::{
    id::AccountId,
    limit::{Decision, Limiter, Pace},
    store::Unavailable,
};
use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;
use serde_dynamo::from_item;

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

impl Limiter for Table {
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
        loop {
            let idle = with_ttl(
                Change::new("SET full_until = :end, #ttl = :ttl")
                    .only_if("attribute_not_exists(full_until) OR full_until <= :now")
                    .value(":end", n(instant + step)),
            );
            let stands = match self.update(&key, idle).await? {
                Updated::Done(_) => return Ok(pace.decide(now, now)),
                Updated::Refused(Some(item)) => full_until(item)?,
                Updated::Refused(None) => continue,
            };
            let decision = pace.decide(stands, now);
            if !decision.taken {
                return Ok(decision);
            }
            let busy = with_ttl(
                Change::new("SET full_until = full_until + :step, #ttl = :ttl")
                    .only_if("full_until > :now AND full_until <= :most")
                    .value(":step", n(step))
                    .value(":most", n(instant + tolerance)),
            );
            if let Updated::Done(item) = self.update(&key, busy).await? {
                return Ok(pace.decide(full_until(item)? - pace.step(), now));
            }
        }
    }
}
