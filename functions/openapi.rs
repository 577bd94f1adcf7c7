//! The whole API as one OpenAPI 3.1 document, made from the functions' routes and types.
//!
//! `infra/openapi.yaml` is its committed form; a test fails when the two differ. What every
//! call has in common is said here once: who may call, its pace, its problems.

use axum::http::StatusCode;
use std::collections::BTreeMap;
use utoipa::{
    PartialSchema, ToSchema,
    openapi::{
        Components, Content, Header, HeaderBuilder, InfoBuilder, LicenseBuilder, ObjectBuilder,
        OpenApi, OpenApiBuilder, PathItem, Ref, RefOr, Response, ResponseBuilder, Server, Tag,
        path::{Operation, Paths},
        schema::Type,
        security::{HttpAuthScheme, HttpBuilder, SecurityRequirement, SecurityScheme},
        tag::TagBuilder,
    },
};

/// Whose token a call takes.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Caller {
    /// Anybody: it takes none.
    Anybody,
    /// A program of the brand, an agent or a bot.
    Brand,
    /// A consumer.
    Consumer,
}

/// The functions' documents, with who calls them.
fn functions() -> [(OpenApi, Caller); 10] {
    [
        (crate::account::document(), Caller::Brand),
        (crate::create_handoff::document(), Caller::Brand),
        (crate::create_campaign::document(), Caller::Brand),
        (crate::webhook::document(), Caller::Brand),
        (crate::consumer::document(), Caller::Consumer),
        (crate::reply::document(), Caller::Consumer),
        (crate::agent::document(), Caller::Brand),
        (crate::report::document(), Caller::Brand),
        (crate::token::document(), Caller::Anybody),
        // Last: its problems have fields of their own, and are not the shared ones.
        (crate::ivr::document(), Caller::Brand),
    ]
}

/// The document.
#[must_use]
pub fn document() -> OpenApi {
    let mut components = Components::new();
    let (name, problem) = (
        lambda::problem::Body::name(),
        lambda::problem::Body::schema(),
    );
    components.schemas.insert(name.into_owned(), problem);
    let mut nested = Vec::new();
    lambda::problem::Body::schemas(&mut nested);
    let of_calls = <crate::ivr::CallProblem as ToSchema>::name();
    nested.push((of_calls.into_owned(), crate::ivr::CallProblem::schema()));
    components.schemas.extend(nested);
    components.headers = headers();
    components.security_schemes = schemes();

    let mut paths = Paths::new();
    for (part, caller) in functions() {
        let of_part = part.components.unwrap_or_default();
        components.schemas.extend(of_part.schemas);
        for (path, mut item) in part.paths.paths {
            for (method, operation) in operations(&mut item) {
                complete(operation, method, caller, &mut components.responses);
            }
            paths.paths.insert(path, item);
        }
    }
    let license = LicenseBuilder::new()
        .name("MIT OR Apache-2.0")
        .identifier(Some("MIT OR Apache-2.0"))
        .build();
    let info = InfoBuilder::new()
        .title("Overture")
        .version("2.0.0")
        .description(Some(DESCRIPTION))
        .license(Some(license))
        .build();
    OpenApiBuilder::new()
        .info(info)
        .servers(Some([Server::new("/")]))
        .tags(Some(tags()))
        .paths(paths)
        .components(Some(components))
        .build()
}

const DESCRIPTION: &str = "Proactive in-app messaging: a brand posts a campaign, each consumer \
    gets a push notification in the brand's own app, and a reply reaches an agent of the right \
    skill.\n\n\
    Names of fields are LivePerson's where LivePerson has the field. Times are RFC 3339 in UTC. \
    Unknown fields are refused.\n\n\
    An error is a problem (RFC 9457). Its `code` is stable, and its `type` has a page that says \
    what to do. `retryable` says whether the same call may succeed later, `safeToResend` \
    whether sending it again cannot do its work twice.";

