//! A consumer's messages, and what their devices report of them.

use crate::{
    Table,
    device::standing,
    key::{Attributes, Key, Range},
    message::{self, Line},
    read::kind,
    table::{Change, Updated, at, n, unavailable},
};
use aws_sdk_dynamodb::types::AttributeValue;
use domain::{
    conversation::Standing,
    device::MAX_DEVICES,
    id::{AccountId, ConsumerId},
    inbox::{ReadInbox, RecordReports, Report},
    message::{Event, Message, MessageKey},
    store::Unavailable,
};
use jiff::Timestamp;

impl ReadInbox for Table {
    async fn recent(
        &self,
        account: &AccountId,
        consumer: &ConsumerId,
        since: Timestamp,
        limit: u32,
    ) -> Result<Vec<Message>, Unavailable> {
        let range = Range::messages_since(account, consumer, since);
        let items = self.query(&range, true, Some(limit)).await?;
        items.into_iter().map(message::read).collect()
    }

    async fn standing_and_recent(
        &self,
        account: &AccountId,
        consumer: &ConsumerId,
        since: Timestamp,
        limit: u32,
    ) -> Result<(Standing, Vec<Message>), Unavailable> {
        let range = Range::standing_and_messages(account, consumer, since);
        let limit = limit + MAX_STANDING;
        let items = self.query(&range, true, Some(limit)).await?;
        let is_message = |item: &Attributes| kind(item) == Some(message::Item::KIND);
        let (messages, rest): (Vec<_>, Vec<_>) = items.into_iter().partition(is_message);
        let messages = messages.into_iter().map(message::read);
        Ok((standing(rest)?, messages.collect::<Result<_, _>>()?))
    }
}

/// The most items that tell how a consumer stands: their devices, profile and open conversation,
/// and some devices more, which an earlier release may have taken in at once.
#[expect(clippy::cast_possible_truncation, reason = "a small number")]
const MAX_STANDING: u32 = MAX_DEVICES as u32 + 10;

impl RecordReports for Table {
    async fn record_report(
        &self,
        key: &MessageKey,
        report: Report,
        instant: Timestamp,
    ) -> Result<bool, Unavailable> {
        let (sets, fresh) = match report {
            Report::Delivered => ("delivered_at = :at", "delivered_at"),
            Report::Tapped => (
                "tapped_at = :at, delivered_at = if_not_exists(delivered_at, :at)",
                "tapped_at",
            ),
            Report::Read => (
                "read_at = :at, delivered_at = if_not_exists(delivered_at, :at)",
                "read_at",
            ),
        };
        let line = Line::from(&Event::new(
            instant,
            report.as_str(),
            "Reported by the device.",
        ));
        let change = Change::new(format!(
            "SET {sets}, timeline = list_append(if_not_exists(timeline, :none), :line) \
             ADD revision :one"
        ))
        .only_if(format!(
            "attribute_exists(pk) AND attribute_not_exists({fresh})"
        ))
        .value(":at", at(instant))
        .value(":none", AttributeValue::L(Vec::new()))
        .value(
            ":line",
            serde_dynamo::to_attribute_value(vec![line]).map_err(unavailable)?,
        )
        .value(":one", n(1));
        Ok(match self.update(&Key::message(key), change).await? {
            Updated::Done(_) => true,
            Updated::Refused(stands) => stands.is_some(),
        })
    }
}
