//! Handoffs, as they are stored, with a claim on each name, and what still goes on of them.

use crate::{
    Table,
    account::AppItem,
    campaign::cancellation,
    key::{Key, Range},
    read::{from_item, kind},
    table::{Change, Transacted, Write, at, n, s, unavailable},
    time,
};
use domain::{
    account::App,
    audit::{Action, Author},
    campaign::Campaign,
    handoff::{
        Apps, Design, Found, Handoff, HandoffName, HandoffStore, InsertError, RemoveError,
        ReplaceError, Running, Shelf, Tag,
    },
    id::{AccountId, CampaignId, HandoffId},
    store::Unavailable,
};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::time::Duration;
use tokio::time::sleep;

/// A handoff as it is stored.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Item {
    kind: String,
    account: AccountId,
    id: HandoffId,
    design: Design,
    version: u32,
    #[serde(with = "time")]
    created_at: Timestamp,
    #[serde(with = "time")]
    updated_at: Timestamp,
}

/// A claim on a handoff's name.
#[derive(Debug, Serialize)]
struct NameItem<'a> {
    kind: &'static str,
    handoff: &'a HandoffId,
}

impl Item {
    const KIND: &str = "handoff";
}

impl From<&Handoff> for Item {
    fn from(handoff: &Handoff) -> Self {
        Self {
            kind: Self::KIND.to_owned(),
            account: handoff.account.clone(),
            id: handoff.id.clone(),
            design: handoff.design.clone(),
            version: handoff.version,
            created_at: handoff.created_at,
            updated_at: handoff.updated_at,
        }
    }
}

impl From<Item> for Handoff {
    fn from(item: Item) -> Self {
        Self {
            account: item.account,
            id: item.id,
            design: item.design,
            version: item.version,
            created_at: item.created_at,
            updated_at: item.updated_at,
        }
    }
}

fn key(handoff: &Handoff) -> Key {
    Key::handoff(&handoff.account, &handoff.id)
}

fn name_key(handoff: &Handoff) -> Key {
    Key::handoff_name(&handoff.account, handoff.design.name.as_str())
}

/// Says in a handoff's state which handoff that is, so that stopping it need not look it up.
fn stated(handoff: &Handoff) -> Write {
    let change = Change::new("SET kind = :kind, #name = :name, version = :version")
        .name("#name", "name")
        .value(":kind", s(StateItem::KIND))
        .value(":name", s(handoff.design.name.as_str()))
        .value(":version", n(handoff.version));
    Write::update(Key::handoff_state(&handoff.account, &handoff.id), change)
}

fn claim(handoff: &Handoff) -> Result<Write, Unavailable> {
    let item = NameItem {
        kind: "handoff-name",
        handoff: &handoff.id,
    };
    Write::insert(&name_key(handoff), &item)
}

fn conflict() -> Unavailable {
    Unavailable::new("another transaction was at the handoff")
}

impl HandoffStore for Table {
    async fn insert(&self, by: &Author, handoff: &Handoff) -> Result<(), InsertError> {
        let writes = vec![
            Write::insert(&key(handoff), &Item::from(handoff))?,
            claim(handoff)?,
            self.told(by, Action::HandoffMade, &handoff.id)?,
            stated(handoff),
        ];
        match self.transact(writes).await? {
            Transacted::Done => Ok(()),
            Transacted::Refused(failed) if failed.get(1) == Some(&true) => {
                Err(InsertError::NameTaken)
            }
            Transacted::Refused(_) => Err(InsertError::IdTaken),
            Transacted::Conflict => Err(conflict().into()),
        }
    }

    async fn find(
        &self,
        account: &AccountId,
        id: &HandoffId,
    ) -> Result<Option<Handoff>, Unavailable> {
        let item = self.get::<Item>(&Key::handoff(account, id)).await?;
        Ok(item.map(Handoff::from))
    }

    async fn find_with(
        &self,
        account: &AccountId,
        id: &HandoffId,
        apps: &Apps,
    ) -> Result<Found, Unavailable> {
        let keys = apps.as_slice().iter().map(|app| Key::app(account, app));
        let keys: Vec<_> = keys.chain([Key::handoff(account, id)]).collect();
        let mut found = Found::default();
        for item in self.get_all(&keys).await? {
            if kind(&item) == Some(Item::KIND) {
                let item: Item = from_item(item).map_err(unavailable)?;
                found.handoff = Some(item.into());
            } else {
                let app: AppItem = from_item(item).map_err(unavailable)?;
                found.apps.push(App::from(app).name);
            }
        }
        Ok(found)
    }

