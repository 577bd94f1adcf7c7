//! What can happen, by its name on the wire.

use serde::{Deserialize, Serialize};

/// Builds [`Kind`] and its names from the table below.
macro_rules! kinds {
    ($($(#[$doc:meta])* $name:ident = $text:literal,)*) => {
        /// What happened.
        #[derive(
            Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
        )]
        pub enum Kind {
            $($(#[$doc])* #[serde(rename = $text)] $name,)*
        }

        impl Kind {
            /// All kinds.
            pub const ALL: &[Self] = &[$(Self::$name),*];

            /// Its name on the wire.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$name => $text,)* }
            }
        }
    };
}

kinds! {
    /// A gateway took the message.
    MessageSent = "message.sent",
    /// A device got it.
    MessageDelivered = "message.delivered",
    /// The consumer saw it.
    MessageRead = "message.read",
    /// The consumer replied.
    MessageResponded = "message.responded",
    /// It waits for the consumer's conversation to close.
    MessageHeld = "message.held",
    /// It failed for good.
    MessageFailed = "message.failed",
    /// It was left out on purpose.
    MessageSkipped = "message.skipped",
    /// Its lookback ended before it could leave.
    MessageExpired = "message.expired",
    /// Its campaign was cancelled before it could leave.
    MessageCancelled = "message.cancelled",
    /// A consumer began a conversation.
    ConversationStarted = "conversation.started",
    /// An agent or bot took it.
    ConversationAccepted = "conversation.accepted",
    /// It was given to another skill, where it waits.
    ConversationTransferred = "conversation.transferred",
    /// Something was written in it.
    ConversationMessage = "conversation.message",
    /// It was closed.
    ConversationClosed = "conversation.closed",
    /// A campaign was accepted: its messages are queued.
    CampaignAccepted = "campaign.accepted",
    /// All its messages came to an end.
    CampaignFinished = "campaign.finished",
    /// It was cancelled.
    CampaignCancelled = "campaign.cancelled",
    /// The sends of an app were paused.
    AppPaused = "app.paused",
    /// They go on.
    AppResumed = "app.resumed",
    /// A webhook is told no more.
    WebhookDisabled = "webhook.disabled",
    /// Nothing: somebody tries the webhook.
    WebhookTest = "webhook.test",
}
