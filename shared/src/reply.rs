//! The consumer writes: into the open conversation, or into a new one that is routed.

use crate::{
    access::Consumer,
    account::{ReadSettings, Settings},
    campaign::{Campaign, ReadCampaigns},
    clock::Clock,
    conversation::{
        AddEntries, Added, Author, CampaignInfo, Conversation, Entry, Kind, Posted, Profile, State,
    },
    handoff::Rendered,
    id::{ConversationId, EntryId, SkillName, TransactionId},
    inbox::{self, ReadInbox},
    message::{Message, MessageKey, ReadMessages},
    origin::Origin,
    store::Unavailable,
};
use jiff::Timestamp;
use std::future::Future;

/// What a consumer writes.
#[derive(Clone, Debug)]
pub struct Reply {
    /// The text.
    pub text: String,
    /// The message it answers, if the app knows.
    pub message: Option<TransactionId>,
    /// The app's own id for it, which makes a retry safe.
    pub client_message: Option<String>,
}

/// Where a reply went.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Replied {
    /// The conversation.
    pub conversation: ConversationId,
    /// The entry.
    pub entry: EntryId,
    /// Whose queue it is in.
    pub skill: SkillName,
    /// Where it stands.
    pub state: State,
    /// What sent the message that a new conversation answers, if that is traced.
    pub follows: Option<Origin>,
}

/// Why a reply was not taken.
#[derive(Debug, thiserror::Error)]
pub enum ReplyError {
    /// The consumer has no such message.
    #[error("the consumer has no message of that id")]
    UnknownMessage,
    /// The account has no default skill to route to.
    #[error("the account has no default skill")]
    NoSkill,
    /// The consumer's conversation kept opening and closing meanwhile.
    #[error("the conversation changed meanwhile")]
    Busy,
    /// The store failed.
    #[error(transparent)]
    Store(#[from] Unavailable),
}

/// A new conversation, with everything that begins with it.
#[derive(Clone, Debug)]
pub struct Opening {
    /// The conversation.
    pub conversation: Conversation,
    /// Its first entries, in order.
    pub entries: Vec<Entry>,
    /// The app's own id for the consumer's entry, which is the last.
    pub client_message: Option<String>,
    /// The message that is answered.
    pub answers: Option<MessageKey>,
}

/// What opening a conversation led to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Opened {
    /// It is open.
    Done,
    /// The consumer has another open one, or others were at it all the time.
    AlreadyOpen,
    /// The consumer's own id was used before: where it went.
    Repeated(ConversationId, EntryId),
}

/// Opens conversations.
pub trait OpenConversations: Send + Sync {
    /// Stores all of it in one transaction, or nothing. The message that is answered is
    /// marked as responded to.
    ///
    /// MUST keep that a consumer has at most one open conversation, and return
    /// [`Opened::Repeated`] when the consumer used the client's id before.
    fn open(&self, opening: &Opening) -> impl Future<Output = Result<Opened, Unavailable>> + Send;
}

/// How many of a consumer's messages are looked at first: the newest mostly is the one that is
/// answered.
const LOOKED_AT: u32 = 20;

/// How often a reply is tried while the conversation opens or closes under it.
const TRIES: u32 = 5;

