//! The inbox: a consumer's unexpired messages, and what devices report of them.

use crate::{
    access::Consumer,
    clock::Clock,
    conversation::Standing,
    id::{AccountId, ConsumerId, TransactionId},
    lookback::Lookback,
    message::{Message, MessageKey},
    store::Unavailable,
};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use std::future::Future;

/// The most messages that an inbox shows.
pub const MAX_SHOWN: u32 = 100;

/// Reads consumers' messages.
pub trait ReadInbox: Send + Sync {
    /// The consumer's messages made since `since`, newest first, at most `limit`.
    fn recent(
        &self,
        account: &AccountId,
        consumer: &ConsumerId,
        since: Timestamp,
        limit: u32,
    ) -> impl Future<Output = Result<Vec<Message>, Unavailable>> + Send;

    /// How the consumer stands, and the newest of their messages made since `since`, newest
    /// first, `limit` or some more, as of this instant, in one request.
    fn standing_and_recent(
        &self,
        account: &AccountId,
        consumer: &ConsumerId,
        since: Timestamp,
        limit: u32,
    ) -> impl Future<Output = Result<(Standing, Vec<Message>), Unavailable>> + Send;
}

/// Since when messages that may still live at `now` were made.
pub(crate) fn since(now: Timestamp) -> Timestamp {
    let longest = SignedDuration::from_mins(i64::from(Lookback::MAX_MINUTES));
    now.checked_sub(longest).unwrap_or(Timestamp::UNIX_EPOCH)
}

/// Whether a message is in its consumer's inbox.
pub(crate) fn is_shown(message: &Message, now: Timestamp) -> bool {
    // A device may report a message before its sender could record what it says.
    message.lives_at(now) && message.rendered.is_some()
}

/// What a device reports of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Report {
    /// The device got it.
    Delivered,
    /// The consumer tapped the notification.
    Tapped,
    /// The consumer saw it.
    Read,
}

impl Report {
    /// Its name on the wire.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Delivered => "DELIVERED",
            Self::Tapped => "TAPPED",
            Self::Read => "READ",
        }
    }
}

/// Records what devices report.
pub trait RecordReports: Send + Sync {
    /// Records that `report` happened to the message at `at`, unless that is recorded
    /// already. What is tapped or read was delivered. Whether the message exists.
    fn record_report(
        &self,
        key: &MessageKey,
        report: Report,
        at: Timestamp,
    ) -> impl Future<Output = Result<bool, Unavailable>> + Send;
}

/// The consumer's unexpired messages, newest first.
///
/// # Errors
/// When the store fails.
pub async fn list(
    store: &impl ReadInbox,
    clock: &impl Clock,
    consumer: &Consumer,
) -> Result<Vec<Message>, Unavailable> {
    let now = clock.now();
    let (account, id) = (&consumer.account, &consumer.id);
    let mut messages = store.recent(account, id, since(now), MAX_SHOWN).await?;
    messages.retain(|m| is_shown(m, now));
    Ok(messages)
}

/// Records what a device reports of a message; repeating a report changes nothing.
///
/// A device's clock can be wrong: a time outside of the message's life until now is moved
/// to its nearer end. Whether the consumer has the message.
///
/// # Errors
/// When the store fails.
pub async fn record(
    store: &impl RecordReports,
    clock: &impl Clock,
    consumer: &Consumer,
    transaction: TransactionId,
    report: Report,
    at: Timestamp,
) -> Result<bool, Unavailable> {
    let key = MessageKey {
        account: consumer.account.clone(),
        consumer: consumer.id.clone(),
        transaction,
    };
    let now = clock.now();
    let at = at.max(transaction.made_at()).min(now);
    store.record_report(&key, report, at).await
}
