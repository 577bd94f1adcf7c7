//! The table: every kind of request that the stores make of it.

use crate::{
    kept::Kept,
    key::{Attributes, Key, Range},
    limit::Seen,
    read::from_item,
};
use aws_sdk_dynamodb::{
    Client,
    error::SdkError,
    operation::{
        put_item::PutItemError, transact_write_items::TransactWriteItemsError,
        update_item::UpdateItemError, update_item::builders::UpdateItemFluentBuilder,
    },
    types::{
        AttributeValue, ConditionCheck, Delete, KeysAndAttributes, Put, ReturnValue,
        ReturnValuesOnConditionCheckFailure, TransactWriteItem, Update,
    },
};
use domain::{
    account::{App, Settings},
    breaker::Pause,
    campaign::Campaign,
    id::{AccountId, CampaignId, HandoffId, SkillName},
    ivr::Ground,
    store::Unavailable,
    webhook::Webhook,
};
use jiff::{SignedDuration, Timestamp};
use serde::{Serialize, de::DeserializeOwned};
use serde_dynamo::to_item;
use std::{collections::HashMap, time::Duration};

/// The table, and the client that reaches it.
#[derive(Clone, Debug)]
pub struct Table {
    client: Client,
    name: String,
    retention: SignedDuration,
    apps: Kept<Vec<App>>,
    pauses: Kept<Vec<Pause>>,
    grounds: Kept<Ground, (AccountId, SkillName, HandoffId)>,
    settings: Kept<Settings>,
    campaigns: Kept<Option<Campaign>, (AccountId, CampaignId)>,
    seen: Seen,
    webhooks: Kept<Vec<Webhook>>,
}

impl Table {
    /// A table reached through `client`, which keeps what happened for `retention`.
    #[must_use]
    pub fn new(client: Client, name: impl Into<String>, retention: SignedDuration) -> Self {
        Self {
            client,
            name: name.into(),
            retention,
            apps: Kept::default(),
            pauses: Kept::default(),
            grounds: Kept::default(),
            settings: Kept::default(),
            campaigns: Kept::default(),
            seen: Seen::default(),
            webhooks: Kept::default(),
        }
    }

    /// The same table for the sender, which needs an account's settings, its apps and their
    /// pauses for every message: it reads the apps at most once a minute, the settings every 5
    /// seconds, and the pauses as often or when it changed one. Others' changes take that long to
    /// be seen.
    #[must_use]
    pub fn for_sending(mut self) -> Self {
        self.apps = Kept::at_most(Duration::from_mins(1));
        self.settings = Kept::at_most(Duration::from_secs(5));
        self.pauses = Kept::at_most(Duration::from_secs(5));
        self
    }

    /// The same table for devices that log in, each under one of an account's few apps: it reads
    /// these at most once a minute, and for one that was not among them.
    #[must_use]
    pub fn for_devices(mut self) -> Self {
        self.apps = Kept::at_most(Duration::from_mins(1));
        self
    }

    /// The same table for the calls of IVRs, which name the same few skills and handoffs again
    /// and again: it reads each at most once a minute.
    #[must_use]
    pub fn for_calls(mut self) -> Self {
        self.grounds = Kept::at_most(Duration::from_mins(1));
        self
    }

    /// The same table for consumers' replies, which answer the same few campaigns: it reads what
    /// one was accepted with at most once an hour, since that does not change, and an account's
    /// settings at most once a minute.
    #[must_use]
    pub fn for_replies(mut self) -> Self {
        self.settings = Kept::at_most(Duration::from_mins(1));
        self.campaigns = Kept::at_most(Duration::from_hours(1));
        self
    }

    pub(crate) const fn client(&self) -> &Client {
        &self.client
    }

    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    pub(crate) const fn kept_settings(&self) -> &Kept<Settings> {
        &self.settings
    }

    pub(crate) const fn kept_campaigns(&self) -> &Kept<Option<Campaign>, (AccountId, CampaignId)> {
        &self.campaigns
    }

    pub(crate) const fn kept_grounds(&self) -> &Kept<Ground, (AccountId, SkillName, HandoffId)> {
        &self.grounds
    }

    pub(crate) const fn seen(&self) -> &Seen {
        &self.seen
    }

    /// The same table for what follows the stream, which asks of every account that something
    /// happens to whether it has webhooks: it reads them at most every 10 seconds. Others'
    /// changes take that long to be seen.
    #[must_use]
    pub fn for_following(mut self) -> Self {
        self.webhooks = Kept::at_most(Duration::from_secs(10));
        self
    }

