//! Removing all that is kept of an account: the one thing that reads the whole table, and no
//! function does it.

use crate::{
    Table,
    key::{self, Attributes, Key},
    table::{s, unavailable},
};
use aws_sdk_dynamodb::types::{DeleteRequest, WriteRequest};
use domain::{
    account::{ReadSettings, Service},
    id::AccountId,
    store::Unavailable,
};
use futures_util::future::try_join_all;
use std::{collections::HashMap, iter::successors, time::Duration};

/// How long what the table put off waits at first, and at most.
const LEAST_WAIT: Duration = Duration::from_millis(50);
const MOST_WAIT: Duration = Duration::from_secs(5);
/// How many parts of the table are read side by side.
const SEGMENTS: i32 = 4;

/// The most items that DynamoDB removes in one request.
const AT_ONCE: usize = 25;

/// Why nothing of an account was removed.
#[derive(Debug, thiserror::Error)]
pub enum RemoveError {
    /// The account is served.
    #[error("the account `{0}` is served: end it first")]
    Served(AccountId),
    /// The store failed. What was removed until then is gone.
    #[error(transparent)]
    Store(#[from] Unavailable),
}

impl Table {
    /// How many items there are of the account, besides the mark that it ended.
    ///
    /// # Errors
    /// When the table cannot be read.
    pub async fn count_of(&self, account: &AccountId) -> Result<usize, Unavailable> {
        self.each_of(account, false).await
    }

    /// Removes every item of an account that ended, but the mark that it did; how many there
    /// were. What was begun can be done again.
    ///
    /// # Errors
    /// When the account is served, or the table fails.
    pub async fn remove_all_of(&self, account: &AccountId) -> Result<usize, RemoveError> {
        if self.settings(account).await?.service != Service::Ended {
            return Err(RemoveError::Served(account.clone()));
        }
        Ok(self.each_of(account, true).await?)
    }

    async fn each_of(&self, account: &AccountId, remove: bool) -> Result<usize, Unavailable> {
        let each = (0..SEGMENTS).map(|segment| self.part_of(account, segment, remove));
        let counts = try_join_all(each).await?;
        Ok(counts.into_iter().sum())
    }

    /// Goes through one part of the table.
    async fn part_of(
        &self,
        account: &AccountId,
        segment: i32,
        remove: bool,
    ) -> Result<usize, Unavailable> {
        let mark = Key::settings(account).attributes();
        let (partition, below, due) = key::names(account);
        let (mut count, mut start) = (0, None);
        loop {
            let page = self
                .client()
                .scan()
                .table_name(self.name())
                .consistent_read(true)
                .segment(segment)
                .total_segments(SEGMENTS)
                .projection_expression("pk, sk")
                .filter_expression(
                    "pk = :pk OR begins_with(pk, :below) \
                     OR (begins_with(pk, :marks) AND contains(sk, :due))",
                )
                .expression_attribute_values(":pk", s(partition.as_str()))
                .expression_attribute_values(":below", s(below.as_str()))
                .expression_attribute_values(":marks", s(key::DUE))
                .expression_attribute_values(":due", s(due.as_str()))
                .set_exclusive_start_key(start)
                .send()
                .await
                .map_err(unavailable)?;
            let mut keys = page.items.unwrap_or_default();
            keys.retain(|found| *found != mark);
            count += keys.len();
            if remove {
                for keys in keys.chunks(AT_ONCE) {
                    self.remove(keys).await?;
                }
            }
            start = page.last_evaluated_key;
            if start.is_none() {
                return Ok(count);
            }
        }
    }

    async fn remove(&self, keys: &[Attributes]) -> Result<(), Unavailable> {
        let mut left = Vec::with_capacity(keys.len());
        for found in keys {
            let request = DeleteRequest::builder().set_key(Some(found.clone()));
            let request = request.build().map_err(unavailable)?;
            left.push(WriteRequest::builder().delete_request(request).build());
        }
        for wait in waits() {
            let items = HashMap::from([(self.name().to_owned(), left)]);
            let written = self
                .client()
                .batch_write_item()
                .set_request_items(Some(items))
                .send()
                .await
                .map_err(unavailable)?;
            // What the table put off.
            let unprocessed = written.unprocessed_items.unwrap_or_default();
            left = unprocessed.into_values().flatten().collect();
            if left.is_empty() {
                break;
            }
            // It has more to do than it can.
            tokio::time::sleep(wait).await;
        }
        Ok(())
    }
}

/// How long what the table put off waits, each time.
fn waits() -> impl Iterator<Item = Duration> {
    successors(Some(LEAST_WAIT), |wait| Some((*wait * 2).min(MOST_WAIT)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_put_off_again_waits_twice_as_long_but_comes_to_its_turn() {
        let waits: Vec<_> = waits().take(20).collect();
        assert_eq!(waits[..3], [50, 100, 200].map(Duration::from_millis));
        assert_eq!(waits[19], MOST_WAIT);
        assert!(waits.is_sorted());
    }
}
