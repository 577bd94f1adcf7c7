//! JSON that can be read in one way only: no name comes twice in an object, no list is taken for an
//! object, field by field, and no number for a name, as serde does.
//!
//! RFC 8259 leaves open which of two values of a name counts. Whoever checks a body on its way must
//! not read another one than we do.

use serde::{
    Deserialize, Deserializer,
    de::{
        DeserializeSeed, Error as _, Expected, IntoDeserializer, MapAccess, SeqAccess, Unexpected,
        Visitor,
        value::{MapAccessDeserializer, MapDeserializer, SeqDeserializer},
    },
    forward_to_deserialize_any,
};
use serde_json::{Error, Map, Value};
use std::{fmt, marker::PhantomData};

/// A JSON value in which no name comes twice in an object.
pub(super) struct Tree(Value);

impl Tree {
    /// What reads a type from it.
    pub(super) const fn reader(&self) -> Reader<'_> {
        Reader(&self.0)
    }
}

impl<'de> Deserialize<'de> for Tree {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_any(Grow).map(Self)
    }
}

struct Grow;

impl<'de> Visitor<'de> for Grow {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any JSON")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_string<E>(self, value: String) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut from: A) -> Result<Value, A::Error> {
        let mut list = Vec::new();
        while let Some(Tree(value)) = from.next_element()? {
            list.push(value);
        }
        Ok(list.into())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut from: A) -> Result<Value, A::Error> {
        let mut object = Map::new();
        while let Some(name) = from.next_key::<String>()? {
            if object.contains_key(&name) {
                // Raised in the value's place, so that the path to it is known.
                from.next_value_seed(Again)?;
            }
            object.insert(name, from.next_value::<Tree>()?.0);
        }
        Ok(object.into())
    }
}

struct Again;

impl<'de> DeserializeSeed<'de> for Again {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, _: D) -> Result<(), D::Error> {
        let detail = "duplicate field: a name comes once in an object";
        Err(D::Error::custom(detail))
    }
}

/// Reads a value of a tree.
#[derive(Clone, Copy)]
pub(super) struct Reader<'t>(&'t Value);

impl<'t> Reader<'t> {
    fn object<V: Visitor<'t>>(self, visitor: V) -> Result<V::Value, Error> {
        if self.0.is_object() {
            self.deserialize_any(visitor)
        } else {
            Err(self.is_not(&visitor))
        }
    }

    fn is_not(self, expected: &dyn Expected) -> Error {
        let given = match self.0 {
            Value::Null => Unexpected::Unit,
            Value::Bool(value) => Unexpected::Bool(*value),
            Value::Number(_) => Unexpected::Other("number"),
            Value::String(text) => Unexpected::Str(text),
            Value::Array(_) => Unexpected::Seq,
            Value::Object(_) => Unexpected::Map,
        };
        Error::invalid_type(given, expected)
    }
}

impl<'de> Deserializer<'de> for Reader<'de> {
    type Error = Error;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match self.0 {
            Value::Null => visitor.visit_unit(),
            Value::Bool(value) => visitor.visit_bool(*value),
            Value::Number(number) => number.deserialize_any(visitor),
            Value::String(text) => visitor.visit_borrowed_str(text),
            Value::Array(list) => {
                let mut list = SeqDeserializer::new(list.iter().map(Self));
                let value = visitor.visit_seq(&mut list)?;
                list.end()?;
                Ok(value)
            }
            Value::Object(object) => {
                let members = object
                    .iter()
                    .map(|(name, value)| (name.as_str(), Self(value)));
                let mut members = MapDeserializer::new(members);
                let value = visitor.visit_map(&mut members)?;
                members.end()?;
                Ok(value)
            }
        }
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match self.0 {
            Value::Null => visitor.visit_none(),
            _ => visitor.visit_some(self),
        }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, Error> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        self.object(visitor)
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        self.object(visitor)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        self.0.deserialize_enum(name, variants, visitor)
    }

    /// A name of a variant: serde would take its number, too.
    fn deserialize_identifier<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match self.0 {
            Value::String(name) => visitor.visit_borrowed_str(name),
            _ => Err(self.is_not(&visitor)),
        }
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit
        unit_struct seq tuple tuple_struct ignored_any
    }
}

impl<'t> IntoDeserializer<'t, Error> for Reader<'t> {
    type Deserializer = Self;

    fn into_deserializer(self) -> Self {
        self
    }
}

/// Reads an object, or none where `null` stands or nothing: for what has a tag inside, which
/// serde takes from a list, too. For `#[serde(default, deserialize_with)]`.
///
/// # Errors
/// When it is something else, or its members are not what they must be.
pub fn object<'de, T: Deserialize<'de>, D: Deserializer<'de>>(
    from: D,
) -> Result<Option<T>, D::Error> {
    from.deserialize_option(Members(PhantomData))
}

struct Members<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> Visitor<'de> for Members<T> {
    type Value = Option<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_none<E>(self) -> Result<Option<T>, E> {
        Ok(None)
    }

    fn visit_some<D: Deserializer<'de>>(self, from: D) -> Result<Option<T>, D::Error> {
        from.deserialize_map(self)
    }

    fn visit_map<A: MapAccess<'de>>(self, from: A) -> Result<Option<T>, A::Error> {
        T::deserialize(MapAccessDeserializer::new(from)).map(Some)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, PartialEq, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Order {
        name: String,
        #[serde(default, deserialize_with = "object")]
        by: Option<Way>,
        size: Option<Size>,
    }

    #[derive(Debug, PartialEq, Deserialize)]
    #[serde(tag = "way", rename_all = "lowercase")]
    enum Way {
        Air { line: String },
    }

    #[derive(Debug, PartialEq, Deserialize)]
    #[serde(rename_all = "lowercase")]
    enum Size {
        Small,
    }

    fn read(json: &str) -> Option<Order> {
        let tree: Tree = serde_json::from_str(json).ok()?;
        Order::deserialize(tree.reader()).ok()
    }

    #[test]
    fn what_is_as_it_should_be_is_read() {
        let order = r#"{"name": "a", "by": {"way": "air", "line": "x"}, "size": "small"}"#;
        let line = "x".to_owned();
        let read_order = Order {
            name: "a".to_owned(),
            by: Some(Way::Air { line }),
            size: Some(Size::Small),
        };
        assert_eq!(read(order), Some(read_order));
        for none in [
            r#"{"name": "a"}"#,
            r#"{"name": "a", "by": null, "size": null}"#,
        ] {
            assert_eq!(read(none).map(|order| order.by), Some(None), "{none}");
        }
    }

    #[test]
    fn what_serde_would_take_for_it_is_refused() {
        for json in [
            r#"["a", null, null]"#,
            r#"{"name": "a", "by": ["air", "x"]}"#,
            r#"{"name": "a", "by": {"way": 0, "line": "x"}}"#,
            r#"{"name": "a", "by": "air"}"#,
            r#"{"name": "a", "size": 0}"#,
            r#"{"name": "a", "name": "a"}"#,
        ] {
            assert_eq!(read(json), None, "{json}");
        }
    }
}
