//! Apps: how their devices are reached, and who vouches for their consumers.

use crate::Ports;
use axum::{extract::State, http::StatusCode};
use domain::{
    account::{self, App, Headers, Identity, Route, WriteApps as _},
    breaker::{Pause, Pauses as _},
    clock::Clock as _,
    id::AppName,
};
use lambda::{Allowed, Json, Named, Path, Problem, may, problem::Refusals};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use utoipa::ToSchema;

/// How an app's devices and consumers are known. It has a route for a platform or two.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct AppConfiguration {
    /// How its iOS devices are reached.
    #[serde(default, deserialize_with = "lambda::object")]
    ios: Option<PushRoute>,
    /// How its Android devices are reached.
    #[serde(default, deserialize_with = "lambda::object")]
    android: Option<PushRoute>,
    /// Who vouches for its consumers.
    identity: IdentityProvider,
}

/// An app. Credentials are the names of secrets, never the secrets.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct AppAnswer {
    /// Its bundle id or package name.
    #[schema(value_type = String, example = "com.example.shop")]
    app_name: AppName,
    /// How its iOS devices are reached.
    #[serde(skip_serializing_if = "Option::is_none")]
    ios: Option<PushRoute>,
    /// How its Android devices are reached.
    #[serde(skip_serializing_if = "Option::is_none")]
    android: Option<PushRoute>,
    /// Who vouches for its consumers.
    identity: IdentityProvider,
    /// The platforms whose sends are paused since their gateway refuses or fails. Messages wait
    /// meanwhile. Saving the app ends a pause.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    paused: Vec<Paused>,
}

/// A platform whose sends are paused.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct Paused {
    /// The platform.
    #[schema(example = "ios")]
    platform: &'static str,
    /// The world of the devices' tokens.
    #[schema(example = "production")]
    environment: &'static str,
    /// Why: `refused` when the gateway refused the credential, `failing` when too many of its
    /// answers were failures.
    #[schema(example = "refused")]
    cause: &'static str,
    /// The gateway's word.
    #[schema(example = "InvalidProviderToken")]
    reason: String,
    /// Since when.
    #[schema(format = "date-time")]
    since: String,
    /// When the next message is tried.
    #[schema(format = "date-time")]
    next_try_at: String,
}

impl From<&Pause> for Paused {
    fn from(pause: &Pause) -> Self {
        Self {
            platform: pause.circuit.platform.as_str(),
            environment: pause.circuit.environment.as_str(),
            cause: pause.cause.as_str(),
            reason: pause.reason.clone(),
            since: pause.since.to_string(),
            next_try_at: pause.until.to_string(),
        }
    }
}

/// All apps of the account.
#[derive(Serialize, ToSchema)]
pub(super) struct AppList {
    /// The apps, by name.
    apps: Vec<AppAnswer>,
}

