//! The local stack with a function of its own, `probe`, that does what it is told.
#![expect(clippy::unwrap_used, reason = "tests")]
use local::{
    Options, Stack,
    faults::{Fault, Rule},
    mischief::Mischief,
};
use serde_json::{Value, json};
use std::{path::PathBuf, time::Duration};

fn options() -> Options {
    let options = Options::default();
    Options {
        template: PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/probe.yaml"),
        binaries: options.binaries.join("examples"),
        ..options
    }
}

async fn start() -> Stack {
    Stack::start(options()).await.unwrap()
}

async fn post(stack: &Stack, path: &str, body: Value) -> (u16, Value) {
    let request = reqwest::Client::new().post(format!("{}{path}", stack.url()));
    let answer = request
        .header("content-type", "application/json")
        .body(body.to_string())
        .send()
        .await
        .unwrap();
    (
        answer.status().as_u16(),
        serde_json::from_slice(&answer.bytes().await.unwrap()).unwrap_or_default(),
    )
}

fn items(stack: &Stack) -> Vec<String> {
    let scan = serde_json::from_value(json!({"TableName": "probe"})).unwrap();
    let found = serde_json::to_value(stack.database().scan(scan).unwrap()).unwrap();
    let mut ids: Vec<_> = found["Items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|i| i["pk"]["S"].as_str().unwrap().to_owned())
        .collect();
    ids.sort();
    ids
}

#[tokio::test]
async fn a_request_goes_through_table_stream_and_queue() {
    let stack = start().await;
    let (status, _) = post(&stack, "/do/it", json!({"do": "put", "id": "a"})).await;
    assert_eq!(status, 200);
    stack.settled().await.unwrap();
    assert_eq!(items(&stack), ["a", "done-a"]);

    let usage = stack.usage();
    assert_eq!(usage.of("front", "dynamodb:PutItem").calls, 1);
    assert!(
        (usage.of("front", "dynamodb:").write_units - 1.0).abs() < f64::EPSILON,
        "{usage:?}"
    );
    assert_eq!(usage.of("dispatch", "sqs:SendMessage").calls, 1);
    assert_eq!(
        stack.invocations()["dispatch"],
        1,
        "only what the filter lets through"
    );
    assert!(
        stack
            .logs()
            .iter()
            .any(|line| line.function == "front" && line.text.contains("probe does"))
    );
    stack.shutdown().await.unwrap();
}

#[tokio::test]
async fn the_gateway_answers_as_api_gateway() {
    let stack = start().await;
    let (status, event) = post(&stack, "/do/some%20thing?a=1", json!({})).await;
    assert_eq!(
        (status, &event["pathParameters"]["what"]),
        (200, &json!("some thing"))
    );
    assert_eq!(
        post(&stack, "/nowhere", json!({})).await,
        (404, json!({"message": "Not Found"}))
    );
    assert_eq!(
        post(&stack, "/do/it", json!({"do": "fail"})).await,
        (500, json!({"message": "Internal Server Error"}))
    );
    assert_eq!(
        post(&stack, "/do/it", json!({"do": "crash"})).await,
        (500, json!({"message": "Internal Server Error"}))
    );
    assert_eq!(post(&stack, "/do/it", json!({"do": "hang"})).await.0, 503);
    assert_eq!(
        post(&stack, "/do/it", json!({})).await.0,
        200,
        "a crash or timeout is over with its instance"
    );
    let long = json!({"x": "x".repeat(10 * 1024 * 1024)});
    assert_eq!(
        post(&stack, "/do/it", long).await,
        (413, json!({"message": "Request Entity Too Large"}))
    );
}

#[tokio::test]
async fn a_function_that_cannot_start_is_an_error() {
    let mut options = options();
    options
        .env
        .insert("PROBE".to_owned(), "cannot start".to_owned());
    let stack = Stack::start(options).await.unwrap();
    assert_eq!(post(&stack, "/do/it", json!({})).await.0, 500);
}

#[tokio::test]
async fn poison_goes_to_the_dead_letters_and_stops_nothing() {
    let stack = start().await;
    let queue = stack.queue("queue").unwrap();
    for body in ["one", "poison", "two"] {
        queue.push(body);
    }
    let dead = stack.queue("dead").unwrap();
    while dead.is_empty() {
        stack.quiet().await.unwrap();
        stack.advance(Duration::from_secs(61)).await;
    }
    stack.settled().await.unwrap();
    assert_eq!(items(&stack), ["done-one", "done-two"]);
    assert_eq!(dead.messages()[0].body, "poison");
    assert_eq!(dead.messages()[0].receives, 3);
}

#[tokio::test]
async fn delays_elapse_with_the_clock() {
    let stack = start().await;
    assert_eq!(
        post(
            &stack,
            "/do/it",
            json!({"do": "send", "message": "later", "delay": 900})
        )
        .await
        .0,
        200
    );
    assert_eq!(
        post(
            &stack,
            "/do/it",
            json!({"do": "send", "message": "never", "delay": 901})
        )
        .await
        .0,
        500
    );
    stack.quiet().await.unwrap();
    assert_eq!(stack.queue("queue").unwrap().len(), 1);
    stack.advance(Duration::from_mins(15)).await;
    stack.settled().await.unwrap();
    assert_eq!(items(&stack), ["done-later"]);
    let (_, offset) = post(
        &stack,
        "/do/it",
        json!({"do": "env", "name": "CLOCK_OFFSET_SECONDS"}),
    )
    .await;
    assert_eq!(offset["value"], "900");
}

#[tokio::test]
async fn trouble_can_be_asked_for() {
    let stack = start().await;
    let queue = stack.queue("queue").unwrap();
    queue.faults(Mischief::seeded(7).drop(1.0));
    queue.push("lost");
    queue.faults(Mischief::seeded(7).repeat(1.0, 3).reorder());
    queue.push("repeated");
    stack.settled().await.unwrap();
    assert_eq!(items(&stack), ["done-repeated"]);
    assert!(stack.usage().of("send", "dynamodb:PutItem").calls > 1);

    stack
        .faults()
        .add(Rule::once("dynamodb:PutItem", Fault::Throttled));
    assert_eq!(
        post(&stack, "/do/it", json!({"do": "put", "id": "b"}))
            .await
            .0,
        200,
        "the SDK tries again"
    );
    stack.settled().await.unwrap();
    assert_eq!(stack.usage().of("front", "dynamodb:PutItem").calls, 2);
}

#[tokio::test]
async fn a_killed_function_loses_no_message() {
    let stack = start().await;
    stack.faults().add(Rule {
        function: Some("send".to_owned()),
        ..Rule::once("dynamodb:PutItem", Fault::Hangs)
    });
    stack.queue("queue").unwrap().push("a");
    assert!(
        stack
            .until(Duration::from_secs(20), |s| s
                .usage()
                .of("send", "dynamodb:PutItem")
                .calls
                == 1)
            .await
    );
    stack.kill("send").unwrap();
    stack.quiet().await.unwrap();
    assert!(items(&stack).is_empty());
    stack.advance(Duration::from_mins(1)).await;
    stack.settled().await.unwrap();
    assert_eq!(items(&stack), ["done-a"]);
}

#[tokio::test]
async fn records_that_fail_again_and_again_are_given_up() {
    let stack = start().await;
    stack.faults().add(Rule {
        times: 100,
        ..Rule::once("sqs:SendMessage", Fault::Failed)
    });
    post(&stack, "/do/it", json!({"do": "put", "id": "a"})).await;
    stack.settled().await.unwrap();
    assert_eq!(
        stack.invocations()["dispatch"],
        3,
        "once, and two tries more"
    );
    let dead: Value =
        serde_json::from_str(&stack.queue("Dead").unwrap().messages()[0].body).unwrap();
    assert_eq!(dead["DDBStreamBatchInfo"]["batchSize"], 1);
    stack.faults().clear();
    post(&stack, "/do/it", json!({"do": "put", "id": "b"})).await;
    stack.settled().await.unwrap();
    assert_eq!(
        items(&stack),
        ["a", "b", "done-b"],
        "the next record is not held up"
    );
}

#[tokio::test]
async fn expired_items_go() {
    let stack = start().await;
    let soon = stack.clock().now().as_second() + 100;
    let item =
        json!({"TableName": "probe", "Item": {"pk": {"S": "x"}, "ttl": {"N": soon.to_string()}}});
    stack
        .database()
        .put_item(serde_json::from_value(item).unwrap())
        .unwrap();
    stack.advance(Duration::from_secs(99)).await;
    assert_eq!(items(&stack), ["x"]);
    stack.advance(Duration::from_secs(2)).await;
    assert!(items(&stack).is_empty());
}

#[tokio::test]
async fn broken_clients_do_no_harm() {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    let stack = start().await;
    let address = stack.url().trim_start_matches("http://").to_owned();
    let huge = format!(
        "GET /do/x HTTP/1.1\r\nhost: x\r\nx-huge: {}\r\n\r\n",
        "x".repeat(600_000)
    );
    let broken: [&[u8]; 5] = [
        b"\x16\x03\x01\x02\x00nonsense\r\n\r\n",
        b"POST /do/\xff\xfe HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-length: 2\r\n\r\n\xff\xfe",
        b"POST /do/it HTTP/1.1\r\nhost: x\r\nx-odd: \xff\xfe\r\nconnection: close\r\ncontent-length: 2\r\n\r\n{}",
        b"POST /do/%zz?%ff=%fe&=&& HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-length: 2\r\n\r\n\xff\xfe",
        huge.as_bytes(),
    ];
    for request in broken {
        let mut client = tokio::net::TcpStream::connect(&address).await.unwrap();
        // The stack may hang up before it has all of it.
        client.write_all(request).await.ok();
        let mut answer = Vec::new();
        client.read_to_end(&mut answer).await.ok();
    }
    assert_eq!(post(&stack, "/do/it", json!({})).await.0, 200);
}

#[tokio::test]
async fn topics_secrets_and_tokens_are_there() {
    let stack = start().await;
    assert_eq!(
        post(
            &stack,
            "/do/it",
            json!({"do": "publish", "message": "<hello>"})
        )
        .await
        .0,
        200
    );
    let published = &stack.topic_messages()[0];
    assert_eq!(
        (
            published.message.as_str(),
            published.attributes["skill"].as_str()
        ),
        ("<hello>", "sales")
    );

    let (_, secret) = post(&stack, "/do/it", json!({"do": "secret"})).await;
    let secret: Value = serde_json::from_str(secret["secret"].as_str().unwrap()).unwrap();
    assert_eq!(secret["current"].as_str().unwrap().len(), 64);

    let wanted = json!({"role": "agent", "account": "demo", "subject": "kim", "skills": ["sales"]});
    let (status, token) = post(&stack, "/_local/tokens", wanted).await;
    let mut rules = jsonwebtoken::Validation::new(jsonwebtoken::Algorithm::HS256);
    rules.set_audience(&["demo"]);
    let key =
        jsonwebtoken::DecodingKey::from_secret(secret["current"].as_str().unwrap().as_bytes());
    let claims =
        jsonwebtoken::decode::<Value>(token["access_token"].as_str().unwrap(), &key, &rules)
            .unwrap()
            .claims;
    assert_eq!(
        (status, &claims["roles"], &claims["skills"]),
        (200, &json!(["agent"]), &json!(["sales"]))
    );
    stack.token("consumer", "demo", "ana", &[]).unwrap();
    assert_eq!(
        post(
            &stack,
            "/_local/tokens",
            json!({"role": "king", "account": "demo", "subject": "x"})
        )
        .await
        .0,
        400
    );
}

#[tokio::test]
async fn a_stack_goes_on_where_it_stopped() {
    let data = std::env::temp_dir().join(format!("local-test-{}", uuid::Uuid::new_v4()));
    let options = Options {
        data: Some(data.clone()),
        ..options()
    };
    let stack = Stack::start(options.clone()).await.unwrap();
    post(&stack, "/do/it", json!({"do": "put", "id": "a"})).await;
    stack.settled().await.unwrap();
    post(
        &stack,
        "/do/it",
        json!({"do": "send", "message": "later", "delay": 900}),
    )
    .await;
    let secret = stack.secret("overture-TokenSecret");
    stack.shutdown().await.unwrap();

    let stack = Stack::start(options).await.unwrap();
    assert_eq!(stack.secret("overture-TokenSecret"), secret);
    assert_eq!(stack.queue("queue").unwrap().messages()[0].body, "later");
    stack.advance(Duration::from_mins(15)).await;
    stack.settled().await.unwrap();
    assert_eq!(items(&stack), ["a", "done-a", "done-later"]);
    assert_eq!(
        stack.invocations()["dispatch"],
        0,
        "what was read is not read again"
    );
    stack.shutdown().await.unwrap();
    std::fs::remove_dir_all(data).unwrap();
}

#[tokio::test]
async fn what_a_policy_does_not_allow_is_refused() {
    let stack = start().await;
    // Its own queue it may send to, and the dead letters are none of its business.
    let (status, _) = post(&stack, "/do/it", json!({"do": "send", "message": "a"})).await;
    assert_eq!(status, 200);
    let other = json!({"do": "send", "message": "b", "queue": "dead"});
    let (status, _) = post(&stack, "/do/it", other).await;
    assert_eq!(status, 500);
    assert!(stack.queue("dead").unwrap().is_empty());
    let refused = stack.refused_rights();
    let refused: Vec<_> = refused["front"].iter().map(ToString::to_string).collect();
    assert_eq!(
        refused,
        ["sqs:SendMessage on arn:aws:sqs:eu-west-1:123456789012:dead"]
    );
    let unused = stack.unused_rights();
    assert!(
        unused["front"]
            .iter()
            .all(|r| r.action != "sqs:SendMessage")
    );
    assert!(unused["front"].iter().any(|r| r.action == "sns:Publish"));
}
