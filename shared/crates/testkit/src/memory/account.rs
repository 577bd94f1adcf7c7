//! Settings, skills, apps and clients, in memory.

use super::Store;
use domain::{
    account::{App, ReadApps, ReadSettings, Settings, Skill, SkillStore, WriteApps, WriteSettings},
    client::{Client, ClientSecret, ClientStore, KnowClients},
    id::{AccountId, AppName, ClientId, SkillName},
    store::Unavailable,
};

impl ReadSettings for Store {
    async fn settings(&self, account: &AccountId) -> Result<Settings, Unavailable> {
        let tables = self.begin("settings").await?;
        Ok(tables.settings.get(account).cloned().unwrap_or_default())
    }
}

impl WriteSettings for Store {
    async fn put_settings(
        &self,
        account: &AccountId,
        settings: &Settings,
    ) -> Result<(), Unavailable> {
        let mut tables = self.begin("put_settings").await?;
        tables.settings.insert(account.clone(), settings.clone());
        Ok(())
    }
}

impl SkillStore for Store {
    async fn put_skill(&self, account: &AccountId, skill: &Skill) -> Result<(), Unavailable> {
        let mut tables = self.begin("put_skill").await?;
        let key = (account.clone(), skill.name.clone());
        tables.skills.insert(key, skill.clone());
        Ok(())
    }

    async fn skill(
        &self,
        account: &AccountId,
        name: &SkillName,
    ) -> Result<Option<Skill>, Unavailable> {
        let tables = self.begin("skill").await?;
        Ok(tables.skills.get(&(account.clone(), name.clone())).cloned())
    }

    async fn skills(&self, account: &AccountId) -> Result<Vec<Skill>, Unavailable> {
        let tables = self.begin("skills").await?;
        let of_account = tables.skills.iter().filter(|((a, _), _)| a == account);
        Ok(of_account.map(|(_, skill)| skill.clone()).collect())
    }

    async fn remove_skill(
        &self,
        account: &AccountId,
        name: &SkillName,
    ) -> Result<bool, Unavailable> {
        let mut tables = self.begin("remove_skill").await?;
        let key = (account.clone(), name.clone());
        Ok(tables.skills.remove(&key).is_some())
    }
}

impl ReadApps for Store {
    async fn apps(&self, account: &AccountId) -> Result<Vec<App>, Unavailable> {
        let tables = self.begin("apps").await?;
        let of_account = tables.apps.iter().filter(|((a, _), _)| a == account);
        Ok(of_account.map(|(_, app)| app.clone()).collect())
    }
}

impl WriteApps for Store {
    async fn put_app(&self, account: &AccountId, app: &App) -> Result<(), Unavailable> {
        let mut tables = self.begin("put_app").await?;
        let key = (account.clone(), app.name.clone());
        tables.apps.insert(key, app.clone());
        Ok(())
    }

    async fn remove_app(&self, account: &AccountId, name: &AppName) -> Result<bool, Unavailable> {
        let mut tables = self.begin("remove_app").await?;
        let key = (account.clone(), name.clone());
        Ok(tables.apps.remove(&key).is_some())
    }
}

impl ClientStore for Store {
    async fn add_client(&self, client: &Client, secret: &ClientSecret) -> Result<(), Unavailable> {
        let mut tables = self.begin("add_client").await?;
        let secret = secret.expose().to_owned();
        tables.clients.push((client.clone(), secret));
        Ok(())
    }

    async fn clients(&self, account: &AccountId) -> Result<Vec<Client>, Unavailable> {
        let tables = self.begin("clients").await?;
        let all = tables.clients.iter().map(|(client, _)| client);
        Ok(all.filter(|c| c.account == *account).cloned().collect())
    }

    async fn remove_client(&self, account: &AccountId, id: &ClientId) -> Result<bool, Unavailable> {
        let mut tables = self.begin("remove_client").await?;
        let before = tables.clients.len();
        tables
            .clients
            .retain(|(c, _)| c.account != *account || c.id != *id);
        Ok(tables.clients.len() < before)
    }
}

impl KnowClients for Store {
    async fn client(
        &self,
        account: &AccountId,
        id: &ClientId,
        secret: &ClientSecret,
    ) -> Result<Option<Client>, Unavailable> {
        let tables = self.begin("client").await?;
        let known = tables
            .clients
            .iter()
            .find(|(c, s)| c.account == *account && c.id == *id && s == secret.expose());
        Ok(known.map(|(client, _)| client.clone()))
    }
}
