//! A request as API Gateway puts it to a function (payload format 2.0).
use super::routes::Hit;
use crate::template::ACCOUNT;
use axum::http::{HeaderMap, Uri, header, request::Parts, uri::Authority};
use base64::{Engine as _, prelude::BASE64_STANDARD};
use percent_encoding::percent_decode_str;
use serde_json::{Map, Value, json};
use std::{collections::BTreeMap, net::SocketAddr};

/// The event of a request.
pub(crate) fn of(
    head: &Parts,
    body: &[u8],
    hit: &Hit<'_>,
    from: SocketAddr,
    now: jiff::Timestamp,
) -> Value {
    let (path, query) = (path(&head.uri), head.uri.query().unwrap_or_default());
    let mut headers = headers(&head.headers);
    let host = headers
        .get("host")
        .cloned()
        .unwrap_or_else(|| "localhost".to_owned());
    let own = [
        ("host", host.clone()),
        ("x-forwarded-for", from.ip().to_string()),
        ("x-forwarded-port", from.port().to_string()),
        ("x-forwarded-proto", "http".to_owned()),
    ];
    headers.extend(own.map(|(name, value)| (name.to_owned(), value)));
    let user_agent = headers.get("user-agent").cloned().unwrap_or_default();
    let mut event = json!({
        "version": "2.0",
        "routeKey": hit.key,
        "rawPath": path,
        "rawQueryString": query,
        "headers": headers,
        "requestContext": {
            "accountId": ACCOUNT,
            "apiId": "local",
            "domainName": host,
            "domainPrefix": "local",
            "http": {
                "method": head.method.as_str(),
                "path": path,
                "protocol": format!("{:?}", head.version),
                "sourceIp": from.ip(),
                "userAgent": user_agent,
            },
            "requestId": uuid::Uuid::new_v4(),
            "routeKey": hit.key,
            "stage": "$default",
            "time": now.strftime("%d/%b/%Y:%H:%M:%S +0000").to_string(),
            "timeEpoch": now.as_millisecond(),
        },
        "isBase64Encoded": false,
    });
    let cookies = cookies(&head.headers);
    if !cookies.is_empty() {
        event["cookies"] = cookies.into();
    }
    if !query.is_empty() {
        event["queryStringParameters"] = parameters(query).into();
    }
    if !hit.parameters.is_empty() {
        event["pathParameters"] = json!(hit.parameters);
    }
    if !body.is_empty() {
        if let Some(text) = text(body, headers_type(&head.headers)) {
            event["body"] = text.into();
        } else {
            event["body"] = BASE64_STANDARD.encode(body).into();
            event["isBase64Encoded"] = true.into();
        }
    }
    event
}

/// The path, decoded: so API Gateway routes by it, and hands it over.
pub(crate) fn path(uri: &Uri) -> String {
    percent_decode_str(uri.path())
        .decode_utf8_lossy()
        .into_owned()
}

/// Whether it says whom it is for, as HTTP wants it: once, and by a host's name.
pub(crate) fn has_host(headers: &HeaderMap) -> bool {
    let mut hosts = headers.get_all(header::HOST).iter();
    let host = hosts.next().and_then(|host| host.to_str().ok());
    host.is_some_and(|host| host.parse::<Authority>().is_ok()) && hosts.next().is_none()
}

/// Lower-cased names; several values of one name joined by commas; no cookies.
fn headers(all: &HeaderMap) -> BTreeMap<String, String> {
    let mut joined = BTreeMap::<String, String>::new();
    for (name, value) in all.iter().filter(|(name, _)| *name != header::COOKIE) {
        let value = String::from_utf8_lossy(value.as_bytes());
        joined
            .entry(name.as_str().to_owned())
            .and_modify(|before| *before = format!("{before},{value}"))
            .or_insert_with(|| value.into_owned());
    }
    joined
}

fn cookies(all: &HeaderMap) -> Vec<String> {
    let lines = all
        .get_all(header::COOKIE)
        .iter()
        .map(|line| String::from_utf8_lossy(line.as_bytes()).into_owned());
    lines
        .flat_map(|line| line.split("; ").map(str::to_owned).collect::<Vec<_>>())
        .collect()
}

