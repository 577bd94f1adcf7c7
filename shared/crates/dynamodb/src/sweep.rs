//! The marks of campaigns that are to be looked at.

use crate::{
    Table,
    key::{DUE_SHARDS, Key, Range},
    read::from_item,
    table::{Write, unavailable},
    time,
};
use domain::{
    id::{AccountId, CampaignId},
    store::Unavailable,
    sweep::{Due, DueStore, FIRST_LOOK},
};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// A mark as it is stored.
#[derive(Debug, Serialize, Deserialize)]
struct Item {
    kind: String,
    account: AccountId,
    campaign: CampaignId,
    #[serde(with = "time")]
    at: Timestamp,
    #[serde(default)]
    waited: bool,
}

fn item(due: &Due) -> Item {
    Item {
        kind: "due".to_owned(),
        account: due.account.clone(),
        campaign: due.campaign.clone(),
        at: due.at,
        waited: due.waited,
    }
}

/// The mark that a campaign accepted at `now` starts with.
pub(crate) fn mark(
    account: &AccountId,
    campaign: &CampaignId,
    now: Timestamp,
) -> Result<Write, Unavailable> {
    let at = now.checked_add(FIRST_LOOK).map_err(unavailable)?;
    let due = Due {
        account: account.clone(),
        campaign: campaign.clone(),
        at,
        waited: false,
    };
    Write::put(&Key::due(account, campaign, at), &item(&due))
}

/// How many marks of each partition are read at once.
const BATCH: u32 = 50;

impl DueStore for Table {
    async fn due(&self, now: Timestamp) -> Result<Vec<Due>, Unavailable> {
        let mut due = Vec::new();
        for shard in 0..DUE_SHARDS {
            let items = self
                .query(&Range::due(shard, now), false, Some(BATCH))
                .await?;
            for item in items {
                let key = item.get("sk").cloned();
                let Ok(item) = from_item::<_, Item>(item) else {
                    // One that cannot be read must not keep the others from being found.
                    tracing::error!(mark = ?key, "a mark of the sweep cannot be read");
                    continue;
                };
                due.push(Due {
                    account: item.account,
                    campaign: item.campaign,
                    at: item.at,
                    waited: item.waited,
                });
            }
        }
        Ok(due)
    }

    async fn reschedule(&self, due: &Due, next: Option<&Due>) -> Result<(), Unavailable> {
        if let Some(next) = next {
            let key = Key::due(&next.account, &next.campaign, next.at);
            self.put(&key, &item(next)).await?;
            if next.at == due.at {
                return Ok(());
            }
        }
        // After the new mark is there: a crash in between leaves two, never none.
        self.delete(&Key::due(&due.account, &due.campaign, due.at))
            .await
            .map(drop)
    }
}
