//! Accounts' clocks and buckets, in memory.

use super::Store;
use domain::{
    id::AccountId,
    limit::{Decision, Limiter, Pace},
    pace::{Pacer, Slots, span},
    store::Unavailable,
};
use jiff::Timestamp;

impl Pacer for Store {
    async fn reserve(
        &self,
        account: &AccountId,
        count: u32,
        per_second: u32,
        now: Timestamp,
    ) -> Result<Slots, Unavailable> {
        let mut tables = self.begin("reserve").await?;
        let clock = tables.clocks.entry(account.clone()).or_insert(now);
        let start = now.max(*clock);
        *clock = start + span(count, per_second);
        Ok(Slots { start, per_second })
    }

    async fn reserved_until(&self, account: &AccountId) -> Result<Option<Timestamp>, Unavailable> {
        let tables = self.begin("reserved_until").await?;
        Ok(tables.clocks.get(account).copied())
    }
}

impl Limiter for Store {
    async fn take(
        &self,
        account: &AccountId,
        bucket: &str,
        pace: Pace,
        now: Timestamp,
    ) -> Result<Decision, Unavailable> {
        let mut tables = self.begin("take").await?;
        let full_until = tables
            .buckets
            .entry((account.clone(), bucket.to_owned()))
            .or_insert(now);
        let decision = pace.decide(*full_until, now);
        if decision.taken {
            *full_until = now.max(*full_until) + pace.step();
        }
        Ok(decision)
    }
}
