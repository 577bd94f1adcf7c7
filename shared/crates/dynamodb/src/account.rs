//! An account's settings, skills and apps, as they are stored.

use crate::{
    Table, breaker,
    key::{Key, Range},
    table::{Transacted, Write, s, unavailable},
    time,
};
use domain::{
    account::{
        App, Identity, Limits, ReadApps, ReadSettings, Route, SaveSettingsError, Service, Settings,
        Skill, SkillStore, WelcomeMessage, WriteApps, WriteSettings,
    },
    audit::{Action, Author},
    breaker::Circuit,
    id::{AccountId, AppName, SkillName},
    store::Unavailable,
};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// Settings as they are stored.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct SettingsItem {
    kind: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    default_skill: Option<SkillName>,
    #[serde(skip_serializing_if = "Option::is_none")]
    welcome_message: Option<String>,
    recipients_per_campaign: u32,
    sends_per_second: u32,
    requests_per_second: u32,
    /// Not in what earlier releases wrote.
    #[serde(default = "per_day")]
    recipients_per_day: u32,
    /// Not there in accounts that are served, so that a condition can tell.
    #[serde(default, skip_serializing_if = "is_full")]
    service: Service,
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        with = "time::option"
    )]
    resumed_at: Option<Timestamp>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde's signature")]
fn is_full(service: &Service) -> bool {
    *service == Service::Full
}

fn per_day() -> u32 {
    Limits::default().recipients_per_day
}

impl From<&Settings> for SettingsItem {
    fn from(settings: &Settings) -> Self {
        Self {
            kind: "settings".to_owned(),
            default_skill: settings.default_skill.clone(),
            welcome_message: settings
                .welcome_message
                .as_ref()
                .map(|m| m.as_str().to_owned()),
            recipients_per_campaign: settings.limits.recipients_per_campaign,
            sends_per_second: settings.limits.sends_per_second,
            requests_per_second: settings.limits.requests_per_second,
            recipients_per_day: settings.limits.recipients_per_day,
            service: settings.service,
            resumed_at: settings.resumed_at,
        }
    }
}

impl TryFrom<SettingsItem> for Settings {
    type Error = Unavailable;

    fn try_from(item: SettingsItem) -> Result<Self, Unavailable> {
        let welcome_message = item
            .welcome_message
            .map(|m| WelcomeMessage::parse(&m))
            .transpose()
            .map_err(unavailable)?;
        Ok(Self {
            default_skill: item.default_skill,
            welcome_message,
            limits: Limits {
                recipients_per_campaign: item.recipients_per_campaign,
                sends_per_second: item.sends_per_second,
                requests_per_second: item.requests_per_second,
                recipients_per_day: item.recipients_per_day,
            },
            service: item.service,
            resumed_at: item.resumed_at,
        })
    }
}

impl ReadSettings for Table {
    async fn settings(&self, account: &AccountId) -> Result<Settings, Unavailable> {
        let read = || self.read_settings(account);
        self.kept_settings().get(account, read).await
    }
}

impl Table {
    async fn read_settings(&self, account: &AccountId) -> Result<Settings, Unavailable> {
        self.get::<SettingsItem>(&Key::settings(account))
            .await?
            .map_or_else(|| Ok(Settings::default()), Settings::try_from)
    }
}

impl WriteSettings for Table {
    async fn put_settings(
        &self,
        by: &Author,
        settings: &Settings,
        before: Service,
    ) -> Result<(), SaveSettingsError> {
        let item = SettingsItem::from(settings);
        let mut writes = vec![
            served_as(before, Write::put(&Key::settings(&by.account), &item)?),
            self.told(by, settings.service.change_from(before), "settings")?,
        ];
        let skill = settings.default_skill.as_ref();
        writes.extend(
            skill.map(|skill| Write::check(Key::skill(&by.account, skill), "attribute_exists(pk)")),
        );
        match self.transact(writes).await? {
            Transacted::Done => Ok(()),
            Transacted::Refused(failed) => Err(match &settings.default_skill {
                Some(skill) if !failed.starts_with(&[true]) => {
                    SaveSettingsError::UnknownSkill(skill.clone())
                }
                _ => SaveSettingsError::Changed,
            }),
            Transacted::Conflict => Err(Unavailable::new("another change was being made").into()),
        }
    }
}

/// The same write, if the account is served so.
fn served_as(service: Service, write: Write) -> Write {
    if service == Service::Full {
        return write.only_if("attribute_not_exists(service)");
    }
    write
        .only_if("service = :before")
        .value(":before", s(service.as_str()))
}

