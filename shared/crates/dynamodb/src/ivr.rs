//! Calls that IVRs asked about, as they are stored.

use crate::{
    Table,
    account::SettingsItem,
    campaign::earlier,
    handoff,
    key::Key,
    read::{from_item, take},
    table::unavailable,
    time,
};
use domain::{
    account::Settings,
    campaign::IdempotencyKey,
    failure::Failure,
    id::{AccountId, CallId, ConsumerId, HandoffId, SkillName},
    ivr::{Call, CallStore, Found, Ground},
    store::Unavailable,
};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// A call as it is stored.
#[derive(Debug, Serialize, Deserialize)]
struct Item {
    kind: String,
    id: CallId,
    consumer: ConsumerId,
    skill: SkillName,
    handoff: handoff::Item,
    /// As JSON, as recipients' are.
    variables: String,
    ivr_number: String,
    #[serde(with = "time")]
    checked_at: Timestamp,
    #[serde(skip_serializing_if = "Option::is_none")]
    obstacle: Option<Failure>,
    ttl: i64,
}

impl Item {
    fn new(call: &Call) -> Result<Self, Unavailable> {
        Ok(Self {
            kind: "call".to_owned(),
            id: call.id.clone(),
            consumer: call.consumer.clone(),
            skill: call.skill.clone(),
            handoff: (&call.handoff).into(),
            variables: serde_json::to_string(&call.variables).map_err(unavailable)?,
            ivr_number: call.ivr_number.clone(),
            checked_at: call.checked_at,
            obstacle: call.obstacle,
            ttl: call.ends_at().as_second(),
        })
    }
}

impl TryFrom<Item> for Call {
    type Error = Unavailable;

    fn try_from(item: Item) -> Result<Self, Unavailable> {
        Ok(Self {
            id: item.id,
            consumer: item.consumer,
            skill: item.skill,
            handoff: item.handoff.into(),
            variables: serde_json::from_str(&item.variables).map_err(unavailable)?,
            ivr_number: item.ivr_number,
            checked_at: item.checked_at,
            obstacle: item.obstacle,
        })
    }
}

impl Table {
    async fn read_ground(
        &self,
        account: &AccountId,
        skill: &SkillName,
        handoff: &HandoffId,
    ) -> Result<Ground, Unavailable> {
        let (skill, handoff) = (Key::skill(account, skill), Key::handoff(account, handoff));
        let mut items = self.get_all(&[skill.clone(), handoff.clone()]).await?;
        let handoff = take(&mut items, &handoff)
            .map(|item| from_item::<_, handoff::Item>(item).map_err(unavailable))
            .transpose()?;
        Ok(Ground {
            has_skill: take(&mut items, &skill).is_some(),
            handoff: handoff.map(Into::into),
        })
    }
}

impl CallStore for Table {
    async fn ground(
        &self,
        account: &AccountId,
        skill: &SkillName,
        handoff: &HandoffId,
    ) -> Result<Ground, Unavailable> {
        let key = (account.clone(), skill.clone(), handoff.clone());
        let read = || self.read_ground(account, skill, handoff);
        let ground = self.kept_grounds().get(&key, read).await?;
        if !ground.has_skill || ground.handoff.is_none() {
            // Whoever makes what was missing need not wait for it to be seen.
            self.kept_grounds().forget(&key);
        }
        Ok(ground)
    }

    async fn keep_call(&self, call: &Call) -> Result<(), Unavailable> {
        let key = Key::call(&call.handoff.account, &call.id);
        self.put(&key, &Item::new(call)?).await
    }

    async fn find_call(
        &self,
        account: &AccountId,
        id: &CallId,
        other_skill: Option<&SkillName>,
        key: &IdempotencyKey,
        now: Timestamp,
    ) -> Result<Option<Found>, Unavailable> {
        let call = Key::call(account, id);
        let settings = Key::settings(account);
        let once = Key::once(account, key.as_str());
        let skill = other_skill.map(|name| Key::skill(account, name));
        let mut keys = vec![call.clone(), settings.clone(), once.clone()];
        keys.extend(skill.clone());
        let mut items = self.get_all(&keys).await?;
        let Some(call) = take(&mut items, &call) else {
            return Ok(None);
        };
        let call: Call = from_item::<_, Item>(call)
            .map_err(unavailable)?
            .try_into()?;
        if call.ends_at() <= now {
            // DynamoDB removes what is past its time some days late.
            return Ok(None);
        }
        let settings = take(&mut items, &settings)
            .map(|item| from_item::<_, SettingsItem>(item).map_err(unavailable))
            .transpose()?
            .map_or_else(|| Ok(Settings::default()), Settings::try_from)?;
        Ok(Some(Found {
            call,
            limits: settings.limits,
            service: settings.service,
            has_other_skill: skill.is_some_and(|key| take(&mut items, &key).is_some()),
            earlier: take(&mut items, &once)
                .map(|item| earlier(item, now))
                .transpose()?
                .flatten(),
        }))
    }
}
