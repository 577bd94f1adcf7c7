//! What invokes a function: routes, queues, streams and schedules.
use super::{Resource, TemplateError, number, resolve::text};
use crate::filter::Filter;
use serde_json::Value;
use std::time::Duration;

/// One entry of a function's `Events`.
#[derive(Debug)]
pub enum Event {
    /// A route of the HTTP API.
    Http(Route),
    /// An SQS queue.
    Queue(QueueSource),
    /// A DynamoDB stream.
    Stream(StreamSource),
    /// A schedule.
    Schedule(Schedule),
}

/// A route of the HTTP API.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Route {
    /// The method in capitals, or `ANY`.
    pub method: String,
    /// The path with its `{parameters}`, or `$default`.
    pub path: String,
}

/// A queue whose messages go to a function.
#[derive(Debug)]
pub struct QueueSource {
    /// The queue's ARN.
    pub arn: String,
    /// The most messages in one invocation.
    pub batch_size: usize,
    /// How long to wait for a batch to fill.
    pub window: Duration,
    /// The most invocations at once.
    pub concurrency: Option<usize>,
    /// Whether the function says which messages failed.
    pub partial_failures: bool,
}

/// A table whose changes go to a function.
#[derive(Debug)]
pub struct StreamSource {
    /// The name of the event, unique in its function.
    pub name: String,
    /// The stream's ARN.
    pub arn: String,
    /// Whether it starts with what is in the stream already.
    pub from_start: bool,
    /// The most records in one invocation.
    pub batch_size: usize,
    /// How long to wait for a batch to fill.
    pub window: Duration,
    /// Which records the function is for.
    pub filter: Filter,
    /// Whether the function says which records failed.
    pub partial_failures: bool,
    /// Whether a failed batch is halved to find the record that fails.
    pub bisect: bool,
    /// How often a failed batch is tried again; without end when there is no number.
    pub retries: Option<u32>,
    /// Where a batch goes that failed for good.
    pub on_failure: Option<Destination>,
}

/// Where a batch goes that failed for good: the ARN of a queue or topic.
pub type Destination = String;

/// A schedule.
#[derive(Debug)]
pub struct Schedule {
    /// How often, for `rate(…)`. Others (`cron(…)`) are never due by themselves.
    pub every: Option<Duration>,
    /// The event that it sends in the place of the usual one.
    pub input: Option<Value>,
}

/// The events of a function.
pub(super) fn read(resource: &Resource<'_>) -> Result<Vec<Event>, TemplateError> {
    let mut events = Vec::new();
    for (name, event) in resource.body["Properties"]["Events"]
        .as_object()
        .into_iter()
        .flatten()
    {
        let property = format!("Events.{name}");
        // `Auth` and the like may hold what only AWS knows, so each kind resolves what it needs.
        let kind = event["Type"].as_str().unwrap_or_default();
        let own = Own {
            resource,
            property: &property,
            body: &event["Properties"],
        };
        events.push(match kind {
            "HttpApi" => Event::Http(own.route()?),
            "SQS" => Event::Queue(own.queue()?),
            "DynamoDB" => Event::Stream(own.stream(name)?),
            "Schedule" | "ScheduleV2" => Event::Schedule(own.schedule()?),
            other => {
                return Err(
                    resource.wrong(&property, format!("the local stack has no {other} events"))
                );
            }
        });
    }
    Ok(events)
}

struct Own<'a> {
    resource: &'a Resource<'a>,
    property: &'a str,
    body: &'a Value,
}

