//! SQS's protocol (AWS JSON 1.0) over the queues of the template.
#[cfg(test)]
mod tests;

use crate::{
    clock::Clock,
    message::{Message, Sent, md5_hex, md5_of_attributes},
    pulse::Pulse,
    queue::Queue,
    services::ServiceError,
    template::{self, ACCOUNT},
};
use serde_json::{Map, Value, json};
use std::{
    collections::{BTreeMap, HashSet},
    sync::Arc,
    time::Duration,
};

/// A message's, and a batch's, greatest size.
const MAX_BYTES: usize = 1024 * 1024;
/// The most entries of a batch.
const MAX_BATCH: usize = 10;
/// The longest delay, in seconds.
const MAX_DELAY: u64 = 900;
/// The longest visibility timeout, in seconds.
const MAX_VISIBILITY: u64 = 43_200;

/// All queues, by name.
#[derive(Clone, Debug, Default)]
pub(crate) struct Queues {
    by_name: Arc<BTreeMap<String, Queue>>,
    base_url: String,
}

type Answer = Result<Value, ServiceError>;

impl Queues {
    pub(crate) fn new(
        queues: &[template::Queue],
        base_url: &str,
        clock: &Clock,
        changed: &Pulse,
    ) -> Self {
        let make = |q: &template::Queue| {
            (
                q.name.clone(),
                Queue::new(q, clock.clone(), changed.clone()),
            )
        };
        let by_name: BTreeMap<_, _> = queues.iter().map(make).collect();
        let by_arn = |arn: &str| by_name.values().find(|q| q.0.arn == arn);
        for queue in by_name.values() {
            if let Some(target) = queue.0.redrive.as_ref().and_then(|(arn, _)| by_arn(arn)) {
                queue
                    .0
                    .dead_letters
                    .get_or_init(|| Arc::downgrade(&target.0));
            }
        }
        Self {
            by_name: Arc::new(by_name),
            base_url: base_url.to_owned(),
        }
    }

    pub(crate) fn all(&self) -> impl Iterator<Item = &Queue> {
        self.by_name.values()
    }

    /// The queue with that name, logical id or ARN.
    pub(crate) fn find(&self, called: &str) -> Option<&Queue> {
        let name = called
            .strip_prefix("arn:")
            .and_then(|arn| arn.rsplit(':').next())
            .unwrap_or(called);
        self.by_name
            .get(name)
            .or_else(|| self.by_name.values().find(|q| q.0.id == called))
    }

    /// All messages, to be kept over a restart.
    pub(crate) fn save(&self) -> BTreeMap<String, Vec<Message>> {
        self.by_name
            .iter()
            .map(|(name, queue)| (name.clone(), queue.messages()))
            .collect()
    }

    pub(crate) fn restore(&self, saved: BTreeMap<String, Vec<Message>>) {
        for (name, messages) in saved {
            if let Some(queue) = self.by_name.get(&name) {
                queue.restore(messages);
            }
        }
    }

    pub(crate) async fn call(&self, operation: &str, request: Value) -> Answer {
        match operation {
            "GetQueueUrl" => {
                let name = request["QueueName"].as_str().unwrap_or_default();
                self.by_name.get(name).ok_or_else(no_queue)?;
                Ok(json!({"QueueUrl": format!("{}/{ACCOUNT}/{name}", self.base_url)}))
            }
            "ListQueues" => {
                let url = |name| format!("{}/{ACCOUNT}/{name}", self.base_url);
                Ok(json!({"QueueUrls": self.by_name.keys().map(url).collect::<Vec<_>>()}))
            }
            "StartMessageMoveTask" => {
                let source = request["SourceArn"]
                    .as_str()
                    .and_then(|arn| self.find(arn))
                    .ok_or_else(no_queue)?;
                let back = |q: &&Queue| {
                    q.0.redrive
                        .as_ref()
                        .is_some_and(|(arn, _)| *arn == source.0.arn)
                };
                let target = match request["DestinationArn"].as_str() {
                    Some(arn) => self.find(arn),
                    None => self.by_name.values().find(back),
                };
                source.redrive_to(target.ok_or_else(no_queue)?);
                Ok(json!({"TaskHandle": uuid::Uuid::new_v4().to_string()}))
            }
            _ => self.on_queue(operation, &request).await,
        }
    }

