//! The calls about webhooks.

use super::body::{
    Replay, SavedWebhook, SecretRotation, WebhookAnswer, WebhookConfiguration, WebhookList,
    WebhookTest,
};
use crate::{credentials::Credentials, routes::routes};
use axum::{extract::State, http::StatusCode};
use domain::{
    clock::{Clock as _, SystemClock},
    deliver::{self, Health as _},
    id::WebhookName,
    webhook::{self, KEEP_HOURS, ReadWebhooks as _, WebhookStore as _},
};
use dynamodb::Table;
use lambda::{Allowed, Json, Named, Path, Problem, Query, may, problem::Refusals};
use push::Webhooks;
use queue::Deliveries;
use std::sync::Arc;

/// What the calls stand on.
#[derive(Clone, Debug)]
pub struct Ports {
    /// Where everything is kept.
    pub table: Table,
    /// Tells the time.
    pub clock: SystemClock,
    /// The queue of deliveries.
    pub queue: Deliveries,
    /// The endpoints, and their secrets.
    pub endpoints: Arc<Webhooks<Credentials>>,
}

routes! {
    /// The function's routes.
    pub fn routes() -> Ports {
        list, put, get, delete, rotate, test, replay,
    }
}

/// Makes a webhook, or changes it. A new one's secret is shown this once.
#[utoipa::path(
    put, path = "/api/v2/account/{accountId}/webhooks/{webhookName}", tag = "Webhooks",
    operation_id = "putWebhook",
    params(
        ("accountId" = String, Path, description = "The account."),
        ("webhookName" = String, Path, description = "What the brand calls the webhook."),
    ),
    request_body = WebhookConfiguration,
    responses(
        (status = 200, description = "The webhook was changed.", body = SavedWebhook),
        (status = 201, description = "The webhook was made.", body = SavedWebhook),
        Refusals
    )
)]
async fn put(
    State(ports): State<Ports>,
    caller: Allowed<may::WriteConfiguration>,
    Named(name): Named<WebhookName>,
    Json(request): Json<WebhookConfiguration>,
) -> Result<(StatusCode, Json<SavedWebhook>), Problem> {
    let by = caller.at(ports.clock.now());
    let (table, keys) = (&ports.table, &*ports.endpoints);
    let (webhook, secret) = webhook::save(table, keys, &by, &name, &request.into()).await?;
    let status = match secret {
        Some(_) => StatusCode::CREATED,
        None => StatusCode::OK,
    };
    Ok((status, Json(SavedWebhook::new(webhook, secret.as_ref()))))
}

/// A webhook, and how it is doing.
#[utoipa::path(
    get, path = "/api/v2/account/{accountId}/webhooks/{webhookName}", tag = "Webhooks",
    operation_id = "getWebhook",
    params(
        ("accountId" = String, Path, description = "The account."),
        ("webhookName" = String, Path, description = "What the brand calls the webhook."),
    ),
    responses((status = 200, description = "The webhook.", body = WebhookAnswer), Refusals)
)]
async fn get(
    State(ports): State<Ports>,
    caller: Allowed<may::ReadConfiguration>,
    Path(name): Path<WebhookName>,
) -> Result<Json<WebhookAnswer>, Problem> {
    let webhook = ports.table.webhook(&caller.account, &name).await?;
    let webhook = webhook.ok_or_else(Problem::not_found)?;
    Ok(Json(webhook.into()))
}

/// All webhooks.
#[utoipa::path(
    get, path = "/api/v2/account/{accountId}/webhooks", tag = "Webhooks",
    operation_id = "listWebhooks",
    params(("accountId" = String, Path, description = "The account.")),
    responses((status = 200, description = "The webhooks.", body = WebhookList), Refusals)
)]
async fn list(
    State(ports): State<Ports>,
    caller: Allowed<may::ReadConfiguration>,
) -> Result<Json<WebhookList>, Problem> {
    let webhooks = ports.table.webhooks(&caller.account).await?;
    let webhooks = webhooks.into_iter().map(WebhookAnswer::from).collect();
    Ok(Json(WebhookList { webhooks }))
}