    pub(crate) const fn kept_webhooks(&self) -> &Kept<Vec<Webhook>> {
        &self.webhooks
    }

    pub(crate) const fn kept_apps(&self) -> &Kept<Vec<App>> {
        &self.apps
    }

    pub(crate) const fn kept_pauses(&self) -> &Kept<Vec<Pause>> {
        &self.pauses
    }

    /// A table reached with the environment's region, credentials and endpoint.
    #[must_use]
    pub fn from_env(name: impl Into<String>, retention: SignedDuration) -> Self {
        Self::new(Client::new(aws::config()), name, retention)
    }

    /// When what is written at `now` is past its retention, as DynamoDB's TTL takes it:
    /// seconds since 1970.
    pub(crate) fn expiry(&self, now: Timestamp) -> i64 {
        now.as_second() + self.retention.as_secs()
    }

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

    /// Writes an item whatever was there.
    pub(crate) async fn put(&self, key: &Key, item: &impl Serialize) -> Result<(), Unavailable> {
        self.client
            .put_item()
            .table_name(&self.name)
            .set_item(Some(item_of(key, item)?))
            .send()
            .await
            .map(drop)
            .map_err(unavailable)
    }

    /// Carries out a [`Write::Put`] if its condition holds; whether it did.
    pub(crate) async fn put_if(&self, write: Write) -> Result<bool, Unavailable> {
        let Write::Put {
            item,
            condition,
            names,
            values,
        } = write
        else {
            return Err(Unavailable::new("not a put"));
        };
        let sent = self
            .client
            .put_item()
            .table_name(&self.name)
            .set_item(Some(item))
            .set_condition_expression(condition)
            .set_expression_attribute_names(names)
            .set_expression_attribute_values(values)
            .send()
            .await;
        match sent {
            Ok(_) => Ok(true),
            Err(e)
                if e.as_service_error()
                    .is_some_and(PutItemError::is_conditional_check_failed_exception) =>
            {
                Ok(false)
            }
            Err(e) => Err(unavailable(e)),
        }
    }

    /// Removes an item; whether it was there.
    pub(crate) async fn delete(&self, key: &Key) -> Result<bool, Unavailable> {
        let gone = self
            .client
            .delete_item()
            .table_name(&self.name)
            .set_key(Some(key.attributes()))
            .return_values(ReturnValue::AllOld)
            .send()
            .await
            .map_err(unavailable)?;
        Ok(gone.attributes.is_some_and(|old| !old.is_empty()))
    }

    /// Changes one item if `change`'s condition holds.
    pub(crate) async fn update(&self, key: &Key, change: Change) -> Result<Updated, Unavailable> {
        let request: UpdateItemFluentBuilder = self
            .client
            .update_item()
            .table_name(&self.name)
            .set_key(Some(key.attributes()))
            .update_expression(change.expression)
            .set_condition_expression(change.condition)
            .set_expression_attribute_names(change.names)
            .set_expression_attribute_values(change.values)
            .return_values(ReturnValue::AllNew)
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
        match request.send().await {
            Ok(done) => Ok(Updated::Done(done.attributes.unwrap_or_default())),
            Err(e) => match e {
                SdkError::ServiceError(e) if e.err().is_conditional_check_failed_exception() => {
                    match e.into_err() {
                        UpdateItemError::ConditionalCheckFailedException(e) => {
                            Ok(Updated::Refused(e.item.filter(|item| !item.is_empty())))
                        }
                        e => Err(unavailable(e)),
                    }
                }
                e => Err(unavailable(e)),
            },
        }
    }

    /// Carries out all of `writes`, or none.
    pub(crate) async fn transact(&self, writes: Vec<Write>) -> Result<Transacted, Unavailable> {
        let verdicts = self.attempt(writes).await?;
        if verdicts.is_empty() {
            return Ok(Transacted::Done);
        }
        let failed: Vec<_> = verdicts.iter().map(Verdict::is_refused).collect();
        Ok(if failed.contains(&true) {
            Transacted::Refused(failed)
        } else {
            Transacted::Conflict
        })
    }

