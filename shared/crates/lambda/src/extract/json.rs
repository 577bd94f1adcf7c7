//! JSON bodies.

use super::tree::Tree;
use crate::problem::{Kind, Problem};
use axum::{
    body::to_bytes,
    extract::{FromRequest, Request},
    http::{HeaderMap, header},
    response::{IntoResponse, Response},
};
use serde::{
    Serialize,
    de::{DeserializeOwned, IgnoredAny},
};
use serde_path_to_error::{Path, Segment};

/// The most bytes of a body.
const MAX_BYTES: usize = 1024 * 1024;
/// The most bytes of a pointer: it quotes the body.
const MAX_POINTER: usize = 500;

/// A JSON body; one that cannot be read is a [`Problem`] that says what is wrong where.
#[derive(Clone, Copy, Debug)]
pub struct Json<T>(pub T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for Json<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, _: &S) -> Result<Self, Problem> {
        let declared = is_json(request.headers());
        let body = to_bytes(request.into_body(), MAX_BYTES)
            .await
            .map_err(|_| {
                Problem::new(
                    Kind::PayloadTooLarge,
                    "a body has at most 1 MiB (1048576 bytes)",
                )
            })?;
        decode(&body, declared).map(Self)
    }
}

impl<T: Serialize> IntoResponse for Json<T> {
    fn into_response(self) -> Response {
        axum::Json(self.0).into_response()
    }
}

fn is_json(headers: &HeaderMap) -> bool {
    let given = headers.get(header::CONTENT_TYPE);
    let essence = given
        .and_then(|value| value.to_str().ok())
        .and_then(|value| value.split(';').next())
        .map(|value| value.trim().to_ascii_lowercase());
    essence.is_some_and(|value| value == "application/json" || value.ends_with("+json"))
}

/// Reads the body, whatever type it was declared to be; one that is no JSON and was not
/// declared to be is of another type.
fn decode<T: DeserializeOwned>(body: &[u8], declared: bool) -> Result<T, Problem> {
    let refused = |e: serde_path_to_error::Error<serde_json::Error>| {
        if e.inner().is_data() {
            invalid(e.path(), &explain(e.inner()))
        } else {
            malformed(e.inner(), declared)
        }
    };
    let mut json = serde_json::Deserializer::from_slice(body);
    let tree = serde_path_to_error::deserialize::<_, Tree>(&mut json);
    if tree.as_ref().is_err_and(|e| e.inner().is_data()) {
        // What is wrong with a value is worth telling only of a body that is JSON to its end.
        let whole = serde_json::from_slice::<IgnoredAny>(body);
        whole.map_err(|e| malformed(&e, declared))?;
    }
    let tree = tree.map_err(refused)?;
    json.end().map_err(|e| malformed(&e, declared))?;
    serde_path_to_error::deserialize(tree.reader()).map_err(refused)
}

fn malformed(error: &serde_json::Error, declared: bool) -> Problem {
    if declared {
        Problem::new(Kind::MalformedJson, error)
    } else {
        Problem::new(
            Kind::UnsupportedMediaType,
            "the body must be application/json",
        )
    }
}

/// The error's own words, without the place in the bytes: the pointer says it better.
fn explain(error: &serde_json::Error) -> String {
    let words = error.to_string();
    let words = words
        .rfind(" at line ")
        .map_or(&*words, |end| &words[..end]);
    match words.split_once("expected struct ") {
        Some((before, _)) => format!("{before}expected an object"),
        None => words.to_owned(),
    }
}

fn invalid(path: &Path, words: &str) -> Problem {
    let place = pointer(path);
    let quoted = |prefix| {
        let rest = words.strip_prefix(prefix)?;
        let name = match rest.split_once("`, ") {
            Some((name, _)) => name,
            None => rest.strip_suffix('`')?,
        };
        Some(name).filter(|name| !name.is_empty())
    };
    if let Some(field) = quoted("missing field `") {
        // LivePerson's words, which its clients know.
        let detail = format!("Fields missing in request: {field}");
        return Problem::invalid(child(&place, field).unwrap_or(place), detail);
    }
    match quoted("unknown field `") {
        Some(field) if path.iter().next_back().is_none_or(|last| !is(last, field)) => {
            Problem::invalid(child(&place, field).unwrap_or(place), words)
        }
        _ => Problem::invalid(place, words),
    }
}

