//! `POST /sentinel/…/app/token`: a client's id and secret for a bearer token;
//! `GET …/baseURI.json`: where services are. LivePerson's calls, answered as it does.

use crate::routes::routes;
use axum::{
    extract::{FromRequestParts, State},
    http::{header, request::Parts},
    response::{IntoResponse as _, Response},
};
use domain::{
    access::{Role, Staff},
    client::{self, ClientSecret},
    clock::{Clock as _, SystemClock},
    id::AccountId,
    limit::{Decision, Limiter as _},
};
use dynamodb::Table;
use jiff::Timestamp;
use lambda::{
    Form, Json, Kind, OpenAccount, Path, Problem, Query, Secrets,
    auth::{BrandTokens, LIFETIME_SECONDS, OperatorClient},
    pace::{Paced, too_many},
    problem::TokenRefusals,
};
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use utoipa::{IntoParams, ToSchema};

/// What it takes to give tokens.
#[derive(Clone)]
pub struct Issuer {
    /// Knows the brands' clients.
    pub clients: Table,
    /// Knows the operator's client.
    pub operator: Arc<OperatorClient>,
    /// Signs tokens.
    pub tokens: Arc<BrandTokens<Secrets>>,
    /// Tells the time.
    pub clock: SystemClock,
}

routes! {
    /// The function's routes.
    pub fn routes() -> Issuer {
        give_token, tell_base_uri,
    }
}

/// How a token is asked for.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct Asked {
    /// The call's version: `1.0`.
    #[param(example = "1.0")]
    v: Option<String>,
    /// `client_credentials`, here or in the body.
    #[param(example = "client_credentials")]
    grant_type: Option<String>,
}

/// A client's credentials.
#[derive(Deserialize, ToSchema)]
pub struct Credentials {
    /// The client's id.
    #[schema(example = "5c1e0f7d9a4b4f0e8d3c2b1a09f8e7d6")]
    client_id: String,
    /// The client's secret.
    #[schema(format = "password")]
    client_secret: String,
    /// `client_credentials`, here or in the query.
    grant_type: Option<String>,
}

/// A bearer token.
#[derive(Serialize, ToSchema)]
#[expect(clippy::struct_field_names, reason = "LivePerson's names")]
pub struct Token {
    /// The token: a JWT.
    #[schema(example = "eyJ0eXAiOiJKV1QiLCJhbGciOiJIUzI1NiJ9.e30.c2lnbmF0dXJl")]
    access_token: String,
    /// How it is used: `Bearer`.
    #[schema(example = "Bearer")]
    token_type: &'static str,
    /// For how many seconds it is good.
    #[schema(example = 3600)]
    expires_in: i64,
}

/// Gives a client a bearer token, for one hour.
///
/// At most ten times a second for each client; wrong secrets are counted apart.
#[utoipa::path(
    post, path = "/sentinel/api/account/{accountId}/app/token", tag = "Tokens",
    operation_id = "giveToken",
    params(("accountId" = String, Path, description = "The account."), Asked),
    request_body(content = Credentials, content_type = "application/x-www-form-urlencoded"),
    responses((status = 200, description = "The token.", body = Token), TokenRefusals),
    security(())
)]
async fn give_token(
    State(issuer): State<Issuer>,
    OpenAccount(account): OpenAccount,
    Query(asked): Query<Asked>,
    Form(credentials): Form<Credentials>,
) -> Result<Response, Problem> {
    if asked.v.is_some_and(|v| v != "1.0") {
        return Err(Problem::new(Kind::InvalidQuery, "`v` must be 1.0"));
    }
    let grant = asked
        .grant_type
        .as_ref()
        .or(credentials.grant_type.as_ref());
    if grant.is_none_or(|grant| grant != "client_credentials") {
        let detail = "`grant_type` must be client_credentials";
        return Err(Problem::new(Kind::InvalidQuery, detail));
    }
    let now = issuer.clock.now();
    let (staff, decision) = match issuer.know(account, &credentials, now).await? {
        Known::Staff(staff, decision) => (staff, decision),
        Known::Refused(None) => return Err(wrong()),
        Known::Refused(Some(decision)) => return Ok(Paced(decision, wrong()).into_response()),
        Known::TooOften(decision) => {
            return Ok(Paced(decision, too_many(&decision)).into_response());
        }
    };
    let access_token = issuer.tokens.issue(&staff, now).await?;
    let token = Json(Token {
        access_token,
        token_type: "Bearer",
        expires_in: LIFETIME_SECONDS,
    });
    Ok(Paced(decision, token).into_response())
}

