//! Devices and how consumers stand, in memory.

use super::Store;
use domain::{
    conversation::{Profile, ReadStanding, Standing},
    device::{self, DeadDevices, Device, DeviceStore, Takes},
    id::{AccountId, ConsumerId, DeviceId},
    store::Unavailable,
};

impl DeviceStore for Store {
    async fn register(
        &self,
        account: &AccountId,
        consumer: &ConsumerId,
        device: &Device,
    ) -> Result<(), Unavailable> {
        let mut tables = self.begin("register").await?;
        tables
            .devices
            .retain(|(a, _, _), d| a != account || d.token != device.token);
        let theirs: Vec<_> = tables
            .devices
            .iter()
            .filter(|((a, c, _), _)| a == account && c == consumer)
            .map(|((_, _, id), device)| (id.clone(), device.registered_at))
            .collect();
        for id in device::surplus(theirs.iter().map(|(id, at)| (id, *at)), &device.id) {
            let key = (account.clone(), consumer.clone(), id.clone());
            tables.devices.remove(&key);
        }
        let key = (account.clone(), consumer.clone(), device.id.clone());
        tables.devices.insert(key, device.clone());
        let traits = device.traits.clone();
        let profile = Profile {
            app: Some(device.app.clone()),
            os: traits.os,
            device: traits.device,
            country: traits.country,
            city: traits.city,
        };
        let key = (account.clone(), consumer.clone());
        tables.profiles.insert(key, profile);
        Ok(())
    }

    async fn remove(
        &self,
        account: &AccountId,
        consumer: &ConsumerId,
        device: &DeviceId,
    ) -> Result<(), Unavailable> {
        let mut tables = self.begin("remove_device").await?;
        let key = (account.clone(), consumer.clone(), device.clone());
        tables.devices.remove(&key);
        Ok(())
    }

    async fn set_takes(
        &self,
        account: &AccountId,
        consumer: &ConsumerId,
        device: &DeviceId,
        takes: Takes,
    ) -> Result<(), Unavailable> {
        let mut tables = self.begin("set_takes").await?;
        let key = (account.clone(), consumer.clone(), device.clone());
        if let Some(device) = tables.devices.get_mut(&key) {
            device.takes = takes;
        }
        Ok(())
    }
}

impl DeadDevices for Store {
    async fn forget(
        &self,
        account: &AccountId,
        consumer: &ConsumerId,
        device: &Device,
    ) -> Result<(), Unavailable> {
        let mut tables = self.begin("forget").await?;
        let key = (account.clone(), consumer.clone(), device.id.clone());
        let is_same =
            |d: &Device| d.token == device.token && d.registered_at == device.registered_at;
        if tables.devices.get(&key).is_some_and(is_same) {
            tables.devices.remove(&key);
        }
        Ok(())
    }
}

impl ReadStanding for Store {
    async fn standing(
        &self,
        account: &AccountId,
        consumer: &ConsumerId,
    ) -> Result<Standing, Unavailable> {
        let tables = self.begin("standing").await?;
        let who = (account.clone(), consumer.clone());
        Ok(Standing {
            profile: tables.profiles.get(&who).cloned(),
            devices: tables
                .devices
                .iter()
                .filter(|((a, c, _), _)| a == account && c == consumer)
                .map(|(_, device)| device.clone())
                .collect(),
            conversation: tables.open.get(&who).copied(),
            queue: tables.open.get(&who).and_then(|id| {
                let open = tables.conversations.get(&(account.clone(), *id))?;
                Some((open.skill.clone(), open.state))
            }),
        })
    }
}
