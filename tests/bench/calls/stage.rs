//! A brand, its people and what it has, and the calls that are measured on them.

mod reads;
mod writes;

use crate::{
    Call, Made,
    brand::Brand,
    parts::{campaign, crowd, handoff},
    world::{SHOP, Session, World, list, text},
};
use reqwest::Method;
use serde_json::json;

/// The recipients of the campaign that is read, and of the ones that are posted.
const RECIPIENTS: usize = 100;

/// Consumers, who take turns: each is held to ten calls a second.
const PEOPLE: usize = 200;

/// Handoffs and skills of the account.
const SOME: usize = 20;

/// Where nothing is delivered to: the webhook wants no events that come up here.
const HOOK: &str = "https://hooks.example.com/overture";

/// Who makes a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Who {
    Brand,
    Agent,
    /// One of the people, another each time.
    Consumer,
}

/// What the calls are made on.
pub(crate) struct Stage<'w> {
    brand: Brand<'w>,
    agent: Session<'w>,
    people: Vec<Session<'w>>,
    greeting: String,
    /// A handoff for calls.
    for_calls: String,
    campaign: String,
    client: String,
    /// One message of each of the first people.
    messages: Vec<String>,
    /// Waiting conversations.
    waiting: Vec<String>,
}

impl<'w> Stage<'w> {
    pub(crate) async fn set(world: &'w World) -> Self {
        let brand = world.brand("acme").await;
        let names = crowd("c", PEOPLE);
        let mut people = Vec::new();
        for name in &names {
            people.push((*brand.with_iphone(name).await).clone());
        }
        for n in 0..SOME {
            brand
                .handoff(handoff(&format!("Offer {n}"), &[SHOP], "Hello"))
                .await;
            brand
                .put(&format!("skills/skill-{n}"), json!({}))
                .await
                .ok(200);
        }
        let client = json!({"name": "till", "roles": ["campaign-manager"]});
        let client = text(&brand.post("clients", client).await.ok(201)["clientId"]);
        let webhook = json!({"url": HOOK, "events": ["app.paused"]});
        brand.put("webhooks/late", webhook).await.ok(201);
        let for_calls = brand.handoff_for_calls("Go on here.").await;
        let greeting = brand.greeting().await;
        let made = brand
            .launch(campaign(&greeting, &names[..RECIPIENTS]))
            .await;
        world.stack.settled().await.unwrap();
        let accepted = list(&made["acceptedConsumers"]);
        let mut waiting = Vec::new();
        // Those whom nothing was sent: each begins a conversation, in which they then write.
        for person in &people[RECIPIENTS..] {
            let said = json!({"text": "Hello?"});
            let wrote = person.post("me/conversation/messages", said).await.ok(201);
            waiting.push(text(&wrote["conversationId"]));
        }
        world.stack.settled().await.unwrap();
        Self {
            agent: world.staff("acme", "agent", &["support", "sales"]).await,
            messages: accepted.iter().map(|a| text(&a["id"])).collect(),
            campaign: text(&made["proactiveCampaignId"]),
            brand,
            people,
            greeting,
            for_calls,
            client,
            waiting,
        }
    }

    /// Who makes the nth call.
    pub(crate) fn session(&self, who: Who, n: usize) -> &Session<'w> {
        match who {
            Who::Brand => &self.brand.operator,
            Who::Agent => &self.agent,
            Who::Consumer => &self.people[n % PEOPLE],
        }
    }

    /// All that is measured, reads first.
    pub(crate) fn calls(&self) -> Vec<Call> {
        let mut calls = self.reads();
        calls.extend(self.writes());
        calls
    }
}

fn call(
    name: &'static str,
    function: &'static str,
    who: Who,
    method: Method,
    times: usize,
    make: impl Fn(usize) -> Made + 'static,
) -> Call {
    Call {
        name,
        what: "",
        function,
        who,
        method,
        times,
        settle: false,
        make: Box::new(make),
    }
}
