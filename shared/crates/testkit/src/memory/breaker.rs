//! Paused circuits, in memory.

use super::{Record, Store, Tables};
use domain::{
    account::App,
    breaker::{Circuit, Pause, Pauses},
    id::AccountId,
    store::Unavailable,
};

impl Pauses for Store {
    async fn pauses(&self, account: &AccountId) -> Result<Vec<Pause>, Unavailable> {
        let tables = self.begin("pauses").await?;
        Ok(tables.pauses.get(account).cloned().unwrap_or_default())
    }

    async fn apps_and_pauses(
        &self,
        account: &AccountId,
    ) -> Result<(Vec<App>, Vec<Pause>), Unavailable> {
        let tables = self.begin("apps_and_pauses").await?;
        let apps = tables.apps.values();
        let known = tables.apps.keys().zip(apps);
        let ours = known.filter(|((owner, _), _)| owner == account);
        Ok((
            ours.map(|(_, app)| app.clone()).collect(),
            tables.pauses.get(account).cloned().unwrap_or_default(),
        ))
    }

    async fn pause(&self, account: &AccountId, pause: &Pause) -> Result<bool, Unavailable> {
        let mut tables = self.begin("pause").await?;
        let pauses = tables.pauses.entry(account.clone()).or_default();
        if pauses.iter().any(|p| p.circuit == pause.circuit) {
            return Ok(false);
        }
        pauses.push(pause.clone());
        let record = Record::Pause(account.clone(), pause.clone(), false);
        tables.stream.push(record);
        Ok(true)
    }

    async fn prolong(
        &self,
        account: &AccountId,
        from: &Pause,
        to: &Pause,
    ) -> Result<bool, Unavailable> {
        let mut tables = self.begin("prolong").await?;
        let pauses = tables.pauses.entry(account.clone()).or_default();
        let Some(standing) = pauses
            .iter_mut()
            .find(|p| p.circuit == from.circuit && p.since == from.since && p.until == from.until)
        else {
            return Ok(false);
        };
        *standing = to.clone();
        let record = Record::Pause(account.clone(), to.clone(), false);
        tables.stream.push(record);
        Ok(true)
    }

    async fn resume(&self, account: &AccountId, circuit: &Circuit) -> Result<(), Unavailable> {
        self.begin("resume").await?.resume(account, circuit);
        Ok(())
    }
}

impl Tables {
    /// Ends a circuit's pause, if it is paused.
    pub(super) fn resume(&mut self, account: &AccountId, circuit: &Circuit) {
        let pauses = self.pauses.entry(account.clone()).or_default();
        if let Some(at) = pauses.iter().position(|p| p.circuit == *circuit) {
            let pause = pauses.remove(at);
            let record = Record::Pause(account.clone(), pause, true);
            self.stream.push(record);
        }
    }
}