fn tags() -> Vec<Tag> {
    [
        ("Tokens", "Bearer tokens for the brand's programs."),
        ("Account", "Apps, skills, settings and API clients."),
        (
            "Webhooks",
            "The brand's endpoints that are told what happens.",
        ),
        ("Handoffs", "Saved configurations of outbound messages."),
        ("Campaigns", "Posting campaigns, and what became of them."),
        (
            "IVR",
            "Deflecting calls into the app, as LivePerson's Connect to Messaging does.",
        ),
        ("Consumer", "The app's side: devices, the inbox, the chat."),
        ("Agents", "The agents' and bots' side of the chat."),
        ("Reports", "Outbound reporting, as LivePerson has it."),
    ]
    .map(|(name, description)| {
        TagBuilder::new()
            .name(name)
            .description(Some(description))
            .build()
    })
    .to_vec()
}

fn schemes() -> BTreeMap<String, RefOr<SecurityScheme>> {
    let bearer = |description: &str| {
        let http = HttpBuilder::new()
            .scheme(HttpAuthScheme::Bearer)
            .bearer_format("JWT")
            .description(Some(description))
            .build();
        RefOr::T(SecurityScheme::Http(http))
    };
    BTreeMap::from([
        (
            "brand".to_owned(),
            bearer(
                "A token of the call `giveToken`, good for one hour. Its roles decide what it allows.",
            ),
        ),
        (
            "consumer".to_owned(),
            bearer(
                "A token of the brand's identity provider, as the app's configuration names it \
                 (RS256 or ES256). The consumer is its `sub`.",
            ),
        ),
    ])
}

/// The headers that every guarded answer has.
const PACE: [&str; 4] = [
    "RateLimit-Limit",
    "RateLimit-Policy",
    "RateLimit-Remaining",
    "RateLimit-Reset",
];

fn headers() -> BTreeMap<String, RefOr<Header>> {
    [
        (
            "RateLimit-Limit",
            Type::Integer,
            "How many calls per second are taken of the caller.",
        ),
        (
            "RateLimit-Policy",
            Type::String,
            "The same with its window in seconds: `10;w=1`.",
        ),
        (
            "RateLimit-Remaining",
            Type::Integer,
            "How many calls would be taken right now.",
        ),
        (
            "RateLimit-Reset",
            Type::Integer,
            "In how many seconds the whole limit is there again.",
        ),
        (
            "Retry-After",
            Type::Integer,
            "After how many seconds to try again: the body's `retryAfter`.",
        ),
        (
            "WWW-Authenticate",
            Type::String,
            "`Bearer`, and `error=\"invalid_token\"` when the token is the wrong one.",
        ),
    ]
    .map(|(name, kind, description)| {
        let header = HeaderBuilder::new()
            .schema(Some(ObjectBuilder::new().schema_type(kind)))
            .description(Some(description))
            .build();
        (name.to_owned(), RefOr::T(header))
    })
    .into()
}

/// What the parameters of paths are, where an operation does not say more.
const PARAMETERS: [(&str, &str); 12] = [
    ("accountId", "The account."),
    (
        "app",
        "`prmsg` for proactive messages, `c2m` for those that an IVR started.",
    ),
    ("appName", "The app's bundle id or package name."),
    ("campaignId", "The campaign's `proactiveCampaignId`."),
    ("channel", "The channel's type."),
    ("clientId", "The client."),
    ("consumerId", "The brand's own id of the consumer."),
    ("conversationId", "The conversation."),
    ("deviceId", "The app's own id of this installation."),
    ("handoffId", "The handoff's id: `H` and digits."),
    (
        "messageId",
        "The message's `transactionId`, which travels in the push.",
    ),
    ("webhookName", "What the brand calls the webhook."),
];

fn operations(item: &mut PathItem) -> impl Iterator<Item = (&'static str, &mut Operation)> {
    [
        ("get", item.get.as_mut()),
        ("put", item.put.as_mut()),
        ("post", item.post.as_mut()),
        ("delete", item.delete.as_mut()),
    ]
    .into_iter()
    .filter_map(|(method, operation)| operation.map(|operation| (method, operation)))
}

