//! Requests as API Gateway's HTTP API hands them to a function (payload format 2.0), and answers
//! as it takes them back.
//!
//! API Gateway decodes the path before it hands it over: what was `%23`, `%25` or `%2E` cannot be
//! told from what stood there plainly. So the path is made anew of the route and its parameters.

use crate::problem::{Kind, Problem};
use axum::{
    Router,
    body::{Body, to_bytes},
    http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Uri},
    response::{IntoResponse as _, Response},
};
use base64::{Engine as _, prelude::BASE64_STANDARD};
use percent_encoding::{AsciiSet, CONTROLS, NON_ALPHANUMERIC, utf8_percent_encode};
use serde::{Deserialize, Serialize};
use std::{collections::BTreeMap, convert::Infallible};
use tower::ServiceExt as _;

/// What of a path's part is written as it is: RFC 3986's unreserved characters.
const PART: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');
/// What cannot stand in a query, however it was written.
const QUERY: &AsciiSet = &CONTROLS.add(b' ').add(b'"').add(b'#').add(b'<').add(b'>');

/// A request.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Event {
    /// The method and the route's path, with its parameters' names in braces.
    route_key: String,
    /// The path, decoded.
    raw_path: String,
    #[serde(default)]
    raw_query_string: String,
    /// Names in lower case; several values of one name joined by commas.
    headers: Option<BTreeMap<String, String>>,
    /// The values of the route's parameters, decoded.
    path_parameters: Option<BTreeMap<String, String>>,
    request_context: RequestContext,
    body: Option<String>,
    #[serde(default)]
    is_base64_encoded: bool,
}

#[derive(Debug, Deserialize)]
struct RequestContext {
    http: Http,
}

#[derive(Debug, Deserialize)]
struct Http {
    method: String,
}

/// An answer.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Answer {
    status_code: u16,
    headers: BTreeMap<String, String>,
    body: String,
    is_base64_encoded: bool,
}

/// What `router` answers to the event.
///
/// # Errors
/// Never: what is wrong with a request is answered with a problem.
pub(crate) async fn answer(router: Router, event: Event) -> Result<Answer, Infallible> {
    let response = match event.into_request() {
        Ok(request) => {
            let Ok(response) = router.oneshot(request).await;
            response
        }
        Err(problem) => problem.into_response(),
    };
    Ok(Answer::of(response).await)
}

impl Event {
    /// The value of a header; `name` is in lower case.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.as_ref()?.get(name).map(String::as_str)
    }

    /// The value of one of the route's parameters.
    pub(crate) fn parameter(&self, name: &str) -> Option<&str> {
        self.path_parameters.as_ref()?.get(name).map(String::as_str)
    }

    /// The route's method and path, with its parameters' names in braces.
    pub(crate) fn route(&self) -> (&str, &str) {
        let method = self.request_context.http.method.as_str();
        let route = self.route_key.split_once(' ').map_or("", |(_, path)| path);
        (method, route)
    }

    fn into_request(self) -> Result<Request<Body>, Problem> {
        let uri = self.uri()?;
        let method = Method::from_bytes(self.request_context.http.method.as_bytes());
        let method =
            method.map_err(|_| Problem::new(Kind::MethodNotAllowed, "there is no such method"))?;
        let body = self.body.unwrap_or_default();
        let body = if self.is_base64_encoded {
            BASE64_STANDARD
                .decode(body)
                .map_err(|_| Problem::invalid("", "the body is not what was sent: not base64"))?
        } else {
            body.into_bytes()
        };
        let mut request = Request::new(Body::from(body));
        *request.uri_mut() = uri;
        *request.method_mut() = method;
        *request.headers_mut() = headers(self.headers.unwrap_or_default())?;
        Ok(request)
    }

    fn uri(&self) -> Result<Uri, Problem> {
        let mut uri = self.path();
        if !self.raw_query_string.is_empty() {
            let query = utf8_percent_encode(&self.raw_query_string, QUERY);
            uri.push('?');
            uri.extend(query);
        }
        uri.parse()
            .map_err(|_| Problem::new(Kind::InvalidQuery, "the path and query are too long"))
    }

    /// The path, each of its parts encoded.
    fn path(&self) -> String {
        let route = match self.route_key.split_once(' ') {
            Some((_, route)) if route.starts_with('/') => route,
            _ => &self.raw_path,
        };
        let part = |part: &str| {
            let name = part.strip_prefix('{').and_then(|p| p.strip_suffix('}'));
            let value = name.and_then(|name| self.path_parameters.as_ref()?.get(name));
            utf8_percent_encode(value.map_or(part, String::as_str), PART).to_string()
        };
        let parts: Vec<_> = route.split('/').map(part).collect();
        parts.join("/")
    }
}

