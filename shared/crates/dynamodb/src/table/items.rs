//! Reading items, as of this instant, and pages of the index.

use super::{Table, s, unavailable};
use crate::{
    key::{Attributes, Key, Range},
    read::from_item,
};
use aws_sdk_dynamodb::types::KeysAndAttributes;
use domain::store::Unavailable;
use serde::de::DeserializeOwned;

impl Table {
    /// The item, if there is one, as of this instant.
    pub(crate) async fn get<T: DeserializeOwned>(
        &self,
        key: &Key,
    ) -> Result<Option<T>, Unavailable> {
        let found = self
            .client
            .get_item()
            .table_name(&self.name)
            .set_key(Some(key.attributes()))
            .consistent_read(true)
            .send()
            .await
            .map_err(unavailable)?;
        found.item.map(from_item).transpose().map_err(unavailable)
    }

    /// The items of `keys` that exist, as of this instant, in any order.
    pub(crate) async fn get_all(&self, keys: &[Key]) -> Result<Vec<Attributes>, Unavailable> {
        let mut items = Vec::with_capacity(keys.len());
        for keys in keys.chunks(100) {
            let mut wanted = Some(
                KeysAndAttributes::builder()
                    .set_keys(Some(keys.iter().map(Key::attributes).collect()))
                    .consistent_read(true)
                    .build()
                    .map_err(unavailable)?,
            );
            while let Some(request) = wanted {
                let found = self
                    .client
                    .batch_get_item()
                    .request_items(&self.name, request)
                    .send()
                    .await
                    .map_err(unavailable)?;
                items.extend(found.responses.unwrap_or_default().into_values().flatten());
                // What did not fit one answer.
                wanted = found
                    .unprocessed_keys
                    .unwrap_or_default()
                    .remove(&self.name);
            }
        }
        Ok(items)
    }

    /// At most `limit` items of `range`, as of this instant, the last first when `backward`.
    pub(crate) async fn query(
        &self,
        range: &Range,
        backward: bool,
        limit: Option<u32>,
    ) -> Result<Vec<Attributes>, Unavailable> {
        let most = limit.map_or(usize::MAX, |n| n as usize);
        let (mut items, mut start) = (Vec::new(), None);
        loop {
            let page = self
                .client
                .query()
                .table_name(&self.name)
                .key_condition_expression("pk = :pk AND sk BETWEEN :from AND :to")
                .expression_attribute_values(":pk", s(&range.pk))
                .expression_attribute_values(":from", s(&range.from))
                .expression_attribute_values(":to", s(&range.to))
                .consistent_read(true)
                .scan_index_forward(!backward)
                .set_limit(limit.and_then(|n| i32::try_from(n).ok()))
                .set_exclusive_start_key(start)
                .send()
                .await
                .map_err(unavailable)?;
            items.extend(page.items.unwrap_or_default());
            start = page.last_evaluated_key;
            if start.is_none() || items.len() >= most {
                items.truncate(most);
                return Ok(items);
            }
        }
    }

    /// The items of `range`, read as `T`.
    pub(crate) async fn list<T: DeserializeOwned>(
        &self,
        range: &Range,
    ) -> Result<Vec<T>, Unavailable> {
        self.query(range, false, None)
            .await?
            .into_iter()
            .map(|item| from_item(item).map_err(unavailable))
            .collect()
    }

    /// A page of the index `queue`, and where the next one starts.
    pub(crate) async fn query_queue(
        &self,
        queue: &str,
        start: Option<Attributes>,
        limit: u32,
    ) -> Result<(Vec<Attributes>, Option<Attributes>), Unavailable> {
        let page = self
            .client
            .query()
            .table_name(&self.name)
            .index_name("queue")
            .key_condition_expression("queue_pk = :queue")
            .expression_attribute_values(":queue", s(queue))
            .set_limit(i32::try_from(limit).ok())
            .set_exclusive_start_key(start)
            .send()
            .await
            .map_err(unavailable)?;
        Ok((page.items.unwrap_or_default(), page.last_evaluated_key))
    }
}