    async fn on_queue(&self, operation: &str, request: &Value) -> Answer {
        let url = request["QueueUrl"]
            .as_str()
            .ok_or_else(|| missing("QueueUrl"))?;
        let name = url.rsplit('/').next().unwrap_or_default();
        let queue = self.by_name.get(name).ok_or_else(no_queue)?;
        match operation {
            "SendMessage" => {
                let sent = sent(request)?;
                too_long(size(&sent)).map_or(Ok(()), Err)?;
                Ok(send(queue, &sent))
            }
            "SendMessageBatch" => send_batch(queue, request),
            "ReceiveMessage" => receive(queue, request).await,
            "DeleteMessage" => {
                queue.delete(receipt(request)?);
                Ok(json!({}))
            }
            "DeleteMessageBatch" => Ok(batch(entries(request)?, |entry| {
                queue.delete(receipt(entry)?);
                Ok(json!({}))
            })),
            "ChangeMessageVisibility" => hide(queue, request),
            "ChangeMessageVisibilityBatch" => {
                Ok(batch(entries(request)?, |entry| hide(queue, entry)))
            }
            "GetQueueAttributes" => Ok(attributes(queue)),
            "PurgeQueue" => {
                queue.purge();
                Ok(json!({}))
            }
            _ => Err(ServiceError::new(
                "UnsupportedOperation",
                format!("{operation} is not played locally"),
            )),
        }
    }
}

fn no_queue() -> ServiceError {
    ServiceError::new("QueueDoesNotExist", "The specified queue does not exist.")
}

fn missing(name: &str) -> ServiceError {
    ServiceError::new(
        "MissingParameter",
        format!("The request must contain the parameter {name}."),
    )
}

fn too_long(bytes: usize) -> Option<ServiceError> {
    let message = format!(
        "One or more parameters are invalid. Reason: Message must be shorter than {MAX_BYTES} bytes."
    );
    (bytes > MAX_BYTES).then(|| ServiceError::new("InvalidParameterValue", message))
}

fn sent(entry: &Value) -> Result<Sent, ServiceError> {
    let body = entry["MessageBody"]
        .as_str()
        .filter(|b| !b.is_empty())
        .ok_or_else(|| missing("MessageBody"))?;
    let allowed = |c: char| matches!(c, '\t' | '\n' | '\r' | '\u{20}'..='\u{d7ff}' | '\u{e000}'..='\u{fffd}' | '\u{10000}'..);
    if !body.chars().all(allowed) {
        return Err(ServiceError::new(
            "InvalidMessageContents",
            "Invalid characters in the message's body.",
        ));
    }
    let map = |name: &str| entry[name].as_object().cloned().unwrap_or_default();
    let (attributes, system_attributes) =
        (map("MessageAttributes"), map("MessageSystemAttributes"));
    if attributes.len() > 10 {
        return Err(ServiceError::new(
            "InvalidParameterValue",
            "Number of message attributes exceeds the allowed maximum [10].",
        ));
    }
    Ok(Sent {
        body: body.to_owned(),
        delay: seconds(entry, "DelaySeconds", MAX_DELAY)?,
        attributes,
        system_attributes,
    })
}

fn seconds(request: &Value, name: &str, most: u64) -> Result<Option<Duration>, ServiceError> {
    let Some(value) = request.get(name).filter(|v| !v.is_null()) else {
        return Ok(None);
    };
    match value.as_u64().filter(|s| *s <= most) {
        Some(seconds) => Ok(Some(Duration::from_secs(seconds))),
        None => Err(ServiceError::new(
            "InvalidParameterValue",
            format!(
                "Value {value} for parameter {name} is invalid. Reason: {name} must be >= 0 and <= {most}."
            ),
        )),
    }
}

fn size(sent: &Sent) -> usize {
    let attribute = |(name, value): (&String, &Value)| {
        let part = |field: &str| value[field].as_str().map_or(0, str::len);
        name.len() + part("DataType") + part("StringValue") + part("BinaryValue")
    };
    sent.body.len() + sent.attributes.iter().map(attribute).sum::<usize>()
}

fn send(queue: &Queue, sent: &Sent) -> Value {
    let mut answer = json!({"MD5OfMessageBody": md5_hex(sent.body.as_bytes())});
    if !sent.attributes.is_empty() {
        answer["MD5OfMessageAttributes"] = md5_of_attributes(&sent.attributes).into();
    }
    if !sent.system_attributes.is_empty() {
        answer["MD5OfMessageSystemAttributes"] = md5_of_attributes(&sent.system_attributes).into();
    }
    answer["MessageId"] = queue.send(sent).into();
    answer
}

