//! What is wrong with an IVR's call, as LivePerson's clients read it: every problem has the
//! number and the words of Connect to Messaging beside its own, and 400 where it has 400.

use axum::{
    Router,
    body::{Body, to_bytes},
    http::{HeaderValue, StatusCode, header},
    middleware::map_response,
    response::{IntoResponse, Response},
};
use domain::{
    campaign::CreateError,
    ivr::{CheckError, InviteError},
};
use lambda::{Problem, problem};
use serde::Serialize;
use serde_json::Value;
use std::collections::BTreeMap;
use utoipa::{
    IntoResponses, ToSchema,
    openapi::{Content, Ref, RefOr, ResponseBuilder},
};

/// LivePerson's numbers.
pub(super) mod number {
    pub(crate) const INVALID: u16 = 1000;
    pub(crate) const PHONE: u16 = 1001;
    pub(crate) const VERSION: u16 = 1002;
    pub(crate) const NOT_FOUND: u16 = 1004;
    pub(crate) const METHOD: u16 = 1005;
    pub(crate) const MEDIA_TYPE: u16 = 1015;
    pub(crate) const TOO_MANY: u16 = 1029;
    pub(crate) const TOKEN: u16 = 1100;
    pub(crate) const FORBIDDEN: u16 = 1101;
    pub(crate) const SKILL: u16 = 1300;
    pub(crate) const CANNOT_SEND: u16 = 1400;
    pub(crate) const HANDOFF: u16 = 1500;
    pub(crate) const OTHER_CHANNEL: u16 = 1900;
    pub(crate) const OTHER_SKILL: u16 = 1901;
    pub(crate) const OURS: u16 = 5000;
}

/// LivePerson's words for a number.
const fn words(of: u16) -> &'static str {
    match of {
        number::PHONE => "Invalid customerPhoneNumber",
        number::VERSION => "Invalid version",
        number::NOT_FOUND => "Not Found",
        number::METHOD => "Method Not Allowed",
        number::MEDIA_TYPE => "Unsupported Media Type",
        number::TOO_MANY => "Rate limit hit",
        number::TOKEN => "Invalid Bearer token",
        number::FORBIDDEN => "Not enough privilege to perform this operation",
        number::SKILL => "No engagement found for skill",
        number::CANNOT_SEND => "Message cannot be sent",
        number::HANDOFF => "No handoff is available",
        number::OTHER_CHANNEL => "Overridden channel is not available",
        number::OTHER_SKILL => "No engagement provided for the overridden skill",
        number::OURS => "Internal Server Error",
        _ => "Invalid request",
    }
}

/// The number of a problem that says no more than its status.
fn number_of(status: StatusCode) -> u16 {
    match status {
        StatusCode::UNAUTHORIZED => number::TOKEN,
        StatusCode::FORBIDDEN => number::FORBIDDEN,
        StatusCode::NOT_FOUND => number::NOT_FOUND,
        StatusCode::METHOD_NOT_ALLOWED => number::METHOD,
        StatusCode::UNSUPPORTED_MEDIA_TYPE => number::MEDIA_TYPE,
        StatusCode::TOO_MANY_REQUESTS => number::TOO_MANY,
        status if status.is_server_error() => number::OURS,
        _ => number::INVALID,
    }
}

/// A problem with LivePerson's number for it.
#[derive(Debug)]
pub(super) struct Refusal {
    number: u16,
    /// What its words are said of.
    of: String,
    problem: Problem,
}

impl Refusal {
    pub(super) fn new(number: u16, problem: Problem) -> Self {
        Self {
            number,
            of: String::new(),
            problem,
        }
    }
}

impl From<Problem> for Refusal {
    fn from(problem: Problem) -> Self {
        Self::new(number_of(problem.kind().status()), problem)
    }
}

