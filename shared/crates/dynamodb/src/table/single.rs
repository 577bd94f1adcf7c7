//! Writing one item.

use super::{Change, Table, Write, item_of, unavailable};
use crate::key::{Attributes, Key};
use aws_sdk_dynamodb::{
    error::SdkError,
    operation::{
        put_item::PutItemError,
        update_item::{UpdateItemError, builders::UpdateItemFluentBuilder},
    },
    types::{ReturnValue, ReturnValuesOnConditionCheckFailure},
};
use domain::store::Unavailable;
use serde::Serialize;

impl Table {
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
        let Write::Put { item, change } = write else {
            return Err(Unavailable::new("not a put"));
        };
        let sent = self
            .client
            .put_item()
            .table_name(&self.name)
            .set_item(Some(item))
            .set_condition_expression(change.condition)
            .set_expression_attribute_names(change.names)
            .set_expression_attribute_values(change.values)
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
}

/// What a conditional change led to.
#[derive(Debug)]
pub(crate) enum Updated {
    /// It was made: the item after it.
    Done(Attributes),
    /// The condition did not hold: the item that stands, if one does.
    Refused(Option<Attributes>),
}