fn wrong() -> Problem {
    Problem::new(Kind::InvalidClient, "the client's id or secret is wrong")
}

/// Whose credentials were given.
enum Known {
    /// A caller's who gets a token.
    Staff(Staff, Decision),
    /// Nobody's; how often a client that there is is told so.
    Refused(Option<Decision>),
    /// A client's that comes too often.
    TooOften(Decision),
}

impl Issuer {
    /// Whose credentials these are.
    async fn know(
        &self,
        account: AccountId,
        given: &Credentials,
        now: Timestamp,
    ) -> Result<Known, Problem> {
        let Credentials {
            client_id,
            client_secret,
            ..
        } = given;
        if self.operator.is(client_id, client_secret, now).await? {
            let bucket = client::bucket(client_id);
            let decision = self.clients.take(&account, &bucket, client::PACE, now);
            let decision = decision.await?;
            let staff = Staff {
                account,
                subject: client_id.clone(),
                roles: vec![Role::Operator],
                skills: Vec::new(),
            };
            return Ok(if decision.taken {
                Known::Staff(staff, decision)
            } else {
                Known::TooOften(decision)
            });
        }
        let Ok(id) = client_id.parse() else {
            return Ok(Known::Refused(None));
        };
        let secret = ClientSecret::given(client_secret);
        let asked = client::ask(&self.clients, &account, &id, &secret, now).await?;
        Ok(match asked {
            client::Asked::Known(client, decision) => {
                let staff = Staff {
                    account,
                    subject: client.id.to_string(),
                    roles: client.roles,
                    skills: client.skills,
                };
                Known::Staff(staff, decision)
            }
            client::Asked::Refused(decision) => Known::Refused(decision),
            client::Asked::TooOften(decision) => Known::TooOften(decision),
        })
    }
}

/// Where a service is.
#[derive(Serialize, ToSchema)]
#[expect(clippy::struct_field_names, reason = "LivePerson's names")]
pub struct BaseUri {
    /// The service that was asked for.
    #[schema(example = "sentinel")]
    service: String,
    /// The account that it was asked for.
    #[schema(example = "demo", value_type = String)]
    account: AccountId,
    /// The host that serves it.
    #[serde(rename = "baseURI")]
    #[schema(example = "messaging.example.com")]
    base_uri: String,
}

/// Tells where a service is: all of them are where this call is.
#[utoipa::path(
    get, path = "/api/account/{accountId}/service/{service}/baseURI.json", tag = "Tokens",
    operation_id = "tellBaseUri",
    params(
        ("accountId" = String, Path, description = "The account."),
        ("service" = String, Path, description = "The service's name.", example = "sentinel"),
        ("version" = Option<String>, Query, description = "The call's version: `1.0`."),
    ),
    responses((status = 200, description = "Where it is.", body = BaseUri), TokenRefusals),
    security(())
)]
async fn tell_base_uri(
    OpenAccount(account): OpenAccount,
    Path(service): Path<String>,
    Host(base_uri): Host,
) -> Result<Json<BaseUri>, Problem> {
    let is_word = |s: &str| s.len() <= 64 && s.chars().all(|c| c.is_ascii_alphanumeric());
    if !is_word(&service) {
        return Err(Problem::not_found());
    }
    Ok(Json(BaseUri {
        service,
        account,
        base_uri,
    }))
}

/// The host that a request was sent to.
struct Host(String);

impl<S: Sync> FromRequestParts<S> for Host {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let header = parts.headers.get(header::HOST);
        let header = header.and_then(|host| host.to_str().ok());
        let authority = parts
            .uri
            .authority()
            .map(axum::http::uri::Authority::as_str);
        let host = header.or(authority);
        host.map(|host| Self(host.to_owned()))
            .ok_or_else(|| Problem::new(Kind::InvalidHeader, "the Host header is missing"))
    }
}
