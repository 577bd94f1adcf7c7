//! The routes of handoffs.

use super::{
    answer::Handoff,
    listing::{Listing, Window},
    preview::{PreviewAnswer, PreviewRequest},
    request::{Request, Stop},
};
use crate::{Ports, routes::routes};
use axum::{
    extract::State,
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use domain::{
    clock::Clock as _,
    handoff::{self, HandoffStore},
    id::{AccountId, HandoffId},
};
use dynamodb::Table;
use lambda::{Allowed, Json, Kind, Path, Problem, Query, may, problem::Refusals};

routes! {
    /// All routes of the function.
    pub fn routes() -> Ports {
        list, create, read, change, delete, preview, list_all, list_channel,
    }
}

/// A handoff with its version as an entity tag.
fn tagged(status: StatusCode, handoff: handoff::Handoff) -> Response {
    let tag = HeaderValue::from_str(&format!("\"{}\"", handoff.version));
    let mut response = (status, Json(Handoff::from(handoff))).into_response();
    if let Ok(tag) = tag {
        response.headers_mut().insert(header::ETAG, tag);
    }
    response
}

/// The version that the caller read, from `If-Match`.
fn expected(headers: &HeaderMap) -> Result<Option<u32>, Problem> {
    let Some(given) = headers.get(header::IF_MATCH) else {
        return Ok(None);
    };
    let tag = given.to_str().unwrap_or_default().trim();
    if tag == "*" {
        return Ok(None);
    }
    tag.trim_matches('"').parse().map(Some).map_err(|_| {
        Problem::new(
            Kind::InvalidHeader,
            "If-Match must be an entity tag as a handoff's ETag gave it, or `*`",
        )
    })
}

/// Makes a handoff.
#[utoipa::path(post, path = "/api/v2/account/{accountId}/handoffs", tag = "Handoffs",
    operation_id = "createHandoff",
    params(("accountId" = String, Path)), request_body = Request,
    responses((status = 201, description = "The handoff.", body = Handoff,
        headers(("ETag" = String, description = "Its version, for `If-Match`."))), Refusals))]
async fn create(
    State(ports): State<Ports>,
    caller: Allowed<may::WriteHandoffs>,
    Json(request): Json<Request>,
) -> Result<Response, Problem> {
    let design = request.parse()?;
    let handoff = handoff::create(&ports.table, &caller.at(ports.clock.now()), design).await?;
    Ok(tagged(StatusCode::CREATED, handoff))
}

/// The account's handoffs, oldest first.
#[utoipa::path(get, path = "/api/v2/account/{accountId}/handoffs", tag = "Handoffs",
    operation_id = "listHandoffs",
    params(("accountId" = String, Path), Window),
    responses((status = 200, description = "A page.", body = Listing), Refusals))]
async fn list(
    State(ports): State<Ports>,
    caller: Allowed<may::ReadHandoffs>,
    Query(window): Query<Window>,
) -> Result<Json<Listing>, Problem> {
    page(&ports.table, &caller.account, &window, |_| true).await
}

/// One handoff.
#[utoipa::path(get, path = "/api/v2/account/{accountId}/handoffs/{handoffId}", tag = "Handoffs",
    operation_id = "getHandoff",
    params(("accountId" = String, Path), ("handoffId" = String, Path)),
    responses((status = 200, description = "The handoff.", body = Handoff,
        headers(("ETag" = String, description = "Its version, for `If-Match`."))), Refusals))]
async fn read(
    State(ports): State<Ports>,
    caller: Allowed<may::ReadHandoffs>,
    Path(id): Path<HandoffId>,
) -> Result<Response, Problem> {
    let found = ports.table.find(&caller.account, &id).await?;
    found
        .map(|handoff| tagged(StatusCode::OK, handoff))
        .ok_or_else(Problem::not_found)
}

/// Changes a handoff; campaigns that run keep what they started with.
#[utoipa::path(put, path = "/api/v2/account/{accountId}/handoffs/{handoffId}", tag = "Handoffs",
    operation_id = "changeHandoff",
    params(("accountId" = String, Path), ("handoffId" = String, Path),
        ("If-Match" = Option<String>, Header, description = "The handoff's ETag: changes only what was read.")),
    request_body = Request,
    responses((status = 200, description = "The handoff.", body = Handoff,
        headers(("ETag" = String, description = "Its version, for `If-Match`."))), Refusals))]
