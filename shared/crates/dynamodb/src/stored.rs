//! What the table's stream tells of: items as they were written.

use crate::{
    breaker::Item as PauseItem,
    campaign::{ChunkItem, Item as CampaignItem},
    conversation::{EntryItem, Item as ConversationItem},
    journal::PageItem,
    message::Item as MessageItem,
    read::from_item,
    table::unavailable,
};
use domain::{
    breaker::Pause,
    campaign::{Campaign, Chunk},
    conversation::{Conversation, Posted},
    event::Event,
    id::AccountId,
    message::Message,
    store::Unavailable,
};
use serde_dynamo::{AttributeValue, Item};

/// An item of the table that something follows from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Stored {
    /// A part of a campaign's recipients.
    Chunk(Chunk),
    /// An entry of a transcript, and whether its conversation began with it.
    Entry(Posted, bool),
    /// A conversation.
    Conversation(Conversation),
    /// A message.
    Message(Message),
    /// An app's sends that are paused, and whether that is over.
    Pause(AccountId, Pause, bool),
    /// A campaign.
    Campaign(Box<Campaign>),
    /// Events that webhooks are told of.
    Events(AccountId, Vec<Event>),
}

impl Stored {
    /// Reads an item as the stream gives it; `None` for one that nothing follows from.
    ///
    /// # Errors
    /// When it is not what its kind says.
    pub fn from_image(image: Item) -> Result<Option<Self>, Unavailable> {
        let kind = match image.get("kind") {
            Some(AttributeValue::S(kind)) => kind.clone(),
            _ => return Ok(None),
        };
        Ok(match kind.as_str() {
            ChunkItem::KIND => {
                let item: ChunkItem = from_item(image).map_err(unavailable)?;
                Some(Self::Chunk(item.try_into()?))
            }
            EntryItem::KIND => {
                let item: EntryItem = from_item(image).map_err(unavailable)?;
                let (posted, opening) = item.into_posted();
                Some(Self::Entry(posted, opening))
            }
            ConversationItem::KIND => {
                let item: ConversationItem = from_item(image).map_err(unavailable)?;
                Some(Self::Conversation(item.into()))
            }
            MessageItem::KIND => {
                let item: MessageItem = from_item(image).map_err(unavailable)?;
                Some(Self::Message(item.into()))
            }
            PauseItem::KIND => {
                let item: PauseItem = from_item(image).map_err(unavailable)?;
                let (account, pause, is_over) = item.into_pause();
                Some(Self::Pause(account, pause, is_over))
            }
            CampaignItem::KIND => {
                let item: CampaignItem = from_item(image).map_err(unavailable)?;
                Some(Self::Campaign(Box::new(item.into())))
            }
            PageItem::KIND => {
                let item: PageItem = from_item(image).map_err(unavailable)?;
                let (account, events) = item.into_events()?;
                Some(Self::Events(account, events))
            }
            _ => None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain::origin::Origin;
    use serde_json::{Value, json};

    const ORIGIN: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

    /// What an item of an earlier release, which knew no origins, is with these attributes, too.
    fn read(mut item: Value, more: &Value) -> Stored {
        let more = more.as_object().unwrap().clone();
        item.as_object_mut().unwrap().extend(more);
        let image = serde_dynamo::to_item(item).unwrap();
        Stored::from_image(image).unwrap().unwrap()
    }

    fn chunk(more: &Value) -> Option<Origin> {
        let recipient = json!({"transaction": "019a0659-416a-7862-812e-65f067d53a07",
            "consumer": "ana", "variables": {}});
        let item = json!({"kind": "chunk", "account": "demo", "campaign": "c1", "number": 0,
            "created_at": 1_800_000_000_000_i64, "lookback_ends_at": 1_800_000_600_000_i64,
            "sends_per_second": 10, "ttl": 1_900_000_000,
            "heads": {"skill": "sales", "handoff": "H1", "app": "prmsg"},
            "recipients": json!([recipient]).to_string()});
        let Stored::Chunk(chunk) = read(item, more) else {
            panic!("it is a part of a campaign");
        };
        assert_eq!(chunk.recipients.len(), 1);
        chunk.origin
    }

    fn message(more: &Value) -> Option<Origin> {
        let item = json!({"kind": "message", "account": "demo", "consumer": "ana",
            "transaction": "019a0659-416a-7862-812e-65f067d53a07", "campaign": "c1", "chunk": 0,
            "place": 0, "lookback_ends_at": 1_800_000_600_000_i64, "phase": "sending",
            "attempt": 0, "revision": 1, "ttl": 1_900_000_000});
        let Stored::Message(message) = read(item, more) else {
            panic!("it is a message");
        };
        message.origin
    }

    fn event(more: &Value) -> Option<Origin> {
        let mut event = json!({"id": "c1-accepted", "type": "campaign.accepted",
            "timestamp": "2026-01-01T00:00:00Z", "data": {"accountId": "demo",
            "campaignId": "c1", "sequence": 1, "handoffId": "H1", "skill": "sales"}});
        let more = more.as_object().unwrap().clone();
        event.as_object_mut().unwrap().extend(more);
        let events = json!([event]).to_string();
        let item = json!({"kind": "events", "account": "demo", "events": events, "ttl": 1});
        let Stored::Events(_, mut events) = read(item, &json!({})) else {
            panic!("it is a page of events");
        };
        events.remove(0).origin
    }

    fn entry(more: &Value) -> Option<Origin> {
        let mut entry = json!({"id": "019a0659-416a-7862-812e-65f067d53a07", "author": "agent",
            "originator": "eve", "kind": "chat", "text": "Hi", "at": "2026-01-01T00:00:00Z"});
        let more = more.as_object().unwrap().clone();
        entry.as_object_mut().unwrap().extend(more);
        let item = json!({"kind": "entry", "account": "demo", "consumer": "ana",
            "conversation": "019a0659-416a-7862-812e-65f067d53a07", "skill": "sales",
            "entry": entry, "opening": false, "ttl": 1});
        let Stored::Entry(posted, false) = read(item, &json!({})) else {
            panic!("it is an entry");
        };
        posted.entry.origin
    }

    #[test]
    fn what_an_earlier_release_wrote_follows_from_nothing() {
        for origin in [chunk, message, event, entry] {
            assert_eq!(origin(&json!({})), None);
        }
    }

    #[test]
    fn an_origin_is_read_as_it_was_written_and_what_is_none_loses_no_item() {
        for origin in [chunk, message, event, entry] {
            let known = json!({"origin": ORIGIN, "of_a_later_release": {"a": [1]}});
            assert_eq!(origin(&known), Origin::parse(ORIGIN));
            for other in [json!("none"), json!(7), json!({"span": 1}), Value::Null] {
                assert_eq!(origin(&json!({"origin": other})), None);
            }
        }
    }
}
