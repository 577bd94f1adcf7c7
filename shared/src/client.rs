//! API clients: programs of a brand that get tokens with an id and a secret.

use crate::{
    access::{Role, Staff},
    clock::Clock,
    handoff::{self, InvalidName},
    id::{AccountId, ClientId, SkillName},
    store::Unavailable,
};
use jiff::Timestamp;
use std::future::Future;
use uuid::Uuid;

/// A program of a brand.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Client {
    /// Whose it is.
    pub account: AccountId,
    /// Which one.
    pub id: ClientId,
    /// What people call it.
    pub name: String,
    /// What it may do.
    pub roles: Vec<Role>,
    /// The skills it serves, for roles that are bound to skills.
    pub skills: Vec<SkillName>,
    /// When it was made.
    pub created_at: Timestamp,
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
        client: &Client,
        secret: &ClientSecret,
    ) -> impl Future<Output = Result<(), Unavailable>> + Send;

    /// All clients of the account, at most [`MAX_CLIENTS`].
    fn clients(
        &self,
        account: &AccountId,
    ) -> impl Future<Output = Result<Vec<Client>, Unavailable>> + Send;

    /// Removes a client; whether it was there.
    fn remove_client(
        &self,
        account: &AccountId,
        id: &ClientId,
    ) -> impl Future<Output = Result<bool, Unavailable>> + Send;
}

/// Knows clients by their secrets.
pub trait KnowClients: Send + Sync {
    /// The client of that id and secret, compared in constant time.
    fn client(
        &self,
        account: &AccountId,
        id: &ClientId,
        secret: &ClientSecret,
    ) -> impl Future<Output = Result<Option<Client>, Unavailable>> + Send;
}

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
/// When the name or the roles are refused, there are too many, or the store fails.
pub async fn make(
    store: &impl ClientStore,
    clock: &impl Clock,
    maker: &Staff,
    name: &str,
    roles: Vec<Role>,
    skills: Vec<SkillName>,
) -> Result<(Client, ClientSecret), MakeError> {
    let name = handoff::name(name, 64)?;
    let above = |role: &Role| *role == Role::Operator && !maker.roles.contains(role);
    if roles.is_empty() || roles.iter().any(above) {
        return Err(MakeError::Roles);
    }
    if store.clients(&maker.account).await?.len() >= MAX_CLIENTS {
        return Err(MakeError::TooMany);
    }
    let id = Uuid::new_v4().simple().to_string();
    let client = Client {
        account: maker.account.clone(),
        id: id.parse().map_err(|e| Unavailable::new(format!("{e}")))?,
        name,
        roles,
        skills,
        created_at: clock.now(),
    };
    let secret = ClientSecret::random();
    store.add_client(&client, &secret).await?;
    Ok((client, secret))
}
