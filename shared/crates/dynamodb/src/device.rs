//! Devices and the owners of push tokens, as they are stored.

mod register;
mod roster;

use self::roster::ProfileItem;
use crate::{
    Table,
    key::{Attributes, Key, Range, digest},
    read::{from_item, kind},
    table::{Change, Transacted, Write, at, s, unavailable},
    time,
};
use domain::{
    conversation::{Conversation, ReadStanding, Standing, State},
    device::{DeadDevices, Device, DeviceStore, Environment, Platform, PushToken, Takes, Traits},
    id::{AccountId, AppName, ConsumerId, ConversationId, DeviceId, SkillName},
    store::Unavailable,
};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// A device as it is stored.
#[derive(Debug, Serialize, Deserialize)]
struct Item {
    kind: String,
    id: DeviceId,
    app: AppName,
    platform: Platform,
    environment: Environment,
    token: PushToken,
    token_digest: String,
    takes: Takes,
    traits: Traits,
    #[serde(with = "time")]
    registered_at: Timestamp,
}

impl Item {
    const KIND: &str = "device";
}

impl From<&Device> for Item {
    fn from(device: &Device) -> Self {
        Self {
            kind: Self::KIND.to_owned(),
            id: device.id.clone(),
            app: device.app.clone(),
            platform: device.platform,
            environment: device.environment,
            token: device.token.clone(),
            token_digest: token_digest(device),
            takes: device.takes,
            traits: device.traits.clone(),
            registered_at: device.registered_at,
        }
    }
}

impl From<Item> for Device {
    fn from(item: Item) -> Self {
        Self {
            id: item.id,
            app: item.app,
            platform: item.platform,
            environment: item.environment,
            token: item.token,
            takes: item.takes,
            traits: item.traits,
            registered_at: item.registered_at,
        }
    }
}

/// Whose a push token is.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
struct OwnerItem {
    kind: String,
    consumer: ConsumerId,
    device: DeviceId,
}

impl OwnerItem {
    fn new(consumer: &ConsumerId, device: &DeviceId) -> Self {
        Self {
            kind: "token-owner".to_owned(),
            consumer: consumer.clone(),
            device: device.clone(),
        }
    }
}

/// A consumer's open conversation.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct OpenItem {
    kind: String,
    conversation: ConversationId,
    /// Not in what earlier releases wrote, as is the state.
    #[serde(skip_serializing_if = "Option::is_none")]
    skill: Option<SkillName>,
    #[serde(skip_serializing_if = "Option::is_none")]
    state: Option<State>,
}

impl OpenItem {
    const KIND: &str = "open-conversation";

    pub(crate) fn new(conversation: &Conversation) -> Self {
        Self {
            kind: Self::KIND.to_owned(),
            conversation: conversation.id,
            skill: Some(conversation.skill.clone()),
            state: Some(conversation.state),
        }
    }
}

/// What a token's owner is found by: the token alone. An installation has one token, whichever app
/// it says it is, and FCM delivers to it whichever app it was kept under.
fn token_digest(device: &Device) -> String {
    digest(device.token.expose())
}

/// How often removing a device is tried while it changes.
const TRIES: u32 = 20;

/// The owner's condition and values on a write to a token's item.
fn owned_by(write: Write, consumer: &ConsumerId, device: &DeviceId) -> Write {
    write
        .only_if("attribute_not_exists(pk) OR (consumer = :consumer AND device = :device)")
        .value(":consumer", s(consumer.as_str()))
        .value(":device", s(device.as_str()))
}

/// Done only if the device is gone, or still has the token.
fn still_with(write: Write, digest: &str) -> Write {
    write
        .only_if("attribute_not_exists(pk) OR token_digest = :digest")
        .value(":digest", s(digest))
}

impl DeviceStore for Table {
    async fn register(
        &self,
        account: &AccountId,
        consumer: &ConsumerId,
        device: &Device,
    ) -> Result<(), Unavailable> {
        self.log_in(account, consumer, device).await
    }

