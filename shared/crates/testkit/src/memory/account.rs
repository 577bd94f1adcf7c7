//! Settings, skills, apps and clients, in memory.

use super::{Known, Store};
use domain::{
    account::{
        App, ReadApps, ReadSettings, SaveSettingsError, Service, Settings, Skill, SkillStore,
        WriteApps, WriteSettings,
    },
    audit::{Action, Author, Entry, ReadAudit},
    breaker::Circuit,
    client::{Client, ClientSecret, ClientStore, Knock, KnowClients},
    id::{AccountId, AppName, AuditId, ClientId, SkillName},
    store::Unavailable,
};
use jiff::Timestamp;

impl ReadSettings for Store {
    async fn settings(&self, account: &AccountId) -> Result<Settings, Unavailable> {
        let tables = self.begin("settings").await?;
        Ok(tables.settings_of(account))
    }
}

impl WriteSettings for Store {
    async fn put_settings(
        &self,
        by: &Author,
        settings: &Settings,
        before: Service,
    ) -> Result<(), SaveSettingsError> {
        let mut tables = self.begin("put_settings").await?;
        let has = |skill: &SkillName| {
            let key = (by.account.clone(), skill.clone());
            tables.skills.contains_key(&key)
        };
        if let Some(skill) = settings.default_skill.as_ref().filter(|skill| !has(skill)) {
            return Err(SaveSettingsError::UnknownSkill(skill.clone()));
        }
        if tables.settings_of(&by.account).service != before {
            return Err(SaveSettingsError::Changed);
        }
        tables.settings.insert(by.account.clone(), settings.clone());
        tables.told(by, settings.service.change_from(before), "settings");
        Ok(())
    }
}

impl SkillStore for Store {
    async fn put_skill(&self, by: &Author, skill: &Skill) -> Result<(), Unavailable> {
        let mut tables = self.begin("put_skill").await?;
        let key = (by.account.clone(), skill.name.clone());
        tables.skills.insert(key, skill.clone());
        tables.told(by, Action::SkillSaved, &skill.name);
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

    async fn remove_skill(&self, by: &Author, name: &SkillName) -> Result<bool, Unavailable> {
        let mut tables = self.begin("remove_skill").await?;
        let key = (by.account.clone(), name.clone());
        let was_there = tables.skills.remove(&key).is_some();
        if was_there {
            tables.told(by, Action::SkillRemoved, name);
        }
        Ok(was_there)
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
    async fn put_app(&self, by: &Author, app: &App, paused: &[Circuit]) -> Result<(), Unavailable> {
        let mut tables = self.begin("put_app").await?;
        let key = (by.account.clone(), app.name.clone());
        tables.apps.insert(key, app.clone());
        tables.told(by, Action::AppSaved, &app.name);
        for circuit in paused {
            tables.resume(&by.account, circuit);
        }
        Ok(())
    }

    async fn remove_app(&self, by: &Author, name: &AppName) -> Result<bool, Unavailable> {
        let mut tables = self.begin("remove_app").await?;
        let key = (by.account.clone(), name.clone());
        let was_there = tables.apps.remove(&key).is_some();
        if was_there {
            tables.told(by, Action::AppRemoved, name);
        }
        Ok(was_there)
    }
}

impl ClientStore for Store {
    async fn add_client(
        &self,
        by: &Author,
        client: &Client,
        secret: &ClientSecret,
    ) -> Result<(), Unavailable> {
        let mut tables = self.begin("add_client").await?;
        tables.clients.push(Known {
            client: client.clone(),
            secret: secret.expose().to_owned(),
            previous: None,
        });
        tables.told(by, Action::ClientMade, &client.id);
        Ok(())
    }

    async fn clients(&self, account: &AccountId) -> Result<Vec<Client>, Unavailable> {
        let tables = self.begin("clients").await?;
        let all = tables.clients.iter().map(|known| &known.client);
        Ok(all.filter(|c| c.account == *account).cloned().collect())
    }

    async fn rotate_client(
        &self,
        by: &Author,
        id: &ClientId,
        secret: &ClientSecret,
        previous_until: Timestamp,
    ) -> Result<Option<Client>, Unavailable> {
        let mut tables = self.begin("rotate_client").await?;
        let mut all = tables.clients.iter_mut();
        let Some(known) = all.find(|k| k.client.account == by.account && k.client.id == *id) else {
            return Ok(None);
        };
        let old = std::mem::replace(&mut known.secret, secret.expose().to_owned());
        known.previous = Some(old);
        known.client.previous_until = Some(previous_until);
        let client = known.client.clone();
        tables.told(by, Action::ClientRotated, id);
        Ok(Some(client))
    }

    async fn remove_client(&self, by: &Author, id: &ClientId) -> Result<bool, Unavailable> {
        let mut tables = self.begin("remove_client").await?;
        let before = tables.clients.len();
        tables
            .clients
            .retain(|k| k.client.account != by.account || k.client.id != *id);
        let was_there = tables.clients.len() < before;
        if was_there {
            tables.told(by, Action::ClientRevoked, id);
        }
        Ok(was_there)
    }
}

impl KnowClients for Store {
    async fn knock(
        &self,
        account: &AccountId,
        id: &ClientId,
        secret: &ClientSecret,
        now: Timestamp,
    ) -> Result<Knock, Unavailable> {
        let tables = self.begin("knock").await?;
        let mut all = tables.clients.iter();
        let known = all.find(|k| k.client.account == *account && k.client.id == *id);
        Ok(known.map_or(Knock::Unknown, |k| {
            let present = k.secret == secret.expose();
            let previous = k.previous.as_deref() == Some(secret.expose());
            if (present && k.client.is_live(now)) || (previous && k.client.is_previous_live(now)) {
                Knock::Opens(k.client.clone())
            } else {
                Knock::Wrong
            }
        }))
    }
}

impl ReadAudit for Store {
    async fn audit(
        &self,
        account: &AccountId,
        before: Option<AuditId>,
        limit: u32,
    ) -> Result<Vec<Entry>, Unavailable> {
        let tables = self.begin("audit").await?;
        let mut all: Vec<_> = tables
            .audit
            .iter()
            .filter(|e| e.by.account == *account && before.is_none_or(|id| e.id < id))
            .cloned()
            .collect();
        all.sort_by_key(|e| std::cmp::Reverse(e.id));
        all.truncate(limit as usize);
        Ok(all)
    }
}
