//! Bad input as it comes over the wire: never a 5xx, never silence, always a word on what is wrong
//! and where, and nothing done.
//!
//! `framing` is what HTTP itself refuses, `paths` what stands in paths and queries, `bodies` what
//! stands in bodies, `events` what API Gateway may hand to a function.

mod bodies;
mod events;
mod framing;
mod paths;

use crate::world::Answer;
use serde_json::Value;

/// Checks that an answer is none of a fault, and, if it refuses, that it says what and where: a
/// problem of ours, or API Gateway's own word.
#[track_caller]
fn is_sound(answer: &Answer, what: &str) {
    let short: String = format!("{answer:?}").chars().take(1_500).collect();
    let what: String = what.chars().take(300).collect();
    assert!(answer.status < 500, "{what}: {short}");
    if answer.status < 400 {
        return;
    }
    if answer.header("content-type") != "application/problem+json" {
        let own = [
            ("Not Found", 404),
            ("Request Entity Too Large", 413),
            ("Bad Request", 400),
        ];
        let said = answer.body["message"].as_str().unwrap_or_default();
        assert!(own.contains(&(said, answer.status)), "{what}: {short}");
        return;
    }
    assert!(answer.body["detail"].is_string(), "{what}: {short}");
    assert!(answer.body.to_string().len() < 10_000, "{what}: {short}");
    if answer.status == 422 && answer.body["code"] == "INVALID_BODY" {
        assert!(
            answer.body["errors"][0]["pointer"].is_string(),
            "{what}: {short}"
        );
    }
}

/// Whether one pointer is at, above or below the other.
fn meet(a: &Value, b: &str) -> bool {
    let a = a.as_str().unwrap_or("none");
    let within = |inner: &str, outer: &str| {
        inner == outer
            || inner
                .strip_prefix(outer)
                .is_some_and(|rest| rest.starts_with('/'))
    };
    within(a, b) || within(b, a)
}
