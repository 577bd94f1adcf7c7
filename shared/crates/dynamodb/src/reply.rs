//! Opening a conversation: everything that begins with it, in one transaction.

use crate::{
    Table,
    conversation::{EntryItem, TRIES, begin, say},
    key::Key,
    table::{Change, Transacted, Write, at, n, s},
};
use domain::{
    conversation::Posted,
    reply::{OpenConversations, Opened, Opening},
    store::Unavailable,
};

impl OpenConversations for Table {
    async fn open(&self, opening: &Opening) -> Result<Opened, Unavailable> {
        let conversation = &opening.conversation;
        let now = conversation.started_at;
        let ttl = self.expiry(now);
        let posted = |entry: &domain::conversation::Entry| Posted {
            account: conversation.account.clone(),
            conversation: conversation.id,
            consumer: conversation.consumer.clone(),
            skill: conversation.skill.clone(),
            entry: entry.clone(),
        };
        let mut writes = Vec::from(begin(conversation, ttl)?);
        let said = opening
            .client_message
            .as_deref()
            .zip(opening.entries.last());
        if let Some((id, entry)) = said {
            writes.push(say(&posted(entry), id)?);
        }
        for entry in &opening.entries {
            let key = Key::entry(&conversation.account, conversation.id, entry.id);
            writes.push(Write::put(
                &key,
                &EntryItem::new(&posted(entry), true, ttl),
            )?);
        }
        if let Some(answers) = &opening.answers {
            let change = Change::new(
                "SET responded_at = if_not_exists(responded_at, :at), \
                 conversation = :conversation REMOVE conversation_closed_at ADD revision :one",
            )
            .only_if("attribute_exists(pk)")
            .value(":at", at(now))
            .value(":conversation", s(conversation.id.to_string()))
            .value(":one", n(1));
            writes.push(Write::update(Key::message(answers), change));
        }
        for _ in 0..TRIES {
            match (self.transact(writes.clone()).await?, said) {
                (Transacted::Done, _) => return Ok(Opened::Done),
                (Transacted::Refused(failed), Some((id, _))) if failed.get(2) == Some(&true) => {
                    let (conversation, entry) = self
                        .said(&conversation.account, &conversation.consumer, id)
                        .await?;
                    return Ok(Opened::Repeated(conversation, entry));
                }
                (Transacted::Refused(failed), _) if failed.first() == Some(&true) => {
                    return Ok(Opened::AlreadyOpen);
                }
                (Transacted::Refused(_), _) => {
                    return Err(Unavailable::new("the message is gone meanwhile"));
                }
                (Transacted::Conflict, _) => {}
            }
        }
        Ok(Opened::AlreadyOpen)
    }
}