fn headers(given: BTreeMap<String, String>) -> Result<HeaderMap, Problem> {
    let mut headers = HeaderMap::with_capacity(given.len());
    for (name, value) in given {
        let (Ok(key), Ok(value)) = (name.parse::<HeaderName>(), value.parse::<HeaderValue>())
        else {
            let name: String = name.chars().take(64).collect();
            let detail = format_args!("the header `{name}` cannot be read");
            return Err(Problem::new(Kind::InvalidHeader, detail));
        };
        headers.append(key, value);
    }
    Ok(headers)
}

impl Answer {
    /// Its status.
    pub(crate) const fn status(&self) -> u16 {
        self.status_code
    }

    async fn of(response: Response) -> Self {
        let (head, body) = response.into_parts();
        let mut headers = BTreeMap::<String, String>::new();
        for (name, value) in &head.headers {
            let value = String::from_utf8_lossy(value.as_bytes());
            headers
                .entry(name.as_str().to_owned())
                .and_modify(|before| *before = format!("{before},{value}"))
                .or_insert_with(|| value.into_owned());
        }
        // It is in memory already.
        let body = to_bytes(body, usize::MAX).await.unwrap_or_default();
        let (body, is_base64_encoded) = match String::from_utf8(body.into()) {
            Ok(text) => (text, false),
            Err(other) => (BASE64_STANDARD.encode(other.as_bytes()), true),
        };
        Self {
            status_code: head.status.as_u16(),
            headers,
            body,
            is_base64_encoded,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{extract::Path, serve::app};
    use axum::{
        extract::RawQuery,
        http::header,
        routing::{get, post},
    };
    use serde_json::{Value, json};

    fn event(key: &str, path: &str, parameters: &Value) -> Value {
        let method = key.split(' ').next().unwrap();
        json!({
            "version": "2.0", "routeKey": key, "rawPath": path, "rawQueryString": "",
            "headers": {"host": "api.example"}, "pathParameters": parameters,
            "requestContext": {"http": {"method": method, "path": path}, "stage": "$default"},
            "isBase64Encoded": false,
        })
    }

    /// The answer of a router that says what it was given.
    async fn call(event: Value) -> (u16, Value, Value) {
        let said = async |headers: HeaderMap, body: String| {
            let all = headers
                .get_all("x-many")
                .iter()
                .map(|v| v.as_bytes().to_vec());
            json!({"many": all.collect::<Vec<_>>(), "body": body}).to_string()
        };
        let router = Router::new()
            .route(
                "/{accountId}/of/{id}",
                get(async |Path(id): Path<String>| id),
            )
            .route(
                "/query",
                get(async |RawQuery(q): RawQuery| q.unwrap_or_default()),
            )
            .route("/said", post(said))
            .route("/bytes", get(async || [0xff, 0xfe]));
        let event = serde_json::from_value(event).unwrap();
        let Ok(answer) = answer(app(router), event).await;
        let answer = serde_json::to_value(answer).unwrap();
        let status = answer["statusCode"].as_u64().unwrap();
        let body = answer["body"].as_str().unwrap();
        let body = serde_json::from_str(body).unwrap_or_else(|_| body.into());
        (status.try_into().unwrap(), body, answer)
    }

    #[tokio::test]
    async fn a_parameter_is_what_was_sent_whatever_the_decoded_path_looks_like() {
        for id in [
            "ana", "a#b", "a?b=c", "100%", "a%41", "a b", "ä/ñ", "..", ".", "a+b", "{id}",
        ] {
            let path = format!("/acme/of/{id}");
            let parameters = json!({"accountId": "acme", "id": id});
            let (status, body, _) =
                call(event("GET /{accountId}/of/{id}", &path, &parameters)).await;
            assert_eq!((status, &body), (200, &id.into()), "{id}");
        }
    }

    #[tokio::test]
    async fn without_a_route_the_path_is_the_decoded_one() {
        let mut event = event("$default", "/acme/of/a#b", &Value::Null);
        event["requestContext"]["http"]["method"] = "GET".into();
        let (status, body, _) = call(event).await;
        assert_eq!((status, body), (200, "a#b".into()));
    }

    #[tokio::test]
    async fn a_query_is_as_it_was_sent_and_never_breaks_off() {
        for (sent, read) in [
            ("a=1&a=2&b=%20+%23", "a=1&a=2&b=%20+%23"),
            ("a=ä b#c\"<>\u{1}", "a=%C3%A4%20b%23c%22%3C%3E%01"),
        ] {
            let mut event = event("GET /query", "/query", &Value::Null);
            event["rawQueryString"] = sent.into();
            let (status, body, _) = call(event).await;
            assert_eq!((status, body), (200, read.into()));
        }
        let mut long = event("GET /query", "/query", &Value::Null);
        long["rawQueryString"] = "a".repeat(70_000).into();
        let (status, body, _) = call(long).await;
        assert_eq!((status, &body["code"]), (400, &"INVALID_QUERY".into()));
    }

    #[tokio::test]
    async fn headers_come_as_they_are_joined_and_those_that_cannot_be_are_refused() {
        let mut event = event("POST /said", "/said", &Value::Null);
        event["headers"] =
            json!({"x-many": "one,two", "host": "not a host [", "x-forwarded-proto": "?"});
        event["body"] = "aGk=".into();
        event["isBase64Encoded"] = true.into();
        let (status, body, _) = call(event.clone()).await;
        let read = json!({"many": [b"one,two"], "body": "hi"});
        assert_eq!((status, body), (200, read));
        event["body"] = "hi!".into();
        assert_eq!(call(event.clone()).await.0, 422);
        event["body"] = Value::Null;
        for (name, value) in [("x y", "a"), ("x-y", "a\r\nb"), ("x-y", "a\0")] {
            event["headers"] = json!({name: value});
            let (status, body, _) = call(event.clone()).await;
            assert_eq!((status, &body["code"]), (400, &"INVALID_HEADER".into()));
        }
    }

    #[tokio::test]
    async fn methods_are_matched_and_strange_ones_refused() {
        let mut event = event("POST /said", "/said", &Value::Null);
        for (method, status) in [("GET", 405), ("BREW", 405), ("NO METHOD", 405), ("", 405)] {
            event["requestContext"]["http"]["method"] = method.into();
            let (given, body, answer) = call(event.clone()).await;
            assert_eq!(
                (given, &body["code"]),
                (status, &"METHOD_NOT_ALLOWED".into()),
                "{method}"
            );
            let media = &answer["headers"][header::CONTENT_TYPE.as_str()];
            assert_eq!(media, "application/problem+json");
        }
    }

    #[tokio::test]
    async fn what_is_no_text_is_answered_in_base64() {
        let (_, _, answer) = call(event("GET /bytes", "/bytes", &Value::Null)).await;
        assert_eq!(answer["isBase64Encoded"], true);
        assert_eq!(answer["body"], "//4=");
    }
}
