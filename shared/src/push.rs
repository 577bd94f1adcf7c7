//! What goes out to a device, and how a gateway may answer.

use crate::{
    account::Route,
    device::{Environment, Platform, PushToken},
    handoff::{Rendered, Source},
    id::{AccountId, ConsumerId, ConversationId, TransactionId},
};
use jiff::{SignedDuration, Timestamp};
use std::{borrow::Cow, future::Future, time::Duration};

/// Where a notification goes: one device, by way of its app's route.
#[derive(Clone, Copy, Debug)]
pub struct Target<'a> {
    /// How the app's platform is reached, with which credential.
    pub route: &'a Route,
    /// The device's platform.
    pub platform: Platform,
    /// The world the token belongs to (APNs has two).
    pub environment: Environment,
    /// The device's address at its gateway.
    pub token: &'a PushToken,
    /// When the address was last registered.
    pub registered_at: Timestamp,
}

/// What a device is shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notification {
    /// The brand it comes from.
    pub account: AccountId,
    /// The line above the body, if any.
    pub title: Option<String>,
    /// The full text; an adapter shortens it to its gateway's size.
    pub body: String,
    /// Tries of the same notification replace one another on the device. At most 64 bytes.
    pub collapse_id: String,
    /// After this instant no gateway may show it.
    pub expires_at: Timestamp,
    /// What the app is told besides.
    pub custom: Custom,
}

impl Notification {
    /// A campaign's message: what was rendered, under the transaction's id at every try.
    #[must_use]
    pub fn proactive(
        account: &AccountId,
        transaction: TransactionId,
        rendered: &Rendered,
        expires_at: Timestamp,
        custom: Custom,
    ) -> Self {
        Self {
            account: account.clone(),
            title: rendered.title.clone(),
            body: rendered.body().to_owned(),
            collapse_id: transaction.to_string(),
            expires_at,
            custom,
        }
    }
}

/// The custom keys of a notification.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Custom {
    /// A campaign's message.
    Proactive {
        /// The message.
        transaction: TransactionId,
        /// Which product it comes from.
        backend: Backend,
        /// How long the message lives, from its acceptance.
        lookback: SignedDuration,
        /// The campaign object for routing.
        le_campaign: String,
        /// The engagement object for routing.
        le_engagement: String,
        /// The person it is for.
        consumer: ConsumerId,
    },
    /// A new entry in an open conversation.
    Chat {
        /// The conversation.
        conversation: ConversationId,
        /// Who wrote: the agent's or bot's name within the account.
        originator: String,
        /// The person it is for.
        consumer: ConsumerId,
    },
}

/// Which product a notification comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Backend {
    /// Proactive messaging.
    Prmsg,
    /// Connect to messaging: IVR deflection.
    C2m,
}

impl From<Source> for Backend {
    fn from(source: Source) -> Self {
        match source {
            Source::Proactive => Self::Prmsg,
            Source::Ivr => Self::C2m,
        }
    }
}

impl Backend {
    /// Its name on the wire.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Prmsg => "prmsg",
            Self::C2m => "c2m",
        }
    }
}

/// A gateway took a notification.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Receipt {
    /// The gateway's own id of it, for support.
    pub id: String,
    /// Whether the body had to be shortened to fit.
    pub shortened: bool,
}

/// Why a gateway did not take a notification, by what is to be done about it.
///
/// `reason` is the gateway's own word (`Unregistered`, `QUOTA_EXCEEDED`), or one of
/// ours in lower case (`timeout`); it never holds a token or a text.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Undelivered {
    /// The device is gone: forget its token.
    #[error("the device is gone: {reason}")]
    DeviceGone {
        /// Since when, where the gateway tells: a later registration stays.
        since: Option<Timestamp>,
        /// The gateway's word.
        reason: Cow<'static, str>,
    },
    /// The app's credentials are refused: nothing of this app goes out.
    #[error("the credentials are refused: {reason}")]
    Refused {
        /// The gateway's word.
        reason: Cow<'static, str>,
    },
    /// This notification can never be sent.
    #[error("the notification is refused: {reason}")]
    Rejected {
        /// The gateway's word.
        reason: Cow<'static, str>,
    },
    /// Try again, not before `after`.
    #[error("not now: {reason}")]
    Later {
        /// The least time to wait, where the gateway tells.
        after: Option<Duration>,
        /// The gateway's word.
        reason: Cow<'static, str>,
    },
}

impl Undelivered {
    /// The gateway's own word for it.
    #[must_use]
    pub fn reason(&self) -> &str {
        match self {
            Self::DeviceGone { reason, .. }
            | Self::Refused { reason }
            | Self::Rejected { reason }
            | Self::Later { reason, .. } => reason,
        }
    }
}

/// Hands notifications to gateways.
pub trait Push: Send + Sync {
    /// Hands one notification to the gateway of `target`.
    ///
    /// MUST answer within a few seconds, with [`Undelivered::Later`] where the
    /// gateway did not, and MUST NOT try again by itself: the caller decides.
    fn push(
        &self,
        target: Target<'_>,
        notification: &Notification,
    ) -> impl Future<Output = Result<Receipt, Undelivered>> + Send;
}
