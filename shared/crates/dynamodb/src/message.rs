//! Messages, as they are stored.

use crate::{
    Table,
    key::{Attributes, Key},
    read::from_item,
    table::unavailable,
    time,
};
use domain::{
    failure::Failure,
    handoff::Rendered,
    id::{AccountId, CampaignId, ConsumerId, ConversationId, DeviceId, TransactionId},
    message::{Event, Message, MessageKey, Phase, Place, ReadMessages},
    origin::{self, Origin},
    store::Unavailable,
};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeSet, HashSet};

/// A message as it is stored. It is written by expressions (`send.rs`, `inbox.rs`,
/// `reply.rs`), so this is only read.
#[derive(Debug, Deserialize)]
pub(crate) struct Item {
    account: AccountId,
    consumer: ConsumerId,
    transaction: TransactionId,
    campaign: CampaignId,
    chunk: u32,
    place: u32,
    #[serde(with = "time")]
    lookback_ends_at: Timestamp,
    phase: Phase,
    attempt: u32,
    #[serde(with = "time::option", default)]
    not_until: Option<Timestamp>,
    body: Option<String>,
    title: Option<String>,
    notification: Option<String>,
    #[serde(default)]
    taken: HashSet<DeviceId>,
    trouble: Option<Failure>,
    failure: Option<Failure>,
    #[serde(with = "time::option", default)]
    sent_at: Option<Timestamp>,
    #[serde(with = "time::option", default)]
    delivered_at: Option<Timestamp>,
    #[serde(with = "time::option", default)]
    tapped_at: Option<Timestamp>,
    #[serde(with = "time::option", default)]
    read_at: Option<Timestamp>,
    #[serde(with = "time::option", default)]
    responded_at: Option<Timestamp>,
    #[serde(with = "time::option", default)]
    ended_at: Option<Timestamp>,
    conversation: Option<ConversationId>,
    #[serde(with = "time::option", default)]
    conversation_closed_at: Option<Timestamp>,
    #[serde(default)]
    timeline: Vec<Line>,
    #[serde(default, deserialize_with = "origin::kept")]
    origin: Option<Origin>,
    revision: u32,
}

/// A line of a message's history as it is stored.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Line {
    #[serde(with = "time")]
    at: Timestamp,
    event: String,
    detail: String,
}

impl From<&Event> for Line {
    fn from(event: &Event) -> Self {
        Self {
            at: event.at,
            event: event.event.clone(),
            detail: event.detail.clone(),
        }
    }
}

impl Item {
    pub(crate) const KIND: &str = "message";
}

impl From<Item> for Message {
    fn from(item: Item) -> Self {
        Self {
            key: MessageKey {
                account: item.account,
                consumer: item.consumer,
                transaction: item.transaction,
            },
            place: Place {
                campaign: item.campaign,
                chunk: item.chunk,
                index: item.place,
            },
            lookback_ends_at: item.lookback_ends_at,
            phase: item.phase,
            attempt: item.attempt,
            until: item.not_until,
            rendered: item.body.map(|text| Rendered {
                text,
                title: item.title,
                notification: item.notification,
            }),
            taken: item.taken.into_iter().collect::<BTreeSet<_>>(),
            trouble: item.trouble,
            failure: item.failure,
            sent_at: item.sent_at,
            delivered_at: item.delivered_at,
            tapped_at: item.tapped_at,
            read_at: item.read_at,
            responded_at: item.responded_at,
            ended_at: item.ended_at,
            conversation: item.conversation,
            conversation_closed_at: item.conversation_closed_at,
            timeline: item
                .timeline
                .into_iter()
                .map(|line| Event {
                    at: line.at,
                    event: line.event,
                    detail: line.detail,
                })
                .collect(),
            origin: item.origin,
            revision: item.revision,
        }
    }
}

/// Reads a stored message.
pub(crate) fn read(item: Attributes) -> Result<Message, Unavailable> {
    from_item::<_, Item>(item)
        .map(Message::from)
        .map_err(unavailable)
}

impl ReadMessages for Table {
    async fn messages(&self, keys: &[MessageKey]) -> Result<Vec<Message>, Unavailable> {
        let keys: Vec<_> = keys.iter().map(Key::message).collect();
        let items = self.get_all(&keys).await?;
        items.into_iter().map(read).collect()
    }
}
