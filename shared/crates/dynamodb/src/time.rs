//! Instants as DynamoDB stores them: milliseconds since 1970, as numbers.

use jiff::Timestamp;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error};

/// For `#[serde(with = "time")]` on a [`Timestamp`].
pub(crate) fn serialize<S: Serializer>(at: &Timestamp, s: S) -> Result<S::Ok, S::Error> {
    at.as_millisecond().serialize(s)
}

pub(crate) fn deserialize<'de, D: Deserializer<'de>>(d: D) -> Result<Timestamp, D::Error> {
    Timestamp::from_millisecond(i64::deserialize(d)?).map_err(D::Error::custom)
}

/// For `#[serde(with = "time::option", default)]` on an optional [`Timestamp`].
pub(crate) mod option {
    use super::{Deserialize, Deserializer, Error, Serialize, Serializer, Timestamp};

    #[expect(clippy::ref_option, reason = "serde calls it so")]
    pub(crate) fn serialize<S: Serializer>(
        at: &Option<Timestamp>,
        s: S,
    ) -> Result<S::Ok, S::Error> {
        at.map(Timestamp::as_millisecond).serialize(s)
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(
        d: D,
    ) -> Result<Option<Timestamp>, D::Error> {
        Option::<i64>::deserialize(d)?
            .map(Timestamp::from_millisecond)
            .transpose()
            .map_err(D::Error::custom)
    }
}