/// Takes what a consumer writes.
///
/// It goes into the open conversation, if there is one. Else a new one begins: within a
/// message's lookback in the campaign's skill, with the campaign attached and the message
/// as its first entry, and without the welcome; otherwise in the account's default skill,
/// with the welcome.
///
/// # Errors
/// When the message is unknown, there is nowhere to route to, or the store fails.
pub async fn reply<S>(
    store: &S,
    clock: &impl Clock,
    consumer: &Consumer,
    reply: &Reply,
) -> Result<Replied, ReplyError>
where
    S: ReadInbox
        + ReadMessages
        + ReadCampaigns
        + ReadSettings
        + AddEntries
        + OpenConversations
        + crate::conversation::ReadConversation,
{
    for _ in 0..TRIES {
        let now = clock.now();
        let (account, id) = (&consumer.account, &consumer.id);
        let (standing, recent) = store
            .standing_and_recent(account, id, inbox::since(now), LOOKED_AT)
            .await?;
        let entry = Entry {
            id: EntryId::at(now),
            author: Author::Consumer,
            originator: None,
            kind: Kind::Chat,
            text: reply.text.clone(),
            at: now,
            transaction: None,
            origin: None,
        };
        let mut follows = None;
        let (conversation, entry) = if let Some(open) = standing.conversation {
            let (skill, state) = if let Some(queue) = standing.queue {
                queue
            } else {
                let Some(found) = store.conversation(&consumer.account, open).await? else {
                    continue;
                };
                (found.skill, found.state)
            };
            let posted = Posted {
                account: consumer.account.clone(),
                conversation: open,
                consumer: consumer.id.clone(),
                skill,
                entry,
            };
            match store
                .add(&posted, reply.client_message.as_deref(), false)
                .await?
            {
                Added::Done => {
                    return Ok(Replied {
                        conversation: open,
                        entry: posted.entry.id,
                        skill: posted.skill,
                        state,
                        follows: None,
                    });
                }
                Added::NotTaken => continue,
                Added::Repeated(id, entry) => (found(store, consumer, id).await?, entry),
            }
        } else {
            let profile = standing.profile.unwrap_or_default();
            let answered = answered(store, consumer, reply, recent, now).await?;
            follows = answered.as_ref().and_then(|(m, _)| m.origin.clone());
            let opening = draw_up(store, consumer, reply, profile, entry, answered, now).await?;
            match store.open(&opening).await? {
                Opened::Done => (
                    opening.conversation,
                    opening.entries.last().map_or(EntryId::at(now), |e| e.id),
                ),
                Opened::AlreadyOpen => continue,
                Opened::Repeated(id, entry) => (found(store, consumer, id).await?, entry),
            }
        };
        return Ok(Replied {
            conversation: conversation.id,
            entry,
            skill: conversation.skill,
            state: conversation.state,
            follows,
        });
    }
    Err(ReplyError::Busy)
}

async fn found(
    store: &impl crate::conversation::ReadConversation,
    consumer: &Consumer,
    id: ConversationId,
) -> Result<Conversation, ReplyError> {
    store
        .conversation(&consumer.account, id)
        .await?
        .ok_or(ReplyError::Busy)
}

/// Decides where a new conversation goes and what it begins with.
async fn draw_up<S>(
    store: &S,
    consumer: &Consumer,
    reply: &Reply,
    profile: Profile,
    entry: Entry,
    answered: Option<(Message, Campaign)>,
    now: Timestamp,
) -> Result<Opening, ReplyError>
where
    S: ReadSettings,
{
    let (skill, campaign, first, answers) = if let Some((message, campaign)) = answered {
        // The consumer saw it before they wrote, so it sorts before what they wrote.
        let just_before = now - jiff::SignedDuration::from_millis(1);
        let first = Entry {
            id: EntryId::at(message.sent_at.unwrap_or(now).min(just_before)),
            author: Author::Brand,
            originator: None,
            kind: Kind::Proactive,
            text: message.rendered.map(|r| r.text).unwrap_or_default(),
            at: message.sent_at.unwrap_or(now),
            transaction: Some(message.key.transaction),
            origin: None,
        };
        let info = info(&campaign, message.key.transaction);
        (campaign.skill, Some(info), Some(first), Some(message.key))
    } else {
        let Settings {
            default_skill,
            welcome_message,
            ..
        } = store.settings(&consumer.account).await?;
        let welcome = welcome_message.map(|welcome| Entry {
            // Shown in answer to what they wrote, so it sorts after it.
            id: EntryId::at(now + jiff::SignedDuration::from_millis(1)),
            author: Author::System,
            originator: None,
            kind: Kind::Welcome,
            text: welcome.as_str().to_owned(),
            at: now,
            transaction: None,
            origin: None,
        });
        (
            default_skill.ok_or(ReplyError::NoSkill)?,
            None,
            welcome,
            None,
        )
    };
    Ok(Opening {
        conversation: Conversation {
            account: consumer.account.clone(),
            id: ConversationId::at(now),
            consumer: consumer.id.clone(),
            skill,
            state: State::Waiting,
            agent: None,
            campaign,
            profile,
            started_at: now,
            closed_at: None,
            version: 1,
        },
        entries: first.into_iter().chain([entry]).collect(),
        client_message: reply.client_message.clone(),
        answers,
    })
}

