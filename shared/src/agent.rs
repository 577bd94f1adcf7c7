//! Agents and bots serve conversations: the queue, accept, answer, transfer, close.

use crate::{
    access::{Permission, Staff},
    account::SkillStore,
    clock::Clock,
    conversation::{
        AddEntries, Added, Author, Conversation, Entry, Kind, Posted, ReadConversation, State,
    },
    id::{AccountId, ConversationId, EntryId, SkillName},
    origin::Origin,
    store::{Cursor, Page, Unavailable},
};
use std::future::Future;

/// Reads the queues of conversations.
pub trait ReadQueues: Send + Sync {
    /// A page of the skill's conversations in that state, oldest first.
    ///
    /// MUST refuse a cursor that it did not make for this account, skill and state, with
    /// `Ok(None)`.
    fn queue(
        &self,
        account: &AccountId,
        skill: &SkillName,
        state: State,
        from: Option<&Cursor>,
        limit: u32,
    ) -> impl Future<Output = Result<Option<Page<Conversation>>, Unavailable>> + Send;
}

/// Saves changes of conversations.
pub trait SaveConversations: Send + Sync {
    /// Puts `new` in the place of `old`, if `old` is still what is stored, and, when `new` is of
    /// another skill, the account has it; whether it was put. It is not, either, when others were
    /// at it all the time.
    ///
    /// When `new` is closed, the consumer has no open conversation any more, and the
    /// message that it answers is marked.
    fn save(
        &self,
        old: &Conversation,
        new: &Conversation,
    ) -> impl Future<Output = Result<bool, Unavailable>> + Send;
}

