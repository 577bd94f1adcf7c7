//! `infra/openapi.yaml`: the document that the types make, of the routes that are deployed.

use local::template::{Event, Template};
use serde_json::Value;
use std::{
    collections::{BTreeMap, BTreeSet},
    env, fs,
    path::PathBuf,
};

const AGAIN: &str = "UPDATE_OPENAPI=1 cargo test -p functions --test it openapi";

fn file(path: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(path)
}

pub(crate) fn document() -> Value {
    serde_json::to_value(functions::openapi::document()).unwrap()
}

/// The document's operations, each with `METHOD path`.
pub(crate) fn operations(document: &Value) -> Vec<(String, Value)> {
    let paths = document["paths"].as_object().unwrap();
    let of_path = |(path, item): (&String, &Value)| {
        let operation = |(method, operation): (&String, &Value)| {
            (
                format!("{} {path}", method.to_uppercase()),
                operation.clone(),
            )
        };
        let item = item.as_object().unwrap();
        item.iter().map(operation).collect::<Vec<_>>()
    };
    paths.iter().flat_map(of_path).collect()
}

/// Whether the committed document is to be written anew.
#[expect(
    clippy::disallowed_methods,
    reason = "what a developer asks of the test, not a setting of a function"
)]
fn is_update() -> bool {
    env::var("UPDATE_OPENAPI").is_ok_and(|value| value == "1")
}

#[test]
fn the_committed_document_is_the_one_that_the_types_make() {
    let made = serde_norway::to_string(&functions::openapi::document()).unwrap();
    let made = format!("# Made from the types. To write it anew: {AGAIN}\n{made}");
    let path = file("infra/openapi.yaml");
    if is_update() {
        fs::write(path, made).unwrap();
        return;
    }
    let committed = fs::read_to_string(path).unwrap_or_default();
    let differs = committed
        .lines()
        .zip(made.lines())
        .position(|(a, b)| a != b);
    assert!(
        committed == made,
        "infra/openapi.yaml is not what the types make{}: {AGAIN}",
        differs.map_or_else(String::new, |line| format!(", from line {}", line + 1)),
    );
}

#[test]
fn its_operations_are_the_deployed_routes() {
    let template = fs::read_to_string(file("template.yaml")).unwrap();
    let template = Template::parse(&template, &BTreeMap::new(), "http://127.0.0.1:1").unwrap();
    let mut deployed = BTreeSet::new();
    for event in template.functions.into_iter().flat_map(|f| f.events) {
        if let Event::Http(route) = event {
            deployed.insert(format!("{} {}", route.method, route.path));
        }
    }
    // A report answers with and without a slash at its end: the document has it once.
    let twins: BTreeSet<_> = deployed
        .iter()
        .filter(|route| deployed.contains(&format!("{route}/")))
        .cloned()
        .collect();
    let documented: BTreeSet<_> = operations(&document())
        .into_iter()
        .map(|(of, _)| of)
        .collect();
    let once: BTreeSet<_> = deployed.difference(&twins).cloned().collect();
    assert_eq!(documented, once, "functions' routes and template.yaml");
}

#[test]
fn every_operation_says_what_it_is_who_calls_it_and_how_it_can_fail() {
    let document = document();
    let mut ids = BTreeSet::new();
    let tags = document["tags"].as_array().unwrap();
    for (route, operation) in operations(&document) {
        let id = operation["operationId"].as_str().unwrap();
        assert!(ids.insert(id.to_owned()), "{route}: a second {id}");
        let summary = operation["summary"].as_str().unwrap_or_default();
        assert!(summary.ends_with('.'), "{route}: {summary}");
        let tag = &operation["tags"][0];
        assert!(tags.iter().any(|t| t["name"] == *tag), "{route}: {tag}");
        for parameter in operation["parameters"].as_array().unwrap() {
            assert!(parameter["description"].is_string(), "{route}: {parameter}");
        }
        let caller = match &route {
            r if r.contains("/app/token") || r.contains("baseURI.json") => None,
            r if r.contains("/me/") => Some("consumer"),
            _ => Some("brand"),
        };
        let schemes = operation["security"][0].as_object().unwrap();
        assert_eq!(schemes.keys().next().map(String::as_str), caller, "{route}");
        for (status, answer) in operation["responses"].as_object().unwrap() {
            let answer = match answer["$ref"].as_str() {
                Some(place) => document.pointer(place.trim_start_matches('#')).unwrap(),
                None => answer,
            };
            let what = format!("{route}: {status}: {answer}");
            assert!(
                !answer["description"].as_str().unwrap().is_empty(),
                "{what}"
            );
            if status.starts_with('2') {
                let is_paced = answer["headers"]["RateLimit-Remaining"].is_object();
                let has_pace = caller.is_some() || id == "giveToken";
                assert_eq!(is_paced, has_pace, "{what}");
            } else {
                let schema = &answer["content"]["application/problem+json"]["schema"];
                let name = if tag == "IVR" {
                    "CallProblem"
                } else {
                    "Problem"
                };
                let wanted = format!("#/components/schemas/{name}");
                assert_eq!(schema["$ref"], wanted, "{what}");
            }
        }
    }
}

/// All names of properties in a schema.
fn properties(schema: &Value, found: &mut BTreeSet<String>) {
    match schema {
        Value::Object(map) => {
            if let Some(Value::Object(here)) = map.get("properties") {
                found.extend(here.keys().cloned());
            }
            map.values().for_each(|inner| properties(inner, found));
        }
        Value::Array(all) => all.iter().for_each(|inner| properties(inner, found)),
        _ => {}
    }
}

#[test]
fn names_are_those_of_the_wire() {
    let mut found = BTreeSet::new();
    properties(&document()["components"]["schemas"], &mut found);
    let snake: Vec<_> = found.iter().filter(|name| name.contains('_')).collect();
    // OAuth's names and one of LivePerson's; a field of ours that is here was not renamed.
    let known = [
        "access_token",
        "client_id",
        "client_secret",
        "error_aggregation",
        "expires_in",
        "grant_type",
        "token_type",
    ];
    assert_eq!(snake, known);
}
