//! API clients, as they are stored. Of a secret only its digest is.

use crate::{
    Table,
    key::{Key, Range, digest},
    time,
};
use domain::{
    access::Role,
    client::{Client, ClientSecret, ClientStore, KnowClients},
    id::{AccountId, ClientId, SkillName},
    store::Unavailable,
};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use subtle::ConstantTimeEq;

/// A client as it is stored.
#[derive(Debug, Serialize, Deserialize)]
struct Item {
    kind: String,
    account: AccountId,
    id: ClientId,
    name: String,
    roles: Vec<Role>,
    skills: Vec<SkillName>,
    /// SHA-256 of the secret: it has 244 random bits, so a slow hash would add nothing.
    secret_digest: String,
    #[serde(with = "time")]
    created_at: Timestamp,
}

impl From<Item> for Client {
    fn from(item: Item) -> Self {
        Self {
            account: item.account,
            id: item.id,
            name: item.name,
            roles: item.roles,
            skills: item.skills,
            created_at: item.created_at,
        }
    }
}

impl ClientStore for Table {
    async fn add_client(&self, client: &Client, secret: &ClientSecret) -> Result<(), Unavailable> {
        let item = Item {
            kind: "client".to_owned(),
            account: client.account.clone(),
            id: client.id.clone(),
            name: client.name.clone(),
            roles: client.roles.clone(),
            skills: client.skills.clone(),
            secret_digest: digest(secret.expose()),
            created_at: client.created_at,
        };
        self.put(&Key::client(&client.account, &client.id), &item)
            .await
    }

    async fn clients(&self, account: &AccountId) -> Result<Vec<Client>, Unavailable> {
        let items = self.list::<Item>(&Range::clients(account)).await?;
        Ok(items.into_iter().map(Client::from).collect())
    }

    async fn remove_client(&self, account: &AccountId, id: &ClientId) -> Result<bool, Unavailable> {
        self.delete(&Key::client(account, id)).await
    }
}

impl KnowClients for Table {
    async fn client(
        &self,
        account: &AccountId,
        id: &ClientId,
        secret: &ClientSecret,
    ) -> Result<Option<Client>, Unavailable> {
        let given = digest(secret.expose());
        let item = self.get::<Item>(&Key::client(account, id)).await?;
        Ok(item
            .filter(|item| item.secret_digest.as_bytes().ct_eq(given.as_bytes()).into())
            .map(Client::from))
    }
}