    /// Carries out all of `writes`, or none: then what each write has to do with that. Without
    /// a verdict it is done.
    pub(crate) async fn attempt(&self, writes: Vec<Write>) -> Result<Vec<Verdict>, Unavailable> {
        let count = writes.len();
        let items = writes
            .into_iter()
            .map(|write| write.build(&self.name))
            .collect::<Result<_, _>>()?;
        let sent = self
            .client
            .transact_write_items()
            .set_transact_items(Some(items))
            .send()
            .await;
        let Err(error) = sent else {
            return Ok(Vec::new());
        };
        match error.into_service_error() {
            TransactWriteItemsError::TransactionCanceledException(e) => {
                let verdicts: Vec<_> = e
                    .cancellation_reasons()
                    .iter()
                    .map(|reason| match reason.code() {
                        Some("ConditionalCheckFailed") => {
                            let stands = reason.item().filter(|item| !item.is_empty());
                            Verdict::Refused(stands.cloned())
                        }
                        Some("TransactionConflict") => Verdict::Conflict,
                        _ => Verdict::Fine,
                    })
                    .collect();
                if verdicts.iter().all(|verdict| *verdict == Verdict::Fine) {
                    return Err(unavailable(e));
                }
                Ok(verdicts)
            }
            TransactWriteItemsError::TransactionInProgressException(_) => {
                Ok(vec![Verdict::Conflict; count])
            }
            e => Err(unavailable(e)),
        }
    }
}

/// What a write has to do with it that its transaction was not carried out.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Verdict {
    /// Nothing.
    Fine,
    /// Its condition did not hold: the item that stands, if one does.
    Refused(Option<Attributes>),
    /// Another transaction was at its item.
    Conflict,
}

impl Verdict {
    /// Whether the write's condition did not hold.
    pub(crate) const fn is_refused(&self) -> bool {
        matches!(self, Self::Refused(_))
    }
}

/// What a conditional change led to.
#[derive(Debug)]
pub(crate) enum Updated {
    /// It was made: the item after it.
    Done(Attributes),
    /// The condition did not hold: the item that stands, if one does.
    Refused(Option<Attributes>),
}

/// What a transaction led to.
#[derive(Debug)]
pub(crate) enum Transacted {
    /// All of it was done.
    Done,
    /// Nothing was: for each write, whether its condition did not hold.
    Refused(Vec<bool>),
    /// Nothing was: another transaction was at one of the items.
    Conflict,
}

/// A change of one item, in DynamoDB's expressions.
#[derive(Clone, Debug, Default)]
pub(crate) struct Change {
    expression: String,
    condition: Option<String>,
    names: Option<HashMap<String, String>>,
    values: Option<HashMap<String, AttributeValue>>,
}

impl Change {
    /// A change by an update expression.
    pub(crate) fn new(expression: impl Into<String>) -> Self {
        Self::default().expression(expression)
    }

    /// By this update expression.
    pub(crate) fn expression(mut self, expression: impl Into<String>) -> Self {
        self.expression = expression.into();
        self
    }

    /// Made only if `condition` holds.
    pub(crate) fn only_if(mut self, condition: impl Into<String>) -> Self {
        self.condition = Some(condition.into());
        self
    }

    /// What `#name` stands for.
    pub(crate) fn name(mut self, alias: &str, name: &str) -> Self {
        self.names
            .get_or_insert_default()
            .insert(alias.to_owned(), name.to_owned());
        self
    }

    /// What `:value` stands for.
    pub(crate) fn value(mut self, alias: &str, value: AttributeValue) -> Self {
        self.values
            .get_or_insert_default()
            .insert(alias.to_owned(), value);
        self
    }
}

/// One write of a transaction.
#[derive(Clone, Debug)]
pub(crate) enum Write {
    Put {
        item: Attributes,
        condition: Option<String>,
        names: Option<HashMap<String, String>>,
        values: Option<HashMap<String, AttributeValue>>,
    },
    Update {
        key: Key,
        change: Change,
    },
    Check {
        key: Key,
        change: Change,
    },
    Delete {
        key: Key,
        condition: Option<String>,
        names: Option<HashMap<String, String>>,
        values: Option<HashMap<String, AttributeValue>>,
    },
}

impl Write {
    /// Writes an item whatever was there.
    pub(crate) fn put(key: &Key, item: &impl Serialize) -> Result<Self, Unavailable> {
        Ok(Self::Put {
            item: item_of(key, item)?,
            condition: None,
            names: None,
            values: None,
        })
    }

    /// Writes an item where there is none.
    pub(crate) fn insert(key: &Key, item: &impl Serialize) -> Result<Self, Unavailable> {
        Ok(Self::put(key, item)?.only_if("attribute_not_exists(pk)"))
    }

    /// Changes an item.
    pub(crate) fn update(key: Key, change: Change) -> Self {
        Self::Update { key, change }
    }

    /// Leaves an item as it is, if `condition` holds.
    pub(crate) fn check(key: Key, condition: impl Into<String>) -> Self {
        Self::Check {
            key,
            change: Change::default().only_if(condition),
        }
    }

