//! Changes and writes, in DynamoDB's expressions.

use super::unavailable;
use crate::key::{Attributes, Key};
use aws_sdk_dynamodb::types::{
    AttributeValue, ConditionCheck, Delete, Put, ReturnValuesOnConditionCheckFailure,
    TransactWriteItem, Update,
};
use domain::store::Unavailable;
use serde::Serialize;
use serde_dynamo::to_item;
use std::collections::HashMap;

/// A change of one item, in DynamoDB's expressions.
#[derive(Clone, Debug, Default)]
pub(crate) struct Change {
    pub(super) expression: String,
    pub(super) condition: Option<String>,
    pub(super) names: Option<HashMap<String, String>>,
    pub(super) values: Option<HashMap<String, AttributeValue>>,
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

/// One write of a transaction, done if the condition of its change holds. Only an update has
/// more than a condition.
#[derive(Clone, Debug)]
pub(crate) enum Write {
    Put { item: Attributes, change: Change },
    Update { key: Key, change: Change },
    Check { key: Key, change: Change },
    Delete { key: Key, change: Change },
}

impl Write {
    /// Writes an item whatever was there.
    pub(crate) fn put(key: &Key, item: &impl Serialize) -> Result<Self, Unavailable> {
        Ok(Self::Put {
            item: item_of(key, item)?,
            change: Change::default(),
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
    pub(crate) fn delete(key: Key) -> Self {
        Self::Delete {
            key,
            change: Change::default(),
        }
    }

    /// Done only if `condition` holds.
    pub(crate) fn only_if(self, condition: impl Into<String>) -> Self {
        self.with(|change| change.only_if(condition))
    }

    /// What `#name` stands for.
    pub(crate) fn name(self, alias: &str, name: &str) -> Self {
        self.with(|change| change.name(alias, name))
    }

    /// What `:value` stands for.
    pub(crate) fn value(self, alias: &str, value: AttributeValue) -> Self {
        self.with(|change| change.value(alias, value))
    }

    fn with(mut self, more: impl FnOnce(Change) -> Change) -> Self {
        let (Self::Put { change, .. }
        | Self::Update { change, .. }
        | Self::Check { change, .. }
        | Self::Delete { change, .. }) = &mut self;
        *change = more(std::mem::take(change));
        self
    }

    /// The write as a transaction of `table` takes it, which tells what stands when the
    /// condition does not hold.
    pub(super) fn build(self, table: &str) -> Result<TransactWriteItem, Unavailable> {
        const TELL: ReturnValuesOnConditionCheckFailure =
            ReturnValuesOnConditionCheckFailure::AllOld;
        let item = TransactWriteItem::builder();
        Ok(match self {
            Self::Put {
                item: attributes,
                change,
            } => item.put(
                Put::builder()
                    .table_name(table)
                    .set_item(Some(attributes))
                    .set_condition_expression(change.condition)
                    .set_expression_attribute_names(change.names)
                    .set_expression_attribute_values(change.values)
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
            Self::Delete { key, change } => item.delete(
                Delete::builder()
                    .table_name(table)
                    .set_key(Some(key.attributes()))
                    .set_condition_expression(change.condition)
                    .set_expression_attribute_names(change.names)
                    .set_expression_attribute_values(change.values)
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
