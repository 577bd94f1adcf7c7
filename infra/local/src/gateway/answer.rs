//! A function's answer as the response that API Gateway makes of it.
use axum::{
    body::Body,
    http::{HeaderName, HeaderValue, StatusCode, header},
    response::Response,
};
use base64::{Engine as _, prelude::BASE64_STANDARD};
use serde_json::Value;

/// The response; nothing when the answer is not one.
pub(crate) fn read(payload: &[u8]) -> Option<Response> {
    let answer: Value = serde_json::from_slice(payload).ok()?;
    let Some(status) = answer.get("statusCode") else {
        return Some(inferred(&answer));
    };
    let status = match status {
        Value::String(digits) => digits.parse().ok()?,
        number => u16::try_from(number.as_u64()?).ok()?,
    };
    let mut body = match &answer["body"] {
        Value::Null => Vec::new(),
        Value::String(text) => text.clone().into_bytes(),
        _ => return None,
    };
    if answer["isBase64Encoded"].as_bool() == Some(true) {
        body = BASE64_STANDARD.decode(body).ok()?;
    }
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = StatusCode::from_u16(status).ok()?;
    let headers = response.headers_mut();
    let mut add = |name: &str, value: &Value| {
        let value = crate::template::plain(value)?;
        let (name, value) = (
            name.parse::<HeaderName>().ok()?,
            HeaderValue::from_str(&value).ok()?,
        );
        // The length and the framing are the server's own business.
        if name != header::CONTENT_LENGTH
            && name != header::TRANSFER_ENCODING
            && name != header::CONNECTION
        {
            headers.append(name, value);
        }
        Some(())
    };
    let many = answer["multiValueHeaders"].as_object();
    for (name, values) in many.into_iter().flatten() {
        for value in values.as_array()? {
            add(name, value)?;
        }
    }
    for (name, value) in answer["headers"].as_object().into_iter().flatten() {
        if many.is_none_or(|many| !many.keys().any(|n| n.eq_ignore_ascii_case(name))) {
            add(name, value)?;
        }
    }
    for cookie in answer["cookies"].as_array().into_iter().flatten() {
        add("set-cookie", cookie)?;
    }
    if !headers.contains_key(header::CONTENT_TYPE) {
        headers.insert(
            header::CONTENT_TYPE,
            HeaderValue::from_static("text/plain;charset=utf-8"),
        );
    }
    Some(response)
}

/// What has no status code is the body itself.
fn inferred(answer: &Value) -> Response {
    let body = answer
        .as_str()
        .map_or_else(|| answer.to_string(), str::to_owned);
    let mut response = Response::new(Body::from(body));
    response.headers_mut().insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static("application/json"),
    );
    response
}

#[cfg(test)]
mod tests {
    use super::read;
    use serde_json::{Value, json};

    async fn answer(payload: Value) -> Option<(u16, Vec<(String, String)>, Vec<u8>)> {
        let response = read(payload.to_string().as_bytes())?;
        let headers = response
            .headers()
            .iter()
            .map(|(n, v)| (n.to_string(), v.to_str().unwrap().to_owned()))
            .collect();
        let status = response.status().as_u16();
        Some((
            status,
            headers,
            axum::body::to_bytes(response.into_body(), 1000)
                .await
                .unwrap()
                .to_vec(),
        ))
    }

    #[tokio::test]
    async fn an_answer_becomes_a_response() {
        let (status, headers, body) = answer(json!({
            "statusCode": 201,
            "headers": {"content-type": "application/json", "x-one": "1", "content-length": "999"},
            "multiValueHeaders": {"x-one": ["a", "b"]},
            "cookies": ["a=1", "b=2"],
            "body": "{}", "isBase64Encoded": false,
        }))
        .await
        .unwrap();
        assert_eq!((status, body.as_slice()), (201, b"{}".as_slice()));
        let of = |name: &str| {
            headers
                .iter()
                .filter(|(n, _)| n == name)
                .map(|(_, v)| v.as_str())
                .collect::<Vec<_>>()
        };
        assert_eq!(of("x-one"), ["a", "b"]);
        assert_eq!(of("set-cookie"), ["a=1", "b=2"]);
        assert_eq!(of("content-type"), ["application/json"]);
        assert_eq!(of("content-length"), Vec::<&str>::new());
    }

    #[tokio::test]
    async fn a_base64_body_is_decoded() {
        let (_, _, body) =
            answer(json!({"statusCode": 200, "body": "//4=", "isBase64Encoded": true}))
                .await
                .unwrap();
        assert_eq!(body, b"\xff\xfe");
    }

    #[tokio::test]
    async fn without_a_status_code_the_answer_is_the_body() {
        let (status, headers, body) = answer(json!({"a": 1})).await.unwrap();
        assert_eq!((status, body.as_slice()), (200, br#"{"a":1}"#.as_slice()));
        assert!(headers.contains(&("content-type".to_owned(), "application/json".to_owned())));
    }

    #[tokio::test]
    async fn what_is_no_answer_is_refused() {
        for wrong in [
            json!({"statusCode": "x"}),
            json!({"statusCode": 99}),
            json!({"statusCode": 200, "body": {}}),
        ] {
            assert!(answer(wrong).await.is_none());
        }
    }
}
