//! Campaigns, and the marks of those to look at, in memory.

use super::{Record, Store, Tables};
use domain::{
    audit::{Action, Author},
    board::{Board, Cell},
    campaign::{
        AcceptCampaigns, AcceptError, Acceptance, Campaign, CancelCampaigns, Chunk, Groundwork,
        IDEMPOTENCY_HOURS, IdempotencyKey, Overview, ReadCampaigns, Spot,
    },
    clock,
    id::{AccountId, CampaignId, HandoffId, SkillName},
    report::{ListCampaigns, Listed},
    store::Unavailable,
    sweep::{Due, DueStore, FIRST_LOOK},
};
use jiff::{SignedDuration, Timestamp};
use std::collections::BTreeMap;

impl AcceptCampaigns for Store {
    async fn groundwork(
        &self,
        account: &AccountId,
        skill: Option<&SkillName>,
        handoff: Option<&HandoffId>,
        idempotency: Option<&IdempotencyKey>,
        now: Timestamp,
    ) -> Result<Groundwork, Unavailable> {
        let tables = self.begin("groundwork").await?;
        Ok(Groundwork {
            limits: tables.settings_of(account).limits,
            service: tables.settings_of(account).service,
            has_skill: skill
                .is_some_and(|s| tables.skills.contains_key(&(account.clone(), s.clone()))),
            handoff: tables
                .handoffs
                .iter()
                .find(|h| h.account == *account && Some(&h.id) == handoff)
                .cloned(),
            lives_until: handoff.and_then(|id| {
                let key = (account.clone(), id.clone());
                tables.lives.get(&key).copied()
            }),
            recipients_today: tables
                .quotas
                .get(&(account.clone(), clock::day(now)))
                .copied()
                .unwrap_or_default(),
            earlier: idempotency.and_then(|key| {
                let key = (account.clone(), key.as_str().to_owned());
                let (until, earlier) = tables.idempotency.get(&key)?;
                (*until > now).then(|| earlier.clone())
            }),
        })
    }

    async fn accept(&self, acceptance: &Acceptance) -> Result<(), AcceptError> {
        let mut tables = self.begin("accept").await?;
        let Acceptance {
            campaign,
            chunks,
            lives_until,
            recipients_per_day,
            idempotency,
            by,
        } = acceptance;
        let id = (campaign.account.clone(), campaign.id.clone());
        let key = idempotency.as_ref().map(|idempotency| {
            let key = idempotency.key.as_str().to_owned();
            let until = campaign.created_at + SignedDuration::from_hours(IDEMPOTENCY_HOURS);
            (
                (campaign.account.clone(), key),
                (
                    until,
                    (campaign.id.clone(), idempotency.fingerprint.clone()),
                ),
            )
        });
        if let Some((key, _)) = &key
            && let Some((until, _)) = tables.idempotency.get(key)
            && *until > campaign.created_at
        {
            return Err(AcceptError::KeyUsed);
        }
        if tables.campaigns.contains_key(&id) {
            return Err(AcceptError::IdTaken);
        }
        let handoff = (campaign.account.clone(), campaign.handoff.clone());
        if tables.gone.contains(&handoff) {
            return Err(AcceptError::HandoffMoved);
        }
        let recipients = campaign.recipients();
        let lives_longer = |until: &Timestamp| *until >= campaign.lookback_ends_at;
        let known = lives_until.as_ref().is_some_and(lives_longer);
        if recipients > 0 && known != tables.lives.get(&handoff).is_some_and(lives_longer) {
            return Err(AcceptError::HandoffMoved);
        }
        let date = clock::day(campaign.created_at);
        let day = (campaign.account.clone(), date);
        let had = tables.quotas.get(&day).copied().unwrap_or_default();
        if recipients > 0 && had + recipients > *recipients_per_day {
            return Err(AcceptError::DayFull);
        }
        if recipients > 0 {
            tables.quotas.insert(day, had + recipients);
            let until = tables
                .lives
                .entry(handoff)
                .or_insert(campaign.lookback_ends_at);
            *until = campaign.lookback_ends_at.max(*until);
        }
        tables.idempotency.extend(key);
        tables.told(by, Action::CampaignAccepted, &campaign.id);
        let first_look = campaign.created_at + FIRST_LOOK;
        tables.due.insert(id.clone(), (first_look, false));
        tables.campaigns.insert(id, campaign.clone());
        for chunk in chunks {
            tables.put_chunk(chunk);
        }
        Ok(())
    }
}

impl Tables {
    fn put_chunk(&mut self, chunk: &Chunk) {
        let key = (chunk.account.clone(), chunk.campaign.clone(), chunk.number);
        let board = Board {
            account: chunk.account.clone(),
            campaign: chunk.campaign.clone(),
            chunk: chunk.number,
            created_at: chunk.created_at,
            heads: chunk.heads.clone(),
            attempted: false,
            cells: vec![Cell::NEW; chunk.recipients.len()],
            failures: BTreeMap::new(),
            version: 1,
        };
        self.boards.insert(key.clone(), board);
        self.chunks.insert(key, chunk.clone());
        self.stream.push(Record::Chunk(chunk.clone()));
    }
}

