//! Google's token endpoint for service accounts: `POST /token`.
//!
//! Source: <https://developers.google.com/identity/protocols/oauth2/service-account#httprest>.

use crate::{
    script::scripts,
    serve::{NoReply, Reply, broken, json, set},
    world::{World, lock},
};
use axum::{Form, body::Body, extract::FromRequest};
use hyper::{Method, Request, StatusCode, body::Bytes};
use jiff::{SignedDuration, Timestamp};
use jsonwebtoken::{Algorithm, Validation};
use serde::Deserialize;
use serde_json::json;
use std::sync::atomic::Ordering;
use uuid::Uuid;

/// What an assertion must ask for.
const SCOPE: &str = "https://www.googleapis.com/auth/firebase.messaging";
const GRANT: &str = "urn:ietf:params:oauth:grant-type:jwt-bearer";
/// How long an access token is good for, as Google's answers say.
const LIFETIME: SignedDuration = SignedDuration::from_secs(3599);
/// The longest an assertion may be good for.
const LONGEST: i64 = 3600;
const SKEW: i64 = 300;

#[derive(Deserialize)]
struct Grant {
    #[serde(default)]
    grant_type: String,
    #[serde(default)]
    assertion: String,
}

#[derive(Deserialize)]
struct Assertion {
    #[serde(default)]
    scope: String,
    aud: String,
    iat: i64,
    exp: i64,
}

/// An error of RFC 6749, section 5.2.
struct Refused(u16, String, &'static str);

fn invalid(what: &'static str) -> Refused {
    Refused(400, "invalid_grant".to_owned(), what)
}

/// Answers a request for an access token.
pub(crate) async fn answer(
    world: &World,
    url: &[String],
    request: Request<Bytes>,
) -> Result<Reply, NoReply> {
    world.grants.fetch_add(1, Ordering::Relaxed);
    let result = grant(world, url, request).await;
    let answer = world.script.next(&[scripts::OAUTH]);
    if answer.after_millis > 0 {
        tokio::time::sleep(answer.latency()).await;
    }
    if let Some(no_reply) = broken(&answer) {
        return Err(no_reply);
    }
    let scripted = answer.reason.map(|reason| {
        let status = answer.status.unwrap_or(match reason.as_str() {
            "invalid_client" => 401,
            "internal_failure" => 500,
            _ => 400,
        });
        Refused(status, reason, "As scripted.")
    });
    let mut reply = match scripted.map_or(result, Err) {
        Ok(token) => json(
            StatusCode::OK,
            &json!({
                "access_token": token,
                "expires_in": LIFETIME.as_secs(),
                "token_type": "Bearer",
            }),
        ),
        Err(Refused(status, error, description)) => json(
            StatusCode::from_u16(status).unwrap_or(StatusCode::BAD_REQUEST),
            &json!({ "error": error, "error_description": description }),
        ),
    };
    if let Some(value) = &answer.retry_after {
        set(&mut reply, "retry-after", value);
    }
    Ok(reply)
}

async fn grant(world: &World, urls: &[String], request: Request<Bytes>) -> Result<String, Refused> {
    if request.method() != Method::POST {
        return Err(Refused(405, "invalid_request".to_owned(), "Not a POST."));
    }
    let Form(grant) = Form::<Grant>::from_request(request.map(Body::from), &())
        .await
        .map_err(|_| Refused(400, "invalid_request".to_owned(), "Bad Request"))?;
    if grant.grant_type != GRANT {
        let error = "unsupported_grant_type".to_owned();
        return Err(Refused(400, error, "Invalid grant_type"));
    }
    let assertion = grant.assertion.as_str();
    let header = jsonwebtoken::decode_header(assertion)
        .map_err(|_| invalid("Invalid JWT: Failed audience check or malformed."))?;
    if header.alg != Algorithm::RS256 {
        return Err(invalid("Invalid JWT Signature."));
    }
    let email = jsonwebtoken::dangerous::insecure_decode_claims::<serde_json::Value>(assertion)
        .ok()
        .and_then(|claims| Some(claims.get("iss")?.as_str()?.to_owned()))
        .unwrap_or_default();
    let brand = world
        .brand(|b| b.client_email() == email)
        .ok_or_else(|| invalid("Invalid grant: account not found"))?;
    if header.kid.is_some_and(|kid| kid != brand.fcm.id) {
        return Err(invalid("Invalid JWT Signature."));
    }
    let mut validation = Validation::new(Algorithm::RS256);
    validation.validate_exp = false;
    validation.validate_aud = false;
    validation.required_spec_claims.clear();
    let claims = brand
        .fcm
        .public()
        .ok()
        .and_then(|key| jsonwebtoken::decode::<Assertion>(assertion, &key, &validation).ok())
        .ok_or_else(|| invalid("Invalid JWT Signature."))?
        .claims;
    if !urls.contains(&claims.aud) {
        return Err(invalid("Invalid JWT: Failed audience check."));
    }
    let now = world.now();
    let seconds = now.as_second();
    let timely = claims.iat <= seconds + SKEW
        && claims.exp > seconds
        && claims.exp > claims.iat
        && claims.exp - claims.iat <= LONGEST;
    if !timely {
        return Err(invalid(
            "Invalid JWT: Token must be a short-lived token (60 minutes) and in a reasonable \
             timeframe. Check your iat and exp values in the JWT claim.",
        ));
    }
    if !claims.scope.split(' ').any(|scope| scope == SCOPE) {
        let error = "invalid_scope".to_owned();
        return Err(Refused(
            400,
            error,
            "Invalid OAuth scope or ID token audience provided.",
        ));
    }
    Ok(access_token(world, &brand.project_id))
}

/// An access token for a project, from now on.
pub(crate) fn access_token(world: &World, project: &str) -> String {
    let token = format!("ya29.sandbox-{}", Uuid::new_v4().simple());
    let until = world.now().checked_add(LIFETIME).unwrap_or(Timestamp::MAX);
    lock(&world.access_tokens).insert(token.clone(), (project.to_owned(), until));
    token
}
