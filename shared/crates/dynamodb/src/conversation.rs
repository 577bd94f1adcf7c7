//! Conversations, their transcripts and queues, as they are stored.

use crate::{
    Table,
    device::OpenItem,
    key::{self, Attributes, Key, Range},
    read::from_item,
    table::{Change, Transacted, Write, at, n, s, unavailable},
    time,
};
use aws_sdk_dynamodb::types::AttributeValue;
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use domain::{
    agent::{ReadQueues, SaveConversations},
    conversation::{
        AddEntries, Added, CampaignInfo, Conversation, Entry, Posted, Profile, ReadConversation,
        State,
    },
    id::{AccountId, ConsumerId, ConversationId, EntryId, SkillName},
    message::MessageKey,
    store::{Cursor, Page, Unavailable},
};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::HashMap;

/// A conversation as it is stored.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Item {
    kind: String,
    account: AccountId,
    id: ConversationId,
    consumer: ConsumerId,
    skill: SkillName,
    state: State,
    #[serde(skip_serializing_if = "Option::is_none")]
    agent: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    campaign: Option<CampaignInfo>,
    profile: Profile,
    #[serde(with = "time")]
    started_at: Timestamp,
    #[serde(
        with = "time::option",
        default,
        skip_serializing_if = "Option::is_none"
    )]
    closed_at: Option<Timestamp>,
    version: u32,
    queue_pk: String,
    queue_sk: String,
    ttl: i64,
}

impl Item {
    pub(crate) const KIND: &str = "conversation";

    pub(crate) fn new(c: &Conversation, ttl: i64) -> Self {
        Self {
            kind: Self::KIND.to_owned(),
            account: c.account.clone(),
            id: c.id,
            consumer: c.consumer.clone(),
            skill: c.skill.clone(),
            state: c.state,
            agent: c.agent.clone(),
            campaign: c.campaign.clone(),
            profile: c.profile.clone(),
            started_at: c.started_at,
            closed_at: c.closed_at,
            version: c.version,
            queue_pk: key::queue(&c.account, c.state, &c.skill),
            queue_sk: key::in_queue(c.started_at, c.id),
            ttl,
        }
    }
}

impl From<Item> for Conversation {
    fn from(item: Item) -> Self {
        Self {
            account: item.account,
            id: item.id,
            consumer: item.consumer,
            skill: item.skill,
            state: item.state,
            agent: item.agent,
            campaign: item.campaign,
            profile: item.profile,
            started_at: item.started_at,
            closed_at: item.closed_at,
            version: item.version,
        }
    }
}

/// An entry as it is stored, with what the outbox needs to tell of it.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct EntryItem {
    kind: String,
    account: AccountId,
    conversation: ConversationId,
    consumer: ConsumerId,
    skill: SkillName,
    entry: Entry,
    /// Whether the conversation began with it.
    opening: bool,
    ttl: i64,
}

impl EntryItem {
    pub(crate) const KIND: &str = "entry";

    pub(crate) fn new(posted: &Posted, opening: bool, ttl: i64) -> Self {
        Self {
            kind: Self::KIND.to_owned(),
            account: posted.account.clone(),
            conversation: posted.conversation,
            consumer: posted.consumer.clone(),
            skill: posted.skill.clone(),
            entry: posted.entry.clone(),
            opening,
            ttl,
        }
    }

    pub(crate) fn into_posted(self) -> (Posted, bool) {
        let posted = Posted {
            account: self.account,
            conversation: self.conversation,
            consumer: self.consumer,
            skill: self.skill,
            entry: self.entry,
        };
        (posted, self.opening)
    }
}

/// Where something went that a consumer's app gave an id of its own.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct SaidItem {
    kind: String,
    conversation: ConversationId,
    entry: EntryId,
    ttl: i64,
}

/// How long an app's own id is remembered, in seconds.
const SAID_KEPT: i64 = 24 * 3600;

/// Remembers an app's own id for an entry, if it was not used before.
pub(crate) fn say(posted: &Posted, client_message: &str) -> Result<Write, Unavailable> {
    let now = posted.entry.at;
    let item = SaidItem {
        kind: "said".to_owned(),
        conversation: posted.conversation,
        entry: posted.entry.id,
        ttl: now.as_second() + SAID_KEPT,
    };
    let key = Key::said(&posted.account, &posted.consumer, client_message);
    Ok(Write::put(&key, &item)?
        .only_if("attribute_not_exists(pk) OR #ttl <= :now")
        .name("#ttl", "ttl")
        .value(":now", n(now.as_second())))
}

