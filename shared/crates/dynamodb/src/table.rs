//! The table: every kind of request that the stores make of it, and what it keeps of answers.

mod items;
mod single;
mod transaction;
mod value;
mod write;

pub(crate) use single::Updated;
pub(crate) use transaction::{Transacted, Verdict};
pub(crate) use value::{at, n, s, unavailable};
pub(crate) use write::{Change, Write, item_of};

use crate::{kept::Kept, limit::Seen};
use aws_sdk_dynamodb::Client;
use domain::{
    account::{App, Settings},
    breaker::Pause,
    campaign::Campaign,
    id::{AccountId, CampaignId, HandoffId, SkillName},
    ivr::Ground,
    webhook::Webhook,
};
use jiff::{SignedDuration, Timestamp};
use std::time::Duration;

/// The table, and the client that reaches it.
#[derive(Clone, Debug)]
pub struct Table {
    client: Client,
    name: String,
    retention: SignedDuration,
    apps: Kept<Vec<App>>,
    pauses: Kept<Vec<Pause>>,
    grounds: Kept<Ground, (AccountId, SkillName, HandoffId)>,
    settings: Kept<Settings>,
    campaigns: Kept<Option<Campaign>, (AccountId, CampaignId)>,
    seen: Seen,
    webhooks: Kept<Vec<Webhook>>,
}

impl Table {
    /// A table reached through `client`, which keeps what happened for `retention`.
    #[must_use]
    pub fn new(client: Client, name: impl Into<String>, retention: SignedDuration) -> Self {
        Self {
            client,
            name: name.into(),
            retention,
            apps: Kept::default(),
            pauses: Kept::default(),
            grounds: Kept::default(),
            settings: Kept::default(),
            campaigns: Kept::default(),
            seen: Seen::default(),
            webhooks: Kept::default(),
        }
    }

    /// A table reached with the environment's region, credentials and endpoint.
    #[must_use]
    pub fn from_env(name: impl Into<String>, retention: SignedDuration) -> Self {
        Self::new(Client::new(aws::config()), name, retention)
    }

    /// The same table for the sender, which needs an account's settings, its apps and their
    /// pauses for every message: it reads the apps at most once a minute, the settings every 5
    /// seconds, and the pauses as often or when it changed one. Others' changes take that long to
    /// be seen.
    #[must_use]
    pub fn for_sending(mut self) -> Self {
        self.apps = Kept::at_most(Duration::from_mins(1));
        self.settings = Kept::at_most(Duration::from_secs(5));
        self.pauses = Kept::at_most(Duration::from_secs(5));
        self
    }

    /// The same table for devices that log in, each under one of an account's few apps: it reads
    /// these at most once a minute, and for one that was not among them.
    #[must_use]
    pub fn for_devices(mut self) -> Self {
        self.apps = Kept::at_most(Duration::from_mins(1));
        self
    }

    /// The same table for the calls of IVRs, which name the same few skills and handoffs again
    /// and again: it reads each at most once a minute.
    #[must_use]
    pub fn for_calls(mut self) -> Self {
        self.grounds = Kept::at_most(Duration::from_mins(1));
        self
    }

    /// The same table for consumers' replies, which answer the same few campaigns: it reads what
    /// one was accepted with at most once an hour, since that does not change, and an account's
    /// settings at most once a minute.
    #[must_use]
    pub fn for_replies(mut self) -> Self {
        self.settings = Kept::at_most(Duration::from_mins(1));
        self.campaigns = Kept::at_most(Duration::from_hours(1));
        self
    }

    /// The same table for what follows the stream, which asks of every account that something
    /// happens to whether it has webhooks: it reads them at most every 10 seconds. Others'
    /// changes take that long to be seen.
    #[must_use]
    pub fn for_following(mut self) -> Self {
        self.webhooks = Kept::at_most(Duration::from_secs(10));
        self
    }

    pub(crate) const fn client(&self) -> &Client {
        &self.client
    }

    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    pub(crate) const fn kept_settings(&self) -> &Kept<Settings> {
        &self.settings
    }

    pub(crate) const fn kept_campaigns(&self) -> &Kept<Option<Campaign>, (AccountId, CampaignId)> {
        &self.campaigns
    }

    pub(crate) const fn kept_grounds(&self) -> &Kept<Ground, (AccountId, SkillName, HandoffId)> {
        &self.grounds
    }

    pub(crate) const fn seen(&self) -> &Seen {
        &self.seen
    }

    pub(crate) const fn kept_webhooks(&self) -> &Kept<Vec<Webhook>> {
        &self.webhooks
    }

    pub(crate) const fn kept_apps(&self) -> &Kept<Vec<App>> {
        &self.apps
    }

    pub(crate) const fn kept_pauses(&self) -> &Kept<Vec<Pause>> {
        &self.pauses
    }

    /// When what is written at `now` is past its retention, as DynamoDB's TTL takes it:
    /// seconds since 1970.
    pub(crate) fn expiry(&self, now: Timestamp) -> i64 {
        now.as_second() + self.retention.as_secs()
    }
}
