//! A brand with an app, a handoff and consumers, and everything around the use cases.

use domain::{
    access::{Consumer, Role, Staff},
    account::{self, Service, Settings, Skill, SkillStore, WelcomeMessage},
    audit::Author,
    board::{self, Change, Counts, counts},
    breaker::Recent,
    campaign::{self, Accepted, CampaignName, Draft, OpenConversation, Order, ReadCampaigns},
    clock::Clock,
    conversation::{Entry, ReadConversation, ReadStanding},
    deliver::relay_events,
    device::{self, Device, PushToken},
    dispatch::{Delayed, Job, dispatch, relay_entry, relay_pause, relay_state},
    handoff::{self, Handoff},
    id::{AccountId, ConversationId},
    journal,
    message::{Message, MessageKey, ReadMessages},
    reply::{self, Replied, Reply},
    send::{CLAIM, Done, Recorded, send},
    store::Unavailable,
};
use jiff::{SignedDuration, Timestamp};
use std::{collections::BTreeMap, sync::Mutex};
use testkit::{
    FixedClock,
    contract::sample,
    memory::{Deliveries, Endpoints, Gateways, Queue, Record, Store, Topic},
};

/// How long the queue hides a job that was not done.
const HIDDEN: SignedDuration = SignedDuration::from_secs(60);

pub(crate) struct World {
    pub(crate) store: Store,
    pub(crate) queue: Queue,
    pub(crate) topic: Topic,
    pub(crate) gateways: Gateways,
    pub(crate) deliveries: Deliveries,
    pub(crate) endpoints: Endpoints,
    pub(crate) recent: Recent,
    pub(crate) clock: FixedClock,
    pub(crate) account: AccountId,
    pub(crate) handoff: Handoff,
    waiting: Mutex<Vec<(Timestamp, Job)>>,
    /// What was recorded of messages, for those who measure.
    pub(crate) recorded: Mutex<Vec<Recorded>>,
}

pub(crate) fn secs(seconds: i64) -> SignedDuration {
    SignedDuration::from_secs(seconds)
}

pub(crate) fn token(raw: &str) -> PushToken {
    raw.parse().unwrap()
}

/// The names of so many people.
pub(crate) fn crowd(count: usize) -> Vec<String> {
    (0..count).map(|i| format!("c{i}")).collect()
}

impl World {
    /// A brand whose handoff greets by name.
    pub(crate) async fn new() -> Self {
        Self::saying("Hello ${{1}}").await
    }

