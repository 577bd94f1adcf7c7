//! Distributed traces: a campaign is one, from the brand's call to the gateway and the webhook, and
//! no collector is ever in anybody's way.

use crate::{
    parts::{Device, campaign, proactive},
    webhooks::{hook, told},
    world::{Brand, World, list, text},
};
use axum::{Json, Router, extract::State, routing::post};
use reqwest::Method;
use sandbox::Answer;
use serde_json::{Value, json};
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex},
    time::Duration,
};
use tokio::net::TcpListener;

const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const SPAN: &str = "00f067aa0ba902b7";
const ENDPOINT: &str = "OTEL_EXPORTER_OTLP_ENDPOINT";
const RATIO: &str = "OTEL_TRACES_SAMPLER_ARG";

fn traceparent(trace: &str, flags: &str) -> String {
    format!("00-{trace}-{SPAN}-{flags}")
}

/// A campaign that is accepted, posted in the caller's trace with these flags.
async fn launch_traced(brand: &Brand<'_>, flags: &str, body: Value) -> Value {
    let header = traceparent(TRACE, flags);
    let headers = [("traceparent", header.as_str())];
    let posted = brand.send(Method::POST, "campaign", &headers, Some(body));
    posted.await.ok(202)
}

/// Whether any item tells where in a trace it comes from.
fn keeps_origins(world: &World) -> bool {
    let items = Value::from(world.table()).to_string();
    items.contains("\"origin\"")
}

/// Takes OTLP's JSON, and keeps what it is told.
#[derive(Clone, Default)]
struct Collector(Arc<Mutex<Vec<Value>>>);

async fn take(State(collector): State<Collector>, Json(body): Json<Value>) {
    collector.0.lock().unwrap().push(body);
}

impl Collector {
    /// Starts one, and a system that tells it of so many of the traces that begin there.
    async fn start(ratio: &str) -> (Self, World) {
        let collector = Self::default();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let endpoint = format!("http://{}", listener.local_addr().unwrap());
        let router = Router::new()
            .route("/v1/traces", post(take))
            .with_state(collector.clone());
        tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        let world = World::start_with(&[(ENDPOINT, &endpoint), (RATIO, ratio)]).await;
        (collector, world)
    }

    fn bodies(&self) -> Vec<Value> {
        self.0.lock().unwrap().clone()
    }

    fn spans(&self) -> Vec<Span> {
        let mut spans = Vec::new();
        for body in self.bodies() {
            for resource in list(&body["resourceSpans"]) {
                let of = attributes(&resource["resource"]);
                for scope in list(&resource["scopeSpans"]) {
                    let bodies = list(&scope["spans"]);
                    spans.extend(bodies.into_iter().map(|body| Span::new(&of, body)));
                }
            }
        }
        spans
    }
}

fn attributes(of: &Value) -> BTreeMap<String, String> {
    let pair = |pair: &Value| {
        let value = pair["value"].as_object().unwrap().values().next().unwrap();
        (text(&pair["key"]), text(value))
    };
    list(&of["attributes"]).iter().map(pair).collect()
}

#[derive(Clone, Debug)]
struct Span {
    function: String,
    id: String,
    name: String,
    parent: Option<String>,
    attributes: BTreeMap<String, String>,
    body: Value,
}

impl Span {
    fn new(of: &BTreeMap<String, String>, body: Value) -> Self {
        Self {
            function: of["service.name"].clone(),
            id: text(&body["spanId"]),
            name: text(&body["name"]),
            parent: body["parentSpanId"].as_str().map(str::to_owned),
            attributes: attributes(&body),
            body,
        }
    }

    fn kind(&self) -> u64 {
        self.body["kind"].as_u64().unwrap()
    }

    #[track_caller]
    fn says(&self, name: &str) -> &str {
        let value = self.attributes.get(name);
        value.unwrap_or_else(|| panic!("no {name} in {self:?}"))
    }
}

