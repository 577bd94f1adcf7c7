//! Identifiers that cannot be mistaken for one another.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::{fmt, str::FromStr};
use uuid::Uuid;

/// A string was not an identifier of the kind expected.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not {expected}")]
pub struct InvalidId {
    expected: &'static str,
}

/// What every kind of identifier shares: it is parsed, shown and serialized as its string.
macro_rules! through_string {
    ($name:ident) => {
        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, f)
            }
        }

        impl TryFrom<String> for $name {
            type Error = InvalidId;

            fn try_from(s: String) -> Result<Self, InvalidId> {
                s.parse()
            }
        }

        impl From<$name> for String {
            fn from(id: $name) -> Self {
                id.to_string()
            }
        }
    };
}

/// An identifier that people or other systems choose: checked, then kept as it came.
macro_rules! named_id {
    ($(#[$doc:meta])* $name:ident, $expected:literal, $accepts:expr) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(String);

        impl $name {
            /// The identifier as a string.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl FromStr for $name {
            type Err = InvalidId;

            fn from_str(s: &str) -> Result<Self, InvalidId> {
                let accepts: fn(&str) -> bool = $accepts;
                if accepts(s) {
                    Ok(Self(s.to_owned()))
                } else {
                    Err(InvalidId { expected: $expected })
                }
            }
        }

        through_string!($name);
    };
}

/// A time-ordered UUID (version 7), made here.
macro_rules! uuid_id {
    ($(#[$doc:meta])* $name:ident, $expected:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(Uuid);

        impl $name {
            /// A new identifier that sorts by `now`.
            #[must_use]
            pub fn at(now: Timestamp) -> Self {
                Self(uuid_at(now))
            }

            /// When the identifier was made, to the millisecond.
            #[must_use]
            pub fn made_at(&self) -> Timestamp {
                let millis = self.0.get_timestamp().map_or(0, |t| {
                    let (seconds, nanos) = t.to_unix();
                    seconds * 1000 + u64::from(nanos) / 1_000_000
                });
                i64::try_from(millis)
                    .ok()
                    .and_then(|m| Timestamp::from_millisecond(m).ok())
                    .unwrap_or(Timestamp::UNIX_EPOCH)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.hyphenated().fmt(f)
            }
        }

        impl FromStr for $name {
            type Err = InvalidId;

            fn from_str(s: &str) -> Result<Self, InvalidId> {
                // Only the one canonical spelling: an id is part of keys.
                Uuid::try_parse(s)
                    .ok()
                    .filter(|id| id.get_version_num() == 7 && id.hyphenated().to_string() == s)
                    .map(Self)
                    .ok_or(InvalidId { expected: $expected })
            }
        }

        through_string!($name);
    };
}

fn uuid_at(now: Timestamp) -> Uuid {
    let seconds = u64::try_from(now.as_second()).unwrap_or_default();
    let nanos = u32::try_from(now.subsec_nanosecond()).unwrap_or_default();
    Uuid::new_v7(uuid::Timestamp::from_unix(uuid::NoContext, seconds, nanos))
}

fn word(s: &str, longest: usize, marks: &str) -> bool {
    (1..=longest).contains(&s.len())
        && s.chars()
            .all(|c| c.is_ascii_alphanumeric() || marks.contains(c))
}

/// Text that a brand chose and that may hold any script, but nothing that does not print.
fn label(s: &str, longest: usize) -> bool {
    (1..=longest).contains(&s.chars().count()) && s.trim() == s && !s.chars().any(char::is_control)
}

named_id!(
    /// Whose data it is: the tenant every key starts from.
    AccountId,
    "an account id: 1 to 64 of A-Z, a-z, 0-9, `-` and `_`",
    |s| word(s, 64, "-_")
);
named_id!(
    /// A mobile app, by its bundle id or package name (at most 155 characters).
    AppName,
    "an app name: 1 to 155 of A-Z, a-z, 0-9, `.`, `-` and `_`",
    |s| word(s, 155, ".-_")
);
named_id!(
    /// The queue of agents to which a reply goes.
    SkillName,
    "a skill name: 1 to 255 characters (900 bytes), no control characters, no space at its ends",
    |s| label(s, 255)
);
named_id!(
    /// A person, by the brand's own id: the `sub` of its identity provider.
    ConsumerId,
    "a consumer id: 1 to 255 characters (900 bytes), no control characters, no space at its ends",
    |s| label(s, 255)
);
named_id!(
    /// One installation of an app.
    DeviceId,
    "a device id: 1 to 128 of A-Z, a-z, 0-9, `.`, `:`, `-` and `_`",
    |s| word(s, 128, ".:-_")
);
named_id!(
    /// The name that a brand gives one of its webhooks.
    WebhookName,
    "a webhook's name: 1 to 40 of A-Z, a-z, 0-9, `-` and `_`",
    |s| word(s, 40, "-_")
);
named_id!(
    /// A program of the brand that calls the API.
    ClientId,
    "a client id: 1 to 64 of A-Z, a-z, 0-9, `-` and `_`",
    |s| word(s, 64, "-_")
);
named_id!(
    /// A handoff: `H` and 1 to 15 digits, as LivePerson's.
    HandoffId,
    "a handoff id: `H` and 1 to 15 digits",
    |s| s
        .strip_prefix('H')
        .is_some_and(|d| (1..=15).contains(&d.len()) && d.bytes().all(|b| b.is_ascii_digit()))
);
named_id!(
    /// A campaign: a short word, as LivePerson's.
    CampaignId,
    "a campaign id: 1 to 16 of A-Z, a-z and 0-9",
    |s| word(s, 16, "")
);

named_id!(
    /// A call to an IVR, as LivePerson's: a random UUID (version 4).
    CallId,
    "a call id: a version 4 UUID in lower case",
    // Only the one canonical spelling: an id is part of keys.
    |s| Uuid::try_parse(s)
        .is_ok_and(|id| id.get_version_num() == 4 && id.hyphenated().to_string() == s)
);

uuid_id!(
    /// One campaign's message to one consumer.
    TransactionId,
    "a transaction id: a version 7 UUID in lower case"
);
uuid_id!(
    /// One conversation.
    ConversationId,
    "a conversation id: a version 7 UUID in lower case"
);
uuid_id!(
    /// One entry of the audit log.
    AuditId,
    "an audit id: a version 7 UUID in lower case"
);
uuid_id!(
    /// One entry of a transcript.
    EntryId,
    "an entry id: a version 7 UUID in lower case"
);

impl HandoffId {
    /// A new identifier: `H` and 10 digits.
    #[must_use]
    pub fn random() -> Self {
        Self(format!("H{}", digits()))
    }
}

impl CallId {
    /// A new identifier.
    #[must_use]
    pub fn random() -> Self {
        Self(Uuid::new_v4().hyphenated().to_string())
    }
}

impl CampaignId {
    /// A new identifier of 10 letters and digits (59 bits).
    #[must_use]
    pub fn random() -> Self {
        const ALPHABET: &[u8; 62] =
            b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
        let mut bits = Uuid::new_v4().as_u128();
        let id = (0..10)
            .map(|_| {
                let at = usize::try_from(bits % 62).unwrap_or_default();
                bits /= 62;
                char::from(ALPHABET[at])
            })
            .collect();
        Self(id)
    }
}

/// A random number of 10 digits that does not start with 0, as LivePerson's numeric ids.
#[must_use]
pub fn digits() -> String {
    (1_000_000_000 + Uuid::new_v4().as_u128() % 9_000_000_000).to_string()
}

/// An even random share of 1, for jitter.
#[must_use]
#[expect(
    clippy::cast_possible_truncation,
    reason = "32 random bits are jitter enough"
)]
pub fn share() -> f64 {
    f64::from(Uuid::new_v4().as_u128() as u32) / f64::from(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_of_one_kind_are_refused_by_another() {
        assert!("H1234567890".parse::<HandoffId>().is_ok());
        assert!("1234567890".parse::<HandoffId>().is_err());
        assert!("H".parse::<HandoffId>().is_err());
        assert!("a#b".parse::<CampaignId>().is_err());
        assert!("".parse::<AccountId>().is_err());
        assert!("../x".parse::<AccountId>().is_err());
        assert!(" ana".parse::<ConsumerId>().is_err());
        assert!("a\u{0}b".parse::<ConsumerId>().is_err());
    }

    #[test]
    fn a_uuid_has_one_spelling_and_remembers_its_time() {
        let now = Timestamp::from_millisecond(1_800_000_000_123).unwrap();
        let id = TransactionId::at(now);
        assert_eq!(id.made_at(), now);
        assert_eq!(id.to_string().parse::<TransactionId>(), Ok(id));
        assert!(
            id.to_string()
                .to_uppercase()
                .parse::<TransactionId>()
                .is_err()
        );
    }

    #[test]
    fn random_ids_parse() {
        for _ in 0..100 {
            assert!(CallId::random().as_str().parse::<CallId>().is_ok());
            assert!(HandoffId::random().as_str().parse::<HandoffId>().is_ok());
            assert!(CampaignId::random().as_str().parse::<CampaignId>().is_ok());
            assert!((0.0..=1.0).contains(&share()));
        }
    }
}