fn parameters(query: &str) -> Map<String, Value> {
    let mut joined = BTreeMap::<String, String>::new();
    for (name, value) in form_urlencoded::parse(query.as_bytes()) {
        joined
            .entry(name.into_owned())
            .and_modify(|before| *before = format!("{before},{value}"))
            .or_insert_with(|| value.into_owned());
    }
    joined
        .into_iter()
        .map(|(name, value)| (name, value.into()))
        .collect()
}

fn headers_type(headers: &HeaderMap) -> &str {
    headers
        .get(header::CONTENT_TYPE)
        .and_then(|t| t.to_str().ok())
        .unwrap_or_default()
}

/// The body as text, when its type says that it is text, and it is.
fn text<'a>(body: &'a [u8], content_type: &str) -> Option<&'a str> {
    let kind = content_type
        .split(';')
        .next()
        .unwrap_or_default()
        .trim()
        .to_ascii_lowercase();
    let textual = kind.is_empty()
        || kind.starts_with("text/")
        || [
            "application/json",
            "application/xml",
            "application/javascript",
        ]
        .contains(&kind.as_str())
        || kind.ends_with("+json")
        || kind.ends_with("+xml");
    std::str::from_utf8(body).ok().filter(|_| textual)
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::Request;

    fn event(request: axum::http::request::Builder, body: &[u8]) -> Value {
        let (head, ()) = request.body(()).unwrap().into_parts();
        let hit = Hit {
            function: "f",
            key: "POST /a/{id}".to_owned(),
            parameters: BTreeMap::from([("id".to_owned(), "7".to_owned())]),
        };
        let now = "2026-03-12T19:03:58Z".parse().unwrap();
        of(&head, body, &hit, ([127, 0, 0, 1], 4711).into(), now)
    }

    #[test]
    fn a_request_becomes_the_event_of_api_gateway() {
        let request = Request::post("/a/7?x=1&y=a%20b&x=2")
            .header("Host", "api.example")
            .header("Content-Type", "application/json")
            .header("X-Many", "one")
            .header("X-Many", "two")
            .header("Cookie", "a=1; b=2")
            .header("User-Agent", "test");
        let event = event(request, br#"{"a":1}"#);
        assert_eq!(event["version"], "2.0");
        assert_eq!(event["routeKey"], "POST /a/{id}");
        assert_eq!(event["rawPath"], "/a/7");
        assert_eq!(event["rawQueryString"], "x=1&y=a%20b&x=2");
        assert_eq!(
            event["queryStringParameters"],
            json!({"x": "1,2", "y": "a b"})
        );
        assert_eq!(event["pathParameters"], json!({"id": "7"}));
        assert_eq!(event["headers"]["x-many"], "one,two");
        assert_eq!(event["headers"]["cookie"], Value::Null);
        assert_eq!(event["cookies"], json!(["a=1", "b=2"]));
        assert_eq!(event["body"], r#"{"a":1}"#);
        assert_eq!(event["isBase64Encoded"], false);
        let context = &event["requestContext"];
        assert_eq!(context["time"], "12/Mar/2026:19:03:58 +0000");
        assert_eq!(context["timeEpoch"], 1_773_342_238_000_i64);
        assert_eq!(context["http"]["method"], "POST");
        assert_eq!(context["http"]["sourceIp"], "127.0.0.1");
        assert_eq!(context["http"]["userAgent"], "test");
    }

    #[test]
    fn the_path_is_decoded_and_the_query_is_not() {
        let event = event(Request::get("/a/x%23%25%3F%20?y=%23"), b"");
        assert_eq!(event["rawPath"], "/a/x#%? ");
        assert_eq!(event["requestContext"]["http"]["path"], "/a/x#%? ");
        assert_eq!(event["rawQueryString"], "y=%23");
    }

    #[test]
    fn what_is_no_text_is_encoded() {
        let binary = event(
            Request::post("/a/7").header("Content-Type", "application/json"),
            b"\xff\xfe",
        );
        assert_eq!(
            (&binary["body"], &binary["isBase64Encoded"]),
            (&json!("//4="), &json!(true))
        );
        let form = event(
            Request::post("/a/7").header("Content-Type", "application/x-www-form-urlencoded"),
            b"a=1",
        );
        assert_eq!(
            (&form["body"], &form["isBase64Encoded"]),
            (&json!("YT0x"), &json!(true))
        );
        let nothing = event(Request::get("/a/7"), b"");
        assert_eq!(nothing.get("body"), None);
    }
}
