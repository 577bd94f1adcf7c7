//! A consumer's devices: logging in, logging out, and whose a push token is.

use crate::{
    account::ReadApps,
    clock::Clock,
    id::{AccountId, AppName, ConsumerId, DeviceId},
    store::Unavailable,
};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use std::{fmt, future::Future, str::FromStr};

/// What a device runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Platform {
    /// Apple's, reached through APNs.
    Ios,
    /// Google's, reached through FCM.
    Android,
}

impl Platform {
    /// Its name on the wire.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ios => "ios",
            Self::Android => "android",
        }
    }
}

/// The world an APNs token belongs to; FCM has only `production`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Environment {
    /// Apps from the store.
    #[default]
    Production,
    /// Apps under development.
    Sandbox,
}

impl Environment {
    /// Its name on the wire.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Production => "production",
            Self::Sandbox => "sandbox",
        }
    }
}

/// A device's address at its gateway. It is a secret: it is not shown.
#[derive(Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct PushToken(String);

/// A string was not a push token.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a push token: 1 to 4096 visible ASCII characters without space or `/`")]
pub struct InvalidPushToken;

impl PushToken {
    /// The token, for its gateway alone.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl PushToken {
    /// The token as its gateway tells tokens apart: APNs' are hexadecimal numbers, so that two
    /// spellings are one token.
    fn spelled_for(self, platform: Platform) -> Self {
        match platform {
            Platform::Ios => Self(self.0.to_ascii_lowercase()),
            Platform::Android => self,
        }
    }
}

impl FromStr for PushToken {
    type Err = InvalidPushToken;

    fn from_str(s: &str) -> Result<Self, InvalidPushToken> {
        // It becomes part of a URL (APNs): nothing that could change its path.
        let fits = (1..=4096).contains(&s.len())
            && s.bytes()
                .all(|b| b.is_ascii_alphanumeric() || b"-_:.=+%~|".contains(&b));
        if fits && s != "." && s != ".." {
            Ok(Self(s.to_owned()))
        } else {
            Err(InvalidPushToken)
        }
    }
}

impl TryFrom<String> for PushToken {
    type Error = InvalidPushToken;

    fn try_from(s: String) -> Result<Self, InvalidPushToken> {
        s.parse()
    }
}

impl From<PushToken> for String {
    fn from(token: PushToken) -> Self {
        token.0
    }
}

impl fmt::Debug for PushToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[push token]")
    }
}

/// Which pushes a device takes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Takes {
    /// Campaigns' messages and the chat's.
    #[default]
    All,
    /// Campaigns' messages only: the consumer logged out with type `AGENT`.
    Proactive,
}

/// What the consumer's side told about the device, for agents to see.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Traits {
    /// The operating system and its version.
    pub os: Option<String>,
    /// The device's model.
    pub device: Option<String>,
    /// The country.
    pub country: Option<String>,
    /// The city.
    pub city: Option<String>,
    /// The locale, as BCP 47.
    pub locale: Option<String>,
}

/// One installation of an app in which a consumer has logged in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Device {
    /// Which one.
    pub id: DeviceId,
    /// The app.
    pub app: AppName,
    /// What it runs.
    pub platform: Platform,
    /// The world of its token.
    pub environment: Environment,
    /// Its address.
    pub token: PushToken,
    /// Which pushes it takes.
    pub takes: Takes,
    /// What is known of it.
    pub traits: Traits,
    /// When the token was last registered: a gateway's older word against it does not count.
    pub registered_at: Timestamp,
}

/// After how long without a registration a device is not sent to any more: FCM takes a token
/// for expired then
/// (<https://firebase.google.com/docs/cloud-messaging/manage-tokens#ensuring-registration-token-freshness>),
/// and an app registers each time it starts.
pub const STALE_AFTER: SignedDuration = SignedDuration::from_hours(270 * 24);

impl Device {
    /// Whether its app was not heard of for so long that it is not sent to.
    #[must_use]
    pub fn is_stale(&self, now: Timestamp) -> bool {
        now.duration_since(self.registered_at) >= STALE_AFTER
    }
}

/// What a consumer wants when logging a device out.
///
/// The names are those of LivePerson's mobile SDK.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Logout {
    /// No push at all any more.
    #[default]
    All,
    /// All pushes go on.
    None,
    /// The chat's pushes stop, campaigns' messages go on.
    Agent,
}