    async fn shelf(&self, account: &AccountId) -> Result<Shelf, Unavailable> {
        let mut found = Shelf::default();
        let range = Range::apps_and_handoffs(account);
        for item in self.query(&range, false, None).await? {
            if kind(&item) == Some(Item::KIND) {
                found.handoffs += 1;
            } else if kind(&item) == Some(AppItem::KIND) {
                let app: AppItem = from_item(item).map_err(unavailable)?;
                found.apps.push(App::from(app).name);
            }
        }
        Ok(found)
    }

    async fn list(&self, account: &AccountId) -> Result<Vec<Handoff>, Unavailable> {
        let items = Table::list::<Item>(self, &Range::handoffs(account)).await?;
        let mut handoffs: Vec<_> = items.into_iter().map(Handoff::from).collect();
        handoffs.sort_by(|a, b| (a.created_at, &a.id).cmp(&(b.created_at, &b.id)));
        Ok(handoffs)
    }

    async fn replace(&self, by: &Author, old: &Handoff, new: &Handoff) -> Result<(), ReplaceError> {
        let mut writes = vec![
            Write::put(&key(new), &Item::from(new))?
                .only_if("version = :version")
                .value(":version", n(old.version)),
            self.told(by, Action::HandoffChanged, &new.id)?,
            stated(new),
        ];
        if name_key(old) != name_key(new) {
            writes.push(claim(new)?);
            writes.push(Write::delete(name_key(old)));
        }
        for pause in PAUSES {
            match self.transact(writes.clone()).await? {
                Transacted::Done => return Ok(()),
                Transacted::Refused(failed) if failed.first() == Some(&true) => {
                    return Err(ReplaceError::Changed);
                }
                Transacted::Refused(_) => return Err(ReplaceError::NameTaken),
                // A campaign of the handoff is being accepted.
                Transacted::Conflict => sleep(pause).await,
            }
        }
        Err(conflict().into())
    }

    async fn remove(&self, by: &Author, handoff: &Handoff) -> Result<(), RemoveError> {
        let state = tombstone(&by.account, &handoff.id, by.at)?
            .only_if("attribute_not_exists(live_until) OR live_until <= :now")
            .value(":now", at(by.at));
        let told = self.told(by, Action::HandoffDeleted, &handoff.id)?;
        self.remove_all(removal(&by.account, &handoff.tag(), state, told))
            .await
    }

    async fn running(
        &self,
        account: &AccountId,
        id: &HandoffId,
        now: Timestamp,
    ) -> Result<Running, Unavailable> {
        let range = Range::running(account, id, now);
        let mut running = Running::default();
        for item in self.query(&range, false, None).await? {
            match from_item(item).map_err(unavailable)? {
                OfHandoff::Run { campaign } => running.campaigns.push(campaign),
                OfHandoff::State(state) => {
                    running.accepted = state.accepted;
                    let told = state.name.zip(state.version);
                    running.handoff = told.map(|(name, version)| Tag {
                        id: id.clone(),
                        name,
                        version,
                    });
                }
            }
        }
        Ok(running)
    }

    async fn stop(&self, by: &Author, handoff: &Tag, running: &Running) -> Result<(), RemoveError> {
        let account = &by.account;
        let state = tombstone(account, &handoff.id, by.at)?;
        // A campaign that was accepted since may live no longer than the others: that one more
        // was is what tells of it.
        let state = state
            .only_if(
                "accepted = :accepted OR (attribute_not_exists(accepted) AND :accepted = :none)",
            )
            .value(":accepted", n(running.accepted))
            .value(":none", n(0));
        let told = self.told(by, Action::HandoffStopped, &handoff.id)?;
        let removal = removal(account, handoff, state, told);
        let mut cancels: Vec<_> = running
            .campaigns
            .iter()
            .map(|id| cancellation(account, id, by.at))
            .collect();
        // All in one transaction, but for those that do not fit beside the removal.
        while cancels.len() + removal.len() > MOST_WRITES {
            let rest = cancels.split_off(MOST_WRITES.min(cancels.len()));
            match self.transact(cancels).await? {
                Transacted::Done => cancels = rest,
                Transacted::Refused(_) => {
                    let gone = Unavailable::new("a campaign of the handoff is gone");
                    return Err(gone.into());
                }
                Transacted::Conflict => return Err(conflict().into()),
            }
        }
        self.remove_all(removal.into_iter().chain(cancels).collect())
            .await
    }
}

/// How long to wait each time that a campaign of a handoff that changes is being accepted.
const PAUSES: [Duration; 5] = [
    Duration::from_millis(10),
    Duration::from_millis(20),
    Duration::from_millis(40),
    Duration::from_millis(80),
    Duration::ZERO,
];