async fn change(
    State(ports): State<Ports>,
    caller: Allowed<may::WriteHandoffs>,
    Path(id): Path<HandoffId>,
    headers: HeaderMap,
    Json(request): Json<Request>,
) -> Result<Response, Problem> {
    let (expected, design) = (expected(&headers)?, request.parse()?);
    let by = caller.at(ports.clock.now());
    let handoff = handoff::change(&ports.table, &by, &id, expected, design).await?;
    Ok(tagged(StatusCode::OK, handoff))
}

/// Deletes a handoff of which no message lives, or stops it first.
///
/// A message lives until its lookback ends, whether it was sent or waits. `stop=true` deletes
/// the handoff all the same and cancels its campaigns, as the call for one campaign does: what
/// no sender has in hand at this instant is never sent. Messages that were sent stay in inboxes,
/// and their replies are routed as before.
#[utoipa::path(delete, path = "/api/v2/account/{accountId}/handoffs/{handoffId}", tag = "Handoffs",
    operation_id = "deleteHandoff",
    params(("accountId" = String, Path), ("handoffId" = String, Path), Stop,
        ("If-Match" = Option<String>, Header, description = "The handoff's ETag: deletes only what was read.")),
    responses((status = 204, description = "It is gone."), Refusals))]
async fn delete(
    State(ports): State<Ports>,
    caller: Allowed<may::WriteHandoffs>,
    Path(id): Path<HandoffId>,
    Query(Stop { stop }): Query<Stop>,
    headers: HeaderMap,
) -> Result<StatusCode, Problem> {
    let expected = expected(&headers)?;
    let by = caller.at(ports.clock.now());
    handoff::delete(&ports.table, &by, &id, expected, stop).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Shows what a handoff would say to a consumer: the exact texts and bytes on each gateway.
/// Nothing is stored or sent.
#[utoipa::path(post, path = "/api/v2/account/{accountId}/handoffs/{handoffId}/preview",
    tag = "Handoffs", operation_id = "previewHandoff",
    params(("accountId" = String, Path), ("handoffId" = String, Path)),
    request_body = PreviewRequest,
    responses((status = 200, description = "What it would say.", body = PreviewAnswer), Refusals))]
async fn preview(
    State(ports): State<Ports>,
    caller: Allowed<may::ReadHandoffs>,
    Path(id): Path<HandoffId>,
    Json(request): Json<PreviewRequest>,
) -> Result<Json<PreviewAnswer>, Problem> {
    let found = ports.table.find(&caller.account, &id).await?;
    let handoff = found.ok_or_else(Problem::not_found)?;
    request.answer(&handoff, ports.clock.now()).map(Json)
}

/// LivePerson's listing of all handoffs.
#[utoipa::path(get, path = "/api/account/{accountId}/app/prmsg/handoffs/list", tag = "Handoffs",
    operation_id = "listAllHandoffs",
    params(("accountId" = String, Path), Window),
    responses((status = 200, description = "A page.", body = Listing), Refusals))]
async fn list_all(
    State(ports): State<Ports>,
    caller: Allowed<may::ReadHandoffs>,
    Query(window): Query<Window>,
) -> Result<Json<Listing>, Problem> {
    page(&ports.table, &caller.account, &window, |_| true).await
}

/// LivePerson's listing of one channel's handoffs. All of Overture's are of `inapp`.
#[utoipa::path(get, path = "/api/account/{accountId}/app/prmsg/handoffs/list/channel/{channel}",
    tag = "Handoffs", operation_id = "listChannelHandoffs",
    params(("accountId" = String, Path), ("channel" = String, Path, example = "inapp"), Window),
    responses((status = 200, description = "A page.", body = Listing), Refusals))]
async fn list_channel(
    State(ports): State<Ports>,
    caller: Allowed<may::ReadHandoffs>,
    Path(channel): Path<String>,
    Query(window): Query<Window>,
) -> Result<Json<Listing>, Problem> {
    page(&ports.table, &caller.account, &window, |_| {
        channel == "inapp"
    })
    .await
}

async fn page(
    table: &Table,
    account: &AccountId,
    window: &Window,
    wanted: impl Fn(&handoff::Handoff) -> bool,
) -> Result<Json<Listing>, Problem> {
    let (offset, limit) = window.checked()?;
    let mut handoffs = HandoffStore::list(table, account).await?;
    handoffs.retain(|handoff| wanted(handoff) && window.admits(handoff));
    Ok(Json(Listing {
        total: handoffs.len(),
        offset,
        limit,
        handoffs: handoffs
            .into_iter()
            .skip(offset)
            .take(limit)
            .map(Handoff::from)
            .collect(),
    }))
}