/// Keeps consumers' devices.
///
/// A push token belongs to at most one consumer of an account: the store keeps that in
/// one transaction with the device.
pub trait DeviceStore: Send + Sync {
    /// Logs the device in: it is the consumer's from now on, in the place of the one of that id,
    /// its push token is taken from whoever had it before, and what is [`surplus`] goes. All of it
    /// in one step.
    fn register(
        &self,
        account: &AccountId,
        consumer: &ConsumerId,
        device: &Device,
    ) -> impl Future<Output = Result<(), Unavailable>> + Send;

    /// Removes the device with its token, if the consumer has it.
    fn remove(
        &self,
        account: &AccountId,
        consumer: &ConsumerId,
        device: &DeviceId,
    ) -> impl Future<Output = Result<(), Unavailable>> + Send;

    /// Sets which pushes the device takes, if the consumer has it.
    fn set_takes(
        &self,
        account: &AccountId,
        consumer: &ConsumerId,
        device: &DeviceId,
        takes: Takes,
    ) -> impl Future<Output = Result<(), Unavailable>> + Send;
}

/// Drops devices that their gateway calls gone.
pub trait DeadDevices: Send + Sync {
    /// Removes the device if it still has the very token and registration of `device`.
    fn forget(
        &self,
        account: &AccountId,
        consumer: &ConsumerId,
        device: &Device,
    ) -> impl Future<Output = Result<(), Unavailable>> + Send;
}

/// The most devices of a consumer: one more takes the place of the one that logged in
/// longest ago.
pub const MAX_DEVICES: usize = 20;

/// Which of a consumer's devices, each with when it logged in, have to go so that `comer` finds
/// a place among [`MAX_DEVICES`].
pub fn surplus<'a>(
    devices: impl IntoIterator<Item = (&'a DeviceId, Timestamp)>,
    comer: &DeviceId,
) -> Vec<&'a DeviceId> {
    let mut others: Vec<_> = devices
        .into_iter()
        .filter(|(id, _)| *id != comer)
        .map(|(id, registered_at)| (registered_at, id))
        .collect();
    others.sort_unstable();
    others.truncate((others.len() + 1).saturating_sub(MAX_DEVICES));
    others.into_iter().map(|(_, id)| id).collect()
}

/// Why a device was not logged in.
#[derive(Debug, thiserror::Error)]
pub enum LogInError {
    /// No push could ever reach it.
    #[error("the app `{0}` is not configured in this account: PUT …/apps/{0} first")]
    UnknownApp(AppName),
    /// The store failed.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
}

/// Logs a device in: from now on it is the consumer's.
///
/// # Errors
/// When the account has no such app, or the store fails.
pub async fn log_in<S: DeviceStore + ReadApps>(
    store: &S,
    clock: &impl Clock,
    account: &AccountId,
    consumer: &ConsumerId,
    mut device: Device,
) -> Result<Device, LogInError> {
    if !store.has_app(account, &device.app).await? {
        return Err(LogInError::UnknownApp(device.app));
    }
    device.registered_at = clock.now();
    device.token = device.token.spelled_for(device.platform);
    store.register(account, consumer, &device).await?;
    Ok(device)
}

/// Logs a device out. Doing so twice, or for a device that is not there, is no error.
///
/// # Errors
/// When the store fails.
pub async fn log_out(
    store: &impl DeviceStore,
    account: &AccountId,
    consumer: &ConsumerId,
    device: &DeviceId,
    kind: Logout,
) -> Result<(), Unavailable> {
    match kind {
        Logout::All => store.remove(account, consumer, device).await,
        Logout::Agent => {
            store
                .set_takes(account, consumer, device, Takes::Proactive)
                .await
        }
        Logout::None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_push_token_is_never_shown() {
        let token: PushToken = "abcdef0123".parse().unwrap();
        assert!(!format!("{token:?}").contains("abcdef"));
    }

    #[test]
    fn a_push_token_cannot_change_a_path() {
        for bad in ["", "a/b", "..", "a b", "a?b", "a#b", "ä"] {
            assert!(bad.parse::<PushToken>().is_err(), "{bad}");
        }
    }
}
