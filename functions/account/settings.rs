//! Settings: the default skill, the welcome message, the limits, and whether the account is
//! paused.

use crate::Ports;
use axum::extract::State;
use domain::{
    access::Permission,
    account::{self, Limits, ReadSettings as _, Service, Settings, WelcomeMessage},
    clock::Clock as _,
    id::SkillName,
};
use lambda::{Allowed, At as _, Json, Kind, Problem, may, problem::Refusals};
use serde::{Deserialize, Deserializer, Serialize};
use utoipa::ToSchema;

/// Changes of the settings. What is left out stays as it is; `null` removes it.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct SettingsChange {
    /// Where a conversation goes that no message started.
    #[serde(default)]
    #[schema(value_type = Option<String>, example = "support")]
    default_skill: Wish<SkillName>,
    /// What such a conversation is greeted with, in at most 2,000 characters.
    #[serde(default)]
    #[schema(value_type = Option<String>, example = "Hello! How can we help?")]
    welcome_message: Wish<String>,
    /// The limits: only an operator changes them.
    limits: Option<LimitsChange>,
    /// Whether the account is paused: no campaign is accepted, and messages wait. Only an
    /// operator changes it.
    #[schema(example = false)]
    paused: Option<bool>,
}

/// Changes of the limits. What is left out stays as it is.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct LimitsChange {
    /// The most recipients of one campaign, 1 to 4,000.
    #[schema(example = 100)]
    recipients_per_campaign: Option<u32>,
    /// The pace of messages, 1 to 4,000 per second.
    #[schema(example = 10)]
    sends_per_second: Option<u32>,
    /// The pace of calls, 1 to 4,000 per second and API group.
    #[schema(example = 10)]
    requests_per_second: Option<u32>,
    /// The most recipients of one day (UTC), 1 to 10,000,000.
    #[schema(example = 100_000)]
    recipients_per_day: Option<u32>,
}

/// The settings.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct SettingsAnswer {
    /// Where a conversation goes that no message started.
    #[schema(value_type = Option<String>, example = "support")]
    default_skill: Option<SkillName>,
    /// What such a conversation is greeted with.
    #[schema(example = "Hello! How can we help?")]
    welcome_message: Option<String>,
    /// The limits.
    limits: LimitsAnswer,
    /// Whether an operator paused the account: no campaign is accepted, and messages wait.
    #[schema(example = false)]
    paused: bool,
}

/// The limits.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct LimitsAnswer {
    /// The most recipients of one campaign.
    #[schema(example = 100)]
    recipients_per_campaign: u32,
    /// The pace of messages, per second.
    #[schema(example = 10)]
    sends_per_second: u32,
    /// The pace of calls, per second and API group.
    #[schema(example = 10)]
    requests_per_second: u32,
    /// The most recipients of one day (UTC).
    #[schema(example = 100_000)]
    recipients_per_day: u32,
}

/// What is to become of a setting.
#[derive(Debug, Default, PartialEq, Eq)]
enum Wish<T> {
    /// It was left out: it stays.
    #[default]
    Keep,
    /// It was `null`: it goes.
    Remove,
    /// It has a value.
    Set(T),
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Wish<T> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let value = Option::deserialize(from)?;
        Ok(value.map_or(Self::Remove, Self::Set))
    }
}

impl LimitsChange {
    fn apply(&self, limits: Limits) -> Limits {
        Limits {
            recipients_per_campaign: self
                .recipients_per_campaign
                .unwrap_or(limits.recipients_per_campaign),
            sends_per_second: self.sends_per_second.unwrap_or(limits.sends_per_second),
            requests_per_second: self
                .requests_per_second
                .unwrap_or(limits.requests_per_second),
            recipients_per_day: self.recipients_per_day.unwrap_or(limits.recipients_per_day),
        }
    }
}

impl From<Settings> for SettingsAnswer {
    fn from(settings: Settings) -> Self {
        Self {
            default_skill: settings.default_skill,
            welcome_message: settings.welcome_message.map(|m| m.as_str().to_owned()),
            limits: LimitsAnswer {
                recipients_per_campaign: settings.limits.recipients_per_campaign,
                sends_per_second: settings.limits.sends_per_second,
                requests_per_second: settings.limits.requests_per_second,
                recipients_per_day: settings.limits.recipients_per_day,
            },
            paused: settings.service == Service::Paused,
        }
    }
}

/// Changes the settings.
#[utoipa::path(
    put, path = "/api/v2/account/{accountId}/settings", tag = "Account",
    operation_id = "putSettings",
    params(("accountId" = String, Path, description = "The account.")),
    request_body = SettingsChange,
    responses((status = 200, description = "The settings.", body = SettingsAnswer), Refusals)
)]
pub(super) async fn put(
    State(ports): State<Ports>,
    caller: Allowed<may::WriteConfiguration>,
    Json(request): Json<SettingsChange>,
) -> Result<Json<SettingsAnswer>, Problem> {
    if request.limits.is_some() && !caller.may(Permission::RaiseLimits) {
        let detail = "only an operator changes the limits";
        return Err(Problem::new(Kind::Forbidden, detail).at("/limits"));
    }
    if request.paused.is_some() && !caller.may(Permission::PauseAccounts) {
        let detail = "only an operator pauses an account";
        return Err(Problem::new(Kind::Forbidden, detail).at("/paused"));
    }
    let mut settings = ports.table.settings(&caller.account).await?;
    let before = settings.service;
    match request.default_skill {
        Wish::Keep => {}
        Wish::Remove => settings.default_skill = None,
        Wish::Set(skill) => settings.default_skill = Some(skill),
    }
    match request.welcome_message {
        Wish::Keep => {}
        Wish::Remove => settings.welcome_message = None,
        Wish::Set(welcome) => {
            let welcome = WelcomeMessage::parse(&welcome).at("/welcomeMessage")?;
            settings.welcome_message = Some(welcome);
        }
    }
    if let Some(limits) = request.limits {
        settings.limits = limits.apply(settings.limits).checked().at("/limits")?;
    }
    let now = ports.clock.now();
    if let Some(paused) = request.paused {
        settings = settings.with_pause(paused, now);
    }
    let settings = account::save_settings(&ports.table, &caller.at(now), settings, before).await?;
    Ok(Json(settings.into()))
}

/// The settings.
#[utoipa::path(
    get, path = "/api/v2/account/{accountId}/settings", tag = "Account",
    operation_id = "getSettings",
    params(("accountId" = String, Path, description = "The account.")),
    responses((status = 200, description = "The settings.", body = SettingsAnswer), Refusals)
)]
pub(super) async fn get(
    State(ports): State<Ports>,
    caller: Allowed<may::ReadConfiguration>,
) -> Result<Json<SettingsAnswer>, Problem> {
    let settings = ports.table.settings(&caller.account).await?;
    Ok(Json(settings.into()))
}

#[cfg(test)]
mod tests {
    use super::{SettingsChange, Wish};

    #[test]
    fn null_removes_and_what_is_left_out_stays() {
        let read = |json| serde_json::from_str::<SettingsChange>(json).unwrap();
        assert_eq!(read("{}").default_skill, Wish::Keep);
        assert_eq!(
            read(r#"{"defaultSkill": null}"#).default_skill,
            Wish::Remove
        );
        let set = read(r#"{"defaultSkill": "sales"}"#).default_skill;
        assert_eq!(set, Wish::Set("sales".parse().unwrap()));
    }
}
