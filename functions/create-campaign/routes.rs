//! The routes of campaigns.

use super::{
    body::{Answer, Flags, Request},
    state::{Conversations, History, Recipients, Status},
};
use crate::{Ports, measured, page::Page, routes::routes};
use axum::{
    extract::State,
    http::{HeaderMap, HeaderValue, StatusCode},
    response::{IntoResponse, Response},
};
use domain::{
    board::Board,
    campaign::{self, Campaign, CancelCampaigns, Idempotency, IdempotencyKey, ReadCampaigns},
    clock::Clock,
    id::{AccountId, CampaignId, ConsumerId},
};
use dynamodb::Table;
use lambda::{Allowed, Json, Kind, Path, Problem, Query, may, problem::Refusals};
use sha2::{Digest, Sha256};

routes! {
    /// All routes of the function.
    pub fn routes() -> Ports {
        create, status, conversations, recipients, recipient, cancel,
    }
}

/// The header that makes a retry safe.
const IDEMPOTENCY_KEY: &str = "idempotency-key";

/// What the caller promises of equal calls.
fn idempotency(headers: &HeaderMap, request: &Request) -> Result<Option<Idempotency>, Problem> {
    let Some(given) = headers.get(IDEMPOTENCY_KEY) else {
        return Ok(None);
    };
    let key = given.to_str().ok().and_then(IdempotencyKey::parse);
    let key = key.ok_or_else(|| {
        Problem::new(
            Kind::InvalidHeader,
            "Idempotency-Key must be 1 to 255 visible ASCII characters",
        )
    })?;
    let body = serde_json::to_vec(request).map_err(|e| Problem::internal(&e))?;
    let fingerprint = Sha256::digest(body)
        .iter()
        .fold(String::new(), |sum, byte| sum + &format!("{byte:02x}"));
    Ok(Some(Idempotency { key, fingerprint }))
}

/// Posts a campaign: each recipient gets a message.
///
/// With an `Idempotency-Key`, equal calls within 24 hours are one: the later ones get the
/// first one's answer, with `Idempotent-Replayed: true`.
#[utoipa::path(post, path = "/api/v2/account/{accountId}/campaign", tag = "Campaigns",
    operation_id = "createCampaign",
    params(("accountId" = String, Path), Flags,
        ("Idempotency-Key" = Option<String>, Header, description = "1 to 255 visible ASCII characters.")),
    request_body = Request,
    responses((status = 202, description = "It is accepted, and sending starts.", body = Answer,
            headers(("Idempotent-Replayed" = bool, description = "`true` when an equal call was answered before: this is its answer."))),
        (status = 200, description = "With `validate=true`: all was checked, nothing was sent.", body = Answer),
        Refusals))]
async fn create(
    State(ports): State<Ports>,
    caller: Allowed<may::WriteCampaigns>,
    Query(flags): Query<Flags>,
    headers: HeaderMap,
    Json(request): Json<Request>,
) -> Result<Response, Problem> {
    let idempotency = idempotency(&headers, &request)?;
    let order = request.order(idempotency, lambda::trace())?;
    let (table, clock) = (&ports.table, &ports.clock);
    let by = caller.at(clock.now());
    let accepted = campaign::create(table, clock, &by, order, flags.validate).await?;
    if !flags.validate {
        measured::accepted(&accepted);
    }
    let replayed = accepted.replayed;
    let answer = Json(Answer::new(accepted, &request, flags.validate));
    if flags.validate {
        return Ok((StatusCode::OK, answer).into_response());
    }
    let mut response = (StatusCode::ACCEPTED, answer).into_response();
    if replayed {
        let yes = HeaderValue::from_static("true");
        response.headers_mut().insert("idempotent-replayed", yes);
    }
    Ok(response)
}

async fn overview(
    table: &Table,
    account: &AccountId,
    id: &CampaignId,
) -> Result<(Campaign, Vec<Board>), Problem> {
    let found = table.overview(account, id).await?;
    found.ok_or_else(Problem::not_found)
}

/// A campaign's state and counts.
#[utoipa::path(get, path = "/api/v2/account/{accountId}/campaign/{campaignId}", tag = "Campaigns",
    operation_id = "getCampaign",
    params(("accountId" = String, Path), ("campaignId" = String, Path)),
    responses((status = 200, description = "The campaign.", body = Status), Refusals))]
