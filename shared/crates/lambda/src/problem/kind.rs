//! The API's errors, all in one table.

use axum::http::StatusCode;

/// Builds [`Kind`] and its columns from the table below.
macro_rules! kinds {
    ($($(#[$doc:meta])* $name:ident: $status:ident, $code:literal, $title:literal, $again:ident;)*) => {
        /// What can be wrong with a call.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Kind {
            $($(#[$doc])* $name,)*
        }

        impl Kind {
            /// All kinds.
            pub const ALL: &[Self] = &[$(Self::$name),*];

            /// Its status.
            #[must_use]
            pub const fn status(self) -> StatusCode {
                match self { $(Self::$name => StatusCode::$status,)* }
            }

            /// Its name for programs.
            #[must_use]
            pub const fn code(self) -> &'static str {
                match self { $(Self::$name => $code,)* }
            }

            /// Its name for people.
            #[must_use]
            pub const fn title(self) -> &'static str {
                match self { $(Self::$name => $title,)* }
            }

            const fn again(self) -> Again {
                match self { $(Self::$name => Again::$again,)* }
            }
        }
    };
}

/// What comes of sending the same call again.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Again {
    /// The same answer.
    Same,
    /// Perhaps a better one; nothing was done so far.
    Later,
    /// Perhaps a better one; something may have been done already.
    Unsure,
}

kinds! {
    /// The body is not JSON.
    MalformedJson: BAD_REQUEST, "MALFORMED_JSON", "The body is not JSON", Same;
    /// The query is not what the call takes.
    InvalidQuery: BAD_REQUEST, "INVALID_QUERY", "The query is invalid", Same;
    /// A header is not what the call takes.
    InvalidHeader: BAD_REQUEST, "INVALID_HEADER", "A header is invalid", Same;
    /// The cursor is none that this listing gave.
    InvalidCursor: BAD_REQUEST, "INVALID_CURSOR", "The cursor is invalid", Same;

    /// The app could not reach the caller when they were checked.
    NotEligible: BAD_REQUEST, "NOT_ELIGIBLE", "The caller cannot be reached in the app", Same;

    /// No token, or none that is valid here.
    Unauthorized: UNAUTHORIZED, "UNAUTHORIZED", "A valid token is needed", Same;
    /// The token's time is over.
    TokenExpired: UNAUTHORIZED, "TOKEN_EXPIRED", "The token has expired", Same;
    /// A consumer's token on a brand's call, or the reverse.
    WrongTokenKind: UNAUTHORIZED, "WRONG_TOKEN_KIND", "The call takes another kind of token", Same;
    /// The client's id or secret is wrong.
    InvalidClient: UNAUTHORIZED, "INVALID_CLIENT", "The client's id or secret is wrong", Same;
    /// The token does not allow it.
    Forbidden: FORBIDDEN, "FORBIDDEN", "The token does not allow this", Same;

    /// There is no such thing, or it is another account's.
    NotFound: NOT_FOUND, "NOT_FOUND", "Not found", Same;
    /// The path has other methods.
    MethodNotAllowed: METHOD_NOT_ALLOWED, "METHOD_NOT_ALLOWED", "The method is not allowed", Same;
    /// The body is of another type.
    UnsupportedMediaType: UNSUPPORTED_MEDIA_TYPE, "UNSUPPORTED_MEDIA_TYPE", "The body is of another type", Same;
    /// The body is too large.
    PayloadTooLarge: PAYLOAD_TOO_LARGE, "PAYLOAD_TOO_LARGE", "The body is too large", Same;

    /// The name is taken.
    NameTaken: CONFLICT, "NAME_TAKEN", "The name is taken", Same;
    /// What was read before was changed since.
    Changed: CONFLICT, "CHANGED", "It was changed meanwhile", Same;
    /// Messages of the handoff live.
    HandoffInUse: CONFLICT, "HANDOFF_IN_USE", "Messages of the handoff live", Same;
    /// The account has as many as it can have.
    LimitReached: CONFLICT, "LIMIT_REACHED", "The account has as many as it can have", Same;
    /// The webhook is disabled.
    WebhookDisabled: CONFLICT, "WEBHOOK_DISABLED", "The webhook is disabled", Same;
    /// An equal call is under way.
    IdempotencyInFlight: CONFLICT, "IDEMPOTENCY_IN_FLIGHT", "An equal call is under way", Later;
    /// Another agent has the conversation.
    ConversationTaken: CONFLICT, "CONVERSATION_TAKEN", "Another agent has the conversation", Same;
    /// Nobody has accepted the conversation.
    ConversationWaiting: CONFLICT, "CONVERSATION_WAITING", "The conversation waits to be accepted", Same;
    /// The conversation is over.
    ConversationClosed: CONFLICT, "CONVERSATION_CLOSED", "The conversation is closed", Same;
    /// The conversation kept changing.
    ConversationBusy: CONFLICT, "CONVERSATION_BUSY", "The conversation changed meanwhile", Later;
    /// An operator paused the account.
    AccountPaused: CONFLICT, "ACCOUNT_PAUSED", "The account is paused", Same;
    /// The account has no default skill.
    NoDefaultSkill: CONFLICT, "NO_DEFAULT_SKILL", "The account has no default skill", Same;

    /// The body is JSON, but not what the call takes.
    InvalidBody: UNPROCESSABLE_ENTITY, "INVALID_BODY", "The body is invalid", Same;
    /// An identifier is not of its form.
    InvalidId: UNPROCESSABLE_ENTITY, "INVALID_ID", "An identifier is invalid", Same;
    /// A name is blank, too long, or holds what names must not.
    InvalidName: UNPROCESSABLE_ENTITY, "INVALID_NAME", "A name is invalid", Same;
    /// A text is blank, too long, or holds more than text and emoji.
    InvalidText: UNPROCESSABLE_ENTITY, "INVALID_TEXT", "A text is invalid", Same;
    /// The lookback is out of its bounds.
    InvalidLookback: UNPROCESSABLE_ENTITY, "INVALID_LOOKBACK", "The lookback is invalid", Same;
    /// Not 1 to 4 different apps.
    InvalidApps: UNPROCESSABLE_ENTITY, "INVALID_APPS", "The apps are invalid", Same;
    /// The app's configuration cannot work.
    InvalidApp: UNPROCESSABLE_ENTITY, "INVALID_APP", "The app's configuration is invalid", Same;
    /// A limit is out of its bounds.
    InvalidLimit: UNPROCESSABLE_ENTITY, "INVALID_LIMIT", "A limit is invalid", Same;
    /// A role is none, or above the caller's.
    InvalidRole: UNPROCESSABLE_ENTITY, "INVALID_ROLE", "A role is invalid", Same;
    /// The push token is none.
    InvalidPushToken: UNPROCESSABLE_ENTITY, "INVALID_PUSH_TOKEN", "The push token is invalid", Same;
    /// The account has no such skill.
    UnknownSkill: UNPROCESSABLE_ENTITY, "UNKNOWN_SKILL", "The account has no such skill", Same;
    /// The account has no such handoff.
    UnknownHandoff: UNPROCESSABLE_ENTITY, "UNKNOWN_HANDOFF", "The account has no such handoff", Same;
    /// The account has no such app.
    UnknownApp: UNPROCESSABLE_ENTITY, "UNKNOWN_APP", "The account has no such app", Same;
    /// The consumer has no such message.
    UnknownMessage: UNPROCESSABLE_ENTITY, "UNKNOWN_MESSAGE", "The consumer has no such message", Same;
    /// No recipients, or too many.
    RecipientCount: UNPROCESSABLE_ENTITY, "RECIPIENT_COUNT", "Too few or too many recipients", Same;
    /// The recipients have not consented.
    ConsentRequired: UNPROCESSABLE_ENTITY, "CONSENT_REQUIRED", "The recipients' consent is needed", Same;
    /// The channel does not have it.
    NotSupported: UNPROCESSABLE_ENTITY, "NOT_SUPPORTED", "In-App does not have this", Same;
    /// The idempotency key came with another request before.
    IdempotencyKeyReused: UNPROCESSABLE_ENTITY, "IDEMPOTENCY_KEY_REUSED", "The idempotency key was used", Same;

    /// Calls come too fast.
    TooManyRequests: TOO_MANY_REQUESTS, "TOO_MANY_REQUESTS", "Too many requests", Later;
    /// The account's recipients of the day are used up.
    DailyLimitReached: TOO_MANY_REQUESTS, "DAILY_LIMIT_REACHED", "The day's recipients are used up", Later;
    /// Our fault.
    Internal: INTERNAL_SERVER_ERROR, "INTERNAL_ERROR", "Something went wrong", Unsure;
    /// Something that the call needs does not answer.
    Unavailable: SERVICE_UNAVAILABLE, "UNAVAILABLE", "Try again later", Unsure;
}

