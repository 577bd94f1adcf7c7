//! Webhooks: the endpoints of a brand that are told what happens, and their secrets.

use crate::{
    account::address::is_public_url,
    audit::{Action, Author},
    event::Kind,
    id::{AccountId, WebhookName},
    store::Unavailable,
};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use std::{collections::BTreeSet, fmt, future::Future};
use uuid::Uuid;

/// An endpoint that is told of an account's events.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Webhook {
    /// Whose it is.
    pub account: AccountId,
    /// What the brand calls it.
    pub name: WebhookName,
    /// Another one each time that a webhook is made, even of a name that there was before: its
    /// secrets are derived from it.
    pub seed: String,
    /// Where it is: a public https URL.
    pub url: String,
    /// What it is told of; everything when there is none, also what will come to be told.
    pub events: Option<BTreeSet<Kind>>,
    /// Since when, and why, it is told nothing.
    pub disabled: Option<Disabled>,
    /// Since when it has taken no event.
    pub failing_since: Option<Timestamp>,
    /// Its secrets, the newest last; two at most.
    pub secrets: Vec<SecretVersion>,
    /// When it was made.
    pub created_at: Timestamp,
    /// Counts its changes, from 1. How its deliveries go is none.
    pub version: u32,
}

/// That a webhook is told nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Disabled {
    /// Since when.
    pub at: Timestamp,
    /// Why.
    pub reason: Reason,
}

/// Why a webhook is told nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Reason {
    /// The brand said so.
    Asked,
    /// It took nothing for days.
    Failing,
    /// It answered that it is gone: 410.
    Gone,
}

impl Reason {
    /// Its name on the wire.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Asked => "asked",
            Self::Failing => "failing",
            Self::Gone => "gone",
        }
    }
}

/// One of a webhook's secrets. The secret itself is kept nowhere: it is derived from a key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SecretVersion {
    /// Counts the webhook's secrets, from 1.
    pub number: u32,
    /// The id of the key that it is derived from.
    pub key: String,
    /// When it was made.
    pub created_at: Timestamp,
    /// Until when it signs, if another took its place.
    pub expires_at: Option<Timestamp>,
}

impl SecretVersion {
    /// Whether it signs `now`.
    #[must_use]
    pub fn is_live(&self, now: Timestamp) -> bool {
        self.expires_at.is_none_or(|end| now < end)
    }
}

impl Webhook {
    /// Whether it is told of events of that kind.
    #[must_use]
    pub fn wants(&self, kind: Kind) -> bool {
        let listed = |kinds: &BTreeSet<Kind>| kinds.contains(&kind);
        self.disabled.is_none() && self.events.as_ref().is_none_or(listed)
    }

    /// Its secrets that sign `now`, the newest first.
    pub fn live_secrets(&self, now: Timestamp) -> impl Iterator<Item = &SecretVersion> {
        self.secrets.iter().rev().filter(move |s| s.is_live(now))
    }
}

/// A webhook's secret in the form of Standard Webhooks, `whsec_…`. It is not shown in logs.
#[derive(Clone, PartialEq, Eq)]
pub struct WebhookSecret(String);

impl WebhookSecret {
    /// A secret that was derived.
    #[must_use]
    pub fn derived(secret: String) -> Self {
        Self(secret)
    }

    /// The secret, for its owner and for signing alone.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for WebhookSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[webhook secret]")
    }
}

/// Derives webhooks' secrets from keys that no brand knows.
pub trait DeriveSecrets: Send + Sync {
    /// The id of the key that new secrets are derived from.
    fn newest_key(&self) -> impl Future<Output = Result<String, Unavailable>> + Send;

    /// A webhook's secret of that version; `None` when its key is no more.
    fn secret(
        &self,
        webhook: &Webhook,
        version: &SecretVersion,
    ) -> impl Future<Output = Result<Option<WebhookSecret>, Unavailable>> + Send;
}

/// Reads webhooks.
pub trait ReadWebhooks: Send + Sync {
    /// All webhooks of the account by name. A store that keeps them for a while says so.
    fn webhooks(
        &self,
        account: &AccountId,
    ) -> impl Future<Output = Result<Vec<Webhook>, Unavailable>> + Send;
}

/// Keeps webhooks.
pub trait WebhookStore: ReadWebhooks {
    /// Saves the webhook if the stored one is of the version before it, or there is none and it
    /// is of the first; whether it did. `action` is what the audit log says.
    fn put_webhook(
        &self,
        by: &Author,
        action: Action,
        webhook: &Webhook,
    ) -> impl Future<Output = Result<bool, Unavailable>> + Send;

    /// Removes a webhook; whether it was there.
    fn remove_webhook(
        &self,
        by: &Author,
        name: &WebhookName,
    ) -> impl Future<Output = Result<bool, Unavailable>> + Send;
}

/// The most webhooks an account can have.
pub const MAX_WEBHOOKS: usize = 4;

/// How often a change is tried while others change the webhook.
const TRIES: u32 = 5;

/// What a brand says of a webhook.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Draft {
    /// Where it is.
    pub url: String,
    /// What it is told of; everything when there is none.
    pub events: Option<BTreeSet<Kind>>,
    /// Whether it is told nothing for now.
    pub disabled: bool,
}

/// Why a webhook was not saved.
#[derive(Debug, thiserror::Error)]
pub enum SaveWebhookError {
    /// The URL is none that is called.
    #[error(
        "must be a public https URL of at most 512 characters, without user, password or fragment"
    )]
    Url,
    /// The events are none.
    #[error("must name one event or more, and none but those of the documentation")]
    Events,
    /// The account has as many as it can have.
    #[error("an account has at most {MAX_WEBHOOKS} webhooks")]
    TooMany,
    /// Somebody else keeps changing it.
    #[error("the webhook was changed meanwhile")]
    Changed,
    /// The store failed.
    #[error(transparent)]
    Store(#[from] Unavailable),
}

