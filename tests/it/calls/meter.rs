//! Measures one call at a time: what its function asks of DynamoDB, when it has kept what it keeps.

use super::MOST;
use crate::world::{Answer, Brand, World};
use local::usage::Count;
use reqwest::Method;
use serde_json::{Value, json};
use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

/// The functions that answer no calls.
const BEHIND: [&str; 5] = ["deliver", "dispatch", "send", "tally", "sweep"];

/// For how long what functions keep is fresh enough: they keep it for a minute.
const FRESH: Duration = Duration::from_secs(30);

/// Who makes a call.
#[derive(Clone, Copy)]
pub(super) enum Who {
    Operator,
    Admin,
    Agent,
    Consumer(&'static str),
}

/// Measures calls.
pub(super) struct Meter<'w> {
    pub(super) world: &'w World,
    pub(super) brand: Brand<'w>,
    /// What each call cost, by its name.
    pub(super) rows: BTreeMap<String, Count>,
    warmed: usize,
    started: Instant,
}

impl<'w> Meter<'w> {
    pub(super) async fn new(world: &'w World) -> Self {
        Self {
            world,
            brand: world.brand("acme").await,
            rows: BTreeMap::new(),
            warmed: 0,
            started: Instant::now(),
        }
    }

    /// A call by someone whose token is new.
    async fn send(
        &self,
        who: Who,
        call: &str,
        headers: &[(&str, &str)],
        body: Option<Value>,
    ) -> Answer {
        let (role, subject) = match who {
            Who::Operator => ("operator", "ops"),
            Who::Admin => ("admin", "crm"),
            Who::Agent => ("agent", "eve"),
            Who::Consumer(id) => ("consumer", id),
        };
        let skills = ["sales", "support"];
        let token = self.world.stack.token(role, "acme", subject, &skills);
        let (method, path) = call.split_once(' ').unwrap();
        let method: Method = method.parse().unwrap();
        let session = self.world.session("acme", token.unwrap());
        session.send(method, path, headers, body).await
    }

    /// Has every function read what it keeps of the account for a minute.
    async fn warm(&mut self) {
        if self.started.elapsed() > FRESH {
            // All functions start anew.
            self.world.stack.advance(Duration::ZERO).await;
            self.started = Instant::now();
        }
        for path in [
            "GET settings",
            "GET webhooks",
            "GET handoffs/H1",
            "GET campaign/none",
            "GET conversations/0190163d-8694-739b-aea5-966c26f8ad91",
            "GET /api/account/acme/app/prmsg/campaigns/none/analytics/",
        ] {
            let answer = self.send(Who::Admin, path, &[], None).await;
            assert!(matches!(answer.status, 200 | 404), "{path}");
        }
        let unknown = json!({"callId": uuid::Uuid::new_v4().to_string()});
        let invite = "POST /api/account/acme/invite?v=2.0";
        let answer = self.send(Who::Admin, invite, &[], Some(unknown)).await;
        answer.problem(404, "NOT_FOUND");
        let token = self.world.stack.token("admin", "acme", "crm", &[]);
        self.brand.session.token = token.unwrap();
        self.warmed += 1;
        let consumer = self
            .brand
            .with_iphone(&format!("warm-{}", self.warmed))
            .await;
        consumer.get("me/messages").await.ok(200);
        consumer.get("me/conversation").await.ok(200);
    }

    /// Measures a call that is answered with a success; its answer.
    pub(super) async fn cost(
        &mut self,
        name: &str,
        who: Who,
        call: &str,
        body: Option<Value>,
    ) -> Value {
        self.cost_with(name, who, call, &[], body).await
    }

    /// The same, when an equal call of another was made a moment ago.
    pub(super) async fn cost_after(
        &mut self,
        before: (Who, &str, Value),
        name: &str,
        who: Who,
        call: &str,
        body: Value,
    ) -> Value {
        self.warm().await;
        let answer = self.send(before.0, before.1, &[], Some(before.2)).await;
        assert!((200..300).contains(&answer.status), "{:#}", answer.body);
        self.measure(name, who, call, &[], Some(body)).await
    }

    pub(super) async fn cost_with(
        &mut self,
        name: &str,
        who: Who,
        call: &str,
        headers: &[(&str, &str)],
        body: Option<Value>,
    ) -> Value {
        self.warm().await;
        self.measure(name, who, call, headers, body).await
    }

    async fn measure(
        &mut self,
        name: &str,
        who: Who,
        call: &str,
        headers: &[(&str, &str)],
        body: Option<Value>,
    ) -> Value {
        self.world.stack.reset_usage();
        let answer = self.send(who, call, headers, body).await;
        let is_success = (200..300).contains(&answer.status);
        assert!(is_success, "{name}: {:#}", answer.body);
        self.count(name);
        answer.body
    }

    /// Writes down what was used since the meter was reset.
    pub(super) fn count(&mut self, name: &str) {
        let usage = self.world.stack.usage();
        let mut sum = Count::default();
        for function in usage.0.keys().filter(|f| !BEHIND.contains(&f.as_str())) {
            let used = usage.of(function, "dynamodb:");
            sum.calls += used.calls;
            sum.read_units += used.read_units;
            sum.write_units += used.write_units;
        }
        if sum.calls > MOST {
            println!("{name}: {:#?}", usage.0);
        }
        assert!(self.rows.insert(name.to_owned(), sum).is_none(), "{name}");
    }

    pub(super) async fn settled(&self) {
        self.world.stack.settled().await.unwrap();
    }
}
