//! Fakes that forget: every port of the domain, in memory.

mod account;
mod board;
mod breaker;
mod campaign;
mod conversation;
mod device;
mod handoff;
mod ivr;
mod message;
mod outside;
mod pace;
mod webhook;

pub use outside::{Deliveries, Endpoints, Gateways, Hooked, Keys, Pushed, Queue, Topic};

use domain::{
    account::{App, Settings, Skill},
    audit::{self, Action, Author},
    board::{Board, Tally},
    breaker::Pause,
    campaign::{Campaign, Chunk, Heads},
    client::Client,
    conversation::{Conversation, Entry, Posted, Profile},
    device::Device,
    dispatch::MessageJob,
    event::Event,
    handoff::Handoff,
    id::{
        AccountId, AppName, CallId, CampaignId, ConsumerId, ConversationId, DeviceId, EntryId,
        HandoffId, SkillName, WebhookName,
    },
    ivr::Call,
    journal::Page,
    message::{Message, MessageKey},
    store::Unavailable,
    webhook::Webhook,
};
use jiff::{Timestamp, civil::Date};
use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::{Mutex, MutexGuard},
};

/// What a write leaves for others to go on with, as the table's stream does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Record {
    /// A part of a campaign was accepted.
    Chunk(Chunk),
    /// A message changed.
    Message(Message),
    /// An entry was added; whether a new conversation began with it.
    Entry(Posted, bool),
    /// A conversation's state changed.
    Conversation(Conversation),
    /// An app's sends were paused, that was prolonged, or it ended.
    Pause(AccountId, Pause, bool),
    /// A campaign was cancelled.
    Campaign(Box<Campaign>),
    /// Events were recorded.
    Events(AccountId, Vec<Event>),
}

/// Keeps all that the domain keeps.
#[derive(Debug, Default)]
pub struct Store {
    tables: Mutex<Tables>,
    faults: Mutex<Vec<&'static str>>,
}

#[derive(Debug, Default)]
struct Tables {
    settings: HashMap<AccountId, Settings>,
    skills: BTreeMap<(AccountId, SkillName), Skill>,
    apps: BTreeMap<(AccountId, AppName), App>,
    handoffs: Vec<Handoff>,
    lives: BTreeMap<(AccountId, HandoffId), Timestamp>,
    gone: BTreeSet<(AccountId, HandoffId)>,
    quotas: BTreeMap<(AccountId, Date), u32>,
    clients: Vec<Known>,
    audit: Vec<audit::Entry>,
    idempotency: HashMap<(AccountId, String), (Timestamp, (CampaignId, String))>,
    calls: BTreeMap<(AccountId, CallId), Call>,
    campaigns: BTreeMap<(AccountId, CampaignId), Campaign>,
    chunks: BTreeMap<(AccountId, CampaignId, u32), Chunk>,
    boards: BTreeMap<(AccountId, CampaignId, u32), Board>,
    days: BTreeMap<(AccountId, Date, Heads), Tally>,
    due: BTreeMap<(AccountId, CampaignId), (Timestamp, bool)>,
    clocks: HashMap<AccountId, Timestamp>,
    buckets: HashMap<(AccountId, String), Timestamp>,
    messages: BTreeMap<MessageKey, Message>,
    holds: BTreeMap<MessageKey, MessageJob>,
    pauses: HashMap<AccountId, Vec<Pause>>,
    devices: BTreeMap<(AccountId, ConsumerId, DeviceId), Device>,
    profiles: HashMap<(AccountId, ConsumerId), Profile>,
    conversations: BTreeMap<(AccountId, ConversationId), Conversation>,
    open: HashMap<(AccountId, ConsumerId), ConversationId>,
    entries: HashMap<(AccountId, ConversationId), BTreeMap<EntryId, Entry>>,
    repeats: HashMap<(AccountId, ConsumerId, String), (ConversationId, EntryId)>,
    webhooks: BTreeMap<(AccountId, WebhookName), Webhook>,
    pages: Vec<Page>,
    told: BTreeSet<(AccountId, String)>,
    numbers: BTreeMap<(AccountId, CampaignId), u64>,
    stream: Vec<Record>,
}

/// A client and its secrets: the present one, and the one before it.
#[derive(Debug)]
struct Known {
    client: Client,
    secret: String,
    previous: Option<String>,
}

impl Tables {
    fn settings_of(&self, account: &AccountId) -> Settings {
        self.settings.get(account).cloned().unwrap_or_default()
    }

    /// Says who did what.
    fn told(&mut self, by: &Author, action: Action, target: &(impl ToString + ?Sized)) {
        self.audit.push(by.entry(action, target));
    }
}

impl Store {
    /// Makes the next `call` (a port's method, by its name) fail before it does anything.
    pub fn fail_next(&self, call: &'static str) {
        self.faults.lock().unwrap().push(call);
    }

    /// Forgets the failures that are to come, and tells them.
    pub fn heal(&self) -> Vec<&'static str> {
        std::mem::take(&mut self.faults.lock().unwrap())
    }

    /// What was written since the last time, in order.
    pub fn stream(&self) -> Vec<Record> {
        std::mem::take(&mut self.tables.lock().unwrap().stream)
    }

    /// Begins `call`: others may come in between, and then it has the tables for itself.
    async fn begin(&self, call: &'static str) -> Result<MutexGuard<'_, Tables>, Unavailable> {
        tokio::task::yield_now().await;
        let mut faults = self.faults.lock().unwrap();
        if let Some(at) = faults.iter().position(|f| *f == call) {
            faults.remove(at);
            return Err(Unavailable::new(format!("`{call}` was made to fail")));
        }
        Ok(self.tables.lock().unwrap())
    }
}
