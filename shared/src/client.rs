//! API clients: programs of a brand that get tokens with an id and a secret.

use crate::{
    access::Role,
    audit::Author,
    id::{AccountId, ClientId, SkillName},
    limit::{Decision, Limiter, Pace},
    name::{self, InvalidName},
    store::Unavailable,
};
use jiff::{SignedDuration, Timestamp};
use std::future::Future;
use uuid::Uuid;

/// A program of a brand.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Client {
    /// Whose it is.
    pub account: AccountId,
    /// Which one.
    pub id: ClientId,
    /// What people call it: 1 to 64 characters.
    pub name: String,
    /// What it may do.
    pub roles: Vec<Role>,
    /// The skills it serves, for roles that are bound to skills.
    pub skills: Vec<SkillName>,
    /// When it was made.
    pub created_at: Timestamp,
    /// From when on none of its secrets opens, if ever.
    pub expires_at: Option<Timestamp>,
    /// Until when the secret before its present one opens, too, if there was one.
    pub previous_until: Option<Timestamp>,
}

impl Client {
    /// Whether its present secret opens `now`.
    #[must_use]
    pub fn is_live(&self, now: Timestamp) -> bool {
        self.expires_at.is_none_or(|end| now < end)
    }

    /// Whether the secret before its present one opens `now`.
    #[must_use]
    pub fn is_previous_live(&self, now: Timestamp) -> bool {
        self.is_live(now) && self.previous_until.is_some_and(|end| now < end)
    }
}

/// A client's secret: 256 random bits, shown once. It is not shown in logs.
#[derive(Clone)]
pub struct ClientSecret(String);

impl ClientSecret {
    fn random() -> Self {
        let half = || Uuid::new_v4().simple().to_string();
        Self(half() + &half())
    }

    /// A secret as a caller gave it.
    #[must_use]
    pub fn given(raw: &str) -> Self {
        Self(raw.to_owned())
    }

    /// The secret, for its owner alone.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Debug for ClientSecret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("[client secret]")
    }
}

/// Keeps clients. Of a secret only a digest is kept.
pub trait ClientStore: Send + Sync {
    /// Adds a client.
    fn add_client(
        &self,
        by: &Author,
        client: &Client,
        secret: &ClientSecret,
    ) -> impl Future<Output = Result<(), Unavailable>> + Send;

    /// All clients of the account, at most [`MAX_CLIENTS`].
    fn clients(
        &self,
        account: &AccountId,
    ) -> impl Future<Output = Result<Vec<Client>, Unavailable>> + Send;

    /// Gives a client another secret; the one that it had opens until `previous_until`, and
    /// none before that. The client, if it is there.
    fn rotate_client(
        &self,
        by: &Author,
        id: &ClientId,
        secret: &ClientSecret,
        previous_until: Timestamp,
    ) -> impl Future<Output = Result<Option<Client>, Unavailable>> + Send;

    /// Removes a client; whether it was there.
    fn remove_client(
        &self,
        by: &Author,
        id: &ClientId,
    ) -> impl Future<Output = Result<bool, Unavailable>> + Send;
}

/// What comes of a client's id and a secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Knock {
    /// The account has no such client.
    Unknown,
    /// It has, and the secret does not open it now.
    Wrong,
    /// The secret opens it.
    Opens(Client),
}

/// Knows clients by their secrets.
pub trait KnowClients: Send + Sync {
    /// What `secret` leads to `now`, compared in constant time: its present secret opens a
    /// client, and the one before it in its last hours.
    fn knock(
        &self,
        account: &AccountId,
        id: &ClientId,
        secret: &ClientSecret,
        now: Timestamp,
    ) -> impl Future<Output = Result<Knock, Unavailable>> + Send;
}

/// How often a client gets a token, and, counted apart, how often it is told that its secret
/// is wrong.
pub const PACE: Pace = Pace { per_second: 10 };

/// The bucket of a client that gets tokens.
#[must_use]
pub fn bucket(id: &str) -> String {
    format!("token:{id}")
}

/// What comes of asking for a client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Asked {
    /// It is the client's own secret.
    Known(Client, Decision),
    /// It is not; how often that is still told, when the account has the client.
    Refused(Option<Decision>),
    /// The client asks too often, or is asked for with wrong secrets too often.
    TooOften(Decision),
}

