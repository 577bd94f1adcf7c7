//! Every problem that the API can answer with: a call that provokes it, and the answer held to the
//! table of kinds and to the problem's page.

mod provoke;

use crate::{
    parts::{campaign, handoff},
    world::{Answer, SHOP, World, text},
};
use lambda::Kind;
use local::faults::{Fault, Rule};
use provoke::Stage;
use reqwest::Method;
use serde_json::{Value, json};
use std::{collections::BTreeSet, fs, path::Path};

/// The example on a problem's page.
fn example(kind: Kind) -> Value {
    let page = format!("infra/docs{}.md", kind.uri());
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join(page);
    let page = fs::read_to_string(&page).unwrap_or_else(|e| panic!("{}: {e}", page.display()));
    let example = page.split("```json\n").nth(1).unwrap();
    serde_json::from_str(example.split("```").next().unwrap()).unwrap()
}

fn pointers(problem: &Value) -> Vec<&Value> {
    let errors = problem["errors"].as_array();
    errors
        .into_iter()
        .flatten()
        .map(|e| &e["pointer"])
        .collect()
}

fn fields(problem: &Value) -> BTreeSet<&String> {
    problem.as_object().unwrap().keys().collect()
}

/// Holds an answer to its kind and to the kind's page.
fn check(kind: Kind, answer: &Answer) {
    let what = format!("{kind:?}: {answer:#?}");
    let (status, problem) = (kind.status().as_u16(), &answer.body);
    assert_eq!(answer.status, status, "{what}");
    assert_eq!(problem["status"], status, "{what}");
    assert_eq!(problem["type"], kind.uri(), "{what}");
    assert_eq!(problem["code"], kind.code(), "{what}");
    assert_eq!(problem["title"], kind.title(), "{what}");
    assert_eq!(problem["retryable"], kind.is_retryable(), "{what}");
    let media = answer.header("content-type");
    assert_eq!(media, "application/problem+json", "{what}");
    assert_eq!(answer.header("cache-control"), "no-store", "{what}");
    let trace: Result<uuid::Uuid, _> = problem["requestTraceId"].as_str().unwrap().parse();
    assert!(trace.is_ok(), "{what}");
    let detail = problem.get("detail").unwrap_or(&problem["title"]);
    assert_eq!(&problem["message"], detail, "{what}");
    let is_ours = kind.status().is_server_error();
    assert_eq!(problem["detail"].is_null(), is_ours, "{what}");

    // Who may try again is told when; but when a fault of ours is mended nobody knows.
    let is_due = kind.is_retryable() && kind != Kind::Internal;
    assert_eq!(problem["retryAfter"].is_u64(), is_due, "{what}");
    if is_due {
        let seconds = problem["retryAfter"].as_u64().unwrap();
        assert!(seconds >= 1, "{what}");
        assert_eq!(answer.header("retry-after"), seconds.to_string(), "{what}");
    } else {
        assert_eq!(answer.header("retry-after"), "", "{what}");
    }
    let challenge = answer.header("www-authenticate");
    assert_eq!(challenge.starts_with("Bearer"), status == 401, "{what}");

    let shown = example(kind);
    assert_eq!(
        fields(problem),
        fields(&shown),
        "the page's example: {what}"
    );
    assert_eq!(
        pointers(problem),
        pointers(&shown),
        "the page's example: {what}"
    );
    for name in ["title", "retryable", "safeToResend"] {
        assert_eq!(problem[name], shown[name], "the page's example: {what}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_problem_is_provoked_by_a_call_and_is_as_its_page_says() {
    let world = World::start().await;
    let stage = Stage::set(&world).await;
    for kind in Kind::ALL {
        check(*kind, &stage.provoke(*kind).await);
    }
    // What is wrong can be found: a log line of each has its trace and code.
    let logs = world.stack.logs();
    let told: BTreeSet<_> = Kind::ALL
        .iter()
        .map(|kind| kind.code())
        .filter(|code| {
            logs.iter()
                .any(|line| line.text.contains(&format!("answered {code}")))
        })
        .collect();
    let all: BTreeSet<_> = Kind::ALL.iter().map(|kind| kind.code()).collect();
    let untold: Vec<_> = all.difference(&told).collect();
    assert_eq!(
        untold,
        [&Kind::Internal.code()],
        "no function has such a fault"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_perhaps_done_is_safe_to_send_again_only_if_it_is_not_done_twice() {
    let world = World::start().await;
    let brand = world.brand("acme").await;
    let greeting = brand.greeting().await;
    let (post, put) = (Method::POST, Method::PUT);
    let key: &[_] = &[("idempotency-key", "k-1")];
    for (method, path, headers, body, is_safe) in [
        (
            &post,
            "campaign",
            &[][..],
            campaign(&greeting, &["ana"]),
            false,
        ),
        (&post, "campaign", key, campaign(&greeting, &["ana"]), true),
        (
            &post,
            "handoffs",
            &[],
            handoff("Other", &[SHOP], "Hello"),
            false,
        ),
        (&put, "skills/vip", &[], json!({}), true),
    ] {
        for action in ["dynamodb:TransactWriteItems", "dynamodb:PutItem"] {
            world.stack.faults().add(Rule {
                times: u32::MAX,
                ..Rule::once(action, Fault::AnswerLost)
            });
        }
        let answer = brand.send(method.clone(), path, headers, Some(body)).await;
        world.stack.faults().clear();
        let what = format!("{method} {path}: {answer:#?}");
        assert_eq!(answer.status, 503, "{what}");
        assert_eq!(answer.header("retry-after"), "1", "{what}");
        assert_eq!(answer.body["code"], "UNAVAILABLE", "{what}");
        assert_eq!(answer.body["retryable"], true, "{what}");
        assert_eq!(answer.body["safeToResend"], is_safe, "{what}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_conversation_that_others_are_at_is_busy_whoever_acts_on_it() {
    let world = World::start().await;
    let brand = world.brand("acme").await;
    let (ana, ben) = (brand.consumer("ana"), brand.consumer("ben"));
    let wrote = ana.write("Hello?").await;
    let path = format!("conversations/{}", text(&wrote["conversationId"]));
    let agent = world.staff("acme", "agent", &["support"]).await;
    let accepted = agent.post(&format!("{path}/accept"), json!({})).await;
    accepted.ok(200);
    world.stack.settled().await.unwrap();
    let before = world.items();
    world.stack.faults().add(Rule {
        times: u32::MAX,
        ..Rule::once("dynamodb:TransactWriteItems", Fault::Conflict("A#acme#"))
    });
    let (said, reply) = (json!({"text": "Hello"}), "me/conversation/messages");
    for (who, path, body) in [
        (&*ana, reply.to_owned(), said.clone()),
        (&*ben, reply.to_owned(), said.clone()),
        (&agent, format!("{path}/messages"), said),
        (
            &agent,
            format!("{path}/transfer"),
            json!({"skill": "sales"}),
        ),
        (&agent, format!("{path}/close"), json!({})),
    ] {
        let answer = who.post(&path, body).await;
        assert_eq!(answer.header("retry-after"), "1", "{answer:#?}");
        let problem = answer.problem(409, "CONVERSATION_BUSY");
        assert_eq!(problem["safeToResend"], true, "{problem:#}");
    }
    assert_eq!(world.items(), before, "nothing was done");
}
