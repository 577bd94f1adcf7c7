//! A campaign's recipients, in the parts that they are kept in.

use super::{Campaign, Heads};
use crate::{
    id::{AccountId, CampaignId, ConsumerId, TransactionId},
    message::{MessageKey, Place},
    origin::{Origin, Trace},
    text::Variables,
};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// A recipient that was accepted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Recipient {
    /// The message to them.
    pub transaction: TransactionId,
    /// The person.
    pub consumer: ConsumerId,
    /// What fills the texts' placeholders.
    pub variables: Variables,
}

/// A part of a campaign's recipients, with what it takes to send to them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chunk {
    /// Whose it is.
    pub account: AccountId,
    /// The campaign.
    pub campaign: CampaignId,
    /// Which part, from 0.
    pub number: u32,
    /// When the campaign was accepted.
    pub created_at: Timestamp,
    /// When the messages' lookback ends.
    pub lookback_ends_at: Timestamp,
    /// The account's pace when the campaign was accepted.
    pub sends_per_second: u32,
    /// Under which heads the messages are counted.
    pub heads: Heads,
    /// The call that made it, if that is traced.
    pub origin: Option<Origin>,
    /// The recipients, in the order of the call.
    pub recipients: Vec<Recipient>,
}

impl Chunk {
    /// The most recipients in a part: it is one item of the store, and its board another.
    pub const SIZE: usize = 100;
    /// The most bytes of its recipients' ids and variables: an item holds 400 KB.
    pub const BYTES: usize = 300_000;

    /// The key of the recipient's message.
    #[must_use]
    pub fn key(&self, recipient: &Recipient) -> MessageKey {
        MessageKey {
            account: self.account.clone(),
            consumer: recipient.consumer.clone(),
            transaction: recipient.transaction,
        }
    }

    /// Where in the campaign recipient `index` of this part stands.
    #[must_use]
    pub fn place(&self, index: u32) -> Place {
        Place {
            campaign: self.campaign.clone(),
            chunk: self.number,
            index,
        }
    }
}

/// Cuts recipients into parts that each fit an item of the store.
pub(super) fn parts(recipients: &[Recipient]) -> Vec<&[Recipient]> {
    let (mut parts, mut start, mut bytes) = (Vec::new(), 0, 0);
    for (at, recipient) in recipients.iter().enumerate() {
        // As JSON: names, quotes and the id of the message besides.
        let variables = recipient.variables.values().map(|v| v.len() + 8);
        let size = recipient.consumer.as_str().len() + 100 + variables.sum::<usize>();
        if at > start && (at - start == Chunk::SIZE || bytes + size > Chunk::BYTES) {
            parts.push(&recipients[start..at]);
            (start, bytes) = (at, 0);
        }
        bytes += size;
    }
    if start < recipients.len() {
        parts.push(&recipients[start..]);
    }
    parts
}

/// The parts as they are stored.
pub(super) fn cut(
    campaign: &Campaign,
    sends_per_second: u32,
    trace: &Trace,
    parts: &[&[Recipient]],
) -> Vec<Chunk> {
    parts
        .iter()
        .zip(0..)
        .map(|(recipients, number)| Chunk {
            account: campaign.account.clone(),
            campaign: campaign.id.clone(),
            number,
            created_at: campaign.created_at,
            lookback_ends_at: campaign.lookback_ends_at,
            sends_per_second,
            heads: campaign.heads(),
            origin: trace.origin.clone(),
            recipients: recipients.to_vec(),
        })
        .collect()
}
