//! The routes of a consumer's devices and inbox.

use crate::{Ports, routes::routes};
use axum::{extract::State, http::StatusCode};
use domain::{
    clock::Clock,
    device::{self, Device, Environment, Logout, Platform, PushToken, Takes, Traits},
    id::{AppName, DeviceId, TransactionId},
    inbox::{self, Report},
    message::{Message, State as MessageState},
    text,
};
use jiff::Timestamp;
use lambda::{At as _, Json, Kind, LoggedIn, Named, Path, Problem, Query, problem::Refusals};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

routes! {
    /// All routes of the function.
    pub fn routes() -> Ports {
        log_in, log_out, list, report,
    }
}

/// A device to log in.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct DeviceRequest {
    /// The app, by its bundle id or package name.
    #[schema(example = "com.example.shop")]
    app_name: String,
    /// `ios` or `android`.
    #[schema(value_type = String, example = "ios")]
    platform: Platform,
    /// The device's token at APNs or FCM.
    push_token: String,
    /// The world of an APNs token: `production` (by default) or `sandbox`.
    #[schema(value_type = Option<String>, example = "production")]
    environment: Option<Environment>,
    /// The locale, as BCP 47.
    locale: Option<String>,
    /// The operating system and its version.
    os: Option<String>,
    /// The device's model.
    device: Option<String>,
    /// The country.
    country: Option<String>,
    /// The city.
    city: Option<String>,
}

impl DeviceRequest {
    fn parse(self, id: DeviceId, now: Timestamp) -> Result<Device, Problem> {
        let app: AppName = self.app_name.parse().at("/appName")?;
        let token: PushToken = self.push_token.parse().at("/pushToken")?;
        let hexadecimal = token.expose().bytes().all(|b| b.is_ascii_hexdigit());
        if self.platform == Platform::Ios && !hexadecimal {
            let detail = "an APNs token is given in hexadecimal digits";
            return Err(Problem::new(Kind::InvalidPushToken, detail).at("/pushToken"));
        }
        let environment = self.environment.unwrap_or_default();
        if self.platform == Platform::Android && environment != Environment::Production {
            let detail = "only iOS devices have a sandbox environment";
            return Err(Problem::invalid("/environment", detail));
        }
        let told = |value: Option<String>, place: &str| {
            value
                .map(|v| text::written(&v, 128).map(|()| v).at(place))
                .transpose()
        };
        Ok(Device {
            id,
            app,
            platform: self.platform,
            environment,
            token,
            takes: Takes::All,
            traits: Traits {
                os: told(self.os, "/os")?,
                device: told(self.device, "/device")?,
                country: told(self.country, "/country")?,
                city: told(self.city, "/city")?,
                locale: told(self.locale, "/locale")?,
            },
            registered_at: now,
        })
    }
}

/// A device that is logged in. Its token is not shown.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct DeviceAnswer {
    device_id: String,
    app_name: String,
    #[schema(value_type = String, example = "ios")]
    platform: Platform,
    #[schema(value_type = String, example = "production")]
    environment: Environment,
    #[serde(skip_serializing_if = "Option::is_none")]
    locale: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    os: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    device: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    country: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    city: Option<String>,
    #[schema(format = "date-time")]
    registered_at: String,
}

impl From<Device> for DeviceAnswer {
    fn from(device: Device) -> Self {
        Self {
            device_id: device.id.to_string(),
            app_name: device.app.to_string(),
            platform: device.platform,
            environment: device.environment,
            locale: device.traits.locale,
            os: device.traits.os,
            device: device.traits.device,
            country: device.traits.country,
            city: device.traits.city,
            registered_at: device.registered_at.to_string(),
        }
    }
}

/// Logs a device in: from now on its token is this consumer's.
#[utoipa::path(put, path = "/api/v2/account/{accountId}/me/devices/{deviceId}", tag = "Consumer",
    operation_id = "logInDevice",
    params(("accountId" = String, Path), ("deviceId" = String, Path)), request_body = DeviceRequest,
    responses((status = 200, description = "The device.", body = DeviceAnswer), Refusals))]
async fn log_in(
    State(ports): State<Ports>,
    consumer: LoggedIn,
    Named(id): Named<DeviceId>,
    Json(request): Json<DeviceRequest>,
) -> Result<Json<DeviceAnswer>, Problem> {
    let device = request.parse(id, ports.clock.now())?;
    let (table, clock) = (&ports.table, &ports.clock);
    let device = device::log_in(table, clock, &consumer.account, &consumer.id, device).await?;
    Ok(Json(device.into()))
}

