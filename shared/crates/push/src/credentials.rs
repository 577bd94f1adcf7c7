//! Secrets, by the port that fetches them, kept for a few minutes.

use crate::slots::Slots;
use domain::{push::Undelivered, store::Unavailable};
use secrecy::SecretString;
use std::{
    future::Future,
    time::{Duration, Instant},
};

/// How long a secret is used before it is read again.
const KEPT: Duration = Duration::from_mins(5);
/// How often it is read again since it may have been replaced, at most.
const REREAD: Duration = Duration::from_secs(10);

/// Fetches secrets by the name that an app's route gives them.
pub trait Secrets: Send + Sync {
    /// What is now the secret named `name`: a `.p8` file's text, a service account's JSON, or what a brand's
    /// own endpoint asks for.
    fn secret(&self, name: &str) -> impl Future<Output = Result<SecretString, CannotRead>> + Send;
}

/// Why a secret was not read.
#[derive(Debug, thiserror::Error)]
pub enum CannotRead {
    /// There is no such secret, or it must not be read: a person has to act.
    #[error("the secret is not there or must not be read")]
    Refused,
    /// The store of secrets failed.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
}

/// Keeps secrets, so that a push does not read one.
#[derive(Debug)]
pub(crate) struct Credentials<S> {
    secrets: S,
    slots: Slots<String, Kept>,
}

/// A secret as it was read last.
#[derive(Debug)]
struct Kept {
    secret: SecretString,
    read: Instant,
    is_doubted: bool,
    /// When it was read for a doubt.
    reread: Option<Instant>,
}

impl Kept {
    fn is_good(&self) -> bool {
        let reread_now = self.reread.is_some_and(|last| last.elapsed() < REREAD);
        self.read.elapsed() < KEPT && (!self.is_doubted || reread_now)
    }
}

impl<S: Secrets> Credentials<S> {
    pub(crate) fn new(secrets: S) -> Self {
        Self {
            secrets,
            slots: Slots::default(),
        }
    }

    /// The secret, as it was some minutes ago at most.
    pub(crate) async fn read(&self, name: &str) -> Result<SecretString, CannotRead> {
        let slot = self.slots.slot(&name.to_owned());
        let mut slot = slot.lock().await;
        let mut reread = None;
        if let Some(kept) = &mut *slot {
            if kept.is_good() {
                return Ok(kept.secret.clone());
            }
            if kept.is_doubted {
                kept.reread = Some(Instant::now());
            }
            reread = kept.reread;
        }
        let secret = self.secrets.secret(name).await?;
        *slot = Some(Kept {
            secret: secret.clone(),
            read: Instant::now(),
            is_doubted: false,
            reread,
        });
        Ok(secret)
    }

    /// The secret for a push.
    pub(crate) async fn get(&self, name: &str) -> Result<SecretString, Undelivered> {
        match self.read(name).await {
            Ok(secret) => Ok(secret),
            Err(CannotRead::Refused) => Err(Undelivered::Refused {
                reason: "credential_unreadable".into(),
            }),
            Err(CannotRead::Unavailable(e)) => {
                tracing::warn!(
                    error = &e as &dyn std::error::Error,
                    "a secret was not read"
                );
                Err(Undelivered::Later {
                    after: None,
                    reason: "credential_unavailable".into(),
                })
            }
        }
    }

    /// What is kept is refused, or lacks something: it may have been replaced, so it is read
    /// again when it is needed next, if that was not done for a doubt just now.
    pub(crate) async fn doubt(&self, name: &str) {
        let slot = self.slots.slot(&name.to_owned());
        if let Some(kept) = &mut *slot.lock().await {
            kept.is_doubted = true;
        }
    }
}