fn entries(request: &Value) -> Result<&[Value], ServiceError> {
    let entries = request["Entries"]
        .as_array()
        .map(Vec::as_slice)
        .unwrap_or_default();
    if entries.is_empty() {
        return Err(ServiceError::new(
            "EmptyBatchRequest",
            "There should be at least one entry in the request.",
        ));
    }
    if entries.len() > MAX_BATCH {
        let message = format!(
            "Maximum number of entries per request are {MAX_BATCH}. You have sent {}.",
            entries.len()
        );
        return Err(ServiceError::new("TooManyEntriesInBatchRequest", message));
    }
    let mut ids = HashSet::new();
    for entry in entries {
        let id = entry["Id"].as_str().unwrap_or_default();
        let valid = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
        if id.is_empty() || id.len() > 80 || !id.chars().all(valid) {
            return Err(ServiceError::new(
                "InvalidBatchEntryId",
                "A batch entry id can only contain alphanumeric characters, hyphens and underscores. It can be at most 80 letters long.",
            ));
        }
        if !ids.insert(id) {
            return Err(ServiceError::new(
                "BatchEntryIdsNotDistinct",
                format!("Id {id} repeated."),
            ));
        }
    }
    Ok(entries)
}

fn batch(entries: &[Value], mut each: impl FnMut(&Value) -> Answer) -> Value {
    let (mut done, mut failed) = (Vec::new(), Vec::new());
    for entry in entries {
        match each(entry) {
            Ok(mut answer) => {
                answer["Id"] = entry["Id"].clone();
                done.push(answer);
            }
            Err(error) => failed.push(json!({
                "Id": entry["Id"], "SenderFault": true, "Code": error.code, "Message": error.message,
            })),
        }
    }
    json!({"Successful": done, "Failed": failed})
}

fn send_batch(queue: &Queue, request: &Value) -> Answer {
    let entries = entries(request)?;
    let bytes: usize = entries
        .iter()
        .filter_map(|e| sent(e).ok())
        .map(|s| size(&s))
        .sum();
    if bytes > MAX_BYTES {
        let message = format!(
            "Batch requests cannot be longer than {MAX_BYTES} bytes. You have sent {bytes} bytes."
        );
        return Err(ServiceError::new("BatchRequestTooLong", message));
    }
    Ok(batch(entries, |entry| Ok(send(queue, &sent(entry)?))))
}

async fn receive(queue: &Queue, request: &Value) -> Answer {
    let max = request["MaxNumberOfMessages"].as_u64().unwrap_or(1);
    let max = usize::try_from(max)
        .ok()
        .filter(|n| (1..=MAX_BATCH).contains(n));
    let max = max.ok_or_else(|| {
        ServiceError::new(
            "InvalidParameterValue",
            "MaxNumberOfMessages must be between 1 and 10, if provided.",
        )
    })?;
    let visibility = seconds(request, "VisibilityTimeout", MAX_VISIBILITY)?;
    let wait = seconds(request, "WaitTimeSeconds", 20)?.unwrap_or_default();
    let mut messages = queue.receive(max, visibility);
    if messages.is_empty() && !wait.is_zero() {
        // Nothing within the wait is an answer like any other.
        tokio::time::timeout(wait, queue.available()).await.ok();
        messages = queue.receive(max, visibility);
    }
    let messages: Vec<Value> = messages.iter().map(Message::received).collect();
    Ok(if messages.is_empty() {
        json!({})
    } else {
        json!({"Messages": messages})
    })
}

fn receipt(request: &Value) -> Result<&str, ServiceError> {
    request["ReceiptHandle"]
        .as_str()
        .ok_or_else(|| missing("ReceiptHandle"))
}

fn hide(queue: &Queue, request: &Value) -> Answer {
    let by = seconds(request, "VisibilityTimeout", MAX_VISIBILITY)?
        .ok_or_else(|| missing("VisibilityTimeout"))?;
    if queue.hide(receipt(request)?, by) {
        return Ok(json!({}));
    }
    Err(ServiceError::new(
        "MessageNotInflight",
        "The specified message isn't in flight.",
    ))
}

fn attributes(queue: &Queue) -> Value {
    let (visible, in_flight, delayed) = queue.counts();
    let mut all = Map::new();
    let mut put = |name: &str, value: String| all.insert(name.to_owned(), value.into());
    put("QueueArn", queue.0.arn.clone());
    put("ApproximateNumberOfMessages", visible.to_string());
    put(
        "ApproximateNumberOfMessagesNotVisible",
        in_flight.to_string(),
    );
    put("ApproximateNumberOfMessagesDelayed", delayed.to_string());
    put(
        "VisibilityTimeout",
        queue.0.visibility.as_secs().to_string(),
    );
    put("DelaySeconds", queue.0.delay.as_secs().to_string());
    put(
        "MessageRetentionPeriod",
        queue.0.retention.as_secs().to_string(),
    );
    put("MaximumMessageSize", MAX_BYTES.to_string());
    if let Some((arn, most)) = &queue.0.redrive {
        put(
            "RedrivePolicy",
            json!({"deadLetterTargetArn": arn, "maxReceiveCount": most}).to_string(),
        );
    }
    json!({"Attributes": all})
}