impl Kind {
    /// The URI that names it: a page of the documentation.
    #[must_use]
    pub fn uri(self) -> String {
        let name = self.code().to_ascii_lowercase().replace('_', "-");
        format!("/problems/{name}")
    }

    /// Whether the same call may be answered better later.
    #[must_use]
    pub const fn is_retryable(self) -> bool {
        !matches!(self.again(), Again::Same)
    }

    /// Whether nothing was done, so that sending the call again cannot do it twice.
    #[must_use]
    pub const fn did_nothing(self) -> bool {
        !matches!(self.again(), Again::Unsure)
    }
}

#[cfg(test)]
mod tests {
    use super::Kind;
    use std::collections::HashSet;

    #[test]
    fn codes_are_unique_and_shout() {
        let codes: HashSet<_> = Kind::ALL.iter().map(|kind| kind.code()).collect();
        assert_eq!(codes.len(), Kind::ALL.len());
        let shouts = |c: char| c.is_ascii_uppercase() || c == '_';
        assert!(codes.iter().all(|code| code.chars().all(shouts)));
        assert_eq!(Kind::NameTaken.uri(), "/problems/name-taken");
    }

    #[test]
    fn only_a_fault_of_ours_leaves_open_what_was_done() {
        for kind in Kind::ALL {
            assert_eq!(kind.did_nothing(), !kind.status().is_server_error());
        }
    }
}