    pub(crate) async fn saying(text: &str) -> Self {
        let (store, clock) = (Store::default(), FixedClock::default());
        let account: AccountId = "demo".parse().unwrap();
        let by = sample::author(&account, clock.now());
        for name in ["sales", "support"] {
            let skill = Skill {
                name: sample::skill(name),
                description: None,
            };
            store.put_skill(&by, &skill).await.unwrap();
        }
        let settings = Settings {
            default_skill: Some(sample::skill("support")),
            welcome_message: Some(WelcomeMessage::parse("Welcome!").unwrap()),
            ..Settings::default()
        };
        let full = Service::Full;
        account::save_settings(&store, &by, settings, full)
            .await
            .unwrap();
        let app = sample::app(sample::app_name().as_str());
        account::save_app(&store, &by, app).await.unwrap();
        let design = sample::design("Renewal", text);
        let handoff = handoff::create(&store, &by, design).await.unwrap();
        Self {
            store,
            queue: Queue::default(),
            topic: Topic::default(),
            gateways: Gateways::default(),
            deliveries: Deliveries::default(),
            endpoints: Endpoints::default(),
            recent: Recent::default(),
            clock,
            account,
            handoff,
            waiting: Mutex::default(),
            recorded: Mutex::default(),
        }
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// Someone who changes the account now.
    pub(crate) fn by(&self) -> Author {
        sample::author(&self.account, self.now())
    }

    /// Raises the account's limit of recipients.
    pub(crate) async fn raise_limit(&self, recipients_per_campaign: u32) {
        use account::{ReadSettings, WriteSettings};
        let mut settings = self.store.settings(&self.account).await.unwrap();
        settings.limits.recipients_per_campaign = recipients_per_campaign;
        self.store
            .put_settings(&self.by(), &settings, settings.service)
            .await
            .unwrap();
    }

    /// Pauses the account, or ends that.
    pub(crate) async fn pause(&self, paused: bool) {
        use account::ReadSettings;
        let settings = self.store.settings(&self.account).await.unwrap();
        let before = settings.service;
        let settings = settings.with_pause(paused, self.now());
        account::save_settings(&self.store, &self.by(), settings, before)
            .await
            .unwrap();
    }

    /// Sets the account's limit of recipients per day.
    pub(crate) async fn limit_days(&self, recipients_per_day: u32) {
        use account::{ReadSettings, WriteSettings};
        let mut settings = self.store.settings(&self.account).await.unwrap();
        settings.limits.recipients_per_day = recipients_per_day;
        self.store
            .put_settings(&self.by(), &settings, settings.service)
            .await
            .unwrap();
    }

    /// An order to `names`, each greeted by their name.
    pub(crate) fn order(&self, names: &[&str]) -> Order {
        Order {
            name: CampaignName::parse("Spring").unwrap(),
            skill: "sales".into(),
            handoff: self.handoff.id.to_string(),
            lookback: None,
            open_conversation: OpenConversation::Fail,
            test: false,
            deflection: None,
            recipients: names.iter().map(|n| draft(n, &[("1", n)])).collect(),
            idempotency: None,
            trace: "trace".into(),
        }
    }

    pub(crate) async fn accept(&self, order: Order) -> Accepted {
        campaign::create(&self.store, &self.clock, &self.by(), order, false)
            .await
            .unwrap()
    }

    /// Accepts a campaign to `names`, and puts its jobs on the queue.
    pub(crate) async fn campaign(&self, names: &[&str]) -> Accepted {
        let accepted = self.accept(self.order(names)).await;
        self.pump().await;
        accepted
    }

    /// A campaign to so many people, each with a device.
    pub(crate) async fn campaign_of(&self, count: usize) -> Accepted {
        let names = crowd(count);
        for name in &names {
            self.log_in(name, &format!("t-{name}")).await;
        }
        let names: Vec<_> = names.iter().map(String::as_str).collect();
        self.campaign(&names).await
    }

    pub(crate) async fn campaign_with(&self, names: &[&str], open: OpenConversation) -> Accepted {
        let accepted = self
            .accept(Order {
                open_conversation: open,
                ..self.order(names)
            })
            .await;
        self.pump().await;
        accepted
    }

    /// Logs `name` in with a device of that token.
    pub(crate) async fn log_in(&self, name: &str, token: &str) -> Device {
        let device = sample::device(&format!("device-{token}"), token, self.now());
        let consumer = sample::consumer(name);
        device::log_in(&self.store, &self.clock, &self.account, &consumer, device)
            .await
            .unwrap()
    }

    /// Logs `name` in under another app of the account.
    pub(crate) async fn log_in_elsewhere(&self, name: &str, token: &str) {
        let mut device = sample::device(&format!("device-{token}"), token, self.now());
        device.app = "com.example.other".parse().unwrap();
        let app = sample::app(device.app.as_str());
        account::save_app(&self.store, &self.by(), app)
            .await
            .unwrap();
        let consumer = sample::consumer(name);
        device::log_in(&self.store, &self.clock, &self.account, &consumer, device)
            .await
            .unwrap();
    }

    pub(crate) async fn devices(&self, name: &str) -> Vec<Device> {
        let consumer = sample::consumer(name);
        self.store
            .standing(&self.account, &consumer)
            .await
            .unwrap()
            .devices
    }

    /// Passes on what the store's stream holds, as the functions behind it do.
    pub(crate) async fn pump(&self) {
        loop {
            let records = self.store.stream();
            if records.is_empty() {
                return;
            }
            for record in records {
                self.pass_on(record).await.unwrap();
            }
        }
    }

    pub(crate) async fn pass_on(&self, record: Record) -> Result<(), Unavailable> {
        let (store, queue, clock) = (&self.store, &self.queue, &self.clock);
        match record {
            Record::Chunk(chunk) => {
                dispatch(store, queue, clock, &chunk).await?;
                let change = Change::Accepted {
                    account: chunk.account,
                    campaign: chunk.campaign,
                    chunk: chunk.number,
                    origin: chunk.origin,
                };
                board::tally(store, clock, vec![change]).await
            }
            Record::Message(message) => board::tally(store, clock, vec![change(&message)]).await,
            Record::Entry(posted, opening) => {
                relay_entry(queue, &self.topic, &posted, opening).await?;
                journal::tell(store, clock, &journal::Change::Entry(posted)).await
            }
            Record::Conversation(conversation) => {
                relay_state(store, queue, &self.topic, clock, &conversation).await?;
                let change = journal::Change::Conversation(Box::new(conversation));
                journal::tell(store, clock, &change).await
            }
            Record::Pause(account, pause, resumed) => {
                relay_pause(&self.topic, &account, &pause, resumed).await?;
                journal::tell(
                    store,
                    clock,
                    &journal::Change::Pause(account, pause, resumed),
                )
                .await
            }
            Record::Campaign(campaign) => {
                journal::tell(store, clock, &journal::Change::Campaign(campaign)).await
            }
            Record::Events(account, events) => {
                let deliveries = &self.deliveries;
                relay_events(store, deliveries, &self.topic, clock, &account, &events).await
            }
        }
    }

    pub(crate) async fn send(&self, job: Job) -> Result<Done, Unavailable> {
        let (store, queue, clock) = (&self.store, &self.queue, &self.clock);
        let handled = send(store, queue, &self.gateways, clock, &self.recent, job).await?;
        if let Some(recorded) = handled.recorded {
            self.recorded.lock().unwrap().push(recorded);
        }
        Ok(handled.done)
    }

    /// Takes what is on the queue to where jobs wait for their time.
    fn receive(&self) {
        let now = self.now();
        let mut waiting = self.waiting.lock().unwrap();
        for Delayed { job, delay } in self.queue.take() {
            let due = now + SignedDuration::try_from(delay).unwrap();
            waiting.push((due, job));
        }
    }

    fn next_due(&self, until: Timestamp) -> Option<(Timestamp, Job)> {
        let mut waiting = self.waiting.lock().unwrap();
        let (at, _) = waiting
            .iter()
            .enumerate()
            .filter(|(_, (due, _))| *due <= until)
            .min_by_key(|(_, (due, _))| *due)?;
        Some(waiting.remove(at))
    }

    /// Does every job that is due by `until`, moving the clock as it goes; ends there.
    pub(crate) async fn run_until(&self, until: Timestamp) {
        self.pump().await;
        self.receive();
        while let Some((due, job)) = self.next_due(until) {
            self.clock.set(due.max(self.now()));
            let done = self.send(job.clone()).await;
            if !matches!(done, Ok(Done::Through)) {
                let again = self.now() + HIDDEN;
                self.waiting.lock().unwrap().push((again, job));
            }
            self.pump().await;
            self.receive();
        }
        self.clock.set(until.max(self.now()));
    }

    /// Does every job that is due within `span`.
    pub(crate) async fn run_for(&self, span: SignedDuration) {
        self.run_until(self.now() + span).await;
    }

    /// Does every job that is due within the next minute.
    pub(crate) async fn run(&self) {
        self.run_for(CLAIM + CLAIM).await;
    }

    /// The message to `name`, if its turn has come.
    pub(crate) async fn message_of(&self, accepted: &Accepted, name: &str) -> Option<Message> {
        let key = self.key(accepted, name);
        self.store.messages(&[key]).await.unwrap().pop()
    }

    pub(crate) async fn message(&self, accepted: &Accepted, name: &str) -> Message {
        self.message_of(accepted, name)
            .await
            .expect("there is a message")
    }

    pub(crate) fn key(&self, accepted: &Accepted, name: &str) -> MessageKey {
        let recipient = accepted
            .recipients
            .iter()
            .find(|r| r.consumer.as_str() == name)
            .expect("they are a recipient");
        MessageKey {
            account: self.account.clone(),
            consumer: recipient.consumer.clone(),
            transaction: recipient.transaction,
        }
    }

    pub(crate) async fn counts(&self, accepted: &Accepted) -> Counts {
        let id = &accepted.campaign.id;
        let campaign = self
            .store
            .campaign(&self.account, id)
            .await
            .unwrap()
            .unwrap();
        let boards = self.store.boards(&self.account, id).await.unwrap();
        counts(&campaign, &boards)
    }

    pub(crate) fn consumer(&self, name: &str) -> Consumer {
        Consumer {
            account: self.account.clone(),
            id: sample::consumer(name),
        }
    }

    pub(crate) async fn reply(&self, name: &str, text: &str) -> Replied {
        let reply = Reply {
            text: text.into(),
            message: None,
            client_message: None,
        };
        let replied = reply::reply(&self.store, &self.clock, &self.consumer(name), &reply).await;
        self.pump().await;
        replied.unwrap()
    }

    pub(crate) async fn transcript(&self, id: ConversationId) -> Vec<Entry> {
        self.store
            .transcript(&self.account, id, None, 100)
            .await
            .unwrap()
    }

    pub(crate) fn staff(&self, subject: &str, role: Role, skills: &[&str]) -> Staff {
        Staff {
            account: self.account.clone(),
            subject: subject.into(),
            roles: vec![role],
            skills: skills.iter().map(|s| sample::skill(s)).collect(),
        }
    }

    /// Closes a conversation as an administrator would.
    pub(crate) async fn close(&self, id: ConversationId) {
        let admin = self.staff("root", Role::Admin, &[]);
        domain::agent::close(&self.store, &self.clock, &admin, id)
            .await
            .unwrap();
        self.pump().await;
    }
}

pub(crate) fn change(message: &Message) -> Change {
    Change::Message(Box::new(message.clone()))
}

/// A recipient as a caller writes it.
pub(crate) fn draft(name: &str, variables: &[(&str, &str)]) -> Draft {
    Draft {
        consumer: Some(name.into()),
        variables: variables
            .iter()
            .map(|(n, v)| ((*n).to_owned(), Some((*v).to_owned())))
            .collect::<BTreeMap<_, _>>(),
    }
}

/// Whether counts add up to what was accepted.
pub(crate) fn add_up(c: &Counts) -> bool {
    let states = [
        c.queued,
        c.sending,
        c.held,
        c.sent,
        c.failed,
        c.skipped,
        c.expired,
        c.cancelled,
    ];
    c.accepted == states.iter().sum::<u32>()
}