/// Removes a webhook: it is told nothing more.
#[utoipa::path(
    delete, path = "/api/v2/account/{accountId}/webhooks/{webhookName}", tag = "Webhooks",
    operation_id = "deleteWebhook",
    params(
        ("accountId" = String, Path, description = "The account."),
        ("webhookName" = String, Path, description = "What the brand calls the webhook."),
    ),
    responses((status = 204, description = "It is gone."), Refusals)
)]
async fn delete(
    State(ports): State<Ports>,
    caller: Allowed<may::WriteConfiguration>,
    Path(name): Path<WebhookName>,
) -> Result<StatusCode, Problem> {
    let by = caller.at(ports.clock.now());
    let was_there = ports.table.remove_webhook(&by, &name).await?;
    was_there
        .then_some(StatusCode::NO_CONTENT)
        .ok_or_else(Problem::not_found)
}

/// Gives a webhook a new secret, which is shown this once. The one that it has signs for some
/// hours more, beside the new one; one from before that does not.
#[utoipa::path(
    post, path = "/api/v2/account/{accountId}/webhooks/{webhookName}/rotate", tag = "Webhooks",
    operation_id = "rotateWebhook",
    params(
        ("accountId" = String, Path, description = "The account."),
        ("webhookName" = String, Path, description = "What the brand calls the webhook."),
        SecretRotation,
    ),
    responses(
        (status = 200, description = "The webhook, with its new secret.", body = SavedWebhook),
        Refusals
    )
)]
async fn rotate(
    State(ports): State<Ports>,
    caller: Allowed<may::WriteConfiguration>,
    Path(name): Path<WebhookName>,
    Query(rotation): Query<SecretRotation>,
) -> Result<Json<SavedWebhook>, Problem> {
    let by = caller.at(ports.clock.now());
    let hours = rotation.keep_hours.unwrap_or(KEEP_HOURS);
    let (table, keys) = (&ports.table, &*ports.endpoints);
    let (webhook, secret) = webhook::rotate(table, keys, &by, &name, hours).await?;
    Ok(Json(SavedWebhook::new(webhook, secret.as_ref())))
}

/// Posts a `webhook.test` event at once, and tells what the endpoint answered. A disabled webhook
/// can be tried, too; how it does changes nothing.
#[utoipa::path(
    post, path = "/api/v2/account/{accountId}/webhooks/{webhookName}/test", tag = "Webhooks",
    operation_id = "testWebhook",
    params(
        ("accountId" = String, Path, description = "The account."),
        ("webhookName" = String, Path, description = "What the brand calls the webhook."),
    ),
    responses(
        (status = 200, description = "What the endpoint answered.", body = WebhookTest),
        Refusals
    )
)]
async fn test(
    State(ports): State<Ports>,
    caller: Allowed<may::WriteConfiguration>,
    Path(name): Path<WebhookName>,
) -> Result<Json<WebhookTest>, Problem> {
    let (table, endpoints) = (&ports.table, &*ports.endpoints);
    let tried = deliver::test(table, endpoints, &ports.clock, &caller.account, &name).await?;
    let (event, answer) = tried.ok_or_else(Problem::not_found)?;
    Ok(Json(WebhookTest::new(event, answer)))
}

/// Tells a webhook again of the events of a time: at most the last 14 days. They are queued like
/// any other, with the ids and numbers that they had.
#[utoipa::path(
    post, path = "/api/v2/account/{accountId}/webhooks/{webhookName}/replay", tag = "Webhooks",
    operation_id = "replayWebhook",
    params(
        ("accountId" = String, Path, description = "The account."),
        ("webhookName" = String, Path, description = "What the brand calls the webhook."),
    ),
    request_body = Replay,
    responses((status = 202, description = "They are on their way."), Refusals)
)]
async fn replay(
    State(ports): State<Ports>,
    caller: Allowed<may::WriteConfiguration>,
    Path(name): Path<WebhookName>,
    Json(Replay { from, to }): Json<Replay>,
) -> Result<StatusCode, Problem> {
    let which = (&caller.account, &name);
    deliver::replay(&ports.table, &ports.queue, &ports.clock, which, (from, to)).await?;
    Ok(StatusCode::ACCEPTED)
}