impl From<CheckError> for Refusal {
    fn from(e: CheckError) -> Self {
        let (number, of) = match &e {
            CheckError::UnknownSkill(name) => (number::SKILL, format!(" {name}")),
            CheckError::UnknownHandoff => (number::HANDOFF, String::new()),
            CheckError::Variables(_) | CheckError::Store(_) => return Problem::from(e).into(),
        };
        Self {
            number,
            of,
            problem: e.into(),
        }
    }
}

impl From<InviteError> for Refusal {
    fn from(e: InviteError) -> Self {
        let number = match &e {
            InviteError::UnknownSkill => number::OTHER_SKILL,
            InviteError::NotEligible(_) | InviteError::Create(CreateError::InFlight) => {
                number::CANNOT_SEND
            }
            InviteError::Create(CreateError::UnknownSkill) => number::SKILL,
            InviteError::Create(CreateError::UnknownHandoff) => number::HANDOFF,
            _ => return Problem::from(e).into(),
        };
        Self::new(number, e.into())
    }
}

/// The number that a response carries on its way out.
#[derive(Clone)]
struct Number(u16, String);

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let mut response = self.problem.into_response();
        response
            .extensions_mut()
            .insert(Number(self.number, self.of));
        response
    }
}

/// A problem of an IVR's call.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct CallProblem {
    #[serde(flatten)]
    #[schema(inline = false, value_type = lambda::problem::Body)]
    problem: Value,
    /// LivePerson's number for it.
    #[schema(example = 1300)]
    error_code: u16,
    /// LivePerson's words for it.
    #[schema(example = "No engagement found for skill sales")]
    error_message: String,
}

impl IntoResponses for CallProblem {
    fn responses() -> BTreeMap<String, RefOr<utoipa::openapi::Response>> {
        let answer = |status: &str, description: &str| {
            let content = Content::new(Some(Ref::from_schema_name(Self::name())));
            let response = ResponseBuilder::new()
                .description(description)
                .content(problem::CONTENT_TYPE, content)
                .build();
            (status.to_owned(), response.into())
        };
        [
            (
                "400",
                "A value is refused, or the message cannot be sent: `errorCode` says why.",
            ),
            (
                "401",
                "No token, one that is not valid or has expired, or one of another kind.",
            ),
            ("403", "None of the token's roles allows this."),
            ("404", "Not found, or of another account."),
            ("413", "The body is too large."),
            ("415", "The body is of another type."),
            (
                "429",
                "Too many requests: try again after `retryAfter` seconds.",
            ),
            ("500", "Our fault."),
            ("503", "Try again after `retryAfter` seconds."),
        ]
        .into_iter()
        .map(|(status, description)| answer(status, description))
        .collect()
    }
}

/// `router`, whose problems have LivePerson's numbers, words and statuses.
pub fn in_liveperson_s_words(router: Router) -> Router {
    router.layer(map_response(translated))
}

async fn translated(response: Response) -> Response {
    let is_problem = response
        .headers()
        .get(header::CONTENT_TYPE)
        .is_some_and(|kind| kind == HeaderValue::from_static(problem::CONTENT_TYPE));
    if !is_problem {
        return response;
    }
    let (mut parts, body) = response.into_parts();
    let given = parts.extensions.remove::<Number>();
    let Number(number, of) =
        given.unwrap_or_else(|| Number(number_of(parts.status), String::new()));
    if matches!(
        parts.status,
        StatusCode::CONFLICT | StatusCode::UNPROCESSABLE_ENTITY
    ) {
        parts.status = StatusCode::BAD_REQUEST;
    }
    let read = to_bytes(body, usize::MAX).await.unwrap_or_default();
    let mut problem: Value = serde_json::from_slice(&read).unwrap_or_default();
    problem["status"] = parts.status.as_u16().into();
    let told = CallProblem {
        problem,
        error_code: number,
        error_message: format!("{}{of}", words(number)),
    };
    parts.headers.remove(header::CONTENT_LENGTH);
    let body = serde_json::to_vec(&told).map_or_else(|_| read.into(), Body::from);
    Response::from_parts(parts, body)
}