/// The message that a reply answers: the one it names, or the newest that lives and was
/// not answered. Its campaign decides whether one that was answered counts again.
async fn answered<S>(
    store: &S,
    consumer: &Consumer,
    reply: &Reply,
    mut recent: Vec<Message>,
    now: Timestamp,
) -> Result<Option<(Message, Campaign)>, ReplyError>
where
    S: ReadInbox + ReadMessages + ReadCampaigns,
{
    let Some(transaction) = reply.message else {
        let may_be_more = recent.len() >= LOOKED_AT as usize;
        recent.retain(|m| inbox::is_shown(m, now));
        let found = first(store, recent).await?;
        if found.is_some() || !may_be_more {
            return Ok(found);
        }
        let all = inbox::list(store, &At(now), consumer).await?;
        return Ok(first(store, all).await?);
    };
    recent.retain(|m| m.key.transaction == transaction);
    if recent.is_empty() {
        let key = MessageKey {
            account: consumer.account.clone(),
            consumer: consumer.id.clone(),
            transaction,
        };
        recent = store.messages(&[key]).await?;
    }
    if recent.is_empty() {
        return Err(ReplyError::UnknownMessage);
    }
    // Only who was shown a message knows its id, though its sender may have died before it could
    // record that.
    recent.retain(|m| now < m.lookback_ends_at);
    Ok(first(store, recent).await?)
}

/// The first of the messages that a reply counts for, with its campaign.
async fn first(
    store: &impl ReadCampaigns,
    candidates: Vec<Message>,
) -> Result<Option<(Message, Campaign)>, Unavailable> {
    for mut message in candidates {
        let campaign = store
            .accepted(&message.key.account, &message.place.campaign)
            .await?
            .filter(|campaign| message.responded_at.is_none() || campaign.route_all);
        if let Some(campaign) = campaign {
            if message.rendered.is_none() {
                message.rendered = render(store, &campaign, &message).await?;
            }
            return Ok(Some((message, campaign)));
        }
    }
    Ok(None)
}

/// What the message says, from its recipient's entry in the campaign.
async fn render(
    store: &impl ReadCampaigns,
    campaign: &Campaign,
    message: &Message,
) -> Result<Option<Rendered>, Unavailable> {
    let chunk = store
        .chunk(&campaign.account, &campaign.id, message.place.chunk)
        .await?;
    let index = message.place.index as usize;
    Ok(chunk
        .and_then(|chunk| chunk.recipients.into_iter().nth(index))
        .map(|recipient| campaign.content.render(&recipient.variables)))
}

/// A clock that stands still.
struct At(Timestamp);

impl Clock for At {
    fn now(&self) -> Timestamp {
        self.0
    }
}

fn info(campaign: &Campaign, transaction: TransactionId) -> CampaignInfo {
    CampaignInfo {
        campaign: campaign.id.clone(),
        name: campaign.name.as_str().to_owned(),
        le_campaign: campaign.le_campaign.clone(),
        le_engagement: campaign.le_engagement.clone(),
        skill: campaign.skill.clone(),
        source: campaign.source,
        handoff: campaign.handoff.clone(),
        lookback_ends_at: campaign.lookback_ends_at,
        transaction,
    }
}
