//! Calls that IVRs asked about, in memory.

use super::Store;
use domain::{
    campaign::IdempotencyKey,
    id::{AccountId, CallId, HandoffId, SkillName},
    ivr::{Call, CallStore, Found, Ground},
    store::Unavailable,
};
use jiff::Timestamp;

impl CallStore for Store {
    async fn ground(
        &self,
        account: &AccountId,
        skill: &SkillName,
        handoff: &HandoffId,
    ) -> Result<Ground, Unavailable> {
        let tables = self.begin("ground").await?;
        Ok(Ground {
            has_skill: tables
                .skills
                .contains_key(&(account.clone(), skill.clone())),
            handoff: tables
                .handoffs
                .iter()
                .find(|h| h.account == *account && h.id == *handoff)
                .cloned(),
        })
    }

    async fn keep_call(&self, call: &Call) -> Result<(), Unavailable> {
        let mut tables = self.begin("keep_call").await?;
        let key = (call.handoff.account.clone(), call.id.clone());
        tables.calls.insert(key, call.clone());
        Ok(())
    }

    async fn find_call(
        &self,
        account: &AccountId,
        id: &CallId,
        other_skill: Option<&SkillName>,
        key: &IdempotencyKey,
        now: Timestamp,
    ) -> Result<Option<Found>, Unavailable> {
        let tables = self.begin("find_call").await?;
        let call = tables.calls.get(&(account.clone(), id.clone()));
        let Some(call) = call.filter(|call| now < call.ends_at()) else {
            return Ok(None);
        };
        let has = |skill: &SkillName| {
            let key = (account.clone(), skill.clone());
            tables.skills.contains_key(&key)
        };
        let earlier = tables
            .idempotency
            .get(&(account.clone(), key.as_str().to_owned()))
            .filter(|(until, _)| *until > now);
        Ok(Some(Found {
            call: call.clone(),
            limits: tables.settings_of(account).limits,
            service: tables.settings_of(account).service,
            has_other_skill: other_skill.is_some_and(has),
            earlier: earlier.map(|(_, earlier)| earlier.clone()),
        }))
    }
}
