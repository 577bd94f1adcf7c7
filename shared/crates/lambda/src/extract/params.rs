//! Paths, queries and forms.

use crate::problem::{Kind, Problem};
use axum::{
    extract::{
        FromRequest, FromRequestParts, RawPathParams, Request,
        rejection::{FormRejection, RawPathParamsRejection},
    },
    http::request::Parts,
};
use domain::id::{AccountId, InvalidId};
use serde::de::{
    DeserializeOwned, IntoDeserializer as _,
    value::{Error, SeqDeserializer},
};
use std::str::FromStr;

/// The path's parameter that names the account: a handler has it from its caller alone.
pub(crate) const ACCOUNT: &str = "accountId";

/// The path's parameters but the account: one value, or a tuple of several. What is not of
/// its form is not found.
#[derive(Clone, Copy, Debug)]
pub struct Path<T>(pub T);

impl<T: DeserializeOwned + Send, S: Send + Sync> FromRequestParts<S> for Path<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let params = raw(parts, state).await?;
        let values: Vec<&str> = params
            .iter()
            .filter(|(name, _)| *name != ACCOUNT)
            .map(|(_, value)| value)
            .collect();
        let read: Result<T, Error> = match values[..] {
            [value] => T::deserialize(value.into_deserializer()),
            _ => T::deserialize(SeqDeserializer::new(values.into_iter())),
        };
        read.map(Self).map_err(|_| Problem::not_found())
    }
}

/// The path's last parameter but the account, where the caller makes up the name: what is not of
/// its form is an error of the caller's, not a thing that is not found.
#[derive(Clone, Debug)]
pub struct Named<T>(pub T);

impl<T: FromStr<Err = InvalidId> + Send, S: Send + Sync> FromRequestParts<S> for Named<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let params = raw(parts, state).await?;
        let name = params.iter().filter(|(name, _)| *name != ACCOUNT).last();
        let (param, name) = name.ok_or_else(Problem::not_found)?;
        name.parse().map(Self).map_err(|e| {
            let detail = format_args!("`{param}` in the path is {e}");
            Problem::new(Kind::InvalidId, detail)
        })
    }
}

/// The path's account, where a call comes without a token: whoever calls is not known.
#[derive(Clone, Debug)]
pub struct OpenAccount(pub AccountId);

impl<S: Send + Sync> FromRequestParts<S> for OpenAccount {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let params = raw(parts, state).await?;
        let account = params.iter().find(|(name, _)| *name == ACCOUNT);
        account
            .and_then(|(_, account)| account.parse().ok())
            .map(Self)
            .ok_or_else(Problem::not_found)
    }
}

/// The path's parameters, decoded.
pub(crate) async fn raw<S: Send + Sync>(
    parts: &mut Parts,
    state: &S,
) -> Result<RawPathParams, Problem> {
    let params = RawPathParams::from_request_parts(parts, state).await;
    params.map_err(|e| match e {
        RawPathParamsRejection::InvalidUtf8InPathParam(_) => Problem::not_found(),
        e => Problem::internal(&e),
    })
}

/// The query's parameters.
#[derive(Clone, Copy, Debug)]
pub struct Query<T>(pub T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequestParts<S> for Query<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let read = axum::extract::Query::from_request_parts(parts, state).await;
        let axum::extract::Query(query) = read.map_err(|e| {
            let words = e.body_text();
            Problem::new(Kind::InvalidQuery, after_colon(&words))
        })?;
        Ok(Self(query))
    }
}

/// A form's fields, in the body.
#[derive(Clone, Copy, Debug)]
pub struct Form<T>(pub T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for Form<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        let read = axum::extract::Form::from_request(request, state).await;
        let axum::extract::Form(form) = read.map_err(|e| match e {
            FormRejection::InvalidFormContentType(_) => Problem::new(
                Kind::UnsupportedMediaType,
                "the body must be application/x-www-form-urlencoded",
            ),
            FormRejection::BytesRejection(_) => {
                Problem::new(Kind::PayloadTooLarge, "a form has at most 2 MiB")
            }
            e => {
                let words = e.body_text();
                let words = after_colon(&words);
                let missing = words.strip_prefix("missing field `");
                match missing.and_then(|rest| rest.split('`').next()) {
                    Some(field) => Problem::new(
                        Kind::InvalidBody,
                        format_args!("Fields missing in request: {field}"),
                    ),
                    None => Problem::new(Kind::InvalidBody, words),
                }
            }
        })?;
        Ok(Self(form))
    }
}