/// How the devices of a platform are reached.
#[derive(Serialize, Deserialize, ToSchema)]
#[serde(tag = "route", rename_all = "lowercase", deny_unknown_fields)]
enum PushRoute {
    /// Apple's push service, directly: for iOS.
    #[serde(rename_all = "camelCase")]
    Apns {
        /// The developer team, 10 characters.
        #[schema(example = "TEAM123456")]
        team_id: String,
        /// The signing key, 10 characters.
        #[schema(example = "KEY1234567")]
        key_id: String,
        /// The app's bundle id.
        #[schema(example = "com.example.shop")]
        topic: String,
        /// The ARN of the secret that holds the signing key (`.p8`).
        #[schema(
            example = "arn:aws:secretsmanager:eu-west-1:111122223333:secret:overture/demo/apns-AbCdEf"
        )]
        credential: String,
    },
    /// Firebase Cloud Messaging's HTTP v1 API, directly: for Android.
    #[serde(rename_all = "camelCase")]
    Fcm {
        /// The Firebase project.
        #[schema(example = "example-shop")]
        project_id: String,
        /// The ARN of the secret that holds the service account's JSON.
        #[schema(
            example = "arn:aws:secretsmanager:eu-west-1:111122223333:secret:overture/demo/fcm-AbCdEf"
        )]
        credential: String,
    },
    /// Amazon SNS, which has the platform's credentials: for iOS and Android.
    #[serde(rename_all = "camelCase")]
    Sns {
        /// The ARN of the platform application: for `APNS` or `APNS_SANDBOX` on iOS, for
        /// `GCM` on Android. Its name is `overture.{accountId}.` and a name of your own.
        #[schema(example = "arn:aws:sns:eu-west-1:111122223333:app/GCM/overture.demo.shop")]
        platform_application_arn: String,
    },
    /// The brand's own endpoint, which gets LivePerson's push proxy body and pushes by itself:
    /// for iOS and Android.
    #[serde(rename_all = "camelCase")]
    Proxy {
        /// Where it is: a public https URL of at most 512 characters.
        #[schema(example = "https://push.example.com/overture")]
        url: String,
        /// The ARN of the secret that holds `{"username", "password"}` for Basic authentication,
        /// `{"signingSecret": "whsec_…"}` for the signature of Standard Webhooks, or both.
        #[schema(
            example = "arn:aws:secretsmanager:eu-west-1:111122223333:secret:overture/demo/proxy-AbCdEf"
        )]
        #[serde(default, skip_serializing_if = "Option::is_none")]
        credential: Option<String>,
        /// Up to 4 headers that each request carries besides; names of at most 24 letters and
        /// `-`, values of at most 300 visible ASCII characters.
        #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
        headers: BTreeMap<String, String>,
    },
}

/// The brand's identity provider (OpenID Connect).
#[derive(Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct IdentityProvider {
    /// The tokens' `iss`, exactly.
    #[schema(example = "https://id.example.com")]
    issuer: String,
    /// The tokens' `aud`.
    #[schema(example = "shop")]
    audience: String,
    /// Where the provider's keys are, over HTTPS.
    #[schema(example = "https://id.example.com/.well-known/jwks.json")]
    jwks_uri: String,
}

impl From<PushRoute> for Route {
    fn from(route: PushRoute) -> Self {
        match route {
            PushRoute::Apns {
                team_id,
                key_id,
                topic,
                credential,
            } => Self::Apns {
                team_id,
                key_id,
                topic,
                credential,
            },
            PushRoute::Fcm {
                project_id,
                credential,
            } => Self::Fcm {
                project_id,
                credential,
            },
            PushRoute::Sns {
                platform_application_arn,
            } => Self::Sns {
                platform_application_arn,
            },
            PushRoute::Proxy {
                url,
                credential,
                headers,
            } => Self::Proxy {
                url,
                credential,
                headers: Headers(headers),
            },
        }
    }
}

impl From<Route> for PushRoute {
    fn from(route: Route) -> Self {
        match route {
            Route::Apns {
                team_id,
                key_id,
                topic,
                credential,
            } => Self::Apns {
                team_id,
                key_id,
                topic,
                credential,
            },
            Route::Fcm {
                project_id,
                credential,
            } => Self::Fcm {
                project_id,
                credential,
            },
            Route::Sns {
                platform_application_arn,
            } => Self::Sns {
                platform_application_arn,
            },
            Route::Proxy {
                url,
                credential,
                headers,
            } => Self::Proxy {
                url,
                credential,
                headers: headers.0,
            },
        }
    }
}

impl AppAnswer {
    /// An app, and which of the account's pauses are its own.
    fn new(app: App, pauses: &[Pause]) -> Self {
        let of_app = |pause: &&Pause| pause.circuit.app == app.name;
        Self {
            paused: pauses.iter().filter(of_app).map(Paused::from).collect(),
            app_name: app.name,
            ios: app.ios.map(PushRoute::from),
            android: app.android.map(PushRoute::from),
            identity: IdentityProvider {
                issuer: app.identity.issuer,
                audience: app.identity.audience,
                jwks_uri: app.identity.jwks_uri,
            },
        }
    }
}