async fn find(
    store: &impl ReadWebhooks,
    account: &AccountId,
    name: &WebhookName,
) -> Result<(Option<Webhook>, usize), Unavailable> {
    let all = store.webhooks(account).await?;
    let count = all.len();
    Ok((all.into_iter().find(|w| w.name == *name), count))
}

/// Makes a webhook, or changes it; a new one comes with its secret, which is not shown again.
/// Saving one that is not to be disabled lets it be told again, whatever kept it from that.
///
/// # Errors
/// When the URL or the events are refused, there are too many, or the store fails.
pub async fn save<S, K>(
    store: &S,
    keys: &K,
    by: &Author,
    name: &WebhookName,
    draft: &Draft,
) -> Result<(Webhook, Option<WebhookSecret>), SaveWebhookError>
where
    S: WebhookStore,
    K: DeriveSecrets,
{
    if draft.url.len() > 512 || !is_public_url(&draft.url) {
        return Err(SaveWebhookError::Url);
    }
    let none = |kinds: &BTreeSet<Kind>| kinds.is_empty() || kinds.contains(&Kind::WebhookTest);
    if draft.events.as_ref().is_some_and(none) {
        return Err(SaveWebhookError::Events);
    }
    for _ in 0..TRIES {
        let (old, count) = find(store, &by.account, name).await?;
        let is_new = old.is_none();
        if is_new && count >= MAX_WEBHOOKS {
            return Err(SaveWebhookError::TooMany);
        }
        let webhook = match old {
            Some(old) => changed(old, draft, by.at),
            None => made(by, name, draft, keys.newest_key().await?),
        };
        // Before it is saved: nobody is to have a webhook whose secret was never shown.
        let secret = match webhook.secrets.last().filter(|_| is_new) {
            Some(version) => keys.secret(&webhook, version).await?,
            None => None,
        };
        if !store
            .put_webhook(by, Action::WebhookSaved, &webhook)
            .await?
        {
            continue;
        }
        return Ok((webhook, secret));
    }
    Err(SaveWebhookError::Changed)
}

fn made(by: &Author, name: &WebhookName, draft: &Draft, key: String) -> Webhook {
    let first = SecretVersion {
        number: 1,
        key,
        created_at: by.at,
        expires_at: None,
    };
    Webhook {
        account: by.account.clone(),
        name: name.clone(),
        seed: Uuid::new_v4().simple().to_string(),
        url: draft.url.clone(),
        events: draft.events.clone(),
        disabled: draft.disabled.then_some(Disabled {
            at: by.at,
            reason: Reason::Asked,
        }),
        failing_since: None,
        secrets: vec![first],
        created_at: by.at,
        version: 1,
    }
}

fn changed(old: Webhook, draft: &Draft, now: Timestamp) -> Webhook {
    let asked = Disabled {
        at: now,
        reason: Reason::Asked,
    };
    Webhook {
        url: draft.url.clone(),
        events: draft.events.clone(),
        failing_since: None,
        disabled: match old.disabled {
            _ if !draft.disabled => None,
            disabled => disabled.or(Some(asked)),
        },
        version: old.version + 1,
        ..old
    }
}

/// For how many hours the secret before the present one signs, at most.
pub const MAX_KEEP_HOURS: u32 = 7 * 24;
/// For how many hours it does when nothing else is asked for.
pub const KEEP_HOURS: u32 = 24;

/// Why a webhook got no new secret.
#[derive(Debug, thiserror::Error)]
pub enum RotateWebhookError {
    /// There is no such webhook.
    #[error("the account has no such webhook")]
    NotFound,
    /// The old secret would live too long.
    #[error("the secret before it is kept for 0 to {MAX_KEEP_HOURS} hours")]
    TooLong,
    /// Somebody else keeps changing it.
    #[error("the webhook was changed meanwhile")]
    Changed,
    /// The store failed.
    #[error(transparent)]
    Store(#[from] Unavailable),
}

/// Gives a webhook a new secret. The one that it has signs for `keep_hours` more, beside the
/// new one; one from before that does not.
///
/// # Errors
/// When there is no such webhook, the old secret would be kept too long, or the store fails.
pub async fn rotate<S, K>(
    store: &S,
    keys: &K,
    by: &Author,
    name: &WebhookName,
    keep_hours: u32,
) -> Result<(Webhook, Option<WebhookSecret>), RotateWebhookError>
where
    S: WebhookStore,
    K: DeriveSecrets,
{
    if keep_hours > MAX_KEEP_HOURS {
        return Err(RotateWebhookError::TooLong);
    }
    for _ in 0..TRIES {
        let (old, _) = find(store, &by.account, name).await?;
        let Some(mut webhook) = old else {
            return Err(RotateWebhookError::NotFound);
        };
        let end = by.at + SignedDuration::from_hours(keep_hours.into());
        let mut last = webhook.secrets.pop();
        let number = last.as_ref().map_or(0, |s| s.number) + 1;
        if let Some(last) = &mut last {
            last.expires_at = Some(end);
        }
        let new = SecretVersion {
            number,
            key: keys.newest_key().await?,
            created_at: by.at,
            expires_at: None,
        };
        webhook.secrets = last.into_iter().chain([new]).collect();
        webhook.version += 1;
        let secret = match webhook.secrets.last() {
            Some(version) => keys.secret(&webhook, version).await?,
            None => None,
        };
        if !store
            .put_webhook(by, Action::WebhookRotated, &webhook)
            .await?
        {
            continue;
        }
        return Ok((webhook, secret));
    }
    Err(RotateWebhookError::Changed)
}
