//! A brand's account: its settings, skills and apps.

pub mod address;
mod app;
mod route;

pub use app::{App, Identity, InvalidApp};
pub use route::{Headers, Route};

use crate::{
    audit::{Action, Author},
    breaker::{Circuit, Pauses},
    id::{AccountId, AppName, SkillName},
    store::Unavailable,
    text::{self, InvalidText},
};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::future::Future;

/// What a brand has set for its account.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Settings {
    /// Where a conversation goes that no message started.
    pub default_skill: Option<SkillName>,
    /// What such a conversation is greeted with.
    pub welcome_message: Option<WelcomeMessage>,
    /// How much the account may do.
    pub limits: Limits,
    /// Whether the account is served.
    pub service: Service,
    /// When a pause of the account ended the last time.
    pub resumed_at: Option<Timestamp>,
}

/// Whether an account is served: an operator decides.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Service {
    /// It is.
    #[default]
    Full,
    /// No campaign is accepted, and messages wait. All else goes on.
    Paused,
    /// No longer: nobody is let in, nothing leaves, and what is kept of it is being removed.
    Ended,
}

impl Service {
    /// As it is kept and told.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Full => "full",
            Self::Paused => "paused",
            Self::Ended => "ended",
        }
    }

    /// What a change to this from `before` is, for the audit log.
    #[must_use]
    pub fn change_from(self, before: Self) -> Action {
        match (before, self) {
            (before, now) if before == now => Action::SettingsChanged,
            (_, Self::Full) => Action::AccountResumed,
            (_, Self::Paused) => Action::AccountPaused,
            (_, Self::Ended) => Action::AccountDeleted,
        }
    }
}

impl Settings {
    /// The settings of an account that is no longer served.
    #[must_use]
    pub fn ended() -> Self {
        Self {
            service: Service::Ended,
            ..Self::default()
        }
    }

    /// The same with the account paused, or no longer.
    #[must_use]
    pub fn with_pause(self, paused: bool, now: Timestamp) -> Self {
        let (service, resumed_at) = match (self.service, paused) {
            (Service::Full, true) => (Service::Paused, self.resumed_at),
            (Service::Paused, false) => (Service::Full, Some(now)),
            (service, _) => (service, self.resumed_at),
        };
        Self {
            service,
            resumed_at,
            ..self
        }
    }
}

/// How much an account may do. Raised by an operator.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// The most recipients of one campaign, 1 to 4,000.
    pub recipients_per_campaign: u32,
    /// The pace of its messages, 1 to 4,000 per second.
    pub sends_per_second: u32,
    /// The pace of its calls, per second and API group, 1 to 4,000.
    pub requests_per_second: u32,
    /// The most recipients of one day (UTC), 1 to 10,000,000.
    pub recipients_per_day: u32,
}

/// A limit was out of its bounds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("this limit is 1 to {max}, {given} was given")]
pub struct InvalidLimit {
    /// What was given.
    pub given: u32,
    /// The highest it can be set to.
    pub max: u32,
}

impl Limits {
    /// The highest any limit but the day's can be set to: a campaign is accepted in one
    /// transaction of at most 100 items.
    pub const MAX: u32 = 4_000;
    /// The highest the day's limit can be set to.
    pub const MAX_PER_DAY: u32 = 10_000_000;

    /// Checks every limit.
    ///
    /// # Errors
    /// When one is 0 or above its highest.
    pub fn checked(self) -> Result<Self, InvalidLimit> {
        [
            (self.recipients_per_campaign, Self::MAX),
            (self.sends_per_second, Self::MAX),
            (self.requests_per_second, Self::MAX),
            (self.recipients_per_day, Self::MAX_PER_DAY),
        ]
        .into_iter()
        .find(|(given, max)| !(1..=*max).contains(given))
        .map_or(Ok(self), |(given, max)| Err(InvalidLimit { given, max }))
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            recipients_per_campaign: 100,
            sends_per_second: 10,
            requests_per_second: 10,
            recipients_per_day: 100_000,
        }
    }
}

/// What a conversation is greeted with that no message started: at most 2,000 characters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WelcomeMessage(String);

impl WelcomeMessage {
    /// Parses a welcome message.
    ///
    /// # Errors
    /// When it is blank, too long, or holds control characters.
    pub fn parse(raw: &str) -> Result<Self, InvalidText> {
        text::written(raw, 2_000)?;
        Ok(Self(raw.to_owned()))
    }

    /// The text itself.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A queue of agents.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Skill {
    /// What it is called.
    pub name: SkillName,
    /// What it is for.
    pub description: Option<String>,
}

/// Reads an account's settings.
pub trait ReadSettings: Send + Sync {
    /// The settings; those of a new account when nothing was set yet.
    fn settings(
        &self,
        account: &AccountId,
    ) -> impl Future<Output = Result<Settings, Unavailable>> + Send;
}

/// Writes an account's settings.
pub trait WriteSettings: Send + Sync {
    /// Replaces the settings, if the account has their default skill and is served as it was
    /// when they were read.
    fn put_settings(
        &self,
        by: &Author,
        settings: &Settings,
        before: Service,
    ) -> impl Future<Output = Result<(), SaveSettingsError>> + Send;
}

