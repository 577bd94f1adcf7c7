//! That a campaign was accepted, finished or cancelled.

use super::{Data, Event, Kind};
use crate::{
    campaign::Campaign,
    id::{AccountId, CampaignId, HandoffId, SkillName},
};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// A campaign.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct OfCampaign {
    /// The brand.
    pub account_id: AccountId,
    /// The campaign.
    pub campaign_id: CampaignId,
    /// Counts the campaign's events, from 1.
    pub sequence: u64,
    /// Its handoff.
    pub handoff_id: HandoffId,
    /// Where replies go.
    pub skill: SkillName,
}

/// That a campaign was accepted, finished or cancelled.
#[must_use]
pub fn of_campaign(
    kind: Kind,
    account: &AccountId,
    campaign: &CampaignId,
    handoff: &HandoffId,
    skill: &SkillName,
    at: Timestamp,
) -> Event {
    let word = kind.as_str().rsplit('.').next().unwrap_or_default();
    Event {
        id: format!("{campaign}-{word}"),
        kind,
        timestamp: at,
        data: Data::Campaign(OfCampaign {
            account_id: account.clone(),
            campaign_id: campaign.clone(),
            sequence: 0,
            handoff_id: handoff.clone(),
            skill: skill.clone(),
        }),
        origin: None,
    }
}

/// That a campaign was cancelled, if it was.
pub(crate) fn of_cancellation(campaign: &Campaign) -> Option<Event> {
    Some(of_campaign(
        Kind::CampaignCancelled,
        &campaign.account,
        &campaign.id,
        &campaign.handoff,
        &campaign.skill,
        campaign.cancelled_at?,
    ))
}