fn is(segment: &Segment, name: &str) -> bool {
    matches!(segment, Segment::Map { key } if key == name)
}

/// Where it is, or, when that is too long to tell, what it is in.
fn pointer(path: &Path) -> String {
    let mut place = String::new();
    for segment in path {
        let deeper = match segment {
            Segment::Seq { index } => child(&place, &index.to_string()),
            Segment::Map { key } => child(&place, key),
            Segment::Enum { .. } | Segment::Unknown => continue,
        };
        match deeper {
            Some(deeper) => place = deeper,
            None => break,
        }
    }
    place
}

/// The pointer to what is called `key` at `place`, unless it is too long to tell.
fn child(place: &str, key: &str) -> Option<String> {
    (place.len() + key.len() <= MAX_POINTER)
        .then(|| format!("{place}/{}", key.replace('~', "~0").replace('/', "~1")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::serve::app;
    use axum::{Router, body::Body, routing::post};
    use serde::Deserialize;
    use serde_json::Value;
    use std::collections::BTreeMap;
    use tower::ServiceExt as _;

    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase", deny_unknown_fields)]
    struct Order {
        #[expect(dead_code, reason = "only read")]
        campaign_name: String,
        #[serde(default)]
        #[expect(dead_code, reason = "only read")]
        consumers: Vec<Recipient>,
        #[serde(default)]
        #[expect(dead_code, reason = "only read")]
        any: Value,
    }

    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Recipient {
        #[expect(dead_code, reason = "only read")]
        inapp: String,
        #[serde(default, rename = "a/b")]
        #[expect(dead_code, reason = "only read")]
        odd: BTreeMap<String, u8>,
    }

    async fn post_as(content_type: Option<&str>, body: impl Into<Body>) -> (u16, Value) {
        let router = Router::new().route("/", post(async |Json(_): Json<Order>| "read"));
        let mut request = Request::builder().method("POST").uri("/");
        if let Some(content_type) = content_type {
            request = request.header("content-type", content_type);
        }
        let request = request.body(body.into()).unwrap();
        let answer = app(router).oneshot(request).await.unwrap();
        let status = answer.status().as_u16();
        let body = to_bytes(answer.into_body(), usize::MAX).await.unwrap();
        (status, serde_json::from_slice(&body).unwrap_or_default())
    }

    async fn post_json(body: impl Into<Body>) -> (u16, Value) {
        post_as(Some("application/json; charset=utf-8"), body).await
    }

    #[tokio::test]
    async fn what_is_wrong_is_said_where() {
        for (body, pointer, detail) in [
            ("null", "", "expected an object"),
            (r#" ["a"]"#, "", "expected an object"),
            (
                r"{}",
                "/campaignName",
                "Fields missing in request: campaignName",
            ),
            (
                r#"{"campaignName": 1}"#,
                "/campaignName",
                "expected a string",
            ),
            (
                r#"{"campaignName": "a", "x": 1}"#,
                "/x",
                "unknown field `x`",
            ),
            (
                r#"{"campaignName": "a", "campaignName": "b"}"#,
                "/campaignName",
                "duplicate field",
            ),
            (
                r#"{"campaignName": "a", "consumers": {}}"#,
                "/consumers",
                "expected a sequence",
            ),
            (
                r#"{"campaignName": "a", "consumers": [{"inapp": "b"}, {}]}"#,
                "/consumers/1/inapp",
                "missing in request: inapp",
            ),
            (
                r#"{"campaignName": "a", "consumers": [{"inapp": "b", "c": 1}]}"#,
                "/consumers/0/c",
                "unknown field",
            ),
            (
                r#"{"campaignName": "a", "consumers": [{"inapp": "b", "a/b": {"~": -1}}]}"#,
                "/consumers/0/a~1b/~0",
                "u8",
            ),
            (
                r#"{"campaignName": "a", "any": [{"x": 1}, {"b": {"c": 1, "c": 1}}]}"#,
                "/any/1/b/c",
                "duplicate field",
            ),
            (
                r#"{"campaignName": "a", "any": {"a`b/c": 1, "d": 2, "a`b/c": 3}}"#,
                "/any/a`b~1c",
                "duplicate field",
            ),
            (
                r#"{"campaignName": "a", "any": {"a": 1, "\u0061": 3}}"#,
                "/any/a",
                "duplicate field",
            ),
            (
                r#"{"campaignName": "a", "a`b": 1}"#,
                "/a`b",
                "unknown field `a`b`",
            ),
            (r"[]", "", "expected an object"),
            (
                r#"{"campaignName": "a", "consumers": [["b", {}]]}"#,
                "/consumers/0",
                "expected an object",
            ),
            (r"null", "", "expected an object"),
        ] {
            let (status, problem) = post_json(body).await;
            assert_eq!(status, 422, "{body}: {problem}");
            assert_eq!(problem["code"], "INVALID_BODY");
            assert_eq!(
                problem["errors"][0]["pointer"], pointer,
                "{body}: {problem}"
            );
            let said = problem["detail"].as_str().unwrap();
            assert!(said.contains(detail), "{body}: {said}");
            assert!(!said.contains(" at line "), "{said}");
        }
    }

    #[tokio::test]
    async fn what_is_long_is_not_repeated_in_the_answer() {
        let long = "~".repeat(900_000);
        for body in [
            format!(r#"{{"campaignName": "a", "{long}": 1}}"#),
            format!(r#"{{"campaignName": "a", "any": {{"{long}": 1, "{long}": 2}}}}"#)
                .replace(&long, &long[..400_000]),
            format!(r#"{{"campaignName": "a", "consumers": "{long}"}}"#),
        ] {
            let (status, problem) = post_json(body).await;
            assert_eq!((status, &problem["code"]), (422, &"INVALID_BODY".into()));
            assert!(problem.to_string().len() < 10_000);
        }
    }

    #[tokio::test]
    async fn what_is_no_json_is_malformed() {
        let deep = "[".repeat(100_000);
        let deep = format!(r#"{{"campaignName": "a", "any": {deep}"#);
        for body in [
            String::new(),
            "{".into(),
            "{}x".into(),
            r#"{"campaignName": "a"} {}"#.into(),
            r#"{"campaignName": "\ud800"}"#.into(),
            r#"{"campaignName": "a", "campaignName": "b""#.into(),
            r#"{"campaignName": "a", "any": 1e400}"#.into(),
            "\u{feff}{}".into(),
            deep,
        ] {
            let (status, problem) = post_json(body).await;
            assert_eq!((status, &problem["code"]), (400, &"MALFORMED_JSON".into()));
            assert!(
                problem["detail"]
                    .as_str()
                    .unwrap()
                    .contains("line 1 column")
            );
        }
        let (status, _) = post_json(&b"{\"campaignName\": \"\xff\"}"[..]).await;
        assert_eq!(status, 400);
    }

    #[tokio::test]
    async fn the_type_of_a_body_matters_only_when_it_is_no_json() {
        let good = r#"{"campaignName": "a"}"#;
        for content_type in [None, Some("text/plain"), Some("application/vnd.x+json")] {
            assert_eq!(post_as(content_type, good).await.0, 200, "{content_type:?}");
        }
        assert_eq!(post_as(None, "a=b").await.0, 415);
        assert_eq!(post_as(Some("text/plain"), "a=b").await.0, 415);
    }

    #[tokio::test]
    async fn a_body_has_at_most_1_mib() {
        let fits = format!(r#"{{"campaignName": "{}"}}"#, "x".repeat(MAX_BYTES - 20));
        assert_eq!(fits.len(), MAX_BYTES);
        assert_eq!(post_json(fits.clone()).await.0, 200);
        let (status, problem) = post_json(fits + " ").await;
        assert_eq!(
            (status, &problem["code"]),
            (413, &"PAYLOAD_TOO_LARGE".into())
        );
    }
}
