//! A brand's account: its settings, skills and apps.

use crate::{
    device::Platform,
    id::{AccountId, AppName, SkillName},
    store::Unavailable,
    text::{self, InvalidText},
};
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
}

/// A limit was out of its bounds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a limit is 1 to {}, this one is {given}", Limits::MAX)]
pub struct InvalidLimit {
    /// What was given.
    pub given: u32,
}

impl Limits {
    /// The highest any limit can be set to: a campaign is accepted in one transaction of
    /// at most 100 items.
    pub const MAX: u32 = 4_000;

    /// Checks every limit.
    ///
    /// # Errors
    /// When one is 0 or above [`Self::MAX`].
    pub fn checked(self) -> Result<Self, InvalidLimit> {
        [
            self.recipients_per_campaign,
            self.sends_per_second,
            self.requests_per_second,
        ]
        .into_iter()
        .find(|limit| !(1..=Self::MAX).contains(limit))
        .map_or(Ok(self), |given| Err(InvalidLimit { given }))
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            recipients_per_campaign: 100,
            sends_per_second: 10,
            requests_per_second: 10,
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

/// A mobile app of the account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct App {
    /// Its bundle id or package name.
    pub name: AppName,
    /// How its iOS devices are reached.
    pub ios: Option<Route>,
    /// How its Android devices are reached.
    pub android: Option<Route>,
    /// Who vouches for its consumers.
    pub identity: Identity,
}

impl App {
    /// How devices of `platform` are reached, if they are.
    #[must_use]
    pub const fn route(&self, platform: Platform) -> Option<&Route> {
        match platform {
            Platform::Ios => self.ios.as_ref(),
            Platform::Android => self.android.as_ref(),
        }
    }
}

/// How an app's devices of one platform are reached. Credentials are names of secrets,
/// never the secrets.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(
    tag = "route",
    rename_all = "lowercase",
    rename_all_fields = "camelCase"
)]
pub enum Route {
    /// Apple's push service, directly.
    Apns {
        /// The developer team, 10 characters.
        team_id: String,
        /// The signing key, 10 characters.
        key_id: String,
        /// The app's bundle id.
        topic: String,
        /// The secret that holds the signing key (`.p8`).
        credential: String,
    },
    /// Firebase Cloud Messaging's HTTP v1 API, directly.
    Fcm {
        /// The Firebase project.
        project_id: String,
        /// The secret that holds the service account's JSON.
        credential: String,
    },
}

/// The brand's identity provider for an app's consumers (OpenID Connect).
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Identity {
    /// The token's `iss`, exactly.
    pub issuer: String,
    /// The token's `aud`.
    pub audience: String,
    /// Where the provider's keys are, over HTTPS.
    pub jwks_uri: String,
}

/// Why an app's configuration was refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidApp {
    /// No platform has a route.
    #[error("an app has a route for ios, android, or both")]
    NoRoute,
    /// A platform was given another platform's route.
    #[error("the route `{route}` does not serve {}", platform.as_str())]
    WrongRoute {
        /// The platform.
        platform: Platform,
        /// The route.
        route: &'static str,
    },
    /// A field is empty, too long, or not of its form.
    #[error("`{field}` must be {expected}")]
    Field {
        /// Where it stands in the app.
        field: &'static str,
        /// What it must be.
        expected: &'static str,
    },
}

impl App {
    /// Checks that the configuration can work in `account`, whose secrets alone it may name.
    ///
    /// # Errors
    /// When it has no route, a route on the wrong platform, or a malformed field.
    pub fn checked(self, account: &AccountId) -> Result<Self, InvalidApp> {
        match (&self.ios, &self.android) {
            (None, None) => return Err(InvalidApp::NoRoute),
            (Some(Route::Fcm { .. }), _) => {
                return Err(InvalidApp::WrongRoute {
                    platform: Platform::Ios,
                    route: "fcm",
                });
            }
            (_, Some(Route::Apns { .. })) => {
                return Err(InvalidApp::WrongRoute {
                    platform: Platform::Android,
                    route: "apns",
                });
            }
            _ => {}
        }
        for (route, fields) in [(&self.ios, APNS), (&self.android, FCM)] {
            match route {
                Some(Route::Apns {
                    team_id,
                    key_id,
                    topic,
                    credential,
                }) => {
                    field(word(team_id, 10..=10), fields[0])?;
                    field(word(key_id, 10..=10), fields[1])?;
                    field(dotted(topic), fields[2])?;
                    field(is_secret_of(account, credential), fields[3])?;
                }
                Some(Route::Fcm {
                    project_id,
                    credential,
                }) => {
                    field(dotted(project_id), fields[0])?;
                    field(is_secret_of(account, credential), fields[1])?;
                }
                None => {}
            }
        }
        let identity = &self.identity;
        field(printed(&identity.issuer), IDENTITY[0])?;
        field(printed(&identity.audience), IDENTITY[1])?;
        field(
            printed(&identity.jwks_uri) && identity.jwks_uri.starts_with("https://"),
            IDENTITY[2],
        )?;
        Ok(self)
    }
}

type Field = (&'static str, &'static str);
const SECRET: &str =
    "the ARN of a secret in AWS Secrets Manager whose name starts with `overture/{accountId}/`";
const APNS: &[Field] = &[
    ("ios/teamId", "10 letters and digits"),
    ("ios/keyId", "10 letters and digits"),
    ("ios/topic", "the app's bundle id"),
    ("ios/credential", SECRET),
];
const FCM: &[Field] = &[
    ("android/projectId", "the id of a Firebase project"),
    ("android/credential", SECRET),
];
const IDENTITY: &[Field] = &[
    (
        "identity/issuer",
        "the issuer of the consumers' tokens, at most 512 characters",
    ),
    (
        "identity/audience",
        "the audience of the consumers' tokens, at most 512 characters",
    ),
    ("identity/jwksUri", "an https URL of at most 512 characters"),
];

