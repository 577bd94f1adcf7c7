//! What the domain refuses, as problems: with [`Kind`] the API's whole error contract.

use super::{Kind, Problem};
use domain::{
    access::InvalidRole,
    account::{InvalidApp, InvalidLimit, SaveAppError, SaveSettingsError},
    agent::AgentError,
    campaign::CreateError,
    client::{MakeError, RotateError},
    deliver::ReplayError,
    device::{InvalidPushToken, LogInError},
    handoff::{DeleteError, InvalidApps, SaveError},
    id::InvalidId,
    ivr::{CheckError, InviteError},
    lookback::InvalidLookback,
    name::InvalidName,
    reply::ReplyError,
    store::Unavailable,
    text::InvalidText,
    webhook::{RotateWebhookError, SaveWebhookError},
};

impl From<Unavailable> for Problem {
    fn from(e: Unavailable) -> Self {
        Self::unavailable(&e)
    }
}

/// Values of the body that are refused whatever the account has.
macro_rules! values {
    ($($error:ty => $kind:ident),* $(,)?) => {
        $(impl From<$error> for Problem {
            fn from(e: $error) -> Self {
                Self::of_value(Kind::$kind, e)
            }
        })*
    };
}

values! {
    InvalidApps => InvalidApps,
    InvalidId => InvalidId,
    InvalidLimit => InvalidLimit,
    InvalidLookback => InvalidLookback,
    InvalidName => InvalidName,
    InvalidPushToken => InvalidPushToken,
    InvalidRole => InvalidRole,
    InvalidText => InvalidText,
}

impl From<InvalidApp> for Problem {
    fn from(e: InvalidApp) -> Self {
        let place = match &e {
            InvalidApp::NoRoute => String::new(),
            InvalidApp::WrongRoute { platform, .. } => format!("/{}/route", platform.as_str()),
            InvalidApp::Field { field, .. } => format!("/{field}"),
        };
        Self::of_value(Kind::InvalidApp, e).at(place)
    }
}

impl From<SaveAppError> for Problem {
    fn from(e: SaveAppError) -> Self {
        match e {
            SaveAppError::TooMany => Self::new(Kind::LimitReached, e),
            SaveAppError::Store(e) => e.into(),
        }
    }
}

impl From<SaveSettingsError> for Problem {
    fn from(e: SaveSettingsError) -> Self {
        match e {
            SaveSettingsError::UnknownSkill(_) => {
                Self::of_value(Kind::UnknownSkill, e).at("/defaultSkill")
            }
            SaveSettingsError::Changed => Self::new(Kind::Changed, e),
            SaveSettingsError::Store(e) => e.into(),
        }
    }
}

impl From<MakeError> for Problem {
    fn from(e: MakeError) -> Self {
        match e {
            MakeError::Name(e) => Self::from(e).at("/name"),
            MakeError::Roles => Self::of_value(Kind::InvalidRole, e).at("/roles"),
            MakeError::Expired => Self::invalid("/expiresAt", e),
            MakeError::TooMany => Self::new(Kind::LimitReached, e),
            MakeError::Store(e) => e.into(),
        }
    }
}

impl From<RotateError> for Problem {
    fn from(e: RotateError) -> Self {
        match e {
            RotateError::NotFound => Self::new(Kind::NotFound, e),
            RotateError::TooLong => Self::new(Kind::InvalidQuery, e),
            RotateError::Store(e) => e.into(),
        }
    }
}

impl From<SaveWebhookError> for Problem {
    fn from(e: SaveWebhookError) -> Self {
        match e {
            SaveWebhookError::Url => Self::invalid("/url", e),
            SaveWebhookError::Events => Self::invalid("/events", e),
            SaveWebhookError::TooMany => Self::new(Kind::LimitReached, e),
            SaveWebhookError::Changed => Self::new(Kind::Changed, e),
            SaveWebhookError::Store(e) => e.into(),
        }
    }
}

impl From<RotateWebhookError> for Problem {
    fn from(e: RotateWebhookError) -> Self {
        match e {
            RotateWebhookError::NotFound => Self::new(Kind::NotFound, e),
            RotateWebhookError::TooLong => Self::new(Kind::InvalidQuery, e),
            RotateWebhookError::Changed => Self::new(Kind::Changed, e),
            RotateWebhookError::Store(e) => e.into(),
        }
    }
}

impl From<ReplayError> for Problem {
    fn from(e: ReplayError) -> Self {
        match e {
            ReplayError::NotFound => Self::new(Kind::NotFound, e),
            ReplayError::Disabled => Self::new(Kind::WebhookDisabled, e),
            ReplayError::Range => Self::invalid("/from", e),
            ReplayError::Store(e) => e.into(),
        }
    }
}

impl From<LogInError> for Problem {
    fn from(e: LogInError) -> Self {
        match e {
            LogInError::UnknownApp(_) => Self::of_value(Kind::UnknownApp, e).at("/appName"),
            LogInError::Unavailable(e) => e.into(),
        }
    }
}