/// How a device is logged out.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct LogoutQuery {
    /// `ALL` (by default): no push any more; `AGENT`: no push of the chat; `NONE`: all
    /// pushes go on.
    #[serde(default, rename = "type")]
    #[param(rename = "type", value_type = Option<String>)]
    kind: Logout,
}

/// Logs a device out.
#[utoipa::path(delete, path = "/api/v2/account/{accountId}/me/devices/{deviceId}", tag = "Consumer",
    operation_id = "logOutDevice",
    params(("accountId" = String, Path), ("deviceId" = String, Path), LogoutQuery),
    responses((status = 204, description = "It is logged out."), Refusals))]
async fn log_out(
    State(ports): State<Ports>,
    consumer: LoggedIn,
    Path(id): Path<DeviceId>,
    Query(query): Query<LogoutQuery>,
) -> Result<StatusCode, Problem> {
    device::log_out(
        &ports.table,
        &consumer.account,
        &consumer.id,
        &id,
        query.kind,
    )
    .await?;
    Ok(StatusCode::NO_CONTENT)
}

/// The inbox.
#[derive(Debug, Serialize, ToSchema)]
struct Inbox {
    /// The messages whose lookback has not ended, newest first, at most 100.
    messages: Vec<InboxMessage>,
    /// How many of them were not read.
    unread: usize,
}

/// A message in the inbox.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct InboxMessage {
    /// The push's `transactionId`.
    #[schema(format = "uuid")]
    id: String,
    /// The line above the notification.
    title: Option<String>,
    /// The full text.
    text: String,
    #[schema(format = "date-time")]
    sent_at: String,
    /// When its lookback ends.
    #[schema(format = "date-time")]
    expires_at: String,
    /// `SENT`, `DELIVERED`, `READ` or `RESPONDED`.
    #[schema(example = "SENT")]
    state: &'static str,
}

impl From<Message> for InboxMessage {
    fn from(message: Message) -> Self {
        let state = message.state().as_str();
        let sent_at = message.sent_at.unwrap_or(message.key.transaction.made_at());
        let rendered = message.rendered;
        Self {
            id: message.key.transaction.to_string(),
            title: rendered.as_ref().and_then(|r| r.title.clone()),
            text: rendered.map(|r| r.text).unwrap_or_default(),
            sent_at: sent_at.to_string(),
            expires_at: message.lookback_ends_at.to_string(),
            state,
        }
    }
}

/// The consumer's unexpired messages: a push that was not tapped is not lost.
#[utoipa::path(get, path = "/api/v2/account/{accountId}/me/messages", tag = "Consumer",
    operation_id = "getInbox",
    params(("accountId" = String, Path)),
    responses((status = 200, description = "The inbox.", body = Inbox), Refusals))]
async fn list(State(ports): State<Ports>, consumer: LoggedIn) -> Result<Json<Inbox>, Problem> {
    let messages = inbox::list(&ports.table, &ports.clock, &consumer).await?;
    let is_unread =
        |m: &&Message| matches!(m.state(), MessageState::Sent | MessageState::Delivered);
    Ok(Json(Inbox {
        unread: messages.iter().filter(is_unread).count(),
        messages: messages.into_iter().map(InboxMessage::from).collect(),
    }))
}

/// What a device reports of a message.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct ReportRequest {
    /// `DELIVERED`, `TAPPED` or `READ`.
    #[serde(rename = "type")]
    #[schema(value_type = String, example = "READ")]
    kind: Report,
    /// When it happened, by the device's clock; now by default.
    #[schema(value_type = Option<String>, format = "date-time")]
    at: Option<Timestamp>,
}

/// Records what a device reports; repeating a report changes nothing.
#[utoipa::path(post, path = "/api/v2/account/{accountId}/me/messages/{messageId}/events",
    tag = "Consumer", operation_id = "reportMessage",
    params(("accountId" = String, Path), ("messageId" = String, Path)),
    request_body = ReportRequest,
    responses((status = 204, description = "It is recorded."), Refusals))]
async fn report(
    State(ports): State<Ports>,
    consumer: LoggedIn,
    Path(id): Path<TransactionId>,
    Json(request): Json<ReportRequest>,
) -> Result<StatusCode, Problem> {
    let (table, clock) = (&ports.table, &ports.clock);
    let at = request.at.unwrap_or_else(|| clock.now());
    if inbox::record(table, clock, &consumer, id, request.kind, at).await? {
        Ok(StatusCode::NO_CONTENT)
    } else {
        Err(Problem::not_found())
    }
}
