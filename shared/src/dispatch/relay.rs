//! Telling of what was written: entries and states of conversations, pauses of apps.

use super::{
    Announce, Announcement, AppEvent, ChatJob, ConversationEvent, Delayed, Enqueue, Holds, Job,
    release,
};
use crate::{
    breaker::Pause,
    clock::Clock,
    conversation::{Author, Conversation, Posted, State},
    event,
    id::AccountId,
    store::Unavailable,
};
use std::time::Duration;

/// Tells of a new entry: the consumer's devices of what others wrote, and those who serve
/// the skill of what the consumer wrote.
///
/// The first entries of a new conversation need no notification: the consumer is there.
///
/// # Errors
/// When a port fails; doing it again is safe.
pub async fn relay_entry(
    queue: &impl Enqueue,
    topic: &impl Announce,
    posted: &Posted,
    opening: bool,
) -> Result<(), Unavailable> {
    let entry = &posted.entry;
    match entry.author {
        Author::Consumer => {
            topic
                .announce(&Announcement::Conversation(ConversationEvent {
                    event: "conversation.message".to_owned(),
                    account_id: posted.account.clone(),
                    conversation_id: posted.conversation,
                    skill: posted.skill.clone(),
                    consumer_id: posted.consumer.clone(),
                    message_id: Some(entry.id),
                }))
                .await
        }
        Author::Agent | Author::Bot | Author::Brand if !opening => {
            let job = Job::Chat(ChatJob {
                account: posted.account.clone(),
                consumer: posted.consumer.clone(),
                conversation: posted.conversation,
                entry: entry.id,
                originator: entry.originator.clone().unwrap_or_default(),
                text: entry.text.clone(),
                at: entry.at,
                attempt: 0,
                transaction: entry.transaction,
                origin: entry.origin.clone(),
            });
            let delay = Duration::ZERO;
            queue.enqueue(&[Delayed { job, delay }]).await
        }
        Author::Agent | Author::Bot | Author::Brand | Author::System => Ok(()),
    }
}

/// Tells of a conversation's new state; a closed one lets go of what waited for that.
///
/// # Errors
/// When a port fails; doing it again is safe.
pub async fn relay_state(
    store: &impl Holds,
    queue: &impl Enqueue,
    topic: &impl Announce,
    clock: &impl Clock,
    conversation: &Conversation,
) -> Result<(), Unavailable> {
    topic
        .announce(&Announcement::Conversation(ConversationEvent {
            event: format!("conversation.{}", conversation.state.as_str()),
            account_id: conversation.account.clone(),
            conversation_id: conversation.id,
            skill: conversation.skill.clone(),
            consumer_id: conversation.consumer.clone(),
            message_id: None,
        }))
        .await?;
    if conversation.state == State::Closed {
        release(
            store,
            queue,
            clock,
            &conversation.account,
            &conversation.consumer,
        )
        .await?;
    }
    Ok(())
}

/// Tells that an app's sends were paused, or go on; what was told. What prolongs a pause is
/// not.
///
/// # Errors
/// When a port fails; doing it again is safe.
pub async fn relay_pause(
    topic: &impl Announce,
    account: &AccountId,
    pause: &Pause,
    resumed: bool,
) -> Result<Option<AppEvent>, Unavailable> {
    let Some((kind, of)) = event::news_of_pause(account, pause, resumed) else {
        return Ok(None);
    };
    let event = AppEvent {
        event: kind.as_str().to_owned(),
        of,
    };
    topic.announce(&Announcement::App(event.clone())).await?;
    Ok(Some(event))
}