impl Own<'_> {
    fn wrong(&self, name: &str, reason: impl Into<String>) -> TemplateError {
        self.resource
            .wrong(&format!("{}.{name}", self.property), reason)
    }

    fn get(&self, name: &str) -> Result<Value, TemplateError> {
        self.resource
            .resolve(&format!("{}.{name}", self.property), &self.body[name])
    }

    fn text(&self, name: &str) -> Result<Option<String>, TemplateError> {
        Ok(text(&self.get(name)?))
    }

    fn required(&self, name: &str) -> Result<String, TemplateError> {
        self.text(name)?
            .ok_or_else(|| self.wrong(name, "is missing"))
    }

    fn count(&self, name: &str) -> Result<Option<usize>, TemplateError> {
        let value = number(&self.get(name)?).map_err(|e| self.wrong(name, e))?;
        Ok(value.map(|n| usize::try_from(n).unwrap_or(usize::MAX)))
    }

    fn window(&self) -> Result<Duration, TemplateError> {
        let seconds = self.count("MaximumBatchingWindowInSeconds")?.unwrap_or(0);
        Ok(Duration::from_secs(seconds as u64))
    }

    fn flag(&self, name: &str) -> Result<bool, TemplateError> {
        Ok(self.text(name)?.as_deref() == Some("true"))
    }

    fn partial_failures(&self) -> Result<bool, TemplateError> {
        let types = self.get("FunctionResponseTypes")?;
        Ok(types
            .as_array()
            .into_iter()
            .flatten()
            .any(|t| t == "ReportBatchItemFailures"))
    }

    fn route(&self) -> Result<Route, TemplateError> {
        Ok(Route {
            method: self
                .text("Method")?
                .unwrap_or_else(|| "ANY".to_owned())
                .to_uppercase()
                .replace("X-AMAZON-APIGATEWAY-ANY-METHOD", "ANY"),
            path: self.text("Path")?.unwrap_or_else(|| "$default".to_owned()),
        })
    }

    fn queue(&self) -> Result<QueueSource, TemplateError> {
        let scaling = self.get("ScalingConfig")?;
        let concurrency =
            number(&scaling["MaximumConcurrency"]).map_err(|e| self.wrong("ScalingConfig", e))?;
        Ok(QueueSource {
            arn: self.required("Queue")?,
            batch_size: self.count("BatchSize")?.unwrap_or(10).max(1),
            window: self.window()?,
            concurrency: concurrency.map(|n| usize::try_from(n).unwrap_or(usize::MAX)),
            partial_failures: self.partial_failures()?,
        })
    }

    fn stream(&self, name: &str) -> Result<StreamSource, TemplateError> {
        let criteria = self.get("FilterCriteria")?;
        let mut patterns = Vec::new();
        for filter in criteria["Filters"].as_array().into_iter().flatten() {
            patterns.push(match &filter["Pattern"] {
                Value::String(json) => serde_json::from_str(json).map_err(|e| {
                    self.wrong("FilterCriteria", format!("the pattern is no JSON: {e}"))
                })?,
                object => object.clone(),
            });
        }
        let retries = self.text("MaximumRetryAttempts")?.filter(|n| n != "-1");
        let retries = retries.map(|n| {
            n.parse()
                .map_err(|_| self.wrong("MaximumRetryAttempts", "is no number"))
        });
        let destination = self.get("DestinationConfig")?;
        Ok(StreamSource {
            name: name.to_owned(),
            arn: self.required("Stream")?,
            from_start: self.required("StartingPosition")? == "TRIM_HORIZON",
            batch_size: self.count("BatchSize")?.unwrap_or(100).max(1),
            window: self.window()?,
            filter: Filter::parse(patterns).map_err(|e| self.wrong("FilterCriteria", e))?,
            partial_failures: self.partial_failures()?,
            bisect: self.flag("BisectBatchOnFunctionError")?,
            retries: retries.transpose()?,
            on_failure: destination["OnFailure"]["Destination"]
                .as_str()
                .map(str::to_owned),
        })
    }

    fn schedule(&self) -> Result<Schedule, TemplateError> {
        let expression = match self.text("ScheduleExpression")? {
            Some(expression) => expression,
            None => self.required("Schedule")?,
        };
        let input = self.text("Input")?;
        let input = input.map(|json| {
            serde_json::from_str(&json).map_err(|e| self.wrong("Input", e.to_string()))
        });
        Ok(Schedule {
            every: rate(&expression).map_err(|e| self.wrong("Schedule", e))?,
            input: input.transpose()?,
        })
    }
}

/// `rate(5 minutes)` as a duration; nothing for the other kinds.
fn rate(expression: &str) -> Result<Option<Duration>, String> {
    let Some(inner) = expression
        .strip_prefix("rate(")
        .and_then(|e| e.strip_suffix(')'))
    else {
        return Ok(None);
    };
    let wrong = || format!("{expression} is no rate");
    let (count, unit) = inner.trim().split_once(' ').ok_or_else(wrong)?;
    let count: u64 = count.parse().map_err(|_| wrong())?;
    let seconds = match unit.trim().trim_end_matches('s') {
        "minute" => 60,
        "hour" => 3600,
        "day" => 86_400,
        _ => return Err(wrong()),
    };
    Ok(Some(Duration::from_secs(count * seconds)))
}