/// Knows a client by its secret, at its pace.
///
/// Wrong secrets are counted apart: whoever tries some cannot keep the client out. What is
/// counted is counted of clients that there are: names that somebody made up leave nothing
/// behind.
///
/// # Errors
/// When the store fails.
pub async fn ask<S>(
    store: &S,
    account: &AccountId,
    id: &ClientId,
    secret: &ClientSecret,
    now: Timestamp,
) -> Result<Asked, Unavailable>
where
    S: KnowClients + Limiter,
{
    let (client, bucket) = match store.knock(account, id, secret, now).await? {
        Knock::Unknown => return Ok(Asked::Refused(None)),
        Knock::Wrong => (None, format!("token-refused:{id}")),
        Knock::Opens(client) => (Some(client), bucket(id.as_str())),
    };
    let decision = store.take(account, &bucket, PACE, now).await?;
    Ok(match client {
        _ if !decision.taken => Asked::TooOften(decision),
        Some(client) => Asked::Known(client, decision),
        None => Asked::Refused(Some(decision)),
    })
}

/// The most characters (Unicode scalar values) a client's name may have.
const MAX_NAME: usize = 64;

/// The most clients an account can have.
pub const MAX_CLIENTS: usize = 100;

/// Why a client was not made.
#[derive(Debug, thiserror::Error)]
pub enum MakeError {
    /// The name is none.
    #[error(transparent)]
    Name(#[from] InvalidName),
    /// It would have no role, or one that its maker has not.
    #[error("a client has one or more roles, none above its maker's")]
    Roles,
    /// It would be over before it begins.
    #[error("must be a time to come")]
    Expired,
    /// The account has as many as it can have.
    #[error("an account has at most {MAX_CLIENTS} clients")]
    TooMany,
    /// The store failed.
    #[error(transparent)]
    Store(#[from] Unavailable),
}

/// Makes a client with a new secret. Nobody makes one that may do more than they may.
///
/// # Errors
/// When the name, the roles or the expiry are refused, there are too many, or the store fails.
pub async fn make(
    store: &impl ClientStore,
    by: &Author,
    name: &str,
    roles: Vec<Role>,
    skills: Vec<SkillName>,
    expires_at: Option<Timestamp>,
) -> Result<(Client, ClientSecret), MakeError> {
    let name = name::parse(name, MAX_NAME)?;
    let above = |role: &Role| *role == Role::Operator && !by.roles.contains(role);
    if roles.is_empty() || roles.iter().any(above) {
        return Err(MakeError::Roles);
    }
    if expires_at.is_some_and(|end| end <= by.at) {
        return Err(MakeError::Expired);
    }
    if store.clients(&by.account).await?.len() >= MAX_CLIENTS {
        return Err(MakeError::TooMany);
    }
    let id = Uuid::new_v4().simple().to_string();
    let client = Client {
        account: by.account.clone(),
        id: id.parse().map_err(|e| Unavailable::new(format!("{e}")))?,
        name,
        roles,
        skills,
        created_at: by.at,
        expires_at,
        previous_until: None,
    };
    let secret = ClientSecret::random();
    store.add_client(by, &client, &secret).await?;
    Ok((client, secret))
}

/// For how many hours the secret before the present one opens, at most.
pub const MAX_KEEP_HOURS: u32 = 7 * 24;
/// For how many hours it does when nothing else is asked for.
pub const KEEP_HOURS: u32 = 24;

/// Why a client got no new secret.
#[derive(Debug, thiserror::Error)]
pub enum RotateError {
    /// There is no such client.
    #[error("the account has no such client")]
    NotFound,
    /// The old secret would live too long.
    #[error("the secret before it is kept for 0 to {MAX_KEEP_HOURS} hours")]
    TooLong,
    /// The store failed.
    #[error(transparent)]
    Store(#[from] Unavailable),
}

/// Gives a client a new secret. The one that it has opens for `keep_hours` more, so that
/// programs can go over to the new one in their own time; one from before that does not.
///
/// # Errors
/// When there is no such client, the old secret would be kept too long, or the store fails.
pub async fn rotate(
    store: &impl ClientStore,
    by: &Author,
    id: &ClientId,
    keep_hours: u32,
) -> Result<(Client, ClientSecret), RotateError> {
    if keep_hours > MAX_KEEP_HOURS {
        return Err(RotateError::TooLong);
    }
    let secret = ClientSecret::random();
    let until = by.at + SignedDuration::from_hours(keep_hours.into());
    let client = store.rotate_client(by, id, &secret, until).await?;
    Ok((client.ok_or(RotateError::NotFound)?, secret))
}