/// axum's own words, without what it says of itself.
fn after_colon(words: &str) -> &str {
    words.split_once(": ").map_or(words, |(_, rest)| rest)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::serve::app;
    use axum::{
        Router,
        body::{Body, to_bytes},
        routing::{get, post, put},
    };
    use domain::id::{AppName, ConsumerId, HandoffId};
    use serde::Deserialize;
    use serde_json::Value;
    use tower::ServiceExt as _;

    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Listing {
        limit: Option<u32>,
    }

    #[derive(Deserialize)]
    struct Credentials {
        client_id: String,
    }

    async fn call(request: axum::http::request::Builder, body: &str) -> (u16, Value, String) {
        let router = Router::new()
            .route(
                "/{accountId}/handoffs/{id}",
                get(async |Path(id): Path<HandoffId>| id.to_string()),
            )
            .route(
                "/{accountId}/apps/{app}/of/{consumer}",
                get(async |Path((app, consumer)): Path<(AppName, ConsumerId)>| {
                    format!("{app} {consumer}")
                }),
            )
            .route(
                "/{accountId}/apps/{app}",
                put(async |Named(app): Named<AppName>| app.to_string()),
            )
            .route(
                "/list",
                get(async |Query(q): Query<Listing>| format!("{:?}", q.limit)),
            )
            .route(
                "/form",
                post(async |Form(f): Form<Credentials>| f.client_id),
            );
        let request = request.body(Body::from(body.to_owned())).unwrap();
        let answer = app(router).oneshot(request).await.unwrap();
        let status = answer.status().as_u16();
        let body = to_bytes(answer.into_body(), usize::MAX).await.unwrap();
        (
            status,
            serde_json::from_slice(&body).unwrap_or_default(),
            String::from_utf8_lossy(&body).into_owned(),
        )
    }

    async fn get_at(path: &str) -> (u16, Value, String) {
        call(Request::get(path), "").await
    }

    #[tokio::test]
    async fn ids_are_read_from_the_path_without_the_account() {
        let (status, _, body) = get_at("/acme/handoffs/H1234567890").await;
        assert_eq!((status, &*body), (200, "H1234567890"));
        let (status, _, body) = get_at("/acme/apps/com.example/of/%C3%A4na%20b").await;
        assert_eq!((status, &*body), (200, "com.example äna b"));
    }

    #[tokio::test]
    async fn ids_of_another_form_are_not_found() {
        for path in [
            "/acme/handoffs/1234",
            "/acme/handoffs/%FF",
            "/acme/apps/a%20b/of/c",
        ] {
            let (status, problem, _) = get_at(path).await;
            assert_eq!(
                (status, &problem["code"]),
                (404, &"NOT_FOUND".into()),
                "{path}"
            );
        }
    }

    #[tokio::test]
    async fn a_name_that_cannot_be_is_said_where_the_caller_makes_it_up() {
        assert_eq!(call(Request::put("/acme/apps/a.b"), "").await.2, "a.b");
        let (status, problem, _) = call(Request::put("/acme/apps/a%20b"), "").await;
        assert_eq!((status, &problem["code"]), (422, &"INVALID_ID".into()));
        let detail = problem["detail"].as_str().unwrap();
        let said = "`app` in the path is not an app name: 1 to 155";
        assert!(detail.starts_with(said), "{detail}");
        assert_eq!(problem["errors"], Value::Null, "no place in a body");
    }

    #[tokio::test]
    async fn queries_are_checked() {
        assert_eq!(get_at("/list?limit=3").await.2, "Some(3)");
        for query in ["limit=x", "limit=-1", "other=1", "limit=1&limit=2"] {
            let (status, problem, _) = get_at(&format!("/list?{query}")).await;
            assert_eq!((status, &problem["code"]), (400, &"INVALID_QUERY".into()));
        }
    }

    #[tokio::test]
    async fn forms_are_checked() {
        let form =
            || Request::post("/form").header("content-type", "application/x-www-form-urlencoded");
        assert_eq!(call(form(), "client_id=a").await.2, "a");
        let (status, problem, _) = call(form(), "x=a").await;
        assert_eq!(status, 422);
        assert_eq!(problem["detail"], "Fields missing in request: client_id");
        assert_eq!(call(Request::post("/form"), "client_id=a").await.0, 415);
    }
}
