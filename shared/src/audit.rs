//! The audit log: who changed what of an account, and when. It holds no secret and no text.

use crate::{
    access::{Role, Staff},
    id::{AccountId, AuditId},
    store::Unavailable,
};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::future::Future;

/// Who makes a change, and when: every write of an account's configuration or campaigns has one,
/// and leaves an [`Entry`] in the transaction that makes the change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Author {
    /// The account that is changed.
    pub account: AccountId,
    /// The token's subject: a client's id, or a person.
    pub subject: String,
    /// What they may do.
    pub roles: Vec<Role>,
    /// When.
    pub at: Timestamp,
}

impl Staff {
    /// The caller as the author of a change that is made `now`.
    #[must_use]
    pub fn at(&self, now: Timestamp) -> Author {
        Author {
            account: self.account.clone(),
            subject: self.subject.clone(),
            roles: self.roles.clone(),
            at: now,
        }
    }
}

/// What was done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Action {
    /// The settings were changed.
    SettingsChanged,
    /// The account was paused.
    AccountPaused,
    /// The account's pause was ended.
    AccountResumed,
    /// The account was ended.
    AccountDeleted,
    /// A skill was added or changed.
    SkillSaved,
    /// A skill was removed.
    SkillRemoved,
    /// An app was added or changed.
    AppSaved,
    /// An app was removed.
    AppRemoved,
    /// A client was made.
    ClientMade,
    /// A client was given a new secret.
    ClientRotated,
    /// A client was revoked.
    ClientRevoked,
    /// A handoff was made.
    HandoffMade,
    /// A handoff was changed.
    HandoffChanged,
    /// A handoff was deleted.
    HandoffDeleted,
    /// A handoff's campaigns were cancelled and it was deleted.
    HandoffStopped,
    /// A campaign was accepted.
    CampaignAccepted,
    /// A campaign was cancelled.
    CampaignCancelled,
    /// A webhook was made or changed.
    WebhookSaved,
    /// A webhook was given a new secret.
    WebhookRotated,
    /// A webhook was removed.
    WebhookRemoved,
    /// A webhook was disabled, since it takes nothing.
    WebhookDisabled,
}

impl Action {
    /// All actions.
    pub const ALL: [Self; 21] = [
        Self::SettingsChanged,
        Self::AccountPaused,
        Self::AccountResumed,
        Self::AccountDeleted,
        Self::SkillSaved,
        Self::SkillRemoved,
        Self::AppSaved,
        Self::AppRemoved,
        Self::ClientMade,
        Self::ClientRotated,
        Self::ClientRevoked,
        Self::HandoffMade,
        Self::HandoffChanged,
        Self::HandoffDeleted,
        Self::HandoffStopped,
        Self::CampaignAccepted,
        Self::CampaignCancelled,
        Self::WebhookSaved,
        Self::WebhookRotated,
        Self::WebhookRemoved,
        Self::WebhookDisabled,
    ];

    /// Its name on the wire.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::SettingsChanged => "SETTINGS_CHANGED",
            Self::AccountPaused => "ACCOUNT_PAUSED",
            Self::AccountResumed => "ACCOUNT_RESUMED",
            Self::AccountDeleted => "ACCOUNT_DELETED",
            Self::SkillSaved => "SKILL_SAVED",
            Self::SkillRemoved => "SKILL_REMOVED",
            Self::AppSaved => "APP_SAVED",
            Self::AppRemoved => "APP_REMOVED",
            Self::ClientMade => "CLIENT_MADE",
            Self::ClientRotated => "CLIENT_ROTATED",
            Self::ClientRevoked => "CLIENT_REVOKED",
            Self::HandoffMade => "HANDOFF_MADE",
            Self::HandoffChanged => "HANDOFF_CHANGED",
            Self::HandoffDeleted => "HANDOFF_DELETED",
            Self::HandoffStopped => "HANDOFF_STOPPED",
            Self::CampaignAccepted => "CAMPAIGN_ACCEPTED",
            Self::CampaignCancelled => "CAMPAIGN_CANCELLED",
            Self::WebhookSaved => "WEBHOOK_SAVED",
            Self::WebhookRotated => "WEBHOOK_ROTATED",
            Self::WebhookRemoved => "WEBHOOK_REMOVED",
            Self::WebhookDisabled => "WEBHOOK_DISABLED",
        }
    }
}

/// A change that was made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Which one; entries of an account are in the order of their ids.
    pub id: AuditId,
    /// Who made it, and when.
    pub by: Author,
    /// What was done.
    pub action: Action,
    /// To what: an id or a name.
    pub target: String,
}

impl Author {
    /// The entry of a change that the author makes.
    #[must_use]
    pub fn entry(&self, action: Action, target: &(impl ToString + ?Sized)) -> Entry {
        Entry {
            id: AuditId::at(self.at),
            by: self.clone(),
            action,
            target: target.to_string(),
        }
    }
}

/// Reads the audit log.
pub trait ReadAudit: Send + Sync {
    /// At most `limit` entries of the account that were made before `before`, if that is given,
    /// newest first.
    fn audit(
        &self,
        account: &AccountId,
        before: Option<AuditId>,
        limit: u32,
    ) -> impl Future<Output = Result<Vec<Entry>, Unavailable>> + Send;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn actions_are_stored_as_they_are_shown() {
        for action in Action::ALL {
            let read: Action =
                serde::Deserialize::deserialize(serde::de::value::StrDeserializer::<
                    serde::de::value::Error,
                >::new(action.as_str()))
                .unwrap();
            assert_eq!(read, action);
        }
    }
}
