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
