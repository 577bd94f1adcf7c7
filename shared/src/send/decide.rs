//! What is to become of a claimed message: looked at anew, then pushed, posted, held or ended.

use super::{
    Attempt, Before, Next, SendStore, Sender,
    attempt::{ends, fails, sent},
};
use crate::{
    campaign::{Campaign, OpenConversation},
    clock::Clock,
    conversation::{Added, Author, Entry, Kind, Posted},
    dispatch::{Enqueue, MessageJob},
    failure::Failure,
    handoff::Rendered,
    id::{ConversationId, EntryId},
    push::Push,
    store::Unavailable,
};
use jiff::Timestamp;

impl<S, Q, P, C> Sender<'_, S, Q, P, C>
where
    S: SendStore,
    Q: Enqueue,
    P: Push,
    C: Clock,
{
    /// Looks at everything anew, now that the message is claimed, and sends it if it is
    /// still to be sent.
    pub(super) async fn attempt(
        &self,
        job: &MessageJob,
        before: &Before,
    ) -> Result<Attempt, Unavailable> {
        let key = &job.key;
        let at = self.clock.now();
        let campaign = self
            .store
            .campaign(&key.account, &job.place.campaign)
            .await?;
        // First: what counts as cancelled since the call must not become anything else.
        if campaign.as_ref().is_some_and(|c| c.cancelled_at.is_some()) {
            let detail = "The campaign was cancelled.";
            return Ok(ends(at, None, Next::Cancelled, "CANCELLED", detail));
        }
        if at >= job.lookback_ends_at {
            let detail = "The lookback ended before the message could leave.";
            let next = Next::Expired(before.trouble);
            return Ok(ends(at, None, next, "EXPIRED", detail));
        }
        let Some(campaign) = campaign else {
            return Ok(fails(at, None, Failure::CampaignGone));
        };
        let rendered = campaign.content.render(&job.variables);
        if before.answered {
            // Whoever pushed it died before they could tell.
            return Ok(sent(at, rendered));
        }
        let standing = self.store.standing(&key.account, &key.consumer).await?;
        if standing.profile.is_none() {
            return Ok(fails(at, Some(rendered), Failure::ConsumerNotRegistered));
        }
        if let Some(conversation) = standing.conversation
            && let Some(outcome) = self
                .beside(job, &campaign, conversation, &rendered, at)
                .await?
        {
            return Ok(outcome);
        }
        self.to_devices(job, &campaign, &standing, before, rendered)
            .await
    }

    /// What comes of a message whose consumer has an open conversation; `None` when it goes out
    /// as a push all the same.
    async fn beside(
        &self,
        job: &MessageJob,
        campaign: &Campaign,
        conversation: ConversationId,
        rendered: &Rendered,
        at: Timestamp,
    ) -> Result<Option<Attempt>, Unavailable> {
        let shown = || Some(rendered.clone());
        Ok(match campaign.open_conversation {
            OpenConversation::Fail => Some(fails(at, shown(), Failure::OpenConversation)),
            OpenConversation::Hold => {
                let detail =
                    "The consumer has an open conversation; the message goes out when it closes.";
                Some(ends(at, shown(), Next::Held, "HELD", detail))
            }
            OpenConversation::Append => {
                let detail = "Posted into the consumer's open conversation.";
                // When it did not take it, it closed meanwhile.
                let is_taken = self.append(job, conversation, rendered, at).await?;
                is_taken.then(|| ends(at, shown(), Next::Sent, "APPENDED", detail))
            }
        })
    }

    /// Posts the message into the consumer's open conversation; whether that took it.
    async fn append(
        &self,
        job: &MessageJob,
        conversation: ConversationId,
        rendered: &Rendered,
        at: Timestamp,
    ) -> Result<bool, Unavailable> {
        let key = &job.key;
        let Some(found) = self.store.conversation(&key.account, conversation).await? else {
            return Ok(false);
        };
        let posted = Posted {
            account: key.account.clone(),
            conversation,
            consumer: key.consumer.clone(),
            skill: found.skill,
            entry: Entry {
                id: EntryId::at(at),
                author: Author::Brand,
                originator: None,
                kind: Kind::Proactive,
                text: rendered.text.clone(),
                at,
                transaction: Some(key.transaction),
                origin: job.origin.clone(),
            },
        };
        // The transaction's id keeps a second try from posting it twice. With a space in it, it
        // is none that an app can give to what its consumer writes.
        let once = format!("message {}", key.transaction);
        let added = self.store.add(&posted, Some(&once), false).await?;
        Ok(added != Added::NotTaken)
    }
}
