//! Reading an item: attributes that nobody knows are passed over, and an item that lacks what is
//! looked for is an error that says of which kind it is and what it lacks, and nothing of what
//! stands in it.

use crate::key::{Attributes, Key};
use serde::de::DeserializeOwned;
use serde_dynamo::{AttributeValue, Item};

/// An item is not what this release takes it for: an older or a later one wrote it, or something
/// else did.
#[derive(Debug, thiserror::Error)]
#[error("an item of the kind `{kind}` cannot be read: {reason}")]
pub(crate) struct Unreadable {
    kind: String,
    reason: String,
}

impl Unreadable {
    fn new(kind: String, error: &serde_dynamo::Error) -> Self {
        // Other errors' own words quote what stands there.
        let words = error.to_string();
        let reason = if words.starts_with("missing field") {
            words
        } else {
            "an attribute is not of the type that it should have".to_owned()
        };
        Self { kind, reason }
    }
}

/// The item as what it should be.
///
/// # Errors
/// When it lacks an attribute, or has one of another type.
pub(crate) fn from_item<I: Into<Item>, T: DeserializeOwned>(item: I) -> Result<T, Unreadable> {
    let item = item.into();
    let kind = match item.get("kind") {
        Some(AttributeValue::S(kind)) => kind.clone(),
        _ => "?".to_owned(),
    };
    serde_dynamo::from_item(item).map_err(|error| Unreadable::new(kind, &error))
}

/// Which kind of item it is, if it says so.
pub(crate) fn kind(item: &Attributes) -> Option<&str> {
    let kind = item.get("kind")?.as_s().ok()?;
    Some(kind)
}

/// Takes the item of that key out of those that were found.
pub(crate) fn take(items: &mut Vec<Attributes>, key: &Key) -> Option<Attributes> {
    let has = |item: &Attributes, name, value: &String| {
        item.get(name).and_then(|a| a.as_s().ok()) == Some(value)
    };
    let at = items
        .iter()
        .position(|item| has(item, "pk", &key.pk) && has(item, "sk", &key.sk))?;
    Some(items.swap_remove(at))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde::Deserialize;
    use std::collections::HashMap;

    #[derive(Debug, Deserialize)]
    #[expect(dead_code, reason = "only read")]
    struct Skill {
        name: String,
        number: u32,
    }

    fn read(attributes: &[(&str, AttributeValue)]) -> Result<Skill, Unreadable> {
        let attributes = attributes.iter().cloned();
        let item: HashMap<_, _> = attributes.map(|(name, v)| (name.to_owned(), v)).collect();
        from_item(Item::from(item))
    }

    #[test]
    fn what_cannot_be_read_is_named_and_not_quoted() {
        let s = |text: &str| AttributeValue::S(text.to_owned());
        let kind = ("kind", s("skill"));
        let (name, number) = (
            ("name", s("sales")),
            ("number", AttributeValue::N("1".to_owned())),
        );
        read(&[kind.clone(), name.clone(), number, ("later", s("news"))]).unwrap();
        assert_eq!(
            read(&[kind.clone(), name.clone()]).unwrap_err().to_string(),
            "an item of the kind `skill` cannot be read: missing field `number`"
        );
        let error = read(&[kind, name.clone(), ("number", s("a secret"))]).unwrap_err();
        assert_eq!(
            error.to_string(),
            "an item of the kind `skill` cannot be read: an attribute is not of the type that it \
             should have"
        );
        assert!(!format!("{error:?}").contains("a secret"));
        assert!(read(&[name]).unwrap_err().to_string().contains("`?`"));
    }
}
