//! API clients, as they are stored. Of a secret only its digest is.

use crate::{
    Table,
    key::{Key, Range, digest},
    table::{Change, Write, at, s},
    time,
};
use domain::{
    access::Role,
    audit::{Action, Author},
    client::{Client, ClientSecret, ClientStore, Knock, KnowClients},
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
    #[serde(
        with = "time::option",
        default,
        skip_serializing_if = "Option::is_none"
    )]
    expires_at: Option<Timestamp>,
    /// Of the secret before this one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    previous_digest: Option<String>,
    #[serde(
        with = "time::option",
        default,
        skip_serializing_if = "Option::is_none"
    )]
    previous_until: Option<Timestamp>,
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
            expires_at: item.expires_at,
            previous_until: item.previous_until,
        }
    }
}

impl ClientStore for Table {
    async fn add_client(
        &self,
        by: &Author,
        client: &Client,
        secret: &ClientSecret,
    ) -> Result<(), Unavailable> {
        let item = Item {
            kind: "client".to_owned(),
            account: client.account.clone(),
            id: client.id.clone(),
            name: client.name.clone(),
            roles: client.roles.clone(),
            skills: client.skills.clone(),
            secret_digest: digest(secret.expose()),
            created_at: client.created_at,
            expires_at: client.expires_at,
            previous_digest: None,
            previous_until: client.previous_until,
        };
        let write = Write::insert(&Key::client(&client.account, &client.id), &item)?;
        self.change(write, by, Action::ClientMade, &client.id)
            .await?
            .then_some(())
            .ok_or_else(|| Unavailable::new("the client's id is taken"))
    }

    async fn rotate_client(
        &self,
        by: &Author,
        id: &ClientId,
        secret: &ClientSecret,
        previous_until: Timestamp,
    ) -> Result<Option<Client>, Unavailable> {
        let key = Key::client(&by.account, id);
        let change = Change::new(
            "SET previous_digest = secret_digest, previous_until = :until, secret_digest = :digest",
        )
        .only_if("attribute_exists(pk)")
        .value(":until", at(previous_until))
        .value(":digest", s(digest(secret.expose())));
        let write = Write::update(key.clone(), change);
        if !self.change(write, by, Action::ClientRotated, id).await? {
            return Ok(None);
        }
        Ok(self.get::<Item>(&key).await?.map(Client::from))
    }

    async fn clients(&self, account: &AccountId) -> Result<Vec<Client>, Unavailable> {
        let items = self.list::<Item>(&Range::clients(account)).await?;
        Ok(items.into_iter().map(Client::from).collect())
    }

    async fn remove_client(&self, by: &Author, id: &ClientId) -> Result<bool, Unavailable> {
        let key = Key::client(&by.account, id);
        self.removed(key, by, Action::ClientRevoked, id).await
    }
}

impl KnowClients for Table {
    async fn knock(
        &self,
        account: &AccountId,
        id: &ClientId,
        secret: &ClientSecret,
        now: Timestamp,
    ) -> Result<Knock, Unavailable> {
        let given = digest(secret.expose());
        let item = self.get::<Item>(&Key::client(account, id)).await?;
        let Some(item) = item else {
            return Ok(Knock::Unknown);
        };
        let is = |digest: &str| bool::from(digest.as_bytes().ct_eq(given.as_bytes()));
        let (present, previous) = (
            is(&item.secret_digest),
            item.previous_digest.as_deref().is_some_and(is),
        );
        let client = Client::from(item);
        let opens = (present && client.is_live(now)) || (previous && client.is_previous_live(now));
        Ok(if opens {
            Knock::Opens(client)
        } else {
            Knock::Wrong
        })
    }
}