/// A skill as it is stored.
#[derive(Debug, Serialize, Deserialize)]
struct SkillItem {
    kind: String,
    name: SkillName,
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<String>,
}

impl From<SkillItem> for Skill {
    fn from(item: SkillItem) -> Self {
        Self {
            name: item.name,
            description: item.description,
        }
    }
}

impl SkillStore for Table {
    async fn put_skill(&self, by: &Author, skill: &Skill) -> Result<(), Unavailable> {
        let item = SkillItem {
            kind: "skill".to_owned(),
            name: skill.name.clone(),
            description: skill.description.clone(),
        };
        let write = Write::put(&Key::skill(&by.account, &skill.name), &item)?;
        self.change(write, by, Action::SkillSaved, &skill.name)
            .await
            .map(drop)
    }

    async fn skill(
        &self,
        account: &AccountId,
        name: &SkillName,
    ) -> Result<Option<Skill>, Unavailable> {
        let item = self.get::<SkillItem>(&Key::skill(account, name)).await?;
        Ok(item.map(Skill::from))
    }

    async fn skills(&self, account: &AccountId) -> Result<Vec<Skill>, Unavailable> {
        let items = self.list::<SkillItem>(&Range::skills(account)).await?;
        Ok(items.into_iter().map(Skill::from).collect())
    }

    async fn remove_skill(&self, by: &Author, name: &SkillName) -> Result<bool, Unavailable> {
        let key = Key::skill(&by.account, name);
        self.removed(key, by, Action::SkillRemoved, name).await
    }
}

/// An app as it is stored.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct AppItem {
    kind: String,
    name: AppName,
    #[serde(skip_serializing_if = "Option::is_none")]
    ios: Option<Route>,
    #[serde(skip_serializing_if = "Option::is_none")]
    android: Option<Route>,
    identity: Identity,
}

impl AppItem {
    pub(crate) const KIND: &str = "app";
}

impl From<AppItem> for App {
    fn from(item: AppItem) -> Self {
        Self {
            name: item.name,
            ios: item.ios,
            android: item.android,
            identity: item.identity,
        }
    }
}

impl Table {
    async fn read_apps(&self, account: &AccountId) -> Result<Vec<App>, Unavailable> {
        let items = self.list::<AppItem>(&Range::apps(account)).await?;
        Ok(items.into_iter().map(App::from).collect())
    }
}

impl ReadApps for Table {
    async fn apps(&self, account: &AccountId) -> Result<Vec<App>, Unavailable> {
        self.kept_apps()
            .get(account, || self.read_apps(account))
            .await
    }

    async fn has_app(&self, account: &AccountId, app: &AppName) -> Result<bool, Unavailable> {
        let has = |apps: Vec<App>| apps.iter().any(|one| one.name == *app);
        if has(self.apps(account).await?) {
            return Ok(true);
        }
        // It may be new.
        self.kept_apps().forget(account);
        Ok(has(self.apps(account).await?))
    }
}

impl WriteApps for Table {
    async fn put_app(&self, by: &Author, app: &App, paused: &[Circuit]) -> Result<(), Unavailable> {
        let item = AppItem {
            kind: AppItem::KIND.to_owned(),
            name: app.name.clone(),
            ios: app.ios.clone(),
            android: app.android.clone(),
            identity: app.identity.clone(),
        };
        let mut writes = vec![
            Write::put(&Key::app(&by.account, &app.name), &item)?,
            self.told(by, Action::AppSaved, &app.name)?,
        ];
        let ends = paused
            .iter()
            .map(|circuit| breaker::end(&by.account, circuit));
        writes.extend(ends);
        self.kept_pauses().forget(&by.account);
        match self.transact(writes).await? {
            Transacted::Done => Ok(()),
            // Nothing is lost by saying it again.
            _ => Err(Unavailable::new("a pause of the app was just changed")),
        }
    }

    async fn remove_app(&self, by: &Author, name: &AppName) -> Result<bool, Unavailable> {
        let key = Key::app(&by.account, name);
        self.removed(key, by, Action::AppRemoved, name).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_service_is_kept_under_the_name_that_conditions_ask_for() {
        for service in [Service::Full, Service::Paused, Service::Ended] {
            let kept = serde_json::to_value(service).unwrap();
            assert_eq!(kept, service.as_str());
        }
    }
}
