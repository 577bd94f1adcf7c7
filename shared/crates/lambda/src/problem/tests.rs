//! Tests of problems.

use super::*;
use axum::{body::to_bytes, http::Method};
use domain::{
    account::InvalidApp, agent::AgentError, campaign::CreateError, handoff::HandoffName,
    lookback::Lookback, store::Unavailable,
};
use serde_json::{Value, json};

async fn answer(problem: Problem) -> (Response<()>, Value) {
    let (parts, body) = problem.into_response().into_parts();
    let body = to_bytes(body, usize::MAX).await.unwrap();
    let body = serde_json::from_slice(&body).unwrap();
    (Response::from_parts(parts, ()), body)
}

#[tokio::test]
async fn a_problem_says_all_that_it_must() {
    let problem: Problem = HandoffName::parse(" ").unwrap_err().into();
    let trace = problem.trace.to_string();
    let (response, body) = answer(problem.at("/name")).await;
    assert_eq!(
        response.headers()["content-type"],
        "application/problem+json"
    );
    assert_eq!(
        body,
        json!({
            "type": "/problems/invalid-name",
            "title": "A name is invalid",
            "status": 422,
            "detail": "a name must not be blank",
            "message": "a name must not be blank",
            "code": "INVALID_NAME",
            "requestTraceId": trace,
            "errors": [{"pointer": "/name", "detail": "a name must not be blank"}],
            "retryable": false,
            "safeToResend": true,
        })
    );
}

#[tokio::test]
async fn what_is_our_fault_stays_with_us() {
    let error = Unavailable::new("the secret sauce");
    let (response, body) = answer(error.into()).await;
    assert_eq!(response.status(), 503);
    assert_eq!(response.headers()["retry-after"], "1");
    assert_eq!(body["retryAfter"], 1);
    assert_eq!(body["retryable"], true);
    assert!(!body.to_string().contains("sauce"));
    let (_, body) = answer(Problem::new(Kind::Internal, "sauce")).await;
    assert!(!body.to_string().contains("sauce"));
}

#[tokio::test]
async fn resending_is_safe_when_it_cannot_do_the_work_twice() {
    let down = || Problem::from(Unavailable::new("down"));
    for (method, keyed, safe) in [
        (Method::POST, false, false),
        (Method::POST, true, true),
        (Method::GET, false, true),
        (Method::PUT, false, true),
    ] {
        let context = Context::new(&method, keyed);
        let (_, body) = answer(context.around(async { down() }).await).await;
        assert_eq!(body["safeToResend"], safe, "{method} {keyed}");
    }
    let (_, body) = answer(down().before_anything()).await;
    assert_eq!(body["safeToResend"], true);
}

#[tokio::test]
async fn an_expired_token_reads_as_liveperson_s() {
    let problem = Problem::new(Kind::TokenExpired, "jwt expired");
    let (response, body) = answer(problem).await;
    assert_eq!(body["message"], "jwt expired");
    assert!(response.headers().contains_key("www-authenticate"));
    let (_, body) = answer(Problem::new(Kind::Internal, "never told")).await;
    assert_eq!(
        body["message"], body["title"],
        "where nothing more can be said"
    );
}

#[tokio::test]
async fn pointers_are_taken_from_where_the_value_stands() {
    let error = InvalidApp::Field {
        field: "ios/teamId",
        expected: "10 letters and digits",
    };
    let (_, body) = answer(error.into()).await;
    assert_eq!(body["errors"][0]["pointer"], "/ios/teamId");
    let refused: Result<Lookback, Problem> = Lookback::new(0, 0, 1).at("/lookbackPeriodDay");
    let (_, body) = answer(refused.unwrap_err()).await;
    assert_eq!(body["errors"][0]["pointer"], "/lookbackPeriodDay");
}

#[test]
fn domain_errors_have_their_status() {
    for (problem, status) in [
        (Problem::from(AgentError::NotFound), 404),
        (AgentError::Taken.into(), 409),
        (AgentError::UnknownSkill.into(), 422),
        (CreateError::UnknownHandoff.into(), 422),
        (CreateError::InFlight.into(), 409),
        (CreateError::KeyReused.into(), 422),
        (CreateError::Store(Unavailable::new("down")).into(), 503),
    ] {
        assert_eq!(problem.kind().status(), status);
    }
    let count = CreateError::RecipientCount {
        limit: 100,
        given: 101,
    };
    assert!(Problem::from(count).detail.unwrap().contains("100"));
}
