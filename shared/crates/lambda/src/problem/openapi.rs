//! Problems in the OpenAPI document.

use std::collections::BTreeMap;
use utoipa::{
    IntoResponses,
    openapi::{Content, Ref, RefOr, Response, ResponseBuilder},
};

type Answers = BTreeMap<String, RefOr<Response>>;

/// The problems that every call behind a guard may be answered with. The document that
/// refers to it has the schema [`Body`](super::Body).
#[derive(Clone, Copy, Debug)]
pub struct Refusals;

/// The problems that a call without a token may be answered with.
#[derive(Clone, Copy, Debug)]
pub struct TokenRefusals;

impl IntoResponses for Refusals {
    fn responses() -> Answers {
        answers(&[
            ("400", "The request cannot be read."),
            (
                "401",
                "No token, one that is not valid or has expired, or one of another kind.",
            ),
            ("403", "None of the token's roles allows this."),
            ("404", "Not found, or of another account."),
            ("409", "It clashes with what is there."),
            ("422", "A value is refused: `errors` says which, and why."),
            (
                "429",
                "Too many requests: try again after `retryAfter` seconds.",
            ),
            ("503", "Try again after `retryAfter` seconds."),
        ])
    }
}

impl IntoResponses for TokenRefusals {
    fn responses() -> Answers {
        answers(&[
            ("400", "The request cannot be read."),
            ("401", "The client's id or secret is wrong."),
            ("404", "Not found."),
            ("422", "A field of the form is missing or refused."),
            (
                "429",
                "Too many requests: try again after `retryAfter` seconds.",
            ),
            ("503", "Try again after `retryAfter` seconds."),
        ])
    }
}

fn answers(statuses: &[(&str, &str)]) -> Answers {
    let answer = |(status, description): &(&str, &str)| {
        let content = Content::new(Some(Ref::from_schema_name("Problem")));
        let response = ResponseBuilder::new()
            .description(*description)
            .content("application/problem+json", content)
            .build();
        ((*status).to_owned(), response.into())
    };
    statuses.iter().map(answer).collect()
}
