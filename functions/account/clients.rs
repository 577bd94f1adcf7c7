//! API clients: programs of the brand that get tokens.

use crate::Ports;
use axum::{extract::State, http::StatusCode};
use domain::{
    access::Role,
    client::{self, Client, ClientStore as _, KEEP_HOURS},
    clock::Clock as _,
    id::{ClientId, SkillName},
};
use jiff::Timestamp;
use lambda::{Allowed, Json, Path, Problem, Query, may, problem::Refusals};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

/// A client to make.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct ClientRequest {
    /// What people call it, in at most 64 characters.
    #[schema(example = "Back office")]
    name: String,
    /// What it may do: `admin`, `campaign-manager`, `agent-manager`, `agent`, `bot`.
    #[schema(value_type = Vec<String>, example = json!(["campaign-manager"]))]
    roles: Vec<Role>,
    /// The skills it serves, as `agent` or `bot`.
    #[serde(default)]
    #[schema(value_type = Vec<String>, example = json!(["sales"]))]
    skills: Vec<SkillName>,
    /// From when on none of its secrets opens: a time to come. Never, when it is left out.
    #[schema(value_type = Option<String>, format = "date-time", example = "2027-11-23T09:00:00Z")]
    expires_at: Option<Timestamp>,
}

/// A client.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct ClientAnswer {
    /// Which one.
    #[schema(value_type = String, example = "5c1e0f7d9a4b4f0e8d3c2b1a09f8e7d6")]
    client_id: ClientId,
    /// What people call it.
    #[schema(example = "Back office")]
    name: String,
    /// What it may do.
    #[schema(value_type = Vec<String>, example = json!(["campaign-manager"]))]
    roles: Vec<Role>,
    /// The skills it serves.
    #[schema(value_type = Vec<String>, example = json!(["sales"]))]
    skills: Vec<SkillName>,
    /// When it was made.
    #[schema(value_type = String, format = "date-time", example = "2026-11-23T09:00:00Z")]
    created_at: Timestamp,
    /// From when on none of its secrets opens.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = "date-time", example = "2027-11-23T09:00:00Z")]
    expires_at: Option<Timestamp>,
    /// Until when the secret before its present one opens, too.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = "date-time", example = "2026-11-24T09:00:00Z")]
    previous_secret_expires_at: Option<Timestamp>,
}

/// A client with a new secret, which is shown once.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct MadeClient {
    /// The client's secret: it is not shown again.
    #[schema(format = "password")]
    client_secret: String,
    #[serde(flatten)]
    client: ClientAnswer,
}

/// All clients of the account.
#[derive(Serialize, ToSchema)]
pub(super) struct ClientList {
    /// The clients.
    clients: Vec<ClientAnswer>,
}

impl From<Client> for ClientAnswer {
    fn from(client: Client) -> Self {
        Self {
            client_id: client.id,
            name: client.name,
            roles: client.roles,
            skills: client.skills,
            created_at: client.created_at,
            expires_at: client.expires_at,
            previous_secret_expires_at: client.previous_until,
        }
    }
}

/// Makes an API client.
#[utoipa::path(
    post, path = "/api/v2/account/{accountId}/clients", tag = "Account",
    operation_id = "createClient",
    params(("accountId" = String, Path, description = "The account.")),
    request_body = ClientRequest,
    responses(
        (status = 201, description = "The client, with its secret.", body = MadeClient),
        Refusals
    )
)]
pub(super) async fn create(
    State(ports): State<Ports>,
    caller: Allowed<may::ManageClients>,
    Json(request): Json<ClientRequest>,
) -> Result<(StatusCode, Json<MadeClient>), Problem> {
    let ClientRequest {
        name,
        roles,
        skills,
        expires_at,
    } = request;
    let by = caller.at(ports.clock.now());
    let (client, secret) =
        client::make(&ports.table, &by, &name, roles, skills, expires_at).await?;
    let made = MadeClient {
        client_secret: secret.expose().to_owned(),
        client: client.into(),
    };
    Ok((StatusCode::CREATED, Json(made)))
}

/// All API clients, without their secrets.
#[utoipa::path(
    get, path = "/api/v2/account/{accountId}/clients", tag = "Account",
    operation_id = "listClients",
    params(("accountId" = String, Path, description = "The account.")),
    responses((status = 200, description = "The clients.", body = ClientList), Refusals)
)]
pub(super) async fn list(
    State(ports): State<Ports>,
    caller: Allowed<may::ManageClients>,
) -> Result<Json<ClientList>, Problem> {
    let clients = ports.table.clients(&caller.account).await?;
    let clients = clients.into_iter().map(ClientAnswer::from).collect();
    Ok(Json(ClientList { clients }))
}

/// How a client's secret is changed.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(rename_all = "camelCase")]
pub(super) struct Rotation {
    /// For how many hours the secret that it has opens, too: 0 to 168, 24 by default.
    keep_hours: Option<u32>,
}

/// Gives an API client a new secret. The one that it has opens for some hours more; one from
/// before that does not.
#[utoipa::path(
    post, path = "/api/v2/account/{accountId}/clients/{clientId}/rotate", tag = "Account",
    operation_id = "rotateClient",
    params(
        ("accountId" = String, Path, description = "The account."),
        ("clientId" = String, Path, description = "The client."),
        Rotation,
    ),
    responses(
        (status = 200, description = "The client, with its new secret.", body = MadeClient),
        Refusals
    )
)]
pub(super) async fn rotate(
    State(ports): State<Ports>,
    caller: Allowed<may::ManageClients>,
    Path(id): Path<ClientId>,
    Query(rotation): Query<Rotation>,
) -> Result<Json<MadeClient>, Problem> {
    let by = caller.at(ports.clock.now());
    let hours = rotation.keep_hours.unwrap_or(KEEP_HOURS);
    let (client, secret) = client::rotate(&ports.table, &by, &id, hours).await?;
    Ok(Json(MadeClient {
        client_secret: secret.expose().to_owned(),
        client: client.into(),
    }))
}

/// Revokes an API client: it gets no more tokens. Those that it has are good until they expire,
/// within the hour.
#[utoipa::path(
    delete, path = "/api/v2/account/{accountId}/clients/{clientId}", tag = "Account",
    operation_id = "deleteClient",
    params(
        ("accountId" = String, Path, description = "The account."),
        ("clientId" = String, Path, description = "The client."),
    ),
    responses((status = 204, description = "It is gone."), Refusals)
)]
pub(super) async fn delete(
    State(ports): State<Ports>,
    caller: Allowed<may::ManageClients>,
    Path(id): Path<ClientId>,
) -> Result<StatusCode, Problem> {
    let by = caller.at(ports.clock.now());
    let was_there = ports.table.remove_client(&by, &id).await?;
    was_there
        .then_some(StatusCode::NO_CONTENT)
        .ok_or_else(Problem::not_found)
}