const fn field(fits: bool, (field, expected): Field) -> Result<(), InvalidApp> {
    if fits {
        Ok(())
    } else {
        Err(InvalidApp::Field { field, expected })
    }
}

fn word(s: &str, length: std::ops::RangeInclusive<usize>) -> bool {
    length.contains(&s.len()) && s.bytes().all(|b| b.is_ascii_alphanumeric())
}

fn dotted(s: &str) -> bool {
    (1..=155).contains(&s.len())
        && s.bytes()
            .all(|b| b.is_ascii_alphanumeric() || b".-_:".contains(&b))
}

fn printed(s: &str) -> bool {
    (1..=512).contains(&s.len()) && s.chars().all(|c| !c.is_control() && !c.is_whitespace())
}

/// A brand's secrets have its account in their names, so that no brand sends with another's.
fn is_secret_of(account: &AccountId, s: &str) -> bool {
    // arn:<partition>:secretsmanager:<region>:<owner>:secret:<name>
    let parts: Vec<_> = s.splitn(7, ':').collect();
    printed(s)
        && matches!(parts[..], ["arn", _, "secretsmanager", _, _, "secret", name]
            if name.starts_with(&format!("overture/{account}/")))
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
    /// Replaces the settings.
    fn put_settings(
        &self,
        account: &AccountId,
        settings: &Settings,
    ) -> impl Future<Output = Result<(), Unavailable>> + Send;
}

/// Keeps skills.
pub trait SkillStore: Send + Sync {
    /// Adds or replaces a skill.
    fn put_skill(
        &self,
        account: &AccountId,
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
        account: &AccountId,
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
}

/// Writes apps.
pub trait WriteApps: Send + Sync {
    /// Adds or replaces an app.
    fn put_app(
        &self,
        account: &AccountId,
        app: &App,
    ) -> impl Future<Output = Result<(), Unavailable>> + Send;

    /// Removes an app; whether it was there.
    fn remove_app(
        &self,
        account: &AccountId,
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
    /// The store failed.
    #[error(transparent)]
    Store(#[from] Unavailable),
}

/// Saves an account's settings; a default skill must exist.
///
/// # Errors
/// When the default skill does not exist, or the store fails.
pub async fn save_settings<S>(
    store: &S,
    account: &AccountId,
    settings: Settings,
) -> Result<Settings, SaveSettingsError>
where
    S: SkillStore + WriteSettings,
{
    if let Some(skill) = &settings.default_skill
        && store.skill(account, skill).await?.is_none()
    {
        return Err(SaveSettingsError::UnknownSkill(skill.clone()));
    }
    store.put_settings(account, &settings).await?;
    Ok(settings)
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

/// Saves an app.
///
/// # Errors
/// When the account has too many, or the store fails.
pub async fn save_app<S>(store: &S, account: &AccountId, app: App) -> Result<App, SaveAppError>
where
    S: ReadApps + WriteApps,
{
    let apps = store.apps(account).await?;
    if apps.len() >= MAX_APPS && !apps.iter().any(|a| a.name == app.name) {
        return Err(SaveAppError::TooMany);
    }
    store.put_app(account, &app).await?;
    Ok(app)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn demo() -> AccountId {
        "demo".parse().unwrap()
    }

    fn app() -> App {
        App {
            name: "com.example.shop".parse().unwrap(),
            ios: Some(Route::Apns {
                team_id: "TEAM123456".into(),
                key_id: "KEY1234567".into(),
                topic: "com.example.shop".into(),
                credential: "arn:aws:secretsmanager:eu-west-1:0:secret:overture/demo/apns".into(),
            }),
            android: None,
            identity: Identity {
                issuer: "https://id.example.com".into(),
                audience: "shop".into(),
                jwks_uri: "https://id.example.com/jwks.json".into(),
            },
        }
    }

    #[test]
    fn an_app_needs_a_route() {
        assert!(app().checked(&demo()).is_ok());
        let bare = App { ios: None, ..app() };
        assert_eq!(bare.checked(&demo()), Err(InvalidApp::NoRoute));
    }

    #[test]
    fn a_route_serves_its_own_platform() {
        let crossed = App {
            android: app().ios,
            ..app()
        };
        assert!(matches!(
            crossed.checked(&demo()),
            Err(InvalidApp::WrongRoute { .. })
        ));
    }

    #[test]
    fn a_credential_is_the_name_of_a_secret() {
        let mut leaked = app();
        if let Some(Route::Apns { credential, .. }) = &mut leaked.ios {
            *credential = "a key, not a name".into();
        }
        assert!(matches!(
            leaked.checked(&demo()),
            Err(InvalidApp::Field {
                field: "ios/credential",
                ..
            })
        ));
    }

    #[test]
    fn a_credential_is_a_secret_of_the_account() {
        let other: AccountId = "other".parse().unwrap();
        assert!(app().checked(&other).is_err());
        let shorter: AccountId = "dem".parse().unwrap();
        assert!(app().checked(&shorter).is_err());
    }

    #[test]
    fn keys_are_fetched_over_https_only() {
        let mut plain = app();
        plain.identity.jwks_uri = "http://id.example.com/jwks.json".into();
        assert!(plain.checked(&demo()).is_err());
    }

    #[test]
    fn limits_are_bounded() {
        assert!(Limits::default().checked().is_ok());
        let none = Limits {
            sends_per_second: 0,
            ..Limits::default()
        };
        assert_eq!(none.checked(), Err(InvalidLimit { given: 0 }));
    }
}
