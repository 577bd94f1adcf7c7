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
/// How long it is used even where its gateway refuses it.
const KEPT_THOUGH_REFUSED: Duration = Duration::from_secs(30);

/// Fetches secrets by the name that an app's route gives them.
pub trait Secrets: Send + Sync {
    /// The secret named `name`: a `.p8` file's text, a service account's JSON, or what a brand's
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
    slots: Slots<String, (Instant, SecretString)>,
}

impl<S: Secrets> Credentials<S> {
    pub(crate) fn new(secrets: S) -> Self {
        Self {
            secrets,
            slots: Slots::default(),
        }
    }

    pub(crate) async fn get(&self, name: &str) -> Result<SecretString, Undelivered> {
        let slot = self.slots.slot(&name.to_owned());
        let mut slot = slot.lock().await;
        if let Some((read, secret)) = &*slot
            && read.elapsed() < KEPT
        {
            return Ok(secret.clone());
        }
        match self.secrets.secret(name).await {
            Ok(secret) => {
                *slot = Some((Instant::now(), secret.clone()));
                Ok(secret)
            }
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

    /// The gateway refuses this credential: it is read again soon, as it may be replaced.
    pub(crate) async fn refused(&self, name: &str) {
        let slot = self.slots.slot(&name.to_owned());
        let mut slot = slot.lock().await;
        if slot
            .as_ref()
            .is_some_and(|(read, _)| read.elapsed() >= KEPT_THOUGH_REFUSED)
        {
            *slot = None;
        }
    }
}
