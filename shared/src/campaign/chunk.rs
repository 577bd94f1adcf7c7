//! A campaign's recipients, in the parts that they are kept in.

use super::{Campaign, Heads};
use crate::{
    id::{AccountId, CampaignId, ConsumerId, TransactionId},
    message::{MessageKey, Place},
    origin::{Origin, Trace},
    text::{self, Variables},
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
    /// The most bytes of its recipients' ids and variables, as JSON: an item holds 400 KB.
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
        let values = recipient.variables.values();
        let variables = values.map(|value| text::json_bytes(value) + 8);
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::MAX_VARIABLE_CHARS;

    fn recipients(count: u32, value: &str) -> Vec<Recipient> {
        let recipient = |n| Recipient {
            transaction: TransactionId::at(Timestamp::UNIX_EPOCH),
            consumer: format!("c-{n}").parse().unwrap(),
            variables: (1..=20).map(|n| (n, value.to_owned())).collect(),
        };
        (0..count).map(recipient).collect()
    }

    #[test]
    fn a_part_fits_its_item_however_its_text_is_escaped() {
        let escaped = 2;
        for (letter, bytes) in [("x", 1), ("\"", escaped), ("\n", escaped), ("🎉", 4)] {
            let all = recipients(30, &letter.repeat(MAX_VARIABLE_CHARS));
            let parts = parts(&all);
            assert_eq!(parts.concat(), all, "in their order");
            for part in parts {
                let texts = part.len() * 20 * MAX_VARIABLE_CHARS * bytes;
                assert!(texts <= Chunk::BYTES, "{letter:?}: {texts}");
            }
        }
    }

    #[test]
    fn a_part_has_at_most_100_recipients() {
        let all = recipients(250, "");
        let sizes: Vec<_> = parts(&all).iter().map(|part| part.len()).collect();
        assert_eq!(sizes, [100, 100, 50]);
    }
}
