//! A function for the tests of the local stack: it does what the event says.
#![expect(clippy::disallowed_methods, reason = "its settings are the tests'")]
use aws_sdk_dynamodb::types::AttributeValue;
use lambda_runtime::{Error, LambdaEvent, service_fn};
use serde_json::{Value, json};

struct Clients {
    dynamodb: aws_sdk_dynamodb::Client,
    sqs: aws_sdk_sqs::Client,
    sns: aws_sdk_sns::Client,
    secrets: aws_sdk_secretsmanager::Client,
}

#[tokio::main]
async fn main() -> Result<(), Error> {
    if std::env::var("PROBE").is_ok_and(|probe| probe == "cannot start") {
        return Err("cannot start".into());
    }
    let config = aws_config::load_defaults(aws_config::BehaviorVersion::latest()).await;
    let clients = Clients {
        dynamodb: aws_sdk_dynamodb::Client::new(&config),
        sqs: aws_sdk_sqs::Client::new(&config),
        sns: aws_sdk_sns::Client::new(&config),
        secrets: aws_sdk_secretsmanager::Client::new(&config),
    };
    lambda_runtime::run(service_fn(|event: LambdaEvent<Value>| {
        handle(&clients, event.payload)
    }))
    .await
}

async fn handle(clients: &Clients, event: Value) -> Result<Value, Error> {
    if event["requestContext"].is_object() {
        let body: Value = serde_json::from_str(event["body"].as_str().unwrap_or("{}"))?;
        let answer = act(clients, &body, &event).await?;
        return Ok(
            json!({"statusCode": 200, "headers": {"content-type": "application/json"}, "body": answer.to_string()}),
        );
    }
    let Some(records) = event["Records"].as_array() else {
        return act(clients, &event, &event).await;
    };
    let mut failures = Vec::new();
    for record in records {
        let handled = match record["body"].as_str() {
            Some(body) => from_queue(clients, body).await,
            None => from_stream(clients, record).await,
        };
        if handled.is_err() {
            let id = record["messageId"]
                .as_str()
                .or(record["dynamodb"]["SequenceNumber"].as_str());
            failures.push(json!({"itemIdentifier": id}));
        }
    }
    Ok(json!({"batchItemFailures": failures}))
}

async fn act(clients: &Clients, body: &Value, event: &Value) -> Result<Value, Error> {
    println!("probe does {}", body["do"]);
    let text = |name: &str| body[name].as_str().unwrap_or_default().to_owned();
    match body["do"].as_str() {
        Some("put") => put(clients, &text("id"), "made").await?,
        Some("fail") => return Err("as it was asked to".into()),
        Some("crash") => std::process::exit(3),
        Some("hang") => std::future::pending().await,
        Some("publish") => {
            let topic = std::env::var("TOPIC_ARN")?;
            let kind = aws_sdk_sns::types::MessageAttributeValue::builder()
                .data_type("String")
                .string_value("sales")
                .build()?;
            clients
                .sns
                .publish()
                .topic_arn(topic)
                .message(text("message"))
                .message_attributes("skill", kind)
                .send()
                .await?;
        }
        Some("secret") => {
            let secret = clients
                .secrets
                .get_secret_value()
                .secret_id(std::env::var("SECRET_ARN")?)
                .send()
                .await?;
            return Ok(json!({"secret": secret.secret_string()}));
        }
        Some("send") => {
            let own = std::env::var("QUEUE_URL")?;
            let url = match (body["queue"].as_str(), own.rsplit_once('/')) {
                (Some(other), Some((base, _))) => format!("{base}/{other}"),
                _ => own,
            };
            let queue = clients.sqs.send_message().queue_url(url);
            let delay = body["delay"]
                .as_i64()
                .and_then(|d| i32::try_from(d).ok())
                .unwrap_or(0);
            queue
                .message_body(text("message"))
                .delay_seconds(delay)
                .send()
                .await?;
        }
        Some("env") => return Ok(json!({"value": std::env::var(text("name")).ok()})),
        _ => return Ok(event.clone()),
    }
    Ok(json!({}))
}

async fn put(clients: &Clients, id: &str, kind: &str) -> Result<(), Error> {
    let item = clients
        .dynamodb
        .put_item()
        .table_name(std::env::var("TABLE_NAME")?);
    item.item("pk", AttributeValue::S(id.to_owned()))
        .item("kind", AttributeValue::S(kind.to_owned()))
        .send()
        .await?;
    Ok(())
}

/// A message becomes an item; one that says `poison` cannot.
async fn from_queue(clients: &Clients, body: &str) -> Result<(), Error> {
    if body.contains("poison") {
        return Err("poison".into());
    }
    put(clients, &format!("done-{body}"), "done").await
}

/// A new item becomes a message.
async fn from_stream(clients: &Clients, record: &Value) -> Result<(), Error> {
    let id = record["dynamodb"]["NewImage"]["pk"]["S"]
        .as_str()
        .ok_or("no id")?;
    clients
        .sqs
        .send_message()
        .queue_url(std::env::var("QUEUE_URL")?)
        .message_body(id)
        .send()
        .await?;
    Ok(())
}