    /// Removes an item.
    pub(crate) const fn delete(key: Key) -> Self {
        Self::Delete {
            key,
            condition: None,
            names: None,
            values: None,
        }
    }

    /// Done only if `expression` holds.
    pub(crate) fn only_if(mut self, expression: impl Into<String>) -> Self {
        match &mut self {
            Self::Put { condition, .. } | Self::Delete { condition, .. } => {
                *condition = Some(expression.into());
            }
            Self::Update { change, .. } | Self::Check { change, .. } => {
                change.condition = Some(expression.into());
            }
        }
        self
    }

    /// What `#name` stands for.
    pub(crate) fn name(mut self, alias: &str, name: &str) -> Self {
        match &mut self {
            Self::Put { names, .. } | Self::Delete { names, .. } => names,
            Self::Update { change, .. } | Self::Check { change, .. } => &mut change.names,
        }
        .get_or_insert_default()
        .insert(alias.to_owned(), name.to_owned());
        self
    }

    /// What `:value` stands for.
    pub(crate) fn value(mut self, alias: &str, value: AttributeValue) -> Self {
        match &mut self {
            Self::Put { values, .. } | Self::Delete { values, .. } => values,
            Self::Update { change, .. } | Self::Check { change, .. } => &mut change.values,
        }
        .get_or_insert_default()
        .insert(alias.to_owned(), value);
        self
    }

    fn build(self, table: &str) -> Result<TransactWriteItem, Unavailable> {
        const TELL: ReturnValuesOnConditionCheckFailure =
            ReturnValuesOnConditionCheckFailure::AllOld;
        let item = TransactWriteItem::builder();
        Ok(match self {
            Self::Put {
                item: attributes,
                condition,
                names,
                values,
            } => item.put(
                Put::builder()
                    .table_name(table)
                    .set_item(Some(attributes))
                    .set_condition_expression(condition)
                    .set_expression_attribute_names(names)
                    .set_expression_attribute_values(values)
                    .return_values_on_condition_check_failure(TELL)
                    .build()
                    .map_err(unavailable)?,
            ),
            Self::Update { key, change } => item.update(
                Update::builder()
                    .table_name(table)
                    .set_key(Some(key.attributes()))
                    .update_expression(change.expression)
                    .set_condition_expression(change.condition)
                    .set_expression_attribute_names(change.names)
                    .set_expression_attribute_values(change.values)
                    .return_values_on_condition_check_failure(TELL)
                    .build()
                    .map_err(unavailable)?,
            ),
            Self::Check { key, change } => item.condition_check(
                ConditionCheck::builder()
                    .table_name(table)
                    .set_key(Some(key.attributes()))
                    .set_condition_expression(change.condition)
                    .set_expression_attribute_names(change.names)
                    .set_expression_attribute_values(change.values)
                    .return_values_on_condition_check_failure(TELL)
                    .build()
                    .map_err(unavailable)?,
            ),
            Self::Delete {
                key,
                condition,
                names,
                values,
            } => item.delete(
                Delete::builder()
                    .table_name(table)
                    .set_key(Some(key.attributes()))
                    .set_condition_expression(condition)
                    .set_expression_attribute_names(names)
                    .set_expression_attribute_values(values)
                    .return_values_on_condition_check_failure(TELL)
                    .build()
                    .map_err(unavailable)?,
            ),
        }
        .build())
    }
}

/// An item with its key, as DynamoDB takes it.
pub(crate) fn item_of(key: &Key, item: &impl Serialize) -> Result<Attributes, Unavailable> {
    let mut attributes: Attributes = to_item(item).map_err(unavailable)?;
    attributes.extend(key.attributes());
    Ok(attributes)
}

/// A string, as DynamoDB takes it.
pub(crate) fn s(text: impl Into<String>) -> AttributeValue {
    AttributeValue::S(text.into())
}

/// A number, as DynamoDB takes it.
#[expect(clippy::needless_pass_by_value, reason = "numbers are copied")]
pub(crate) fn n(number: impl ToString) -> AttributeValue {
    AttributeValue::N(number.to_string())
}

/// An instant, as DynamoDB keeps it.
pub(crate) fn at(instant: Timestamp) -> AttributeValue {
    n(instant.as_millisecond())
}

/// Any error, kept whole as the source of the domain's.
pub(crate) fn unavailable<E>(error: E) -> Unavailable
where
    E: std::error::Error + Send + Sync + 'static,
{
    Unavailable::new(error)
}