/// Configures an app.
#[utoipa::path(
    put, path = "/api/v2/account/{accountId}/apps/{appName}", tag = "Account",
    operation_id = "putApp",
    params(
        ("accountId" = String, Path, description = "The account."),
        ("appName" = String, Path, description = "The app's bundle id or package name."),
    ),
    request_body = AppConfiguration,
    responses((status = 200, description = "The app.", body = AppAnswer), Refusals)
)]
pub(super) async fn put(
    State(ports): State<Ports>,
    caller: Allowed<may::WriteConfiguration>,
    Named(name): Named<AppName>,
    Json(request): Json<AppConfiguration>,
) -> Result<Json<AppAnswer>, Problem> {
    let app = App {
        name,
        ios: request.ios.map(Route::from),
        android: request.android.map(Route::from),
        identity: Identity {
            issuer: request.identity.issuer,
            audience: request.identity.audience,
            jwks_uri: request.identity.jwks_uri,
        },
    };
    let by = caller.at(ports.clock.now());
    let app = account::save_app(&ports.table, &by, app.checked(&caller.account)?).await?;
    Ok(Json(AppAnswer::new(app, &[])))
}

/// An app's configuration, and whether its sends are paused.
#[utoipa::path(
    get, path = "/api/v2/account/{accountId}/apps/{appName}", tag = "Account",
    operation_id = "getApp",
    params(
        ("accountId" = String, Path, description = "The account."),
        ("appName" = String, Path, description = "The app's bundle id or package name."),
    ),
    responses((status = 200, description = "The app.", body = AppAnswer), Refusals)
)]
pub(super) async fn get(
    State(ports): State<Ports>,
    caller: Allowed<may::ReadConfiguration>,
    Path(name): Path<AppName>,
) -> Result<Json<AppAnswer>, Problem> {
    let (apps, pauses) = ports.table.apps_and_pauses(&caller.account).await?;
    let app = apps.into_iter().find(|app| app.name == name);
    let app = app.ok_or_else(Problem::not_found)?;
    Ok(Json(AppAnswer::new(app, &pauses)))
}

/// All apps.
#[utoipa::path(
    get, path = "/api/v2/account/{accountId}/apps", tag = "Account", operation_id = "listApps",
    params(("accountId" = String, Path, description = "The account.")),
    responses((status = 200, description = "The apps.", body = AppList), Refusals)
)]
pub(super) async fn list(
    State(ports): State<Ports>,
    caller: Allowed<may::ReadConfiguration>,
) -> Result<Json<AppList>, Problem> {
    let (apps, pauses) = ports.table.apps_and_pauses(&caller.account).await?;
    let apps = apps
        .into_iter()
        .map(|app| AppAnswer::new(app, &pauses))
        .collect();
    Ok(Json(AppList { apps }))
}

/// Removes an app: its devices are not notified any more, its consumers not let in.
#[utoipa::path(
    delete, path = "/api/v2/account/{accountId}/apps/{appName}", tag = "Account",
    operation_id = "deleteApp",
    params(
        ("accountId" = String, Path, description = "The account."),
        ("appName" = String, Path, description = "The app's bundle id or package name."),
    ),
    responses((status = 204, description = "It is gone."), Refusals)
)]
pub(super) async fn delete(
    State(ports): State<Ports>,
    caller: Allowed<may::WriteConfiguration>,
    Path(name): Path<AppName>,
) -> Result<StatusCode, Problem> {
    let by = caller.at(ports.clock.now());
    let was_there = ports.table.remove_app(&by, &name).await?;
    was_there
        .then_some(StatusCode::NO_CONTENT)
        .ok_or_else(Problem::not_found)
}
