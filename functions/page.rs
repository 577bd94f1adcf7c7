//! Pages of a campaign's recipients: which one is wanted, and where the next one starts.

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use domain::{
    campaign::{Recipients, Spot},
    id::{AccountId, CampaignId},
};
use lambda::{Kind, Problem};
use serde::{Deserialize, Serialize};
use utoipa::IntoParams;

/// Which page of recipients is wanted.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct Page {
    /// Where the page starts: the `cursor` of the page before.
    cursor: Option<String>,
    /// The most of a page, 1 to 100; 100 by default.
    limit: Option<u32>,
}

impl Page {
    /// The most of a page.
    ///
    /// # Errors
    /// When it is out of its bounds.
    pub(crate) fn limit(&self) -> Result<u32, Problem> {
        let limit = self.limit.unwrap_or(100);
        if (1..=100).contains(&limit) {
            Ok(limit)
        } else {
            Err(Problem::new(Kind::InvalidQuery, "`limit` must be 1 to 100"))
        }
    }

    /// Where it starts: at the campaign's start without a cursor.
    ///
    /// # Errors
    /// When the cursor is none of this campaign.
    pub(crate) fn start(
        &self,
        account: &AccountId,
        campaign: &CampaignId,
    ) -> Result<Spot, Problem> {
        let Some(cursor) = &self.cursor else {
            return Ok(Spot::default());
        };
        BASE64_URL_SAFE_NO_PAD
            .decode(cursor)
            .ok()
            .and_then(|json| serde_json::from_slice::<Position>(&json).ok())
            .filter(|p| p.account == *account && p.campaign == *campaign)
            .map(|p| p.next)
            .ok_or_else(|| {
                Problem::new(
                    Kind::InvalidCursor,
                    "the cursor must be one that this listing gave: leave it out to start anew",
                )
            })
    }
}

/// A place in a campaign's recipients, as a cursor holds it.
#[derive(Debug, Serialize, Deserialize)]
struct Position {
    account: AccountId,
    campaign: CampaignId,
    next: Spot,
}

/// The cursor that goes on behind the page, if there is more.
pub(crate) fn cursor(page: &Recipients) -> Option<String> {
    let position = Position {
        account: page.campaign.account.clone(),
        campaign: page.campaign.id.clone(),
        next: page.next?,
    };
    Some(BASE64_URL_SAFE_NO_PAD.encode(serde_json::to_vec(&position).unwrap_or_default()))
}
