//! Tests of the queues as the SDK sees them.
use super::Queues;
use crate::{clock::Clock, pulse::Pulse, template};
use serde_json::{Value, json};
use std::time::Duration;

const URL: &str = "http://127.0.0.1:1/123456789012/main";

fn queues() -> (Queues, Clock) {
    let queue = |name: &str, redrive: Option<&str>| template::Queue {
        id: name.to_owned(),
        name: name.to_owned(),
        arn: format!("arn:aws:sqs:eu-west-1:123456789012:{name}"),
        visibility: Duration::from_secs(30),
        delay: Duration::ZERO,
        retention: Duration::from_hours(24),
        redrive: redrive.map(|to| (format!("arn:aws:sqs:eu-west-1:123456789012:{to}"), 2)),
    };
    let clock = Clock::default();
    let all = [queue("main", Some("dead")), queue("dead", None)];
    (
        Queues::new(&all, "http://127.0.0.1:1", &clock, &Pulse::default()),
        clock,
    )
}

async fn call(queues: &Queues, operation: &str, mut request: Value) -> Result<Value, &'static str> {
    request["QueueUrl"] = URL.into();
    queues
        .call(operation, request)
        .await
        .map_err(|error| error.code)
}

async fn receive(queues: &Queues) -> Vec<Value> {
    let received = call(queues, "ReceiveMessage", json!({"MaxNumberOfMessages": 10}))
        .await
        .unwrap();
    received["Messages"].as_array().cloned().unwrap_or_default()
}

#[tokio::test]
async fn a_sent_message_is_received_and_deleted() {
    let (queues, clock) = queues();
    let attributes = json!({"kind": {"DataType": "String", "StringValue": "job"}});
    let sent = call(
        &queues,
        "SendMessage",
        json!({"MessageBody": "hello", "MessageAttributes": attributes}),
    )
    .await
    .unwrap();
    assert_eq!(sent["MD5OfMessageBody"], "5d41402abc4b2a76b9719d911017c592");
    let message = &receive(&queues).await[0];
    assert_eq!(
        (&message["Body"], &message["MessageId"]),
        (&json!("hello"), &sent["MessageId"])
    );
    assert_eq!(
        message["MD5OfMessageAttributes"],
        sent["MD5OfMessageAttributes"]
    );
    assert_eq!(message["Attributes"]["ApproximateReceiveCount"], "1");
    assert!(
        receive(&queues).await.is_empty(),
        "a received message is hidden"
    );
    call(
        &queues,
        "DeleteMessage",
        json!({"ReceiptHandle": message["ReceiptHandle"]}),
    )
    .await
    .unwrap();
    clock.advance(Duration::from_secs(31));
    assert!(receive(&queues).await.is_empty());
}

#[tokio::test]
async fn delays_are_kept_and_bounded() {
    let (queues, clock) = queues();
    call(
        &queues,
        "SendMessage",
        json!({"MessageBody": "later", "DelaySeconds": 900}),
    )
    .await
    .unwrap();
    clock.advance(Duration::from_secs(898));
    assert!(receive(&queues).await.is_empty());
    clock.advance(Duration::from_secs(2));
    assert_eq!(receive(&queues).await.len(), 1);
    for wrong in [901, -1] {
        let refused = call(
            &queues,
            "SendMessage",
            json!({"MessageBody": "x", "DelaySeconds": wrong}),
        )
        .await;
        assert_eq!(refused, Err("InvalidParameterValue"));
    }
}

#[tokio::test]
async fn visibility_can_be_changed_while_a_message_is_in_flight() {
    let (queues, clock) = queues();
    call(&queues, "SendMessage", json!({"MessageBody": "x"}))
        .await
        .unwrap();
    let first = receive(&queues).await.remove(0);
    let hide = json!({"ReceiptHandle": first["ReceiptHandle"], "VisibilityTimeout": 0});
    call(&queues, "ChangeMessageVisibility", hide)
        .await
        .unwrap();
    let second = receive(&queues).await.remove(0);
    assert_eq!(second["Attributes"]["ApproximateReceiveCount"], "2");
    let old = call(
        &queues,
        "DeleteMessage",
        json!({"ReceiptHandle": first["ReceiptHandle"]}),
    )
    .await;
    assert!(old.is_ok());
    clock.advance(Duration::from_secs(30));
    assert_eq!(
        queues.find("main").unwrap().len(),
        1,
        "an old handle deletes nothing"
    );
}

#[tokio::test]
async fn what_is_received_too_often_is_a_dead_letter_and_can_be_moved_back() {
    let (queues, clock) = queues();
    call(&queues, "SendMessage", json!({"MessageBody": "poison"}))
        .await
        .unwrap();
    for _ in 0..2 {
        assert_eq!(receive(&queues).await.len(), 1);
        clock.advance(Duration::from_secs(30));
    }
    assert!(receive(&queues).await.is_empty());
    let dead = queues.find("dead").unwrap();
    assert_eq!(dead.messages()[0].body, "poison");
    queues
        .call("StartMessageMoveTask", json!({"SourceArn": dead.0.arn}))
        .await
        .unwrap();
    assert!(dead.is_empty());
    assert_eq!(
        receive(&queues).await[0]["Attributes"]["ApproximateReceiveCount"],
        "1"
    );
}

#[tokio::test]
async fn batches_have_their_limits() {
    let (queues, _) = queues();
    let entry = |id: usize, body: &str| json!({"Id": id.to_string(), "MessageBody": body});
    let batch =
        |entries: Vec<Value>| call(&queues, "SendMessageBatch", json!({"Entries": entries}));
    let long = "x".repeat(600 * 1024);
    assert_eq!(batch(vec![]).await, Err("EmptyBatchRequest"));
    assert_eq!(
        batch((0..11).map(|i| entry(i, "x")).collect()).await,
        Err("TooManyEntriesInBatchRequest")
    );
    assert_eq!(
        batch(vec![entry(1, "x"), entry(1, "y")]).await,
        Err("BatchEntryIdsNotDistinct")
    );
    assert_eq!(
        batch(vec![entry(1, &long), entry(2, &long)]).await,
        Err("BatchRequestTooLong")
    );
    let mixed = batch(vec![
        entry(1, "x"),
        json!({"Id": "2", "MessageBody": "y", "DelaySeconds": 1000}),
    ])
    .await
    .unwrap();
    assert_eq!(mixed["Successful"].as_array().unwrap().len(), 1);
    assert_eq!(mixed["Failed"][0]["Id"], "2");
    let one = "x".repeat(1024 * 1024);
    assert!(
        call(&queues, "SendMessage", json!({"MessageBody": one}))
            .await
            .is_ok()
    );
    let refused = call(&queues, "SendMessage", json!({"MessageBody": one + "x"})).await;
    assert_eq!(refused, Err("InvalidParameterValue"));
}