    async fn remove(
        &self,
        account: &AccountId,
        consumer: &ConsumerId,
        device: &DeviceId,
    ) -> Result<(), Unavailable> {
        let keys = [
            Key::device(account, consumer, device),
            Key::profile(account, consumer),
        ];
        for _ in 0..TRIES {
            let (mut kept, mut is_listed) = (None, false);
            for item in self.get_all(&keys).await? {
                if kind(&item) == Some(Item::KIND) {
                    kept = Some(from_item::<_, Item>(item).map_err(unavailable)?);
                } else {
                    let profile: ProfileItem = from_item(item).map_err(unavailable)?;
                    is_listed = profile
                        .devices
                        .is_some_and(|list| list.contains_key(device));
                }
            }
            let mut writes = Vec::new();
            if let Some(Item { token_digest, .. }) = &kept {
                let gone = Write::delete(Key::device(account, consumer, device));
                let token = Write::delete(Key::token(account, token_digest));
                writes.push(still_with(gone, token_digest));
                writes.push(owned_by(token, consumer, device));
            }
            if is_listed {
                writes.push(ProfileItem::without(account, consumer, device));
            }
            if writes.is_empty() || matches!(self.transact(writes).await?, Transacted::Done) {
                return Ok(());
            }
        }
        Err(Unavailable::new("the device kept changing"))
    }

    async fn set_takes(
        &self,
        account: &AccountId,
        consumer: &ConsumerId,
        device: &DeviceId,
        takes: Takes,
    ) -> Result<(), Unavailable> {
        let takes = match takes {
            Takes::All => "all",
            Takes::Proactive => "proactive",
        };
        let change = Change::new("SET takes = :takes")
            .only_if("attribute_exists(pk)")
            .value(":takes", s(takes));
        self.update(&Key::device(account, consumer, device), change)
            .await
            .map(drop)
    }
}

impl DeadDevices for Table {
    async fn forget(
        &self,
        account: &AccountId,
        consumer: &ConsumerId,
        device: &Device,
    ) -> Result<(), Unavailable> {
        let digest = token_digest(device);
        let gone = Write::delete(Key::device(account, consumer, &device.id))
            .only_if("token_digest = :digest AND registered_at = :registered_at")
            .value(":digest", s(&digest))
            .value(":registered_at", at(device.registered_at));
        let token = Write::delete(Key::token(account, &digest));
        let writes = vec![gone, owned_by(token, consumer, &device.id)];
        let list = ProfileItem::without(account, consumer, &device.id);
        let listed = [writes.clone(), vec![list]].concat();
        // When the device was registered anew, it stays.
        let done = self.transact(listed).await?;
        if matches!(done, Transacted::Refused(failed) if failed == [false, false, true]) {
            // An earlier release wrote the profile.
            self.transact(writes).await?;
        }
        Ok(())
    }
}

impl ReadStanding for Table {
    async fn standing(
        &self,
        account: &AccountId,
        consumer: &ConsumerId,
    ) -> Result<Standing, Unavailable> {
        let range = Range::standing(account, consumer);
        standing(self.query(&range, false, None).await?)
    }
}

/// How a consumer stands, of these items.
pub(crate) fn standing(items: Vec<Attributes>) -> Result<Standing, Unavailable> {
    let mut standing = Standing::default();
    for item in items {
        match kind(&item) {
            Some(Item::KIND) => {
                let device: Item = from_item(item).map_err(unavailable)?;
                standing.devices.push(device.into());
            }
            Some(ProfileItem::KIND) => {
                let profile: ProfileItem = from_item(item).map_err(unavailable)?;
                standing.profile = Some(profile.profile);
            }
            Some(OpenItem::KIND) => {
                let open: OpenItem = from_item(item).map_err(unavailable)?;
                standing.conversation = Some(open.conversation);
                standing.queue = open.skill.zip(open.state);
            }
            _ => {}
        }
    }
    Ok(standing)
}
