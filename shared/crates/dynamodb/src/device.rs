//! Devices and the owners of push tokens, as they are stored.

use crate::{
    Table,
    key::{Attributes, Key, Range, digest},
    read::from_item,
    table::{Change, Transacted, Write, at, s, unavailable},
    time,
};
use domain::{
    conversation::{Conversation, Profile, ReadStanding, Standing, State},
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
    const KIND: &str = "token-owner";
}

/// A consumer's profile as it is stored.
#[derive(Debug, Serialize, Deserialize)]
struct ProfileItem {
    kind: String,
    profile: Profile,
}

impl ProfileItem {
    const KIND: &str = "profile";
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

/// How often logging in is tried while others move the same tokens.
const TRIES: u32 = 20;

/// The owner's condition and values on a write to a token's item.
fn owned_by(write: Write, consumer: &ConsumerId, device: &DeviceId) -> Write {
    write
        .only_if("attribute_not_exists(pk) OR (consumer = :consumer AND device = :device)")
        .value(":consumer", s(consumer.as_str()))
        .value(":device", s(device.as_str()))
}

/// What registering a device writes, given who owns its token, and the digest of the token that
/// the consumer's device of that id had before.
fn registering(
    account: &AccountId,
    consumer: &ConsumerId,
    device: &Device,
    owner: Option<OwnerItem>,
    before: Option<&str>,
) -> Result<Vec<Write>, Unavailable> {
    let item = Item::from(device);
    let token = Key::token(account, &item.token_digest);
    let key = Key::device(account, consumer, &device.id);
    let mine = OwnerItem {
        kind: OwnerItem::KIND.to_owned(),
        consumer: consumer.clone(),
        device: device.id.clone(),
    };
    let take = Write::put(&token, &mine)?;
    let mut writes = vec![
        Write::put(
            &Key::profile(account, consumer),
            &ProfileItem {
                kind: ProfileItem::KIND.to_owned(),
                profile: Profile {
                    app: Some(device.app.clone()),
                    os: device.traits.os.clone(),
                    device: device.traits.device.clone(),
                    country: device.traits.country.clone(),
                    city: device.traits.city.clone(),
                },
            },
        )?,
        match &owner {
            // Only if it still is whose it was when we looked.
            Some(owner) => owned_by(take, &owner.consumer, &owner.device),
            None => take.only_if("attribute_not_exists(pk)"),
        },
        match before {
            Some(before) => Write::put(&key, &item)?
                .only_if("token_digest = :before")
                .value(":before", s(before)),
            None => Write::insert(&key, &item)?,
        },
    ];
    if let Some(owner) = owner.filter(|owner| *owner != mine) {
        let theirs = Key::device(account, &owner.consumer, &owner.device);
        writes.push(
            Write::delete(theirs)
                .only_if("attribute_not_exists(pk) OR token_digest = :digest")
                .value(":digest", s(&item.token_digest)),
        );
    }
    if let Some(before) = before.filter(|before| *before != item.token_digest) {
        let old = Write::delete(Key::token(account, before));
        writes.push(owned_by(old, consumer, &device.id));
    }
    Ok(writes)
}

/// What removing a device with its token writes, if it still has `digest`.
fn removing(
    account: &AccountId,
    consumer: &ConsumerId,
    device: &DeviceId,
    digest: &str,
) -> [Write; 2] {
    let gone = Write::delete(Key::device(account, consumer, device))
        .only_if("token_digest = :digest")
        .value(":digest", s(digest));
    let token = Write::delete(Key::token(account, digest));
    [gone, owned_by(token, consumer, device)]
}

impl Table {
    /// What registering a device writes, as all stands.
    async fn registration(
        &self,
        account: &AccountId,
        consumer: &ConsumerId,
        device: &Device,
    ) -> Result<Vec<Write>, Unavailable> {
        let token = Key::token(account, &token_digest(device));
        let key = Key::device(account, consumer, &device.id);
        let (mut owner, mut before) = (None, None);
        for item in self.get_all(&[token, key]).await? {
            let kind = item.get("kind").and_then(|kind| kind.as_s().ok());
            if kind.is_some_and(|kind| kind == OwnerItem::KIND) {
                owner = Some(from_item(item).map_err(unavailable)?);
            } else {
                let item: Item = from_item(item).map_err(unavailable)?;
                before = Some(item.token_digest);
            }
        }
        registering(account, consumer, device, owner, before.as_deref())
    }

    /// Removes a device with its token, if it still has `digest`; whether nobody came in
    /// between.
    async fn remove_with_token(
        &self,
        account: &AccountId,
        consumer: &ConsumerId,
        device: &DeviceId,
        digest: &str,
        registered_at: Option<Timestamp>,
    ) -> Result<bool, Unavailable> {
        let gone =
            Write::delete(Key::device(account, consumer, device)).value(":digest", s(digest));
        let gone = match registered_at {
            Some(instant) => gone
                .only_if("token_digest = :digest AND registered_at = :registered_at")
                .value(":registered_at", at(instant)),
            None => gone.only_if("token_digest = :digest"),
        };
        let token = Write::delete(Key::token(account, digest));
        let writes = vec![gone, owned_by(token, consumer, device)];
        Ok(matches!(self.transact(writes).await?, Transacted::Done))
    }
}

impl DeviceStore for Table {
    async fn register(
        &self,
        account: &AccountId,
        consumer: &ConsumerId,
        device: &Device,
    ) -> Result<(), Unavailable> {
        for _ in 0..TRIES {
            let writes = self.registration(account, consumer, device).await?;
            if let Transacted::Done = self.transact(writes).await? {
                return Ok(());
            }
        }
        Err(Unavailable::new("the device's token kept moving"))
    }

    async fn take_in(
        &self,
        account: &AccountId,
        consumer: &ConsumerId,
        device: &Device,
        before: Option<&Device>,
        surplus: &[Device],
    ) -> Result<(), Unavailable> {
        let digest = token_digest(device);
        let before = before.map(token_digest);
        // A device that comes again has its token; a new token is nobody's.
        let owner = (before.as_ref() == Some(&digest)).then(|| OwnerItem {
            kind: OwnerItem::KIND.to_owned(),
            consumer: consumer.clone(),
            device: device.id.clone(),
        });
        let mut writes = registering(account, consumer, device, owner, before.as_deref())?;
        for other in surplus {
            // A token that goes over to the new device goes from the old one with it.
            if token_digest(other) != digest {
                writes.extend(removing(account, consumer, &other.id, &token_digest(other)));
            }
        }
        if let Transacted::Done = self.transact(writes).await? {
            return Ok(());
        }
        for other in surplus {
            self.remove(account, consumer, &other.id).await?;
        }
        self.register(account, consumer, device).await
    }

    async fn remove(
        &self,
        account: &AccountId,
        consumer: &ConsumerId,
        device: &DeviceId,
    ) -> Result<(), Unavailable> {
        for _ in 0..TRIES {
            let key = Key::device(account, consumer, device);
            let Some(item) = self.get::<Item>(&key).await? else {
                return Ok(());
            };
            let digest = &item.token_digest;
            if self
                .remove_with_token(account, consumer, device, digest, None)
                .await?
            {
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
        let (digest, registered_at) = (token_digest(device), Some(device.registered_at));
        // When it does not hold any more, the device was registered anew: it stays.
        self.remove_with_token(account, consumer, &device.id, &digest, registered_at)
            .await
            .map(drop)
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
        let kind = item.get("kind").and_then(|kind| kind.as_s().ok()).cloned();
        match kind.as_deref() {
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
