//! The documented events, `infra/events`: each function has one, and answers it as its table says.

use crate::{
    parts::pushes_to,
    template::template,
    world::{World, list},
};
use local::{Options, Stack};
use serde_json::{Value, json};
use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

/// A record of the table's stream that tells of an item as it is, as `aws dynamodbstreams get-records`
/// does and a runbook makes it ready.
pub(crate) fn record(item: &Value) -> Value {
    json!({
        "eventID": "1", "eventName": "INSERT", "eventVersion": "1.1",
        "eventSource": "aws:dynamodb", "awsRegion": "eu-west-1",
        "dynamodb": {
            "ApproximateCreationDateTime": 0, "Keys": {"pk": item["pk"], "sk": item["sk"]},
            "NewImage": item, "SequenceNumber": "1", "SizeBytes": 1,
            "StreamViewType": "NEW_IMAGE",
        },
    })
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("infra/events")
}

/// A row of the table.
struct Promised {
    function: String,
    /// The status, of an answer over HTTP.
    status: Option<u64>,
    /// What is in the answer at least.
    body: Value,
}

fn promised() -> Vec<Promised> {
    let page = fs::read_to_string(folder().join("README.md")).unwrap();
    let rows = page.lines().filter(|line| line.starts_with("| `"));
    rows.map(|row| {
        let cells: Vec<_> = row.split('|').map(str::trim).collect();
        let answer = cells[3].trim_matches('`');
        let function = cells[1].trim_matches('`').to_owned();
        assert!(
            cells[2].ends_with(&format!("({function}.json)")),
            "{row} shows its event"
        );
        let (status, body) = match answer.split_once(' ') {
            Some((status, body)) if status.parse::<u64>().is_ok() => (status.parse().ok(), body),
            _ => (None, answer),
        };
        Promised {
            function,
            status,
            body: serde_json::from_str(body).unwrap(),
        }
    })
    .collect()
}

/// Whether all of `wanted` is in `given`; lists have as many entries.
fn holds(given: &Value, wanted: &Value) -> bool {
    match (given, wanted) {
        (Value::Object(given), Value::Object(wanted)) => wanted
            .iter()
            .all(|(name, value)| given.get(name).is_some_and(|given| holds(given, value))),
        (Value::Array(given), Value::Array(wanted)) => {
            given.len() == wanted.len() && given.iter().zip(wanted).all(|(g, w)| holds(g, w))
        }
        _ => given == wanted,
    }
}

#[test]
fn every_function_has_an_event_and_every_event_a_row() {
    let functions: BTreeSet<_> = template().functions.into_iter().map(|f| f.binary).collect();
    let rows: BTreeSet<_> = promised().into_iter().map(|row| row.function).collect();
    let files = fs::read_dir(folder()).unwrap().map(|f| f.unwrap().path());
    let files: BTreeSet<_> = files
        .filter(|file| file.extension().is_some_and(|kind| kind == "json"))
        .map(|file| file.file_stem().unwrap().to_str().unwrap().to_owned())
        .collect();
    assert_eq!(rows, functions, "infra/events/README.md");
    assert_eq!(files, functions, "infra/events");
}

#[test]
fn what_is_in_the_answer_is_looked_for() {
    let given = json!({"a": [{"b": 1, "c": 2}], "d": null});
    for (wanted, is) in [
        (json!({"a": [{"b": 1}]}), true),
        (json!({}), true),
        (json!({"a": [{"b": 2}]}), false),
        (json!({"a": []}), false),
        (json!({"e": null}), false),
        (json!(null), false),
    ] {
        assert_eq!(holds(&given, &wanted), is, "{wanted}");
    }
}

/// What the table says that a function did.
fn did(stack: &Stack, function: &str) {
    match function {
        "dispatch" => assert_eq!(stack.queue("SendQueue").unwrap().len(), 2),
        "send" => {
            for (consumer, gateway) in [("ana", "apns"), ("ben", "fcm")] {
                let pushes = pushes_to(stack, consumer);
                assert_eq!(pushes.len(), 1, "{consumer}: {pushes:?}");
                assert_eq!(json!(pushes[0].gateway), gateway, "{consumer}");
            }
        }
        "deliver" => {
            let told = stack.sandbox().received();
            assert_eq!(told.len(), 1, "{told:?}");
            assert_eq!((told[0].name.as_str(), told[0].status), ("crm", 204));
        }
        _ => {}
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_event_is_answered_as_documented() {
    let options = Options {
        feeds: false,
        ..Options::default()
    };
    let world = World::start_as(options).await;
    let stack = &world.stack;
    stack.seed_demo().await.unwrap();
    for Promised {
        function,
        status,
        body,
    } in promised()
    {
        let event = stack.example(&function).unwrap();
        assert!(!event.to_string().contains('<'), "{function} is filled");
        let answer = stack.invoke(&function, event).await.unwrap();
        let given = match status {
            Some(status) => {
                assert_eq!(answer["statusCode"], status, "{function}: {answer:#}");
                serde_json::from_str(answer["body"].as_str().unwrap()).unwrap()
            }
            None => answer,
        };
        assert!(holds(&given, &body), "{function}: {given:#} has no {body}");
        did(stack, &function);
        // One that cannot be read is no failure of its batch.
        let errors = stack.logs().into_iter().map(|line| line.text);
        let errors: Vec<_> = errors.filter(|line| line.contains("ERROR")).collect();
        assert!(errors.is_empty(), "{function}: {errors:?}");
    }
    assert_eq!(list(&stack.example("send").unwrap()["Records"]).len(), 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_event_that_names_what_is_not_there_yet_says_so() {
    let world = World::start().await;
    let failed = |name: &str| world.stack.example(name).unwrap_err().to_string();
    assert_eq!(failed("send"), "there is no <ana's message> on this stack");
    assert_eq!(failed("token"), "there is no <client id> on this stack");
    assert_eq!(failed("../events/send"), "there is no event ../events/send");
}
