//! Secrets Manager. Whoever needs a secret often keeps it for a while.

use aws_sdk_secretsmanager::{Client, error::ProvideErrorMetadata as _};
use domain::store::Unavailable;
use jiff::{SignedDuration, Timestamp};
use secrecy::SecretString;
use std::{fmt, future::Future, sync::LazyLock};

/// How often a kept secret is read again because somebody showed what does not match it, at
/// most: it may have been changed, but guesses are not to make us pay for reading it.
pub(crate) const REREAD: SignedDuration = SignedDuration::from_secs(10);

/// How old what is kept of a secret is, and when it was read again because it did not match.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Age {
    read: Timestamp,
    doubted: Option<Timestamp>,
}

impl Age {
    /// Of what is read now.
    pub(crate) const fn new(now: Timestamp) -> Self {
        Self {
            read: now,
            doubted: None,
        }
    }

    /// Whether it was read longer ago than it is `kept`.
    pub(crate) fn is_over(&self, kept: SignedDuration, now: Timestamp) -> bool {
        is_over(self.read, kept, now)
    }

    /// Whether it was not read for a doubt just now ([`REREAD`]), so that it may be once more.
    pub(crate) fn may_be_doubted(&self, now: Timestamp) -> bool {
        self.doubted.is_none_or(|last| is_over(last, REREAD, now))
    }

    /// It does not match, and is read again for that.
    pub(crate) const fn doubt(&mut self, now: Timestamp) {
        self.doubted = Some(now);
    }

    /// It is read again.
    pub(crate) const fn renew(&mut self, now: Timestamp) {
        self.read = now;
    }
}

fn is_over(since: Timestamp, kept: SignedDuration, now: Timestamp) -> bool {
    now.duration_since(since).abs() >= kept
}

/// Why a secret was not read.
#[derive(Debug, thiserror::Error)]
pub enum CannotRead {
    /// There is no such secret, or it must not be read: a person has to act.
    #[error("the secret is not there, or it must not be read")]
    Refused(#[source] Unavailable),
    /// Secrets Manager does not answer.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
}

impl From<CannotRead> for Unavailable {
    fn from(e: CannotRead) -> Self {
        Self::new(e)
    }
}

/// Reads secrets.
pub trait ReadSecrets: Send + Sync {
    /// The secret of that name or ARN, as it is now.
    fn read(&self, name: &str) -> impl Future<Output = Result<SecretString, CannotRead>> + Send;
}

/// Secrets Manager.
#[derive(Clone)]
pub struct Secrets {
    client: Client,
}

impl fmt::Debug for Secrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secrets")
    }
}

impl Secrets {
    /// The account's own, as the environment says: the same, whoever in a process asks.
    #[must_use]
    pub fn from_env() -> Self {
        static SECRETS: LazyLock<Secrets> = LazyLock::new(|| Secrets {
            client: Client::new(aws::config()),
        });
        SECRETS.clone()
    }
}

impl ReadSecrets for Secrets {
    async fn read(&self, name: &str) -> Result<SecretString, CannotRead> {
        let answer = self.client.get_secret_value().secret_id(name).send().await;
        let secret = answer.map_err(|error| {
            let refused = matches!(
                error.code(),
                Some(
                    "ResourceNotFoundException"
                        | "AccessDeniedException"
                        | "DecryptionFailure"
                        | "InvalidRequestException"
                        | "InvalidParameterException"
                        | "ValidationException"
                )
            );
            let error = Unavailable::new(error);
            if refused {
                CannotRead::Refused(error)
            } else {
                CannotRead::Unavailable(error)
            }
        })?;
        let value = secret
            .secret_string
            .ok_or_else(|| CannotRead::Refused(Unavailable::new("the secret is no text")))?;
        Ok(SecretString::from(value))
    }
}