impl ReadCampaigns for Store {
    async fn campaign(
        &self,
        account: &AccountId,
        id: &CampaignId,
    ) -> Result<Option<Campaign>, Unavailable> {
        let tables = self.begin("campaign").await?;
        let key = (account.clone(), id.clone());
        Ok(tables.campaigns.get(&key).cloned())
    }

    async fn accepted(
        &self,
        account: &AccountId,
        id: &CampaignId,
    ) -> Result<Option<Campaign>, Unavailable> {
        self.campaign(account, id).await
    }

    async fn overview(
        &self,
        account: &AccountId,
        id: &CampaignId,
    ) -> Result<Option<(Campaign, Vec<Board>)>, Unavailable> {
        let Some(campaign) = self.campaign(account, id).await? else {
            return Ok(None);
        };
        Ok(Some((campaign, self.boards(account, id).await?)))
    }

    async fn chunk(
        &self,
        account: &AccountId,
        id: &CampaignId,
        number: u32,
    ) -> Result<Option<Chunk>, Unavailable> {
        let tables = self.begin("chunk").await?;
        let key = (account.clone(), id.clone(), number);
        Ok(tables.chunks.get(&key).cloned())
    }

    async fn part(
        &self,
        account: &AccountId,
        id: &CampaignId,
        number: u32,
    ) -> Result<Option<(Campaign, Option<Chunk>)>, Unavailable> {
        let Some(campaign) = self.campaign(account, id).await? else {
            return Ok(None);
        };
        Ok(Some((campaign, self.chunk(account, id, number).await?)))
    }

    async fn parts_of(
        &self,
        account: &AccountId,
        wanted: &[(CampaignId, u32)],
    ) -> Result<Vec<(Campaign, Chunk)>, Unavailable> {
        let mut found = Vec::new();
        for (id, number) in wanted {
            if let Some((campaign, Some(chunk))) = self.part(account, id, *number).await? {
                found.push((campaign, chunk));
            }
        }
        Ok(found)
    }

    async fn whole(
        &self,
        account: &AccountId,
        id: &CampaignId,
    ) -> Result<Option<(Campaign, Vec<Chunk>)>, Unavailable> {
        let Some(campaign) = self.campaign(account, id).await? else {
            return Ok(None);
        };
        let tables = self.begin("whole").await?;
        let all = tables.chunks.values();
        let chunks = all.filter(|c| c.account == *account && c.campaign == *id);
        Ok(Some((campaign, chunks.cloned().collect())))
    }

    async fn overview_of(
        &self,
        account: &AccountId,
        id: &CampaignId,
        spot: Spot,
    ) -> Result<Option<Overview>, Unavailable> {
        let Some((campaign, chunk)) = self.part(account, id, spot.part).await? else {
            return Ok(None);
        };
        let boards = self.boards(account, id).await?;
        Ok(Some(Overview {
            campaign,
            boards,
            chunk,
        }))
    }

    async fn boards(
        &self,
        account: &AccountId,
        id: &CampaignId,
    ) -> Result<Vec<Board>, Unavailable> {
        let tables = self.begin("boards").await?;
        let all = tables.boards.values();
        Ok(all
            .filter(|b| b.account == *account && b.campaign == *id)
            .cloned()
            .collect())
    }
}

impl CancelCampaigns for Store {
    async fn cancel(&self, by: &Author, id: &CampaignId) -> Result<bool, Unavailable> {
        let mut tables = self.begin("cancel").await?;
        let key = (by.account.clone(), id.clone());
        let Some(campaign) = tables.campaigns.get_mut(&key) else {
            return Ok(false);
        };
        campaign.cancelled_at.get_or_insert(by.at);
        let record = Record::Campaign(Box::new(campaign.clone()));
        tables.stream.push(record);
        tables.told(by, Action::CampaignCancelled, id);
        Ok(true)
    }
}

impl ListCampaigns for Store {
    async fn campaigns(
        &self,
        account: &AccountId,
        from: Timestamp,
        to: Timestamp,
    ) -> Result<Vec<Listed>, Unavailable> {
        let tables = self.begin("campaigns").await?;
        let mut found: Vec<_> = tables
            .campaigns
            .values()
            .filter(|c| c.account == *account && (from..to).contains(&c.created_at))
            .map(|c| (c.created_at, c.id.clone(), (c.heads(), c.parts.clone())))
            .collect();
        found.sort();
        let listed = |(_, id, what)| Listed {
            id,
            what: Some(what),
        };
        Ok(found.into_iter().map(listed).collect())
    }
}

impl DueStore for Store {
    async fn due(&self, now: Timestamp) -> Result<Vec<Due>, Unavailable> {
        let tables = self.begin("due").await?;
        let mut due: Vec<_> = tables
            .due
            .iter()
            .filter(|(_, (at, _))| *at <= now)
            .map(|((account, campaign), (at, waited))| Due {
                account: account.clone(),
                campaign: campaign.clone(),
                at: *at,
                waited: *waited,
            })
            .collect();
        due.sort_by_key(|due| due.at);
        Ok(due)
    }

    async fn reschedule(&self, due: &Due, next: Option<&Due>) -> Result<(), Unavailable> {
        let mut tables = self.begin("reschedule").await?;
        let key = (due.account.clone(), due.campaign.clone());
        match next {
            Some(next) => tables.due.insert(key, (next.at, next.waited)),
            None => tables.due.remove(&key),
        };
        Ok(())
    }
}
