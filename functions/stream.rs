//! What the functions that follow the table's stream share.

use domain::origin::Origin;
use dynamodb::Stored;
use lambda::{About, Record};
use trace::{Source, Span};

/// What a record of the stream tells of; `None` when nothing follows from it.
///
/// One that cannot be read never will be: it is logged and left out, so that it does not
/// hold up those behind it. What it was about is found again by the sweep.
#[must_use]
pub fn stored(record: &Record) -> Option<Stored> {
    Stored::from_image(record.change.new_image.clone()).unwrap_or_else(|error| {
        tracing::error!(
            error = &error as &dyn std::error::Error,
            record.id = %record.event_id,
            record.sequence = record.change.sequence_number,
            "a record of the stream cannot be read"
        );
        None
    })
}

/// What a stored item is about.
#[must_use]
pub fn about(stored: &Stored) -> About {
    match stored {
        Stored::Chunk(chunk) => About::campaign(&chunk.account, &chunk.campaign),
        Stored::Entry(posted, _) => About {
            transaction: posted.entry.transaction,
            ..About::conversation(&posted.account, posted.conversation)
        },
        Stored::Conversation(conversation) => {
            About::conversation(&conversation.account, conversation.id)
        }
        Stored::Message(message) => {
            let key = &message.key;
            About::message(&key.account, &message.place.campaign, key.transaction)
        }
        Stored::Pause(account, ..) | Stored::Events(account, _) => About::account(account),
        Stored::Campaign(campaign) => About::campaign(&campaign.account, &campaign.id),
    }
}

/// The span of what follows from a record, of an item of that kind, and what follows has that
/// origin.
#[must_use]
pub fn follow(origin: &mut Option<Origin>, kind: &'static str) -> Span {
    let span = trace::process(origin.as_ref(), Source::Table).with("overture.item", kind);
    if let Some(here) = span.origin() {
        *origin = Some(here);
    }
    span
}