impl From<SaveError> for Problem {
    fn from(e: SaveError) -> Self {
        match e {
            SaveError::NameTaken(_) => Self::new(Kind::NameTaken, e).at("/name"),
            SaveError::UnknownApp(_) => {
                Self::of_value(Kind::UnknownApp, e).at("/channels/0/appNames")
            }
            SaveError::TooMany => Self::new(Kind::LimitReached, e),
            SaveError::NotFound => Self::new(Kind::NotFound, e),
            SaveError::Changed => Self::new(Kind::Changed, e),
            SaveError::Store(e) => e.into(),
        }
    }
}

impl From<DeleteError> for Problem {
    fn from(e: DeleteError) -> Self {
        match e {
            DeleteError::NotFound => Self::new(Kind::NotFound, e),
            DeleteError::Changed => Self::new(Kind::Changed, e),
            DeleteError::Live => Self::new(Kind::HandoffInUse, e),
            DeleteError::Busy => Self::unavailable(&e),
            DeleteError::Store(e) => e.into(),
        }
    }
}

impl From<CreateError> for Problem {
    fn from(e: CreateError) -> Self {
        match e {
            CreateError::RecipientCount { .. } => {
                Self::of_value(Kind::RecipientCount, e).at("/consumers")
            }
            CreateError::UnknownSkill => Self::of_value(Kind::UnknownSkill, e).at("/skill"),
            CreateError::UnknownHandoff => {
                Self::of_value(Kind::UnknownHandoff, e).at("/templateId")
            }
            CreateError::KeyReused => Self::new(Kind::IdempotencyKeyReused, e),
            CreateError::InFlight => Self::new(Kind::IdempotencyInFlight, e).retry_after(1),
            CreateError::DayFull { resets_in, .. } => {
                let seconds = u64::try_from(resets_in.as_secs()).unwrap_or_default();
                Self::new(Kind::DailyLimitReached, e).retry_after(seconds + 1)
            }
            CreateError::Paused => Self::new(Kind::AccountPaused, e),
            CreateError::Ended => Self::not_found(),
            CreateError::Busy => Self::unavailable(&e).before_anything(),
            CreateError::Store(e) => e.into(),
        }
    }
}

impl From<CheckError> for Problem {
    fn from(e: CheckError) -> Self {
        match e {
            CheckError::UnknownSkill(_) => Self::of_value(Kind::UnknownSkill, e).at("/skill"),
            CheckError::UnknownHandoff => Self::of_value(Kind::UnknownHandoff, e).at("/handoffId"),
            CheckError::Variables(e) => Self::invalid("/templateVariables", e),
            CheckError::Store(e) => e.into(),
        }
    }
}

impl From<InviteError> for Problem {
    fn from(e: InviteError) -> Self {
        match e {
            InviteError::NotFound => Self::new(Kind::NotFound, e),
            InviteError::NotEligible(_) => Self::new(Kind::NotEligible, e),
            InviteError::UnknownSkill => Self::of_value(Kind::UnknownSkill, e).at("/overrideSkill"),
            // Where a campaign names them, an invitation has no field.
            InviteError::Create(e @ CreateError::UnknownSkill) => Self::new(Kind::UnknownSkill, e),
            InviteError::Create(e @ CreateError::UnknownHandoff) => {
                Self::new(Kind::UnknownHandoff, e)
            }
            InviteError::Create(CreateError::KeyReused) => Self::new(
                Kind::IdempotencyKeyReused,
                "the caller was invited with another `overrideSkill`",
            ),
            InviteError::Create(e) => e.into(),
            InviteError::Store(e) => e.into(),
        }
    }
}

impl From<ReplyError> for Problem {
    fn from(e: ReplyError) -> Self {
        match e {
            ReplyError::UnknownMessage => {
                Self::of_value(Kind::UnknownMessage, e).at("/proactiveMessageId")
            }
            ReplyError::NoSkill => Self::new(Kind::NoDefaultSkill, e),
            ReplyError::Busy => Self::new(Kind::ConversationBusy, e).retry_after(1),
            ReplyError::Store(e) => e.into(),
        }
    }
}

impl From<AgentError> for Problem {
    fn from(e: AgentError) -> Self {
        match e {
            AgentError::NotFound => Self::new(Kind::NotFound, e),
            AgentError::Taken => Self::new(Kind::ConversationTaken, e),
            AgentError::Waiting => Self::new(Kind::ConversationWaiting, e),
            AgentError::Closed => Self::new(Kind::ConversationClosed, e),
            AgentError::UnknownSkill => Self::of_value(Kind::UnknownSkill, e).at("/skill"),
            AgentError::Busy => Self::new(Kind::ConversationBusy, e).retry_after(1),
            AgentError::Store(e) => e.into(),
        }
    }
}
