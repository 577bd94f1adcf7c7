//! Logging a device in: one transaction when it comes again, a second one when the first has told
//! what stands in its way.

use super::{
    Item, OwnerItem, owned_by,
    roster::{Listed, ProfileItem, Roster},
    still_with,
};
use crate::{
    Table,
    key::{Attributes, Key, Range},
    read::{from_item, kind},
    table::{Verdict, Write, unavailable},
};
use aws_sdk_dynamodb::types::AttributeValue;
use domain::{
    device::{Device, surplus},
    id::{AccountId, ConsumerId, DeviceId},
    store::Unavailable,
};
use std::collections::BTreeMap;

/// How often logging in is tried while others move the same tokens.
const TRIES: u32 = 20;

/// Who logs in with what.
struct LogIn<'a> {
    account: &'a AccountId,
    consumer: &'a ConsumerId,
    item: Item,
}

/// What a device that logs in finds.
#[derive(Debug, Default)]
struct Found {
    /// Whose its token is, if it is another device's.
    owner: Option<OwnerItem>,
    /// The list of the consumer's profile, as it stands.
    seen: Option<AttributeValue>,
    /// The consumer's devices.
    devices: Roster,
}

/// What a write of a log-in is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Part {
    Profile,
    Token,
    OwnersList,
    Other,
}

type Writes = Vec<(Part, Write)>;

impl LogIn<'_> {
    fn profile(&self) -> Key {
        Key::profile(self.account, self.consumer)
    }

    fn device(&self, device: &DeviceId) -> Key {
        Key::device(self.account, self.consumer, device)
    }

    fn token(&self, digest: &str) -> Key {
        Key::token(self.account, digest)
    }

    /// The token's owner after this.
    fn me(&self) -> OwnerItem {
        OwnerItem::new(self.consumer, &self.item.id)
    }

    /// Writes of a device that has been here before, with this very token.
    fn again(&self) -> Result<Writes, Unavailable> {
        Ok(vec![
            (
                Part::Profile,
                ProfileItem::again(self.profile(), &self.item)?,
            ),
            self.take(&self.me())?,
            self.keep()?,
        ])
    }

    /// Takes the token, if it is still nobody's or `owner`'s.
    fn take(&self, owner: &OwnerItem) -> Result<(Part, Write), Unavailable> {
        let take = Write::put(&self.token(&self.item.token_digest), &self.me())?;
        Ok((Part::Token, owned_by(take, &owner.consumer, &owner.device)))
    }

    fn keep(&self) -> Result<(Part, Write), Unavailable> {
        let keep = Write::put(&self.device(&self.item.id), &self.item)?;
        Ok((Part::Other, keep))
    }

    /// Writes of a device that finds this. `owner_is_listed` says that the profile of the token's
    /// owner lists their devices: those that an earlier release wrote do not.
    fn writes(&self, found: &Found, owner_is_listed: bool) -> Result<Writes, Unavailable> {
        let (me, digest) = (self.me(), &self.item.token_digest);
        let mut list = found.devices.clone();
        let before = list.remove(&self.item.id);
        // A reinstalled app has a new id and the token of the old one.
        let sibling = found.owner.as_ref().filter(|o| o.consumer == me.consumer);
        let mut gone: BTreeMap<_, _> = sibling
            .map(|owner| (owner.device.clone(), digest.clone()))
            .into_iter()
            .collect();
        list.retain(|id, _| !gone.contains_key(id));
        let times = list.iter().map(|(id, listed)| (id, listed.registered_at));
        let surplus: Vec<_> = surplus(times, &self.item.id).into_iter().cloned().collect();
        gone.extend(surplus.into_iter().filter_map(|id| {
            let listed = list.remove(&id)?;
            Some((id, listed.token_digest))
        }));
        list.insert(self.item.id.clone(), Listed::from(&self.item));

        let seen = found.seen.as_ref();
        let mut writes = vec![
            (
                Part::Profile,
                ProfileItem::listing(self.profile(), &self.item, &list, seen)?,
            ),
            self.take(found.owner.as_ref().unwrap_or(&me))?,
            self.keep()?,
        ];
        let mut other = |write| writes.push((Part::Other, write));
        if let Some(old) = before.filter(|before| before.token_digest != *digest) {
            let free = Write::delete(self.token(&old.token_digest));
            other(owned_by(free, self.consumer, &self.item.id));
        }
        for (id, old) in &gone {
            other(still_with(Write::delete(self.device(id)), old));
            if old != digest {
                let free = Write::delete(self.token(old));
                other(owned_by(free, self.consumer, id));
            }
        }
        if let Some(owner) = found.owner.as_ref().filter(|o| o.consumer != me.consumer) {
            let theirs = Key::device(self.account, &owner.consumer, &owner.device);
            other(still_with(Write::delete(theirs), digest));
            if owner_is_listed {
                let list = ProfileItem::without(self.account, &owner.consumer, &owner.device);
                writes.push((Part::OwnersList, list));
            }
        }
        Ok(writes)
    }
}