/// Keeps skills.
pub trait SkillStore: Send + Sync {
    /// Adds or replaces a skill.
    fn put_skill(
        &self,
        by: &Author,
        skill: &Skill,
    ) -> impl Future<Output = Result<(), Unavailable>> + Send;

    /// The skill of that name, if the account has it.
    fn skill(
        &self,
        account: &AccountId,
        name: &SkillName,
    ) -> impl Future<Output = Result<Option<Skill>, Unavailable>> + Send;

    /// All skills, by name.
    fn skills(
        &self,
        account: &AccountId,
    ) -> impl Future<Output = Result<Vec<Skill>, Unavailable>> + Send;

    /// Removes a skill; whether it was there.
    fn remove_skill(
        &self,
        by: &Author,
        name: &SkillName,
    ) -> impl Future<Output = Result<bool, Unavailable>> + Send;
}

/// Reads apps.
pub trait ReadApps: Send + Sync {
    /// All apps of the account, by name.
    fn apps(
        &self,
        account: &AccountId,
    ) -> impl Future<Output = Result<Vec<App>, Unavailable>> + Send;

    /// Whether the account has the app. One that was removed a moment ago may still count.
    fn has_app(
        &self,
        account: &AccountId,
        app: &AppName,
    ) -> impl Future<Output = Result<bool, Unavailable>> + Send {
        async { Ok(self.apps(account).await?.iter().any(|one| one.name == *app)) }
    }
}

/// Writes apps.
pub trait WriteApps: Send + Sync {
    /// Adds or replaces an app, and ends the pauses of its circuits that are paused: whoever
    /// saved it may have mended it.
    fn put_app(
        &self,
        by: &Author,
        app: &App,
        paused: &[Circuit],
    ) -> impl Future<Output = Result<(), Unavailable>> + Send;

    /// Removes an app; whether it was there.
    fn remove_app(
        &self,
        by: &Author,
        name: &AppName,
    ) -> impl Future<Output = Result<bool, Unavailable>> + Send;
}

/// The most apps an account can have: all are read at once.
pub const MAX_APPS: usize = 50;

/// Why settings were not saved.
#[derive(Debug, thiserror::Error)]
pub enum SaveSettingsError {
    /// The default skill is none of the account's.
    #[error("the account has no skill `{0}`")]
    UnknownSkill(SkillName),
    /// The account was paused, resumed or deleted meanwhile.
    #[error("the account was paused, resumed or deleted meanwhile: read it again")]
    Changed,
    /// The store failed.
    #[error(transparent)]
    Store(#[from] Unavailable),
}

/// Saves an account's settings, which was served as `before` when they were read; a default
/// skill must exist.
///
/// # Errors
/// When the default skill does not exist, the account was paused, resumed or deleted meanwhile,
/// or the store fails.
pub async fn save_settings<S>(
    store: &S,
    by: &Author,
    settings: Settings,
    before: Service,
) -> Result<Settings, SaveSettingsError>
where
    S: WriteSettings,
{
    store.put_settings(by, &settings, before).await?;
    Ok(settings)
}

/// Ends an account: from here on it is not served. What is kept of it is removed by the
/// operator's own means; only that it ended stays.
///
/// # Errors
/// When it was paused or resumed meanwhile, or the store fails.
pub async fn end<S>(store: &S, by: &Author) -> Result<(), SaveSettingsError>
where
    S: ReadSettings + WriteSettings,
{
    let before = store.settings(&by.account).await?.service;
    store.put_settings(by, &Settings::ended(), before).await
}

/// Why an app was not saved.
#[derive(Debug, thiserror::Error)]
pub enum SaveAppError {
    /// The account has as many apps as it can have.
    #[error("an account has at most {MAX_APPS} apps")]
    TooMany,
    /// The store failed.
    #[error(transparent)]
    Store(#[from] Unavailable),
}

/// Saves an app. Should its sends be paused, they go on: whoever saves it may have mended it.
///
/// # Errors
/// When the account has too many, or the store fails.
pub async fn save_app<S>(store: &S, by: &Author, app: App) -> Result<App, SaveAppError>
where
    S: WriteApps + Pauses,
{
    let (apps, pauses) = store.apps_and_pauses(&by.account).await?;
    if apps.len() >= MAX_APPS && !apps.iter().any(|a| a.name == app.name) {
        return Err(SaveAppError::TooMany);
    }
    let circuits = pauses.into_iter().map(|pause| pause.circuit);
    let of_app: Vec<_> = circuits.filter(|c| c.app == app.name).collect();
    store.put_app(by, &app, &of_app).await?;
    Ok(app)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_are_bounded() {
        assert!(Limits::default().checked().is_ok());
        let none = Limits {
            sends_per_second: 0,
            ..Limits::default()
        };
        let invalid = |given, max| Err(InvalidLimit { given, max });
        assert_eq!(none.checked(), invalid(0, 4_000));
        let day = |recipients_per_day| Limits {
            recipients_per_day,
            ..Limits::default()
        };
        assert!(day(10_000_000).checked().is_ok());
        assert_eq!(day(10_000_001).checked(), invalid(10_000_001, 10_000_000));
    }
}
