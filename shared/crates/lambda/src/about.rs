//! What a line of the log is about: the ids that lead from it to a brand's campaign and message.
//!
//! Ids alone. Who a consumer is, what was written and every token stay out of the log.

use domain::{
    deliver, dispatch,
    event::Data,
    id::{AccountId, CampaignId, ConversationId, TransactionId},
};
use tracing::{Span, field};

/// Whose something is, and of which campaign, message or conversation.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct About {
    /// The brand.
    pub account: Option<AccountId>,
    /// The campaign.
    pub campaign: Option<CampaignId>,
    /// The campaign's message.
    pub transaction: Option<TransactionId>,
    /// The conversation.
    pub conversation: Option<ConversationId>,
}

impl About {
    /// About an account, as far as is known.
    #[must_use]
    pub fn account(account: &AccountId) -> Self {
        Self {
            account: Some(account.clone()),
            ..Self::default()
        }
    }

    /// About a campaign.
    #[must_use]
    pub fn campaign(account: &AccountId, campaign: &CampaignId) -> Self {
        Self {
            campaign: Some(campaign.clone()),
            ..Self::account(account)
        }
    }

    /// About a campaign's message.
    #[must_use]
    pub fn message(account: &AccountId, campaign: &CampaignId, message: TransactionId) -> Self {
        Self {
            transaction: Some(message),
            ..Self::campaign(account, campaign)
        }
    }

    /// About a conversation.
    #[must_use]
    pub fn conversation(account: &AccountId, conversation: ConversationId) -> Self {
        Self {
            conversation: Some(conversation),
            ..Self::account(account)
        }
    }

    /// What a call of the API is about, by its path. What is no id is left out.
    pub(crate) fn path(path: &str) -> Self {
        let mut about = Self::default();
        let parts: Vec<_> = path.split('/').collect();
        for pair in parts.windows(2) {
            match pair[0] {
                "account" => about.account = pair[1].parse().ok(),
                "campaign" | "campaigns" => about.campaign = pair[1].parse().ok(),
                "messages" => about.transaction = pair[1].parse().ok(),
                "conversations" => about.conversation = pair[1].parse().ok(),
                _ => {}
            }
        }
        about
    }

    /// A span in which every line has these ids.
    #[must_use]
    pub fn span(&self) -> Span {
        tracing::info_span!(
            "about",
            account = self.account.as_ref().map(field::display),
            campaign = self.campaign.as_ref().map(field::display),
            transaction = self.transaction.as_ref().map(field::display),
            conversation = self.conversation.as_ref().map(field::display),
        )
    }

    /// Tells a span of a distributed trace these ids, too.
    pub fn tell(&self, span: &trace::Span) {
        if !span.is_recorded() {
            return;
        }
        if let Some(account) = &self.account {
            span.set("overture.account", account.to_string());
        }
        if let Some(campaign) = &self.campaign {
            span.set("overture.campaign", campaign.to_string());
        }
        if let Some(message) = &self.transaction {
            span.set("overture.message", message.to_string());
        }
        if let Some(conversation) = &self.conversation {
            span.set("overture.conversation", conversation.to_string());
        }
    }
}

impl From<&dispatch::Job> for About {
    fn from(job: &dispatch::Job) -> Self {
        match job {
            dispatch::Job::Message(job) => {
                let key = &job.key;
                Self::message(&key.account, &job.place.campaign, key.transaction)
            }
            dispatch::Job::Chat(job) => Self {
                transaction: job.transaction,
                ..Self::conversation(&job.account, job.conversation)
            },
        }
    }
}

impl From<&deliver::Job> for About {
    fn from(job: &deliver::Job) -> Self {
        match job {
            deliver::Job::Replay(job) => Self::account(&job.account),
            deliver::Job::Event(job) => match &job.event.data {
                Data::Message(of) => {
                    Self::message(&job.account, &of.campaign_id, of.transaction_id)
                }
                Data::Campaign(of) => Self::campaign(&job.account, &of.campaign_id),
                Data::Conversation(of) => Self::conversation(&job.account, of.conversation_id),
                Data::App(_) | Data::Disabled(_) | Data::Test(_) => Self::account(&job.account),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_tells_its_ids_and_nothing_else() {
        let message = "01900000-0000-7000-8000-000000000001";
        let about = About::path(&format!(
            "/api/v2/account/acme/me/messages/{message}/events"
        ));
        assert_eq!(about.account, Some("acme".parse().unwrap()));
        assert_eq!(about.transaction, Some(message.parse().unwrap()));
        let about = About::path("/api/v2/account/acme/campaign/85pC1KRcqf/recipients/ana");
        let acme = "acme".parse().unwrap();
        let campaign = "85pC1KRcqf".parse().unwrap();
        assert_eq!(about, About::campaign(&acme, &campaign));
        let about = About::path("/api/v2/account/%22%7D/conversations/Hello");
        assert_eq!(about, About::default());
    }
}
