//! Handoffs, as they are stored, with a claim on each name, and what still goes on of them.

use crate::{
    Table,
    campaign::cancellation,
    key::{Key, Range},
    table::{Change, Transacted, Write, at, n, s, unavailable},
    time,
};
use domain::{
    audit::{Action, Author},
    campaign::Campaign,
    handoff::{Design, Handoff, HandoffStore, InsertError, RemoveError, ReplaceError, Running},
    id::{AccountId, CampaignId, HandoffId},
    store::Unavailable,
};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_dynamo::from_item;

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

impl From<&Handoff> for Item {
    fn from(handoff: &Handoff) -> Self {
        Self {
            kind: "handoff".to_owned(),
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
        ];
        if name_key(old) != name_key(new) {
            writes.push(claim(new)?);
            writes.push(Write::delete(name_key(old)));
        }
        match self.transact(writes).await? {
            Transacted::Done => Ok(()),
            Transacted::Refused(failed) if failed.first() == Some(&true) => {
                Err(ReplaceError::Changed)
            }
            Transacted::Refused(_) => Err(ReplaceError::NameTaken),
            Transacted::Conflict => Err(conflict().into()),
        }
    }

    async fn remove(&self, by: &Author, handoff: &Handoff) -> Result<(), RemoveError> {
        let state = tombstone(handoff, by.at)?
            .only_if("attribute_not_exists(live_until) OR live_until <= :now")
            .value(":now", at(by.at));
        let told = self.told(by, Action::HandoffDeleted, &handoff.id)?;
        self.remove_all(removal(handoff, state, told)).await
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
                OfHandoff::State { accepted } => running.accepted = accepted,
            }
        }
        Ok(running)
    }

    async fn stop(
        &self,
        by: &Author,
        handoff: &Handoff,
        running: &Running,
    ) -> Result<(), RemoveError> {
        let state = tombstone(handoff, by.at)?;
        // A campaign that was accepted since may live no longer than the others: that one more
        // was is what tells of it.
        let state = state
            .only_if(
                "accepted = :accepted OR (attribute_not_exists(accepted) AND :accepted = :none)",
            )
            .value(":accepted", n(running.accepted))
            .value(":none", n(0));
        let told = self.told(by, Action::HandoffStopped, &handoff.id)?;
        let removal = removal(handoff, state, told);
        let mut cancels: Vec<_> = running
            .campaigns
            .iter()
            .map(|id| cancellation(&handoff.account, id, by.at))
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
    ttl: i64,
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
    State {
        #[serde(default)]
        accepted: u64,
    },
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
        Change::new("SET kind = :kind, live_until = :until, #ttl = :ttl ADD accepted :one")
            .only_if("attribute_not_exists(gone) AND (attribute_not_exists(live_until) OR live_until < :until)")
            .name("#ttl", "ttl")
            .value(":ttl", n(until.as_second() + REMEMBERED))
    };
    let state = state
        .value(":kind", s("handoff-state"))
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
fn tombstone(handoff: &Handoff, now: Timestamp) -> Result<Write, Unavailable> {
    let state = StateItem {
        kind: "handoff-state".to_owned(),
        live_until: None,
        gone: true,
        accepted: 0,
        ttl: now.as_second() + REMEMBERED,
    };
    Write::put(&Key::handoff_state(&handoff.account, &handoff.id), &state)
}

/// The writes that remove a handoff, if `state` can be written.
fn removal(handoff: &Handoff, state: Write, told: Write) -> Vec<Write> {
    vec![
        Write::delete(key(handoff))
            .only_if("version = :version")
            .value(":version", n(handoff.version)),
        state,
        Write::delete(name_key(handoff)),
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
