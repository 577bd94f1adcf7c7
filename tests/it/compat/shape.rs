//! What this release writes has all that the last one wrote, so that its readers, which pass over
//! what they do not know (`resume`), find what they look for.

use super::record::{Record, make};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// Attributes that everything of a kind has, and their types.
type Shape = BTreeSet<(String, String)>;

/// The types of an item's attributes, as DynamoDB spells them.
fn of_item(item: &Value) -> Shape {
    let attributes = item.as_object().unwrap().iter();
    let kind = |value: &Value| value.as_object().unwrap().keys().next().unwrap().clone();
    attributes
        .map(|(name, value)| (name.clone(), kind(value)))
        .collect()
}

/// The types of a message's fields.
fn of_body(body: &Value) -> Shape {
    let kind = |value: &Value| match value {
        Value::Null => "null",
        Value::Bool(_) => "bool",
        Value::Number(_) => "number",
        Value::String(_) => "text",
        Value::Array(_) => "list",
        Value::Object(_) => "object",
    };
    let fields = body.as_object().unwrap().iter();
    fields
        .map(|(name, value)| (name.clone(), kind(value).to_owned()))
        .collect()
}

/// What an item is: its kind, or how its sort key begins.
fn kind_of_item(item: &Value) -> String {
    let key = item["sk"]["S"].as_str().unwrap();
    let begins = |c: char| c.is_ascii_uppercase() || c == '_';
    let key = key.trim_start_matches("S#");
    let key: String = key.chars().take_while(|c| begins(*c)).collect();
    let kind = item["kind"]["S"].as_str().unwrap_or_default();
    // Items of a time or a day have no word for a sort key: their partition has.
    let of = item["pk"]["S"].as_str().unwrap().split('#').nth(2);
    format!("item {kind}/{}/{key}", of.unwrap_or_default())
}

/// What every thing of each kind has.
fn shapes(record: &Record) -> BTreeMap<String, Shape> {
    let items = record.items.iter();
    let items = items.map(|item| (kind_of_item(item), of_item(item)));
    let jobs = record.jobs.iter().map(|job| {
        let kind = job["type"].as_str().unwrap_or_default();
        (format!("job {kind}"), of_body(job))
    });
    let deliveries = record.deliveries.iter();
    let deliveries = deliveries.map(|delivery| ("delivery".to_owned(), of_body(delivery)));
    let mut shapes: BTreeMap<String, Shape> = BTreeMap::new();
    for (kind, shape) in items.chain(jobs).chain(deliveries) {
        shapes
            .entry(kind)
            .and_modify(|known| known.retain(|attribute| shape.contains(attribute)))
            .or_insert(shape);
    }
    shapes
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn all_that_the_last_release_wrote_is_still_written() {
    let (then, now) = (shapes(&Record::of_last_release()), shapes(&make().await));
    assert!(then.len() > 30, "{:#?}", then.keys());
    for (kind, then) in &then {
        let now = now
            .get(kind)
            .unwrap_or_else(|| panic!("nothing of: {kind}"));
        let lacks: Vec<_> = then.difference(now).collect();
        assert!(lacks.is_empty(), "{kind} lacks {lacks:?}");
    }
}
