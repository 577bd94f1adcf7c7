//! The calls that write.

use super::{HOOK, PEOPLE, RECIPIENTS, Stage, Who, call};
use crate::{
    Call, Made, WARM,
    parts::{Device, app, campaign, crowd, handoff},
    world::{CLUB, SHOP},
};
use reqwest::Method;
use serde_json::{Value, json};

/// How often most calls are made.
const WRITES: usize = 200;

impl Stage<'_> {
    #[expect(clippy::too_many_lines, reason = "a row for each call")]
    pub(super) fn writes(&self) -> Vec<Call> {
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
        let few = PEOPLE - RECIPIENTS - WARM;
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
            write(", the first", RECIPIENTS - WARM),
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
            RECIPIENTS - WARM,
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
            PEOPLE - WARM,
            gone,
        );
        calls.push(log_out);
        calls
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
