//! API clients: programs of the brand that get tokens.

use crate::Ports;
use axum::{extract::State, http::StatusCode};
use domain::{
    access::Role,
    client::{self, Client, ClientStore as _},
    id::{ClientId, SkillName},
};
use jiff::Timestamp;
use lambda::{Allowed, Json, Path, Problem, may, problem::Refusals};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

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
}

/// A client that was made, with its secret, which is shown once.
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
    } = request;
    let (client, secret) =
        client::make(&ports.table, &ports.clock, &caller, &name, roles, skills).await?;
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

/// Removes an API client. Tokens that it has are good until they expire.
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
    let was_there = ports.table.remove_client(&caller.account, &id).await?;
    was_there
        .then_some(StatusCode::NO_CONTENT)
        .ok_or_else(Problem::not_found)
}