/// Why an agent's call was not carried out.
#[derive(Debug, thiserror::Error)]
pub enum AgentError {
    /// There is no such conversation, or it belongs to a skill that is not the agent's.
    #[error("there is no such conversation among the caller's skills")]
    NotFound,
    /// Another agent has it.
    #[error("another agent has the conversation")]
    Taken,
    /// Nobody has accepted it yet.
    #[error("the conversation waits: accept it first")]
    Waiting,
    /// It is over.
    #[error("the conversation is closed")]
    Closed,
    /// The skill to transfer to is none of the account's.
    #[error("the account has no skill of that name")]
    UnknownSkill,
    /// It kept changing meanwhile.
    #[error("the conversation changed meanwhile: read it again")]
    Busy,
    /// The store failed.
    #[error(transparent)]
    Store(#[from] Unavailable),
}

/// The conversation, if the caller may read it.
///
/// # Errors
/// When there is none, or the store fails.
pub async fn read(
    store: &impl ReadConversation,
    staff: &Staff,
    id: ConversationId,
) -> Result<Conversation, AgentError> {
    visible(store, staff, id, Permission::ReadConversations).await
}

async fn visible(
    store: &impl ReadConversation,
    staff: &Staff,
    id: ConversationId,
    permission: Permission,
) -> Result<Conversation, AgentError> {
    store
        .conversation(&staff.account, id)
        .await?
        .filter(|c| staff.may_on(permission, &c.skill))
        .ok_or(AgentError::NotFound)
}

/// Whether the caller may act in the place of the agent who has the conversation.
fn may_act(staff: &Staff, conversation: &Conversation) -> bool {
    conversation.agent.as_deref() == Some(&staff.subject)
        || staff
            .roles
            .iter()
            .any(|r| !r.is_bound_to_skills() && r.may(Permission::ServeConversations))
}

/// How often a change is tried when another comes in between.
const TRIES: u32 = 5;

/// Reads, decides and saves, again if somebody else was faster.
async fn change<S, D>(
    store: &S,
    staff: &Staff,
    id: ConversationId,
    decide: D,
) -> Result<Conversation, AgentError>
where
    S: ReadConversation + SaveConversations,
    D: Fn(Conversation) -> Result<Option<Conversation>, AgentError>,
{
    for _ in 0..TRIES {
        let old = visible(store, staff, id, Permission::ServeConversations).await?;
        let Some(mut new) = decide(old.clone())? else {
            return Ok(old);
        };
        new.version = old.version + 1;
        if store.save(&old, &new).await? {
            return Ok(new);
        }
    }
    Err(AgentError::Busy)
}

/// Takes a waiting conversation. Taking one's own again changes nothing.
///
/// # Errors
/// When it is not the caller's to take, or the store fails.
pub async fn accept<S>(
    store: &S,
    staff: &Staff,
    id: ConversationId,
) -> Result<Conversation, AgentError>
where
    S: ReadConversation + SaveConversations,
{
    change(store, staff, id, |conversation| match conversation.state {
        State::Closed => Err(AgentError::Closed),
        State::Open if conversation.agent.as_deref() == Some(&staff.subject) => Ok(None),
        State::Open => Err(AgentError::Taken),
        State::Waiting => Ok(Some(Conversation {
            state: State::Open,
            agent: Some(staff.subject.clone()),
            ..conversation
        })),
    })
    .await
}

/// Gives a conversation to another skill, where it waits again.
///
/// # Errors
/// When it is not the caller's to give, the skill is unknown, or the store fails.
pub async fn transfer<S>(
    store: &S,
    staff: &Staff,
    id: ConversationId,
    skill: &SkillName,
) -> Result<Conversation, AgentError>
where
    S: ReadConversation + SaveConversations + SkillStore,
{
    for _ in 0..TRIES {
        let old = visible(store, staff, id, Permission::ServeConversations).await?;
        match old.state {
            State::Closed => return Err(AgentError::Closed),
            State::Open if !may_act(staff, &old) => return Err(AgentError::Taken),
            State::Open | State::Waiting => {}
        }
        let new = Conversation {
            skill: skill.clone(),
            state: State::Waiting,
            agent: None,
            version: old.version + 1,
            ..old.clone()
        };
        if store.save(&old, &new).await? {
            return Ok(new);
        }
        if store.skill(&staff.account, skill).await?.is_none() {
            return Err(AgentError::UnknownSkill);
        }
    }
    Err(AgentError::Busy)
}

/// Closes a conversation. Closing a closed one changes nothing.
///
/// # Errors
/// When it is not the caller's to close, or the store fails.
pub async fn close<S>(
    store: &S,
    clock: &impl Clock,
    staff: &Staff,
    id: ConversationId,
) -> Result<Conversation, AgentError>
where
    S: ReadConversation + SaveConversations,
{
    change(store, staff, id, |conversation| match conversation.state {
        State::Closed => Ok(None),
        State::Open if !may_act(staff, &conversation) => Err(AgentError::Taken),
        State::Open | State::Waiting => Ok(Some(Conversation {
            state: State::Closed,
            closed_at: Some(clock.now()),
            ..conversation
        })),
    })
    .await
}

/// Answers the consumer, in a conversation that the caller has accepted. What follows from it
/// has that origin.
///
/// # Errors
/// When the conversation is not the caller's to answer, or the store fails.
pub async fn answer<S>(
    store: &S,
    clock: &impl Clock,
    staff: &Staff,
    id: ConversationId,
    text: String,
    origin: Option<Origin>,
) -> Result<Entry, AgentError>
where
    S: ReadConversation + AddEntries,
{
    let conversation = visible(store, staff, id, Permission::ServeConversations).await?;
    match conversation.state {
        State::Closed => return Err(AgentError::Closed),
        State::Waiting => return Err(AgentError::Waiting),
        State::Open if !may_act(staff, &conversation) => return Err(AgentError::Taken),
        State::Open => {}
    }
    let now = clock.now();
    let entry = Entry {
        id: EntryId::at(now),
        author: if staff.is_bot() {
            Author::Bot
        } else {
            Author::Agent
        },
        originator: Some(staff.subject.clone()),
        kind: Kind::Chat,
        text,
        at: now,
        transaction: None,
        origin,
    };
    let posted = Posted {
        account: staff.account.clone(),
        conversation: id,
        consumer: conversation.consumer,
        skill: conversation.skill,
        entry,
    };
    match store.add(&posted, None, true).await? {
        Added::Done | Added::Repeated(..) => Ok(posted.entry),
        Added::NotTaken => Err(AgentError::Busy),
    }
}
