//! Who may do what: roles and permissions in one table.
//!
//! | role | may |
//! |---|---|
//! | `operator` | everything, on every account: raising limits and pausing the account is theirs alone |
//! | `admin` | everything of the brand but these |
//! | `campaign-manager` | handoffs, campaigns and deflected calls, reports; reads the configuration |
//! | `agent-manager` | reads handoffs, campaigns, reports and conversations |
//! | `agent`, `bot` | reads and serves the conversations of its own skills |

use crate::id::{AccountId, ConsumerId, SkillName};
use serde::{Deserialize, Serialize};
use std::{fmt, str::FromStr};

/// What a caller of a brand is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    /// Runs the system for all brands.
    Operator,
    /// Runs the brand's account.
    Admin,
    /// Makes handoffs and posts campaigns.
    CampaignManager,
    /// Leads agents; reads only.
    AgentManager,
    /// Answers consumers.
    Agent,
    /// Answers consumers, as a program.
    Bot,
}

impl Role {
    /// All roles.
    pub const ALL: [Self; 6] = [
        Self::Operator,
        Self::Admin,
        Self::CampaignManager,
        Self::AgentManager,
        Self::Agent,
        Self::Bot,
    ];

    /// Its name on the wire.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Operator => "operator",
            Self::Admin => "admin",
            Self::CampaignManager => "campaign-manager",
            Self::AgentManager => "agent-manager",
            Self::Agent => "agent",
            Self::Bot => "bot",
        }
    }

    /// Whether the role has `permission`.
    #[must_use]
    pub const fn may(self, permission: Permission) -> bool {
        use Permission as P;
        match self {
            Self::Operator => true,
            Self::Admin => !matches!(permission, P::RaiseLimits | P::PauseAccounts),
            Self::CampaignManager => matches!(
                permission,
                P::ReadConfiguration
                    | P::ReadHandoffs
                    | P::WriteHandoffs
                    | P::ReadCampaigns
                    | P::WriteCampaigns
                    | P::ReadReports
            ),
            Self::AgentManager => matches!(
                permission,
                P::ReadConfiguration
                    | P::ReadHandoffs
                    | P::ReadCampaigns
                    | P::ReadReports
                    | P::ReadConversations
            ),
            Self::Agent | Self::Bot => {
                matches!(permission, P::ReadConversations | P::ServeConversations)
            }
        }
    }

    /// Whether the role serves only the skills that its token names.
    #[must_use]
    pub const fn is_bound_to_skills(self) -> bool {
        matches!(self, Self::Agent | Self::Bot)
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A string was not a role.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a role: operator, admin, campaign-manager, agent-manager, agent or bot")]
pub struct InvalidRole;

impl FromStr for Role {
    type Err = InvalidRole;

    fn from_str(s: &str) -> Result<Self, InvalidRole> {
        Self::ALL
            .into_iter()
            .find(|role| role.as_str() == s)
            .ok_or(InvalidRole)
    }
}

/// Something a caller may be allowed to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Permission {
    /// Read apps, skills, settings and webhooks.
    ReadConfiguration,
    /// Write apps, skills, settings and webhooks.
    WriteConfiguration,
    /// Raise the account's limits.
    RaiseLimits,
    /// Pause the account.
    PauseAccounts,
    /// Make and revoke API clients.
    ManageClients,
    /// Read who changed what.
    ReadAudit,
    /// Read handoffs.
    ReadHandoffs,
    /// Make, change and delete handoffs.
    WriteHandoffs,
    /// Read campaigns and their recipients.
    ReadCampaigns,
    /// Post and cancel campaigns, and deflect calls.
    WriteCampaigns,
    /// Read reports.
    ReadReports,
    /// Read the conversations of its skills.
    ReadConversations,
    /// Accept, answer, transfer and close conversations of its skills.
    ServeConversations,
}

/// Whose call it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Needs {
    /// Anybody's.
    Nothing,
    /// That of a brand's caller with this permission.
    Permission(Permission),
    /// That of a consumer, about themselves.
    Consumer,
}

impl Needs {
    /// Whether a brand's caller of that role may make the call.
    #[must_use]
    pub const fn allows(self, role: Role) -> bool {
        match self {
            Self::Nothing => true,
            Self::Permission(permission) => role.may(permission),
            Self::Consumer => false,
        }
    }
}

