//! A brand, its people and what it has, and the calls that are measured on them.

use crate::{
    Call, Made,
    brand::Brand,
    parts::{Device, app, campaign, crowd, handoff},
    world::{CLUB, SHOP, Session, World, list, text},
};
use reqwest::Method;
use serde_json::{Value, json};

/// The recipients of the campaign that is read, and of the ones that are posted.
const RECIPIENTS: usize = 100;
/// How often a call is made that reads, and one that writes.
const READS: usize = 400;
const WRITES: usize = 200;
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
        brand.put("webhooks/late", webhook).await.ok(200);
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

    #[expect(clippy::too_many_lines, reason = "a row for each call")]
    fn reads(&self) -> Vec<Call> {
        let (id, greeting) = (&self.campaign, &self.greeting);
        let report = "/api/account/acme/app/prmsg";
        let now = self.brand.world.stack.clock().now().as_millisecond();
        let day = format!(
            "attemptedStartTime={}&attemptedEndTime={}",
            now - 3_600_000,
            now + 3_600_000
        );
        let conversation = &self.waiting[0];
        let mut calls: Vec<_> = [
            (
                "tellBaseUri",
                "token",
                "/api/account/acme/service/sentinel/baseURI.json?version=1.0".to_owned(),
            ),
            ("listApps", "account", "apps".to_owned()),
            ("getApp", "account", format!("apps/{SHOP}")),
            ("listSkills", "account", "skills".to_owned()),
            ("getSkill", "account", "skills/sales".to_owned()),
            ("getSettings", "account", "settings".to_owned()),
            ("listClients", "account", "clients".to_owned()),
            ("listWebhooks", "webhook", "webhooks".to_owned()),
            ("getWebhook", "webhook", "webhooks/late".to_owned()),
            ("listAudit", "account", "audit".to_owned()),
            ("listHandoffs", "create-handoff", "handoffs".to_owned()),
            (
                "listAllHandoffs",
                "create-handoff",
                "/api/account/acme/app/prmsg/handoffs/list".to_owned(),
            ),
            (
                "listChannelHandoffs",
                "create-handoff",
                "/api/account/acme/app/prmsg/handoffs/list/channel/inapp".to_owned(),
            ),
            (
                "getHandoff",
                "create-handoff",
                format!("handoffs/{greeting}"),
            ),
            ("getCampaign", "create-campaign", format!("campaign/{id}")),
            (
                "listCampaignConversations",
                "create-campaign",
                format!("campaign/{id}/conversations"),
            ),
            (
                "listRecipients",
                "create-campaign",
                format!("campaign/{id}/recipients"),
            ),
            (
                "getRecipient",
                "create-campaign",
                format!("campaign/{id}/recipients/c-7"),
            ),
            (
                "getAnalytics",
                "report",
                format!("{report}/analytics/?{day}"),
            ),
            (
                "getCampaignReport",
                "report",
                format!("{report}/campaigns/{id}/"),
            ),
            (
                "getCampaignAnalytics",
                "report",
                format!("{report}/campaigns/{id}/analytics/"),
            ),
        ]
        .into_iter()
        .map(|(name, function, path)| read(name, function, Who::Brand, path))
        .collect();
        calls.push(read(
            "listConversations",
            "agent",
            Who::Agent,
            "conversations?skill=support".into(),
        ));
        calls.push(read(
            "getConversation",
            "agent",
            Who::Agent,
            format!("conversations/{conversation}"),
        ));
        calls.push(read(
            "getInbox",
            "consumer",
            Who::Consumer,
            "me/messages".into(),
        ));
        calls.push(read(
            "getChat",
            "reply",
            Who::Consumer,
            "me/conversation".into(),
        ));
        let filters = [
            ("filterAnalytics", "analytics", json!({"skills": ["sales"]})),
            ("listTransactions", "transactions", json!({"limit": 100})),
        ];
        for (name, what, body) in filters {
            let path = format!("{report}/{what}/?{day}");
            let made = move |_| (path.clone(), None, Some(body.clone()));
            calls.push(call(name, "report", Who::Brand, Method::POST, READS, made));
        }
        let path = format!("handoffs/{greeting}/preview");
        let variables = json!({"variables": {"1": "Ana"}});
        let made = move |_| (path.clone(), None, Some(variables.clone()));
        calls.push(call(
            "previewHandoff",
            "create-handoff",
            Who::Brand,
            Method::POST,
            READS,
            made,
        ));
        let asked = json!({
            "consumerPhoneNumber": "+12061234567", "handoffId": self.for_calls, "skill": "support",
            "consumerId": "c-1",
        });
        let made = move |_| {
            let path = "/api/account/acme/eligibility?v=2.0".to_owned();
            (path, None, Some(asked.clone()))
        };
        calls.push(call(
            "checkEligibility",
            "ivr",
            Who::Brand,
            Method::POST,
            READS,
            made,
        ));
        calls
    }

    #[expect(clippy::too_many_lines, reason = "a row for each call")]
    fn writes(&self) -> Vec<Call> {
        use Who::{Agent, Brand, Consumer};
        let (post, put, delete) = (Method::POST, Method::PUT, Method::DELETE);
        let names = crowd("c", RECIPIENTS);
        let hundred = campaign(&self.greeting, &names);
        let one = campaign(&self.greeting, &names[..1]);
        let (replayed, checked) = (hundred.clone(), hundred.clone());
        let (change, key) = (
            format!("handoffs/{}", self.greeting),
            Some("k-1".to_owned()),
        );
        let (messages, waiting) = (self.messages.clone(), self.waiting.clone());
        let (shop, client) = (
            app(&self.brand.world.stack, "acme", CLUB),
            self.client.clone(),
        );
        let id = self.campaign.clone();
        let report = move |n: usize| {
            // Each is reported of by whom it was sent to.
            let path = format!("me/messages/{}/events", messages[n % RECIPIENTS]);
            (path, None, Some(json!({"type": "DELIVERED"})))
        };
        let said = json!({"text": "Hello?"});
        let conversation = |step: &'static str, body: Option<Value>| {
            let waiting = waiting.clone();
            move |n: usize| {
                let id = &waiting[n % waiting.len()];
                (format!("conversations/{id}/{step}"), None, body.clone())
            }
        };
        let few = PEOPLE - RECIPIENTS - crate::WARM;
        let device = |n: usize| format!("me/devices/c-{}-iphone", n % PEOPLE);
        let write = |what, times| {
            let said = said.clone();
            let path = "me/conversation/messages".to_owned();
            let made = move |_| (path.clone(), None, Some(said.clone()));
            Call {
                what,
                ..call("writeMessage", "reply", Consumer, Method::POST, times, made)
            }
        };
        let mut calls = vec![
            // Those of the campaign have no conversation yet.
            write(", the first", RECIPIENTS - crate::WARM),
            write(", a further one", WRITES),
            settled(", 100 recipients", 100, move |_| {
                ("campaign".to_owned(), None, Some(hundred.clone()))
            }),
            settled(", 1 recipient", WRITES, move |_| {
                ("campaign".to_owned(), None, Some(one.clone()))
            }),
            settled(", 100, replayed", WRITES, move |_| {
                ("campaign".to_owned(), key.clone(), Some(replayed.clone()))
            }),
            settled(", 100, `validate=true`", WRITES, move |_| {
                (
                    "campaign?validate=true".to_owned(),
                    None,
                    Some(checked.clone()),
                )
            }),
            call(
                "cancelCampaign",
                "create-campaign",
                Brand,
                post.clone(),
                WRITES,
                move |_| (format!("campaign/{id}/cancel"), None, None),
            ),
            call(
                "createHandoff",
                "create-handoff",
                Brand,
                post.clone(),
                WRITES,
                |n| {
                    (
                        "handoffs".to_owned(),
                        None,
                        Some(handoff(&format!("New {n}"), &[SHOP], "Hello")),
                    )
                },
            ),
            call(
                "changeHandoff",
                "create-handoff",
                Brand,
                put.clone(),
                WRITES,
                move |_| {
                    (
                        change.clone(),
                        None,
                        Some(handoff("Greeting", &[SHOP], "Hello ${{1}}")),
                    )
                },
            ),
            call("putApp", "account", Brand, put.clone(), WRITES, move |_| {
                (format!("apps/{CLUB}"), None, Some(shop.clone()))
            }),
            call("putSkill", "account", Brand, put.clone(), WRITES, |n| {
                (format!("skills/new-{n}"), None, Some(json!({})))
            }),
            call("deleteSkill", "account", Brand, delete, WRITES, |n| {
                (format!("skills/new-{n}"), None, None)
            }),
            call("putWebhook", "webhook", Brand, put.clone(), WRITES, |_| {
                (
                    "webhooks/late".to_owned(),
                    None,
                    Some(json!({"url": HOOK, "events": ["app.paused"]})),
                )
            }),
            call("putSettings", "account", Brand, put.clone(), WRITES, |_| {
                (
                    "settings".to_owned(),
                    None,
                    Some(json!({"welcomeMessage": "Hi"})),
                )
            }),
            call("createClient", "account", Brand, post.clone(), 60, |_| {
                (
                    "clients".to_owned(),
                    None,
                    Some(json!({"name": "till", "roles": ["bot"]})),
                )
            }),
            call(
                "rotateClient",
                "account",
                Brand,
                post.clone(),
                WRITES,
                move |_| (format!("clients/{client}/rotate"), None, None),
            ),
            call("logInDevice", "consumer", Consumer, put, WRITES, move |n| {
                (
                    device(n),
                    None,
                    Some(Device::iphone(&format!("c-{}", n % PEOPLE)).body()),
                )
            }),
            call(
                "acceptConversation",
                "agent",
                Agent,
                post.clone(),
                few,
                conversation("accept", None),
            ),
            call(
                "answerConsumer",
                "agent",
                Agent,
                post.clone(),
                few,
                conversation("messages", Some(json!({"text": "Hi"}))),
            ),
            call(
                "transferConversation",
                "agent",
                Agent,
                post.clone(),
                few,
                conversation("transfer", Some(json!({"skill": "sales"}))),
            ),
            call(
                "closeConversation",
                "agent",
                Agent,
                post.clone(),
                few,
                conversation("close", None),
            ),
        ];
        let mut reported = call(
            "reportMessage",
            "consumer",
            Consumer,
            post,
            RECIPIENTS - crate::WARM,
            report,
        );
        reported.what = ", the first";
        calls.push(reported);
        let gone = move |n| (device(n), None, None);
        let log_out = call(
            "logOutDevice",
            "consumer",
            Consumer,
            Method::DELETE,
            PEOPLE - crate::WARM,
            gone,
        );
        calls.push(log_out);
        calls
    }
}

fn read(name: &'static str, function: &'static str, who: Who, path: String) -> Call {
    call(name, function, who, Method::GET, READS, move |_| {
        (path.clone(), None, None)
    })
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

/// A campaign that is posted, and what follows from it waited for.
fn settled(what: &'static str, times: usize, make: impl Fn(usize) -> Made + 'static) -> Call {
    let posted = call(
        "createCampaign",
        "create-campaign",
        Who::Brand,
        Method::POST,
        times,
        make,
    );
    Call {
        what,
        settle: true,
        ..posted
    }
}
