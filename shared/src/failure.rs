//! Why a message did not go out, in our word and in LivePerson's code.

use serde::{Deserialize, Serialize};

/// Why a message failed for good.
///
/// The numbers are those of LivePerson's public error dictionary for In-App
/// (`errorSource` `proactive`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Failure {
    /// The consumer never logged in to any of the brand's apps.
    ConsumerNotRegistered,
    /// The consumer has no device with an app of the handoff.
    NoDevice,
    /// Every device of the consumer turned out to be gone.
    DeviceGone,
    /// The consumer has an open conversation.
    OpenConversation,
    /// The handoff's app was deleted, or has no route for the device's platform.
    AppNotConfigured,
    /// The gateway refused the app's credentials until the lookback ended.
    CredentialsRefused,
    /// The gateway will never take this notification.
    NotificationRefused,
    /// The gateway could not be reached, or put us off, until the lookback ended.
    GatewayUnavailable,
    /// The campaign is gone.
    CampaignGone,
    /// The account was paused until the lookback ended.
    AccountPaused,
}

impl Failure {
    /// All failures.
    pub const ALL: [Self; 10] = [
        Self::ConsumerNotRegistered,
        Self::NoDevice,
        Self::DeviceGone,
        Self::OpenConversation,
        Self::AppNotConfigured,
        Self::CredentialsRefused,
        Self::NotificationRefused,
        Self::GatewayUnavailable,
        Self::CampaignGone,
        Self::AccountPaused,
    ];

    /// Our word for it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::ConsumerNotRegistered => "CONSUMER_NOT_REGISTERED",
            Self::NoDevice => "NO_DEVICE",
            Self::DeviceGone => "DEVICE_GONE",
            Self::OpenConversation => "OPEN_CONVERSATION",
            Self::AppNotConfigured => "APP_NOT_CONFIGURED",
            Self::CredentialsRefused => "CREDENTIALS_REFUSED",
            Self::NotificationRefused => "NOTIFICATION_REFUSED",
            Self::GatewayUnavailable => "GATEWAY_UNAVAILABLE",
            Self::CampaignGone => "CAMPAIGN_GONE",
            Self::AccountPaused => "ACCOUNT_PAUSED",
        }
    }

    /// Whether somebody has to mend something: a credential, a route, a notification, a gateway.
    /// Else it is how the consumer stands, or what an operator wants.
    #[must_use]
    pub const fn is_fault(self) -> bool {
        match self {
            Self::AppNotConfigured
            | Self::CredentialsRefused
            | Self::NotificationRefused
            | Self::GatewayUnavailable
            | Self::CampaignGone => true,
            Self::ConsumerNotRegistered
            | Self::NoDevice
            | Self::DeviceGone
            | Self::OpenConversation
            | Self::AccountPaused => false,
        }
    }

    /// LivePerson's number for it, under the source `proactive`.
    #[must_use]
    pub const fn number(self) -> u16 {
        match self {
            Self::ConsumerNotRegistered => 28,
            Self::NoDevice => 16,
            Self::DeviceGone => 5803,
            Self::OpenConversation => 1800,
            Self::AppNotConfigured => 27,
            Self::CredentialsRefused => 19,
            Self::NotificationRefused => 1401,
            Self::GatewayUnavailable => 5002,
            Self::CampaignGone => 5000,
            Self::AccountPaused => 500,
        }
    }

    /// LivePerson's code: `proactive_` and the number.
    #[must_use]
    pub fn code(self) -> String {
        format!("proactive_{}", self.number())
    }

    /// What happened and what to do about it, for the brand.
    #[must_use]
    pub const fn explanation(self) -> &'static str {
        match self {
            Self::ConsumerNotRegistered => {
                "The consumer never logged in to an app of the brand. Nothing can reach them before they do."
            }
            Self::NoDevice => {
                "The consumer has no device with one of the handoff's apps. They must log in again in the app."
            }
            Self::DeviceGone => {
                "The push gateway says that the app was removed from every device of the consumer. They must install it and log in again."
            }
            Self::OpenConversation => {
                "The consumer has an open conversation. Close it and send again, or post the campaign with openConversation `append` or `hold`."
            }
            Self::AppNotConfigured => {
                "The app has no push route for the consumer's platform. Configure it with PUT …/apps/{appName} and send again."
            }
            Self::CredentialsRefused => {
                "The push gateway refused the app's credentials, or the app's route leads nowhere, until the lookback ended. Put a valid credential into the app's secret, or mend the route with PUT …/apps/{appName}, and send again."
            }
            Self::NotificationRefused => {
                "The push gateway will never take this notification; the timeline holds its reason."
            }
            Self::GatewayUnavailable => {
                "The push gateway could not be reached or put us off until the lookback ended. Send again."
            }
            Self::CampaignGone => "The campaign was deleted before this message went out.",
            Self::AccountPaused => {
                "The account was paused by an operator until the lookback ended. Send again once the pause is over."
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn an_open_conversation_has_livepersons_code() {
        assert_eq!(Failure::OpenConversation.code(), "proactive_1800");
    }

    #[test]
    fn every_failure_has_a_word_and_a_number_of_its_own() {
        let words: BTreeSet<_> = Failure::ALL.iter().map(|f| f.as_str()).collect();
        let numbers: BTreeSet<_> = Failure::ALL.iter().map(|f| f.number()).collect();
        assert_eq!(words.len(), Failure::ALL.len());
        assert_eq!(numbers.len(), Failure::ALL.len());
    }
}