impl Table {
    /// Where an app's own id went before.
    pub(crate) async fn said(
        &self,
        account: &AccountId,
        consumer: &ConsumerId,
        client_message: &str,
    ) -> Result<(ConversationId, EntryId), Unavailable> {
        let item = self
            .get::<SaidItem>(&Key::said(account, consumer, client_message))
            .await?
            .ok_or_else(|| Unavailable::new("the message's id was forgotten meanwhile"))?;
        Ok((item.conversation, item.entry))
    }
}

impl AddEntries for Table {
    async fn add(
        &self,
        posted: &Posted,
        client_message: Option<&str>,
        only_open: bool,
    ) -> Result<Added, Unavailable> {
        let conversation = Key::conversation(&posted.account, posted.conversation);
        // Looked at, not touched: a write would tell of a new state in the stream.
        let taken = if only_open {
            Write::check(conversation, "#state = :open AND skill = :skill")
        } else {
            Write::check(
                conversation,
                "#state IN (:waiting, :open) AND skill = :skill",
            )
            .value(":waiting", s(State::Waiting.as_str()))
        };
        let taken = taken
            .value(":skill", s(posted.skill.as_str()))
            .name("#state", "state")
            .value(":open", s(State::Open.as_str()));
        let entry = Key::entry(&posted.account, posted.conversation, posted.entry.id);
        let item = EntryItem::new(posted, false, self.expiry(posted.entry.at));
        let mut writes = vec![taken, Write::put(&entry, &item)?];
        if let Some(id) = client_message {
            writes.push(say(posted, id)?);
        }
        for _ in 0..TRIES {
            match (self.transact(writes.clone()).await?, client_message) {
                (Transacted::Done, _) => return Ok(Added::Done),
                (Transacted::Refused(failed), Some(id)) if failed.get(2) == Some(&true) => {
                    let (conversation, entry) =
                        self.said(&posted.account, &posted.consumer, id).await?;
                    return Ok(Added::Repeated(conversation, entry));
                }
                (Transacted::Refused(_), _) => return Ok(Added::NotTaken),
                (Transacted::Conflict, _) => {}
            }
        }
        Ok(Added::NotTaken)
    }
}

/// How often a transaction is tried while others are at the same items.
pub(crate) const TRIES: u32 = 10;

impl ReadConversation for Table {
    async fn conversation(
        &self,
        account: &AccountId,
        id: ConversationId,
    ) -> Result<Option<Conversation>, Unavailable> {
        let item = self.get::<Item>(&Key::conversation(account, id)).await?;
        Ok(item.map(Conversation::from))
    }

    async fn transcript(
        &self,
        account: &AccountId,
        id: ConversationId,
        after: Option<EntryId>,
        limit: u32,
    ) -> Result<Vec<Entry>, Unavailable> {
        self.query(&Range::entries(account, id, after), false, Some(limit))
            .await?
            .into_iter()
            .map(|item| {
                let item: EntryItem = from_item(item).map_err(unavailable)?;
                Ok(item.entry)
            })
            .collect()
    }
}

impl ReadQueues for Table {
    async fn queue(
        &self,
        account: &AccountId,
        skill: &SkillName,
        state: State,
        from: Option<&Cursor>,
        limit: u32,
    ) -> Result<Option<Page<Conversation>>, Unavailable> {
        let queue = key::queue(account, state, skill);
        let start = match from {
            None => None,
            Some(cursor) => match resume(cursor, &queue) {
                Some(start) => Some(start),
                None => return Ok(None),
            },
        };
        let (items, next) = self.query_queue(&queue, start, limit).await?;
        let items = items
            .into_iter()
            .map(|item| Ok(from_item::<_, Item>(item).map_err(unavailable)?.into()))
            .collect::<Result<_, Unavailable>>()?;
        let next = next.as_ref().map(cursor).transpose()?;
        Ok(Some(Page { items, next }))
    }
}

/// Where a page starts, as a cursor holds it.
type Start = HashMap<String, String>;

fn cursor(start: &Attributes) -> Result<Cursor, Unavailable> {
    let start: Start = from_item(start.clone()).map_err(unavailable)?;
    let json = serde_json::to_vec(&start).map_err(unavailable)?;
    Ok(Cursor(BASE64_URL_SAFE_NO_PAD.encode(json)))
}

