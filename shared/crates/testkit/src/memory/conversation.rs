//! Conversations and their transcripts, in memory.

use super::{Record, Store, Tables};
use domain::{
    agent::{ReadQueues, SaveConversations},
    conversation::{AddEntries, Added, Conversation, Entry, Posted, ReadConversation, State},
    id::{AccountId, ConversationId, EntryId, SkillName},
    message::{Event, MessageKey},
    reply::{OpenConversations, Opened, Opening},
    store::{Cursor, Page, Unavailable},
};

impl Tables {
    fn post(&mut self, posted: Posted, opening: bool) {
        let key = (posted.account.clone(), posted.conversation);
        let transcript = self.entries.entry(key).or_default();
        transcript.insert(posted.entry.id, posted.entry.clone());
        self.stream.push(Record::Entry(posted, opening));
    }

    fn put(&mut self, conversation: &Conversation) {
        let key = (conversation.account.clone(), conversation.id);
        self.conversations.insert(key, conversation.clone());
        self.stream.push(Record::Conversation(conversation.clone()));
    }

    fn repeated(&self, posted: &Posted, client: Option<&str>) -> Option<(ConversationId, EntryId)> {
        let client = client?.to_owned();
        let key = (posted.account.clone(), posted.consumer.clone(), client);
        self.repeats.get(&key).copied()
    }

    fn remember(&mut self, posted: &Posted, client: Option<&str>) {
        if let Some(client) = client {
            let key = (
                posted.account.clone(),
                posted.consumer.clone(),
                client.to_owned(),
            );
            let went = (posted.conversation, posted.entry.id);
            self.repeats.insert(key, went);
        }
    }
}

impl AddEntries for Store {
    async fn add(
        &self,
        posted: &Posted,
        client_message: Option<&str>,
        only_open: bool,
    ) -> Result<Added, Unavailable> {
        let mut tables = self.begin("add").await?;
        if let Some((conversation, entry)) = tables.repeated(posted, client_message) {
            return Ok(Added::Repeated(conversation, entry));
        }
        let key = (posted.account.clone(), posted.conversation);
        let takes = tables
            .conversations
            .get(&key)
            .is_some_and(|c| match c.state {
                _ if c.skill != posted.skill => false,
                State::Open => true,
                State::Waiting => !only_open,
                State::Closed => false,
            });
        if !takes {
            return Ok(Added::NotTaken);
        }
        tables.remember(posted, client_message);
        tables.post(posted.clone(), false);
        Ok(Added::Done)
    }
}

impl OpenConversations for Store {
    async fn open(&self, opening: &Opening) -> Result<Opened, Unavailable> {
        let mut tables = self.begin("open").await?;
        let conversation = &opening.conversation;
        let posted = |entry: &Entry| Posted {
            account: conversation.account.clone(),
            conversation: conversation.id,
            consumer: conversation.consumer.clone(),
            skill: conversation.skill.clone(),
            entry: entry.clone(),
        };
        let client = opening.client_message.as_deref();
        let last = opening.entries.last().map(posted);
        if let Some(last) = &last
            && let Some((conversation, entry)) = tables.repeated(last, client)
        {
            return Ok(Opened::Repeated(conversation, entry));
        }
        let who = (conversation.account.clone(), conversation.consumer.clone());
        if tables.open.contains_key(&who) {
            return Ok(Opened::AlreadyOpen);
        }
        tables.open.insert(who, conversation.id);
        if let Some(last) = &last {
            tables.remember(last, client);
        }
        tables.put(conversation);
        for entry in &opening.entries {
            tables.post(posted(entry), true);
        }
        if let Some(key) = &opening.answers
            && let Some(message) = tables.messages.get_mut(key)
        {
            let at = conversation.started_at;
            message.responded_at.get_or_insert(at);
            message.conversation = Some(conversation.id);
            let event = Event::new(at, "RESPONDED", "The consumer replied.");
            message.timeline.push(event);
            tables.changed(key);
        }
        Ok(Opened::Done)
    }
}

impl SaveConversations for Store {
    async fn save(&self, old: &Conversation, new: &Conversation) -> Result<bool, Unavailable> {
        let mut tables = self.begin("save").await?;
        let key = (old.account.clone(), old.id);
        let skill = (new.account.clone(), new.skill.clone());
        let knows = new.skill == old.skill || tables.skills.contains_key(&skill);
        if tables.conversations.get(&key) != Some(old) || !knows {
            return Ok(false);
        }
        tables.put(new);
        if new.state == State::Closed {
            let who = (new.account.clone(), new.consumer.clone());
            tables.open.remove(&who);
            let answered = new.campaign.as_ref().map(|info| MessageKey {
                account: new.account.clone(),
                consumer: new.consumer.clone(),
                transaction: info.transaction,
            });
            if let Some(key) = &answered
                && let Some(message) = tables.messages.get_mut(key)
                && let Some(at) = new.closed_at
            {
                message.conversation_closed_at = Some(at);
                let event = Event::new(at, "CONVERSATION_CLOSED", "The conversation was closed.");
                message.timeline.push(event);
                tables.changed(key);
            }
        }
        Ok(true)
    }
}

impl ReadConversation for Store {
    async fn conversation(
        &self,
        account: &AccountId,
        id: ConversationId,
    ) -> Result<Option<Conversation>, Unavailable> {
        let tables = self.begin("conversation").await?;
        Ok(tables.conversations.get(&(account.clone(), id)).cloned())
    }

    async fn transcript(
        &self,
        account: &AccountId,
        id: ConversationId,
        after: Option<EntryId>,
        limit: u32,
    ) -> Result<Vec<Entry>, Unavailable> {
        let tables = self.begin("transcript").await?;
        let entries = tables.entries.get(&(account.clone(), id));
        Ok(entries
            .into_iter()
            .flat_map(|all| all.values())
            .filter(|entry| after.is_none_or(|after| entry.id > after))
            .take(limit as usize)
            .cloned()
            .collect())
    }
}

impl ReadQueues for Store {
    async fn queue(
        &self,
        account: &AccountId,
        skill: &SkillName,
        state: State,
        from: Option<&Cursor>,
        limit: u32,
    ) -> Result<Option<Page<Conversation>>, Unavailable> {
        let tables = self.begin("queue").await?;
        let ours = format!("{account}/{skill}/{}/", state.as_str());
        let after: Option<ConversationId> = match from.map(|cursor| cursor.0.strip_prefix(&ours)) {
            None => None,
            Some(None) => return Ok(None),
            Some(Some(id)) => match id.parse() {
                Ok(id) => Some(id),
                Err(_) => return Ok(None),
            },
        };
        let mut items: Vec<_> = tables
            .conversations
            .values()
            .filter(|c| c.account == *account && c.skill == *skill && c.state == state)
            .filter(|c| after.is_none_or(|after| c.id > after))
            .cloned()
            .collect();
        let more = items.len() > limit as usize;
        items.truncate(limit as usize);
        let next = items
            .last()
            .filter(|_| more)
            .map(|last| Cursor(format!("{ours}{}", last.id)));
        Ok(Some(Page { items, next }))
    }
}
