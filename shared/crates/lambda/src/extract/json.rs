//! JSON bodies.

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
    // serde would take a list for an object, field by field.
    if body.trim_ascii_start().starts_with(b"[")
        && serde_json::from_slice::<IgnoredAny>(body).is_ok()
    {
        return Err(Problem::invalid("", "the body must be an object"));
    }
    let mut json = serde_json::Deserializer::from_slice(body);
    match serde_path_to_error::deserialize(&mut json) {
        Ok(value) => {
            json.end().map_err(|e| malformed(&e, declared))?;
            Ok(value)
        }
        Err(e) if !e.inner().is_data() => Err(malformed(e.inner(), declared)),
        // A value is wrong. That is worth telling only of a body that is JSON to its end.
        Err(e) => match serde_json::from_slice::<IgnoredAny>(body) {
            Ok(_) => Err(invalid(e.path(), &explain(e.inner()))),
            Err(broken) => Err(malformed(&broken, declared)),
        },
    }
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
        rest.split('`').next().filter(|name| !name.is_empty())
    };
    if let Some(field) = quoted("missing field `") {
        // LivePerson's words, which its clients know.
        let detail = format!("Fields missing in request: {field}");
        return Problem::invalid(child(&place, field), detail);
    }
    if let Some(field) = quoted("unknown field `").or_else(|| quoted("duplicate field `")) {
        let place = match path.iter().next_back() {
            Some(Segment::Map { key }) if key == field => place,
            _ => child(&place, field),
        };
        return Problem::invalid(place, words);
    }
    Problem::invalid(place, words)
}

fn pointer(path: &Path) -> String {
    path.iter()
        .fold(String::new(), |place, segment| match segment {
            Segment::Seq { index } => child(&place, &index.to_string()),
            Segment::Map { key } => child(&place, key),
            Segment::Enum { .. } | Segment::Unknown => place,
        })
}

fn child(place: &str, key: &str) -> String {
    format!("{place}/{}", key.replace('~', "~0").replace('/', "~1"))
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
            (r#" ["a"]"#, "", "the body must be an object"),
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
            (r"[]", "", "the body must be an object"),
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
    async fn what_is_no_json_is_malformed() {
        let deep = "[".repeat(100_000);
        let deep = format!(r#"{{"campaignName": "a", "any": {deep}"#);
        for body in [
            String::new(),
            "{".into(),
            "{}x".into(),
            r#"{"campaignName": "a"} {}"#.into(),
            r#"{"campaignName": "\ud800"}"#.into(),
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