async fn status(
    State(ports): State<Ports>,
    caller: Allowed<may::ReadCampaigns>,
    Path(id): Path<CampaignId>,
) -> Result<Json<Status>, Problem> {
    let (campaign, boards) = overview(&ports.table, &caller.account, &id).await?;
    Ok(Json(Status::new(&campaign, &boards)))
}

/// Every recipient's status, in LivePerson's words; of a campaign of more than 100 recipients, a
/// page of them.
#[utoipa::path(get, path = "/api/v2/account/{accountId}/campaign/{campaignId}/conversations",
    tag = "Campaigns", operation_id = "listCampaignConversations",
    params(("accountId" = String, Path), ("campaignId" = String, Path), Page),
    responses((status = 200, description = "The recipients' statuses.", body = Conversations), Refusals))]
async fn conversations(
    State(ports): State<Ports>,
    caller: Allowed<may::ReadCampaigns>,
    Path(id): Path<CampaignId>,
    Query(page): Query<Page>,
) -> Result<Json<Conversations>, Problem> {
    let (from, limit) = (page.start(&caller.account, &id)?, page.limit()?);
    let account = &caller.account;
    let found = campaign::counted_recipients(&ports.table, account, &id, from, limit).await?;
    let (page, boards) = found.ok_or_else(Problem::not_found)?;
    Ok(Json(Conversations::new(&page, &boards)))
}

/// A page of a campaign's recipients.
#[utoipa::path(get, path = "/api/v2/account/{accountId}/campaign/{campaignId}/recipients",
    tag = "Campaigns", operation_id = "listRecipients",
    params(("accountId" = String, Path), ("campaignId" = String, Path), Page),
    responses((status = 200, description = "A page.", body = Recipients), Refusals))]
async fn recipients(
    State(ports): State<Ports>,
    caller: Allowed<may::ReadCampaigns>,
    Path(id): Path<CampaignId>,
    Query(page): Query<Page>,
) -> Result<Json<Recipients>, Problem> {
    let (from, limit) = (page.start(&caller.account, &id)?, page.limit()?);
    let account = &caller.account;
    let page = campaign::recipients(&ports.table, account, &id, from, limit).await?;
    let page = page.ok_or_else(Problem::not_found)?;
    Ok(Json(Recipients::new(&page)))
}

/// Everything that happened to one recipient's message.
#[utoipa::path(get, path = "/api/v2/account/{accountId}/campaign/{campaignId}/recipients/{consumerId}",
    tag = "Campaigns", operation_id = "getRecipient",
    params(("accountId" = String, Path), ("campaignId" = String, Path), ("consumerId" = String, Path)),
    responses((status = 200, description = "The message's history.", body = History), Refusals))]
async fn recipient(
    State(ports): State<Ports>,
    caller: Allowed<may::ReadCampaigns>,
    Path((id, consumer)): Path<(CampaignId, ConsumerId)>,
) -> Result<Json<History>, Problem> {
    let account = &caller.account;
    let found = campaign::recipient(&ports.table, account, &id, &consumer).await?;
    let (campaign, standing) = found.ok_or_else(Problem::not_found)?;
    Ok(Json(History::new(&campaign, standing)))
}

/// Cancels a campaign: what no sender has in hand at this instant is never sent.
#[utoipa::path(post, path = "/api/v2/account/{accountId}/campaign/{campaignId}/cancel",
    tag = "Campaigns", operation_id = "cancelCampaign",
    params(("accountId" = String, Path), ("campaignId" = String, Path)),
    responses((status = 200, description = "The campaign.", body = Status), Refusals))]
async fn cancel(
    State(ports): State<Ports>,
    caller: Allowed<may::WriteCampaigns>,
    Path(id): Path<CampaignId>,
) -> Result<Json<Status>, Problem> {
    let by = caller.at(ports.clock.now());
    if !ports.table.cancel(&by, &id).await? {
        return Err(Problem::not_found());
    }
    let (campaign, boards) = overview(&ports.table, &caller.account, &id).await?;
    Ok(Json(Status::new(&campaign, &boards)))
}
