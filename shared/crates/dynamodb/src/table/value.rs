//! Values, as DynamoDB takes them, and errors, as the domain does.

use aws_sdk_dynamodb::types::AttributeValue;
use domain::store::Unavailable;
use jiff::Timestamp;

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