/// The spans of a name, which are below one of `parents`, of that kind and of that function.
#[track_caller]
fn below(spans: &[Span], (function, name, kind): (&str, &str, u64), parents: &[Span]) -> Vec<Span> {
    let mut found = spans.to_vec();
    found.retain(|span| span.name == name);
    assert!(!found.is_empty(), "no {name} in {spans:#?}");
    for span in &found {
        assert_eq!(span.kind(), kind, "{span:?}");
        assert!(span.function.contains(function), "{span:?}");
        let parent = span.parent.as_ref();
        let known = parents.iter().any(|p| Some(&p.id) == parent);
        assert!(known, "{span:#?} is below none of {parents:#?}");
    }
    found
}

const SERVER: u64 = 2;
const CLIENT: u64 = 3;
const PRODUCER: u64 = 4;
const CONSUMER: u64 = 5;

/// Checks what all spans of the trace have in common.
#[track_caller]
fn are_of_one_trace(spans: &[Span]) {
    for span in spans {
        assert_eq!(span.body["traceId"], TRACE, "{span:?}");
        let (start, end) = (
            &span.body["startTimeUnixNano"],
            &span.body["endTimeUnixNano"],
        );
        let time = |of: &Value| text(of).parse::<u128>().unwrap();
        assert!(time(start) <= time(end), "{span:?}");
        assert_eq!(span.says("overture.account"), "acme");
    }
    let ids: BTreeSet<_> = spans.iter().map(|span| &span.id).collect();
    assert_eq!(ids.len(), spans.len(), "each has an id of its own");
}

