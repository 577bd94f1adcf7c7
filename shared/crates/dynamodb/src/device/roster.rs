//! Which devices a consumer has, as a list in their profile: with it one transaction can tell
//! whether a device comes again, or has to find a place.

use super::Item;
use crate::{
    key::Key,
    table::{Change, Write, at, s},
    time,
};
use aws_sdk_dynamodb::types::AttributeValue;
use domain::{
    conversation::Profile,
    id::{AccountId, ConsumerId, DeviceId},
    store::Unavailable,
};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// A consumer's profile as it is stored.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct ProfileItem {
    kind: String,
    pub(super) profile: Profile,
    /// Not in what earlier releases write: they put the profile anew at each log-in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) devices: Option<Roster>,
}

/// A consumer's devices.
pub(super) type Roster = BTreeMap<DeviceId, Listed>;

/// What the profile tells of a device.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Listed {
    pub(super) token_digest: String,
    #[serde(with = "time")]
    pub(super) registered_at: Timestamp,
}

impl From<&Item> for Listed {
    fn from(item: &Item) -> Self {
        Self {
            token_digest: item.token_digest.clone(),
            registered_at: item.registered_at,
        }
    }
}

impl ProfileItem {
    pub(super) const KIND: &str = "profile";

    /// A change of the profile to what `device` tells of its consumer.
    fn told_by(device: &Item, devices: &str) -> Result<Change, Unavailable> {
        let profile = Profile {
            app: Some(device.app.clone()),
            os: device.traits.os.clone(),
            device: device.traits.device.clone(),
            country: device.traits.country.clone(),
            city: device.traits.city.clone(),
        };
        let set = format!("SET kind = :kind, profile = :profile, {devices}");
        Ok(Change::new(set)
            .value(":kind", s(Self::KIND))
            .value(":profile", attribute(&profile)?))
    }

    /// The profile as of a device that is in the list with the token that it has.
    pub(super) fn again(key: Key, device: &Item) -> Result<Write, Unavailable> {
        let change = Self::told_by(device, "devices.#device.registered_at = :at")?
            .only_if("devices.#device.token_digest = :digest")
            .name("#device", device.id.as_str())
            .value(":at", at(device.registered_at))
            .value(":digest", s(&device.token_digest));
        Ok(Write::update(key, change))
    }

    /// The profile with this list, if the list is still what was `seen`.
    pub(super) fn listing(
        key: Key,
        device: &Item,
        list: &Roster,
        seen: Option<&AttributeValue>,
    ) -> Result<Write, Unavailable> {
        let change =
            Self::told_by(device, "devices = :devices")?.value(":devices", attribute(list)?);
        let change = match seen {
            Some(seen) => change
                .only_if("devices = :seen")
                .value(":seen", seen.clone()),
            None => change.only_if("attribute_not_exists(devices)"),
        };
        Ok(Write::update(key, change))
    }

    /// The list without `device`, if there is a list.
    pub(super) fn without(account: &AccountId, consumer: &ConsumerId, device: &DeviceId) -> Write {
        let change = Change::new("REMOVE devices.#device")
            .only_if("attribute_exists(devices)")
            .name("#device", device.as_str());
        Write::update(Key::profile(account, consumer), change)
    }
}

fn attribute(value: &impl Serialize) -> Result<AttributeValue, Unavailable> {
    serde_dynamo::to_attribute_value(value).map_err(Unavailable::new)
}