/// Every call of the API, by its operation's name, and whose it is: with [`Role::may`] the whole
/// table of who may do what. The whole-system tests make every call as everybody and hold the
/// routes to it.
pub const CALLS: &[(&str, Needs)] = {
    use Needs::{Consumer, Nothing, Permission as May};
    use Permission as P;
    &[
        ("giveToken", Nothing),
        ("tellBaseUri", Nothing),
        ("listApps", May(P::ReadConfiguration)),
        ("getApp", May(P::ReadConfiguration)),
        ("putApp", May(P::WriteConfiguration)),
        ("deleteApp", May(P::WriteConfiguration)),
        ("listSkills", May(P::ReadConfiguration)),
        ("getSkill", May(P::ReadConfiguration)),
        ("putSkill", May(P::WriteConfiguration)),
        ("deleteSkill", May(P::WriteConfiguration)),
        ("getSettings", May(P::ReadConfiguration)),
        ("putSettings", May(P::WriteConfiguration)),
        ("listWebhooks", May(P::ReadConfiguration)),
        ("getWebhook", May(P::ReadConfiguration)),
        ("putWebhook", May(P::WriteConfiguration)),
        ("deleteWebhook", May(P::WriteConfiguration)),
        ("rotateWebhook", May(P::WriteConfiguration)),
        ("testWebhook", May(P::WriteConfiguration)),
        ("replayWebhook", May(P::WriteConfiguration)),
        ("listClients", May(P::ManageClients)),
        ("createClient", May(P::ManageClients)),
        ("rotateClient", May(P::ManageClients)),
        ("deleteClient", May(P::ManageClients)),
        ("listAudit", May(P::ReadAudit)),
        ("listHandoffs", May(P::ReadHandoffs)),
        ("listAllHandoffs", May(P::ReadHandoffs)),
        ("listChannelHandoffs", May(P::ReadHandoffs)),
        ("getHandoff", May(P::ReadHandoffs)),
        ("previewHandoff", May(P::ReadHandoffs)),
        ("createHandoff", May(P::WriteHandoffs)),
        ("changeHandoff", May(P::WriteHandoffs)),
        ("deleteHandoff", May(P::WriteHandoffs)),
        ("createCampaign", May(P::WriteCampaigns)),
        ("cancelCampaign", May(P::WriteCampaigns)),
        ("getCampaign", May(P::ReadCampaigns)),
        ("listCampaignConversations", May(P::ReadCampaigns)),
        ("listRecipients", May(P::ReadCampaigns)),
        ("getRecipient", May(P::ReadCampaigns)),
        ("checkEligibility", May(P::WriteCampaigns)),
        ("inviteCaller", May(P::WriteCampaigns)),
        ("getAnalytics", May(P::ReadReports)),
        ("filterAnalytics", May(P::ReadReports)),
        ("getCampaignReport", May(P::ReadReports)),
        ("getCampaignAnalytics", May(P::ReadReports)),
        ("listTransactions", May(P::ReadReports)),
        ("listConversations", May(P::ReadConversations)),
        ("getConversation", May(P::ReadConversations)),
        ("acceptConversation", May(P::ServeConversations)),
        ("answerConsumer", May(P::ServeConversations)),
        ("transferConversation", May(P::ServeConversations)),
        ("closeConversation", May(P::ServeConversations)),
        ("logInDevice", Consumer),
        ("logOutDevice", Consumer),
        ("getInbox", Consumer),
        ("reportMessage", Consumer),
        ("getChat", Consumer),
        ("writeMessage", Consumer),
    ]
};

/// A caller of a brand: a person or a program with a brand token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Staff {
    /// The brand.
    pub account: AccountId,
    /// Who it is within the brand.
    pub subject: String,
    /// What it is.
    pub roles: Vec<Role>,
    /// The skills it serves, for roles that are bound to skills.
    pub skills: Vec<SkillName>,
}

impl Staff {
    /// Whether one of its roles has `permission`.
    #[must_use]
    pub fn may(&self, permission: Permission) -> bool {
        self.roles.iter().any(|role| role.may(permission))
    }

    /// Whether it may do `permission` on what belongs to `skill`.
    #[must_use]
    pub fn may_on(&self, permission: Permission, skill: &SkillName) -> bool {
        self.roles.iter().any(|role| {
            role.may(permission) && (!role.is_bound_to_skills() || self.skills.contains(skill))
        })
    }

    /// Whether it is a program rather than a person.
    #[must_use]
    pub fn is_bot(&self) -> bool {
        self.roles.contains(&Role::Bot)
    }
}

/// A caller with a token of the brand's own identity provider.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Consumer {
    /// The brand.
    pub account: AccountId,
    /// Who it is: the token's `sub`, never a path or body field.
    pub id: ConsumerId,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_call_stands_once() {
        let names: std::collections::BTreeSet<_> = CALLS.iter().map(|(name, _)| name).collect();
        assert_eq!(names.len(), CALLS.len());
    }

    #[test]
    fn only_operators_raise_limits_and_pause_accounts() {
        for role in Role::ALL {
            for permission in [Permission::RaiseLimits, Permission::PauseAccounts] {
                assert_eq!(role.may(permission), role == Role::Operator);
            }
        }
    }

    #[test]
    fn agent_managers_are_read_only() {
        for permission in [
            Permission::WriteConfiguration,
            Permission::WriteHandoffs,
            Permission::WriteCampaigns,
            Permission::ServeConversations,
            Permission::ManageClients,
        ] {
            assert!(!Role::AgentManager.may(permission), "{permission:?}");
        }
    }

    #[test]
    fn agents_serve_their_own_skills_only() {
        let sales: SkillName = "sales".parse().unwrap();
        let support: SkillName = "support".parse().unwrap();
        let agent = Staff {
            account: "demo".parse().unwrap(),
            subject: "eve".into(),
            roles: vec![Role::Agent],
            skills: vec![sales.clone()],
        };
        assert!(agent.may_on(Permission::ServeConversations, &sales));
        assert!(!agent.may_on(Permission::ServeConversations, &support));
        assert!(!agent.may(Permission::WriteCampaigns));
    }

    #[test]
    fn roles_are_spelled_as_they_are_read() {
        for role in Role::ALL {
            assert_eq!(role.as_str().parse(), Ok(role));
        }
        assert_eq!("root".parse::<Role>(), Err(InvalidRole));
    }
}