/// Says of an operation what all of its kind have in common.
fn complete(
    operation: &mut Operation,
    method: &str,
    caller: Caller,
    shared: &mut BTreeMap<String, RefOr<Response>>,
) {
    operation.security = match caller {
        Caller::Anybody => Some(vec![SecurityRequirement::default()]),
        Caller::Brand => Some(vec![SecurityRequirement::new("brand", [""; 0])]),
        Caller::Consumer => Some(vec![SecurityRequirement::new("consumer", [""; 0])]),
    };
    for parameter in operation.parameters.iter_mut().flatten() {
        let RefOr::T(parameter) = parameter else {
            continue;
        };
        let known = PARAMETERS.iter().find(|(name, _)| *name == parameter.name);
        if parameter.description.as_ref().is_none_or(String::is_empty) {
            parameter.description = known.map(|(_, description)| (*description).to_owned());
        }
    }
    let responses = &mut operation.responses.responses;
    let mut add = |status: &str, description: &str| {
        let known = responses.entry(status.to_owned());
        known.or_insert_with(|| problem(description));
    };
    add("500", "Our fault.");
    if operation.request_body.is_some() {
        add("413", "The body is too large.");
        add("415", "The body is of another type.");
    }
    if method == "get" {
        // Who only reads clashes with nothing, and gives no value that could be refused.
        responses.retain(|status, _| !matches!(&**status, "409" | "422"));
    }
    match caller {
        // Where a service is can be asked without credentials.
        Caller::Anybody if method == "get" => {
            responses.remove("401");
            responses.remove("429");
        }
        // A consumer has no roles: what they may not do is not there for them.
        Caller::Consumer => {
            responses.remove("403");
        }
        Caller::Anybody | Caller::Brand => {}
    }
    for (status, response) in responses {
        let RefOr::T(answer) = response else { continue };
        for name in headers_of(status, method, caller) {
            let header = Ref::new(format!("#/components/headers/{name}"));
            answer.headers.insert(name.to_owned(), RefOr::Ref(header));
        }
        if answer.content.contains_key(PROBLEM) {
            share(response, status, shared);
        }
    }
}

/// The headers of an answer with that status.
fn headers_of(status: &str, method: &str, caller: Caller) -> Vec<&'static str> {
    let mut names = match status {
        "401" => vec!["WWW-Authenticate"],
        "409" | "429" | "503" => vec!["Retry-After"],
        _ => Vec::new(),
    };
    let is_told = match caller {
        // A client is held to a pace; who asks where a service is, is not.
        Caller::Anybody => method == "post" && matches!(status, "200" | "429"),
        // These are answered before the caller's pace is known.
        Caller::Brand | Caller::Consumer => !matches!(status, "401" | "500" | "503"),
    };
    if is_told {
        names.extend(PACE);
    }
    names
}

const PROBLEM: &str = "application/problem+json";

fn problem(description: &str) -> RefOr<Response> {
    let schema = Ref::from_schema_name(lambda::problem::Body::name());
    let response = ResponseBuilder::new()
        .description(description)
        .content(PROBLEM, Content::new(Some(schema)));
    RefOr::T(response.build())
}

/// Puts a problem among the shared ones, and a reference in its place. One that differs from
/// the shared one of its status stays where it is.
fn share(
    response: &mut RefOr<Response>,
    status: &str,
    shared: &mut BTreeMap<String, RefOr<Response>>,
) {
    let status = status
        .parse()
        .ok()
        .and_then(|s| StatusCode::from_u16(s).ok());
    let Some(reason) = status.and_then(|s| s.canonical_reason()) else {
        return;
    };
    let name = reason.replace(' ', "");
    let known = shared
        .entry(name.clone())
        .or_insert_with(|| response.clone());
    if known == response {
        *response = RefOr::Ref(Ref::from_response_name(name));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use utoipa::openapi::Schema;

    #[test]
    fn no_two_types_share_a_schemas_name() {
        let mut all: BTreeMap<String, RefOr<Schema>> = BTreeMap::new();
        for (part, _) in functions() {
            for (name, schema) in part.components.unwrap_or_default().schemas {
                let known = all.entry(name.clone()).or_insert_with(|| schema.clone());
                assert!(known == &schema, "`{name}`: give one of them another name");
            }
        }
    }
}