/// What the verdicts on [`LogIn::again`] tell; `None` when that is not enough.
fn learned(parts: &[Part], verdicts: Vec<Verdict>) -> Result<Option<Found>, Unavailable> {
    let (mut profile, mut token) = (Verdict::Fine, Verdict::Fine);
    for (part, verdict) in parts.iter().zip(verdicts) {
        match part {
            Part::Profile => profile = verdict,
            Part::Token => token = verdict,
            Part::OwnersList | Part::Other => {}
        }
    }
    let (seen, devices) = match profile {
        Verdict::Refused(None) => (None, Roster::new()),
        Verdict::Refused(Some(item)) => match listed(item)? {
            (seen @ Some(_), devices) => (seen, devices),
            (None, _) => return Ok(None),
        },
        Verdict::Fine | Verdict::Conflict => return Ok(None),
    };
    let owner = match token {
        Verdict::Refused(Some(item)) => Some(from_item(item).map_err(unavailable)?),
        Verdict::Refused(None) | Verdict::Fine => None,
        Verdict::Conflict => return Ok(None),
    };
    Ok(Some(Found {
        owner,
        seen,
        devices,
    }))
}

/// The list of a profile, as it stands and read.
fn listed(item: Attributes) -> Result<(Option<AttributeValue>, Roster), Unavailable> {
    let seen = item.get("devices").cloned();
    let profile: ProfileItem = from_item(item).map_err(unavailable)?;
    Ok((seen, profile.devices.unwrap_or_default()))
}

impl Table {
    pub(super) async fn log_in(
        &self,
        account: &AccountId,
        consumer: &ConsumerId,
        device: &Device,
    ) -> Result<(), Unavailable> {
        let log_in = LogIn {
            account,
            consumer,
            item: Item::from(device),
        };
        let (parts, writes): (Vec<_>, Vec<_>) = log_in.again()?.into_iter().unzip();
        let verdicts = self.attempt(writes).await?;
        if verdicts.is_empty() {
            return Ok(());
        }
        let mut found = match learned(&parts, verdicts)? {
            Some(found) => found,
            None => self.look(&log_in).await?,
        };
        let mut owner_is_listed = true;
        for _ in 0..TRIES {
            let writes = log_in.writes(&found, owner_is_listed)?;
            let (parts, writes): (Vec<_>, Vec<_>) = writes.into_iter().unzip();
            let verdicts = self.attempt(writes).await?;
            if verdicts.is_empty() {
                return Ok(());
            }
            let lists = parts.iter().position(|part| *part == Part::OwnersList);
            owner_is_listed = !lists
                .and_then(|at| verdicts.get(at))
                .is_some_and(Verdict::is_refused);
            found = self.look(&log_in).await?;
        }
        Err(Unavailable::new("the device's token kept moving"))
    }

    /// Reads what the device finds, from what is written rather than what is listed.
    async fn look(&self, log_in: &LogIn<'_>) -> Result<Found, Unavailable> {
        let range = Range::standing(log_in.account, log_in.consumer);
        let mut found = Found::default();
        for item in self.query(&range, false, None).await? {
            match kind(&item) {
                Some(ProfileItem::KIND) => found.seen = listed(item)?.0,
                Some(Item::KIND) => {
                    let item: Item = from_item(item).map_err(unavailable)?;
                    found.devices.insert(item.id.clone(), Listed::from(&item));
                }
                _ => {}
            }
        }
        let token = log_in.token(&log_in.item.token_digest);
        let owner = self.get::<OwnerItem>(&token).await?;
        found.owner = owner.filter(|owner| *owner != log_in.me());
        Ok(found)
    }
}