/// The most writes of a transaction.
const MOST_WRITES: usize = 100;

/// For how long it is remembered that a handoff was deleted, in seconds: longer than any
/// campaign that found it is on its way into the table.
const REMEMBERED: i64 = 24 * 3_600;

/// Until when messages of a handoff live, or that it is gone.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct StateItem {
    kind: String,
    #[serde(
        with = "time::option",
        default,
        skip_serializing_if = "Option::is_none"
    )]
    pub(crate) live_until: Option<Timestamp>,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    gone: bool,
    /// How many campaigns were ever accepted.
    #[serde(default)]
    accepted: u64,
    /// The handoff's name, and which state of it has that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    name: Option<HandoffName>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    version: Option<u32>,
    /// Only of one that is gone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    ttl: Option<i64>,
}

impl StateItem {
    const KIND: &str = "handoff-state";
}

/// A campaign of a handoff.
#[derive(Debug, Serialize)]
struct RunItem<'a> {
    kind: &'static str,
    campaign: &'a CampaignId,
    ttl: i64,
}

/// An item of a handoff's partition.
#[derive(Debug, Deserialize)]
#[serde(tag = "kind")]
enum OfHandoff {
    #[serde(rename = "handoff-run")]
    Run { campaign: CampaignId },
    #[serde(rename = "handoff-state")]
    State(Stated),
}

/// What stopping a handoff needs of its state.
#[derive(Debug, Deserialize)]
struct Stated {
    #[serde(default)]
    accepted: u64,
    name: Option<HandoffName>,
    version: Option<u32>,
}

/// What a campaign leaves with its handoff: that messages of it live until its lookback ends,
/// which `known` says they do not yet, and where to find it.
///
/// The first write's condition does not hold when the handoff is gone, or `known` is not so.
pub(crate) fn live_on(
    campaign: &Campaign,
    known: Option<Timestamp>,
) -> Result<[Write; 2], Unavailable> {
    let (account, handoff, until) = (
        &campaign.account,
        &campaign.handoff,
        campaign.lookback_ends_at,
    );
    let key = Key::handoff_state(account, handoff);
    let state = if known.is_some_and(|known| known >= until) {
        // Nothing to move: but the handoff must be there.
        Change::new("SET kind = :kind ADD accepted :one")
            .only_if("attribute_not_exists(gone) AND live_until >= :until")
    } else {
        // Earlier releases let it go with its messages.
        Change::new("SET kind = :kind, live_until = :until REMOVE #ttl ADD accepted :one")
            .only_if("attribute_not_exists(gone) AND (attribute_not_exists(live_until) OR live_until < :until)")
            .name("#ttl", "ttl")
    };
    let state = state
        .value(":kind", s(StateItem::KIND))
        .value(":one", n(1))
        .value(":until", at(until));
    let run = RunItem {
        kind: "handoff-run",
        campaign: &campaign.id,
        ttl: until.as_second(),
    };
    Ok([
        Write::update(key, state),
        Write::put(&Key::run(account, handoff, until, &campaign.id), &run)?,
    ])
}

/// The state of a handoff that is gone.
fn tombstone(account: &AccountId, id: &HandoffId, now: Timestamp) -> Result<Write, Unavailable> {
    let state = StateItem {
        kind: StateItem::KIND.to_owned(),
        live_until: None,
        gone: true,
        accepted: 0,
        name: None,
        version: None,
        ttl: Some(now.as_second() + REMEMBERED),
    };
    Write::put(&Key::handoff_state(account, id), &state)
}

/// The writes that remove a handoff, if `state` can be written.
fn removal(account: &AccountId, handoff: &Tag, state: Write, told: Write) -> Vec<Write> {
    vec![
        Write::delete(Key::handoff(account, &handoff.id))
            .only_if("version = :version")
            .value(":version", n(handoff.version)),
        state,
        Write::delete(Key::handoff_name(account, handoff.name.as_str())),
        told,
    ]
}

impl Table {
    /// Carries out what [`removal`] begins.
    async fn remove_all(&self, writes: Vec<Write>) -> Result<(), RemoveError> {
        match self.transact(writes).await? {
            Transacted::Done => Ok(()),
            Transacted::Refused(failed) if failed.first() == Some(&true) => {
                Err(RemoveError::Changed)
            }
            Transacted::Refused(failed) if failed.get(1) == Some(&true) => Err(RemoveError::Live),
            Transacted::Refused(_) => {
                Err(Unavailable::new("a campaign of the handoff is gone").into())
            }
            Transacted::Conflict => Err(conflict().into()),
        }
    }
}
