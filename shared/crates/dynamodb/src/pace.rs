//! Accounts' clocks: one number each, moved by one conditional write.

use crate::{
    Table,
    key::{Attributes, Key},
    read::from_item,
    table::{Change, Updated, n, unavailable},
};
use domain::{
    id::AccountId,
    pace::{Pacer, Slots, span},
    store::Unavailable,
};
use jiff::Timestamp;
use serde::Deserialize;

/// A clock as it is stored: the first free slot, in microseconds since 1970.
#[derive(Debug, Deserialize)]
struct Item {
    free_from: i64,
}

fn free_from(item: Attributes) -> Result<i64, Unavailable> {
    Ok(from_item::<_, Item>(item).map_err(unavailable)?.free_from)
}

impl Pacer for Table {
    async fn reserve(
        &self,
        account: &AccountId,
        count: u32,
        per_second: u32,
        now: Timestamp,
    ) -> Result<Slots, Unavailable> {
        let key = Key::pace(account);
        let span = i64::try_from(span(count, per_second).as_micros()).map_err(unavailable)?;
        let now = now.as_microsecond();
        loop {
            // The clock is behind: the slots start now.
            let idle = Change::new("SET free_from = :end")
                .only_if("attribute_not_exists(free_from) OR free_from <= :now")
                .value(":end", n(now + span))
                .value(":now", n(now));
            if let Updated::Done(_) = self.update(&key, idle).await? {
                return slots(now, per_second);
            }
            // The clock is ahead: the slots follow those that are taken.
            let busy = Change::new("SET free_from = free_from + :span")
                .only_if("free_from > :now")
                .value(":span", n(span))
                .value(":now", n(now));
            if let Updated::Done(item) = self.update(&key, busy).await? {
                return slots(free_from(item)? - span, per_second);
            }
        }
    }

    async fn reserved_until(&self, account: &AccountId) -> Result<Option<Timestamp>, Unavailable> {
        self.get::<Item>(&Key::pace(account))
            .await?
            .map(|item| Timestamp::from_microsecond(item.free_from).map_err(unavailable))
            .transpose()
    }
}

fn slots(start: i64, per_second: u32) -> Result<Slots, Unavailable> {
    Ok(Slots {
        start: Timestamp::from_microsecond(start).map_err(unavailable)?,
        per_second,
    })
}