/// Reads a cursor back, if it belongs to `queue`, which names the account.
fn resume(cursor: &Cursor, queue: &str) -> Option<Attributes> {
    let json = BASE64_URL_SAFE_NO_PAD.decode(&cursor.0).ok()?;
    let start: Start = serde_json::from_slice(&json).ok()?;
    let mut keys: Vec<_> = start.keys().map(String::as_str).collect();
    keys.sort_unstable();
    let id = start.get("pk")?.rsplit_once('#')?.1;
    let expected = Key::conversation(&account_of(queue)?, id.parse().ok()?);
    let fits = keys == ["pk", "queue_pk", "queue_sk", "sk"]
        && start.get("queue_pk")? == queue
        && *start.get("pk")? == expected.pk
        && *start.get("sk")? == expected.sk
        && start.get("queue_sk")?.ends_with(id);
    fits.then(|| {
        start
            .into_iter()
            .map(|(name, value)| (name, AttributeValue::S(value)))
            .collect()
    })
}

/// The account that a queue's key names.
fn account_of(queue: &str) -> Option<AccountId> {
    queue.split('#').nth(1)?.parse().ok()
}

impl SaveConversations for Table {
    async fn save(&self, old: &Conversation, new: &Conversation) -> Result<bool, Unavailable> {
        let mut change = Change::new(
            "SET #state = :state, skill = :skill, #agent = :agent, version = :version, \
             queue_pk = :queue, closed_at = :closed_at",
        )
        .only_if("version = :old")
        .name("#agent", "agent")
        .name("#state", "state")
        .value(":state", s(new.state.as_str()))
        .value(":skill", s(new.skill.as_str()))
        .value(":version", n(new.version))
        .value(":old", n(old.version))
        .value(":queue", s(key::queue(&new.account, new.state, &new.skill)));
        change = change.value(
            ":agent",
            new.agent.as_ref().map_or(AttributeValue::Null(true), s),
        );
        change = change.value(
            ":closed_at",
            new.closed_at.map_or(AttributeValue::Null(true), at),
        );
        let mut writes = vec![Write::update(
            Key::conversation(&new.account, new.id),
            change,
        )];
        if let (State::Closed, Some(closed_at)) = (new.state, new.closed_at) {
            writes.push(
                Write::delete(Key::open_conversation(&new.account, &new.consumer))
                    .only_if("attribute_not_exists(pk) OR conversation = :conversation")
                    .value(":conversation", s(new.id.to_string())),
            );
            writes.extend(new.campaign.as_ref().map(|campaign| {
                let key = Key::message(&MessageKey {
                    account: new.account.clone(),
                    consumer: new.consumer.clone(),
                    transaction: campaign.transaction,
                });
                let closed = Change::new("SET conversation_closed_at = :at ADD revision :one")
                    .only_if("attribute_exists(pk)")
                    .value(":at", at(closed_at))
                    .value(":one", n(1));
                Write::update(key, closed)
            }));
        }
        if new.state != State::Closed {
            // How the consumer stands tells where their conversation is.
            let stands = Change::new("SET skill = :skill, #state = :state")
                .only_if("conversation = :conversation")
                .name("#state", "state")
                .value(":skill", s(new.skill.as_str()))
                .value(":state", s(new.state.as_str()))
                .value(":conversation", s(new.id.to_string()));
            let open = Key::open_conversation(&new.account, &new.consumer);
            writes.push(Write::update(open, stands));
        }
        if new.skill != old.skill {
            let skill = Key::skill(&new.account, &new.skill);
            writes.push(Write::check(skill, "attribute_exists(pk)"));
        }
        for _ in 0..TRIES {
            match self.transact(writes.clone()).await? {
                Transacted::Done => return Ok(true),
                // The message is past its retention: there is nothing to mark.
                Transacted::Refused(failed)
                    if new.state == State::Closed && failed == [false, false, true] =>
                {
                    writes.truncate(2);
                }
                Transacted::Refused(_) => return Ok(false),
                Transacted::Conflict => {}
            }
        }
        Ok(false)
    }
}

/// What beginning a conversation writes of it, first of all that it is the only one.
pub(crate) fn begin(conversation: &Conversation, ttl: i64) -> Result<[Write; 2], Unavailable> {
    let (account, consumer, id) = (
        &conversation.account,
        &conversation.consumer,
        conversation.id,
    );
    Ok([
        Write::insert(
            &Key::open_conversation(account, consumer),
            &OpenItem::new(conversation),
        )?,
        Write::insert(
            &Key::conversation(account, id),
            &Item::new(conversation, ttl),
        )?,
    ])
}