/// Checks that each span of a campaign of three, one of whom nobody knows, is below the one that
/// led to it; those of the messages.
#[track_caller]
fn lead_from_the_call_to_the_webhook(spans: &[Span], posted: &Value) -> Vec<Span> {
    let name = "POST /api/v2/account/{accountId}/campaign";
    let call: Vec<_> = spans.iter().filter(|s| s.name == name).cloned().collect();
    let [root] = &call[..] else {
        panic!("{call:?}");
    };
    assert_eq!((root.kind(), root.parent.as_deref()), (SERVER, Some(SPAN)));
    assert_eq!(root.says("http.response.status_code"), "202");
    assert_eq!(
        root.says("overture.request_trace_id"),
        text(&posted["requestTraceId"])
    );
    let table = "process Table";
    let of = |function: &str| -> Vec<Span> {
        let spans = spans.iter().filter(|s| s.function.contains(function));
        spans.cloned().collect()
    };
    let dispatched = below(&of("Dispatch"), ("Dispatch", table, CONSUMER), &call);
    assert_eq!(dispatched.len(), 1);
    assert_eq!(dispatched[0].says("overture.recipients"), "3");
    let produced = below(spans, ("Dispatch", "send SendQueue", PRODUCER), &dispatched);
    assert_eq!(produced[0].says("messaging.batch.message_count"), "3");
    let processed = below(spans, ("Send", "process SendQueue", CONSUMER), &produced);
    let messages: BTreeSet<_> = processed
        .iter()
        .map(|s| s.says("overture.message"))
        .collect();
    let accepted: BTreeSet<_> = list(&posted["acceptedConsumers"])
        .iter()
        .map(|consumer| text(&consumer["id"]))
        .collect();
    assert_eq!(messages, accepted.iter().map(String::as_str).collect());
    let outcomes = processed.iter().map(|s| s.says("overture.outcome"));
    assert_eq!(outcomes.collect::<BTreeSet<_>>(), ["failed", "sent"].into());
    for (push, gateway) in [("push apns", "apns"), ("push fcm", "fcm")] {
        let pushed = below(spans, ("Send", push, CLIENT), &processed);
        assert_eq!(pushed.len(), 1);
        assert_eq!(pushed[0].says("overture.gateway"), gateway);
        assert_eq!(pushed[0].says("overture.outcome"), "taken");
    }
    // What happened to messages, and that there is a campaign.
    let (of_messages, of_campaign) = of("Tally")
        .into_iter()
        .partition::<Vec<_>, _>(|span| span.says("overture.item") == "message");
    let accepted = below(&of_campaign, ("Tally", table, CONSUMER), &call);
    assert_eq!(accepted.len(), 1);
    let tallied = below(&of_messages, ("Tally", table, CONSUMER), &processed);
    let came_to: BTreeSet<_> = tallied
        .iter()
        .map(|span| {
            (
                span.says("overture.state"),
                span.attributes.get("overture.code"),
            )
        })
        .collect();
    let code = "CONSUMER_NOT_REGISTERED".to_owned();
    assert!(came_to.contains(&("SENT", None)), "{came_to:?}");
    assert!(came_to.contains(&("FAILED", Some(&code))), "{came_to:?}");
    let delivered = below(
        spans,
        ("Deliver", "process WebhookQueue", CONSUMER),
        &[&tallied[..], &accepted].concat(),
    );
    let events: BTreeSet<_> = delivered.iter().map(|s| s.says("overture.event")).collect();
    assert_eq!(
        events,
        [
            "campaign.accepted",
            "campaign.finished",
            "message.failed",
            "message.sent"
        ]
        .into()
    );
    let first = |event| delivered.iter().find(|s| s.says("overture.event") == event);
    let parent = first("campaign.accepted").unwrap().parent.as_ref();
    assert_eq!(parent, Some(&accepted[0].id), "not below what became of it");
    let posts = below(spans, ("Deliver", "POST", CLIENT), &delivered);
    assert_eq!(posts.len(), 5);
    let known = [1, 1, 1, 3, 2, 1, tallied.len(), 5, 5]
        .iter()
        .sum::<usize>();
    assert_eq!(spans.len(), known, "{spans:#?}");
    processed
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_campaign_is_one_trace_from_the_call_to_the_gateway_and_the_webhook() {
    let (collector, world) = Collector::start("0").await;
    let brand = world.brand("acme").await;
    let webhook_secret = hook(&brand, "crm").await;
    let ana = brand.with_iphone("consumer-ana").await;
    let ben = brand.consumer("consumer-ben");
    ben.log_in(&Device::android("consumer-ben")).await;
    let handoff = brand.greeting().await;
    assert_eq!(
        collector.bodies(),
        Vec::<Value>::new(),
        "nothing is sampled"
    );

    let body = campaign(&handoff, &["consumer-ana", "consumer-ben", "consumer-gone"]);
    let posted = launch_traced(&brand, "01", body).await;
    world.stack.settled().await.unwrap();
    assert_eq!(proactive(&world.stack).len(), 2);

    let spans = collector.spans();
    are_of_one_trace(&spans);
    let processed = lead_from_the_call_to_the_webhook(&spans, &posted);

    // A conversation is a trace of its own, and says what it answers.
    let other = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
    let header = traceparent(other, "01");
    let headers = [("traceparent", header.as_str())];
    let said = json!({"text": "Yes, please!"});
    let path = "me/conversation/messages";
    let replied = ana.send(Method::POST, path, &headers, Some(said)).await;
    replied.ok(201);
    world.stack.settled().await.unwrap();
    let spans = collector.spans();
    let reply = spans.iter().find(|s| s.body["traceId"] == other).unwrap();
    let link = &reply.body["links"][0];
    let linked = processed.iter().find(|s| s.id == link["spanId"]).unwrap();
    assert_eq!(link["traceId"], TRACE);
    let anas = list(&posted["acceptedConsumers"]);
    assert_eq!(linked.says("overture.message"), text(&anas[0]["id"]));

    // What is nobody's business.
    let bodies = Value::from(collector.bodies()).to_string();
    let secrets = [
        &brand.token,
        &ana.token,
        &brand.client_secret,
        &webhook_secret,
        &Device::iphone("consumer-ana").token,
        &Device::android("consumer-ben").token,
        "consumer-",
        "Hello",
        "Yes, please!",
        "News for you",
    ];
    for secret in secrets {
        assert!(!bodies.contains(secret), "{secret} in {bodies}");
    }
    // Nor is it what others are told.
    for received in told(&world, "crm") {
        assert!(!received.body.contains("origin"), "{received:?}");
        assert!(!received.headers.contains_key("traceparent"));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_answer_is_one_trace_from_the_agent_to_the_phone_and_the_webhook() {
    let (collector, world) = Collector::start("0").await;
    let brand = world.brand("acme").await;
    hook(&brand, "crm").await;
    let ana = brand.with_iphone("ana").await;
    let conversation = text(&ana.write("Hello").await["conversationId"]);
    let eve = world.staff("acme", "agent", &["support"]).await;
    let path = format!("conversations/{conversation}");
    eve.post(&format!("{path}/accept"), json!({})).await.ok(200);
    world.stack.settled().await.unwrap();
    assert_eq!(collector.bodies(), Vec::<Value>::new());

    let header = traceparent(TRACE, "01");
    let headers = [("traceparent", header.as_str())];
    let said = Some(json!({"text": "Of course"}));
    let answered = eve
        .send(Method::POST, &format!("{path}/messages"), &headers, said)
        .await;
    answered.ok(201);
    world.stack.settled().await.unwrap();

    let spans = collector.spans();
    are_of_one_trace(&spans);
    let name = "POST /api/v2/account/{accountId}/conversations/{conversationId}/messages";
    let call: Vec<_> = spans.iter().filter(|s| s.name == name).cloned().collect();
    assert_eq!(call[0].parent.as_deref(), Some(SPAN));
    let followed = below(&spans, ("", "process Table", CONSUMER), &call);
    assert_eq!(followed.len(), 2, "dispatch and tally");
    for span in &followed {
        assert_eq!(span.says("overture.item"), "entry");
        assert_eq!(span.says("overture.conversation"), conversation);
    }
    let produced = below(&spans, ("Dispatch", "send SendQueue", PRODUCER), &followed);
    let processed = below(&spans, ("Send", "process SendQueue", CONSUMER), &produced);
    assert_eq!(processed[0].says("overture.attempt"), "0");
    let pushed = below(&spans, ("Send", "push apns", CLIENT), &processed);
    let delivered = below(
        &spans,
        ("Deliver", "process WebhookQueue", CONSUMER),
        &followed,
    );
    let posts = below(&spans, ("Deliver", "POST", CLIENT), &delivered);
    let known = [
        &call, &followed, &produced, &processed, &pushed, &delivered, &posts,
    ];
    assert_eq!(spans.len(), known.iter().map(|s| s.len()).sum::<usize>());
    let bodies = Value::from(collector.bodies()).to_string();
    assert!(!bodies.contains("Of course"), "{bodies}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_run_of_the_sweep_is_a_trace_of_its_own() {
    let (collector, world) = Collector::start("1").await;
    let brand = world.brand("acme").await;
    brand.with_iphone("ana").await;
    let handoff = brand.greeting().await;
    launch_traced(&brand, "01", campaign(&handoff, &["ana"])).await;
    world.stack.settled().await.unwrap();
    world.stack.advance(Duration::from_hours(1)).await;
    world.stack.invoke_schedule("sweep").await.unwrap();
    let spans = collector.spans();
    let runs: Vec<_> = spans.iter().filter(|s| s.name == "run schedule").collect();
    let [run] = &runs[..] else {
        panic!("{runs:?}");
    };
    assert!(run.function.contains("Sweep"), "{run:?}");
    assert_eq!((run.kind(), &run.parent), (SERVER, &None));
    assert_ne!(run.body["traceId"], TRACE);
    assert_eq!(run.says("faas.trigger"), "timer");
    assert_eq!(run.says("overture.requeued"), "0");
    assert!(run.attributes.contains_key("overture.campaigns"), "{run:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_message_that_is_tried_again_stays_in_its_trace() {
    let (collector, world) = Collector::start("0").await;
    let brand = world.brand("acme").await;
    brand.with_iphone("ana").await;
    let token = Device::iphone("ana").token;
    let busy = Answer {
        times: Some(1),
        ..Answer::reason("ServiceUnavailable")
    };
    world.stack.sandbox().script(&token, [busy]);
    let handoff = brand.greeting().await;
    launch_traced(&brand, "01", campaign(&handoff, &["ana"])).await;
    world.stack.quiet().await.unwrap();
    world.stack.advance(Duration::from_mins(9)).await;
    world.stack.settled().await.unwrap();
    assert_eq!(proactive(&world.stack).len(), 1);

    let spans = collector.spans();
    let mut tries: Vec<_> = spans
        .iter()
        .filter(|span| span.name == "process SendQueue")
        .collect();
    tries.sort_by_key(|span| span.says("overture.attempt").to_owned());
    let attempts: Vec<_> = tries.iter().map(|s| s.says("overture.attempt")).collect();
    assert_eq!(attempts.first().copied(), Some("0"), "{tries:#?}");
    assert_eq!(attempts.last().copied(), Some("1"), "{tries:#?}");
    let ids: BTreeSet<_> = spans.iter().map(|span| span.id.as_str()).collect();
    for span in &spans {
        assert_eq!(span.body["traceId"], TRACE, "{span:?}");
        let parent = span.parent.as_deref().unwrap();
        assert!(parent == SPAN || ids.contains(parent), "{span:?}");
    }
    let outcomes: BTreeSet<_> = spans
        .iter()
        .filter(|span| span.name == "push apns")
        .filter_map(|span| {
            Some((
                span.attributes.get("overture.outcome")?.as_str(),
                &span.body["status"]["code"],
            ))
        })
        .map(|(outcome, code)| (outcome, code.as_u64().unwrap()))
        .collect();
    assert_eq!(outcomes, [("later", 2), ("taken", 0)].into());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_not_sampled_is_not_told_nor_kept() {
    let (collector, world) = Collector::start("1").await;
    let brand = world.brand("acme").await;
    brand.with_iphone("ana").await;
    let handoff = brand.greeting().await;
    launch_traced(&brand, "00", campaign(&handoff, &["ana"])).await;
    world.stack.settled().await.unwrap();
    let spans = collector.spans();
    assert!(!spans.is_empty(), "other calls are");
    for span in &spans {
        assert_ne!(span.body["traceId"], TRACE, "{span:?}");
        assert_eq!((span.kind(), &span.parent), (SERVER, &None), "{span:?}");
    }
    assert!(!keeps_origins(&world));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_a_collector_there_is_nothing_of_traces() {
    let world = World::start_with(&[(RATIO, "1")]).await;
    let brand = world.brand("acme").await;
    brand.with_iphone("ana").await;
    let handoff = brand.greeting().await;
    launch_traced(&brand, "01", campaign(&handoff, &["ana"])).await;
    world.stack.settled().await.unwrap();
    assert_eq!(proactive(&world.stack).len(), 1);
    assert!(!keeps_origins(&world));
}

/// A campaign where the collector is at that address, and what its functions warned of.
async fn all_is_sent(endpoint: &str) {
    let world = World::start_with(&[(ENDPOINT, endpoint), (RATIO, "1")]).await;
    let brand = world.brand("acme").await;
    for id in ["ana", "ben"] {
        brand.with_iphone(id).await;
    }
    let handoff = brand.greeting().await;
    let campaign = brand.launch(campaign(&handoff, &["ana", "ben"])).await;
    world.stack.settled().await.unwrap();
    assert_eq!(proactive(&world.stack).len(), 2);
    let seen = brand.look(&campaign).await;
    assert_eq!(seen["counts"]["sent"], 2, "{seen}");
    let mut warned = BTreeMap::<String, u32>::new();
    for line in world.stack.logs() {
        assert!(!line.text.contains("\"ERROR\""), "{line:?}");
        if line.text.contains("the collector takes no traces") {
            *warned.entry(line.function.clone()).or_default() += 1;
        }
    }
    // The brand made many calls of `account`.
    assert!(warned.contains_key("create-campaign"), "{warned:?}");
    let starts = world.stack.invocations();
    for (function, times) in warned {
        let invoked = starts.get(&function).copied().unwrap_or_default();
        assert!(u64::from(times) <= invoked, "{function}: {times}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_collector_that_is_down_is_in_nobodys_way() {
    // Nobody listens there.
    all_is_sent("http://127.0.0.1:1").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_collector_that_hangs_is_in_nobodys_way() {
    // Connections are made, and nobody takes them.
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    all_is_sent(&endpoint).await;
}
