//! Metrics: lines of the log in CloudWatch's [Embedded Metric Format][emf], of which CloudWatch
//! makes metrics. No call, no agent, no right.
//!
//! An invocation writes what it measured in one line for each campaign that it was about, when it is
//! over. The line has ids, too, so that a query of the log tells each account's and each campaign's
//! share. Nothing is written where nothing was measured.
//!
//! [emf]: https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html

mod table;

pub use table::{Metric, Unit};

use crate::about::About;
use domain::id::TransactionId;
use jiff::Timestamp;
use lambda_runtime::Context;
use serde_json::{Map, Value, json};
use std::{
    collections::{BTreeMap, BTreeSet},
    future::Future,
    io::{self, Write as _},
    mem,
    sync::{Arc, Mutex, PoisonError},
};

tokio::task_local! {
    static SHEET: Sheet;
}

/// The most values of one metric that a line may have.
const MOST: usize = 100;

/// Writes what invocations measured.
#[derive(Clone, Debug)]
pub(crate) struct Metrics(Arc<str>);

impl Metrics {
    /// Under that namespace.
    pub(crate) fn under(namespace: &str) -> Self {
        Self(namespace.into())
    }

    /// Does an invocation's work, then writes what it measured.
    pub(crate) async fn around<F: Future>(&self, invocation: &Context, work: F) -> F::Output {
        let sheet = Sheet::default();
        let done = SHEET.scope(sheet.clone(), work).await;
        let function = &invocation.env_config.function_name;
        let lines = sheet.lines(&self.0, function, &invocation.request_id, Timestamp::now());
        if !lines.is_empty() {
            // In one piece, so that no other line gets between. Without a log there is nobody to tell.
            io::stdout().lock().write_all(lines.as_bytes()).ok();
        }
        done
    }
}

/// Measures something in the invocation at hand; outside of one, nothing.
pub fn measure(about: &About, metric: Metric, value: u64) {
    add(about, metric, None, value);
}

/// Measures something whose dimension has that value.
pub fn measure_by(about: &About, metric: Metric, by: &'static str, value: u64) {
    add(about, metric, Some(by), value);
}

fn add(about: &About, metric: Metric, by: Option<&'static str>, value: u64) {
    debug_assert_eq!(metric.dimension().is_some(), by.is_some(), "{metric:?}");
    SHEET
        .try_with(|sheet| sheet.add(about, metric, by, value))
        .ok();
}

/// What an invocation measured so far.
#[derive(Clone, Debug, Default)]
struct Sheet(Arc<Mutex<BTreeMap<Head, Entries>>>);

/// What a line is about: not a single message, but all of the campaign that the invocation had.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Head {
    about: About,
    dimension: Option<(&'static str, &'static str)>,
}

#[derive(Debug, Default)]
struct Entries {
    messages: BTreeSet<TransactionId>,
    values: BTreeMap<Metric, Vec<u64>>,
}

impl Sheet {
    fn add(&self, about: &About, metric: Metric, by: Option<&'static str>, value: u64) {
        let head = Head {
            about: About {
                transaction: None,
                ..about.clone()
            },
            dimension: metric.dimension().zip(by),
        };
        let mut sheet = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let entries = sheet.entry(head).or_default();
        entries.messages.extend(about.transaction);
        let values = entries.values.entry(metric).or_default();
        match (metric.unit(), values.first_mut()) {
            (Unit::Count, Some(sum)) => *sum += value,
            _ => values.push(value),
        }
    }

    fn lines(&self, namespace: &str, function: &str, request: &str, at: Timestamp) -> String {
        let sheet = mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner));
        let mut lines = String::new();
        for (head, mut entries) in sheet {
            while !entries.values.is_empty() {
                let taken = entries.take();
                let mut line = head.line(namespace, &taken, at);
                line.insert("function".to_owned(), function.into());
                line.insert("requestId".to_owned(), request.into());
                if !entries.messages.is_empty() {
                    let ids = mem::take(&mut entries.messages);
                    let ids: Vec<_> = ids.iter().map(ToString::to_string).collect();
                    line.insert("transactions".to_owned(), ids.into());
                }
                lines += &Value::Object(line).to_string();
                lines.push('\n');
            }
        }
        lines
    }
}

impl Entries {
    /// As many values as a line may have.
    fn take(&mut self) -> BTreeMap<Metric, Vec<u64>> {
        let all = mem::take(&mut self.values);
        let part = |(metric, mut values): (Metric, Vec<u64>)| {
            let rest = values.split_off(values.len().min(MOST));
            if !rest.is_empty() {
                self.values.insert(metric, rest);
            }
            (metric, values)
        };
        all.into_iter().map(part).collect()
    }
}

impl Head {
    fn line(
        &self,
        namespace: &str,
        values: &BTreeMap<Metric, Vec<u64>>,
        at: Timestamp,
    ) -> Map<String, Value> {
        let names: Vec<_> = self.dimension.iter().map(|(name, _)| *name).collect();
        let metrics: Vec<_> = values
            .keys()
            .map(|metric| json!({"Name": metric.name(), "Unit": metric.unit().as_str()}))
            .collect();
        let mut line = Map::new();
        let mut put = |name: &str, value: Value| line.insert(name.to_owned(), value);
        put(
            "_aws",
            json!({
                "Timestamp": at.as_millisecond(),
                "CloudWatchMetrics": [
                    {"Namespace": namespace, "Dimensions": [names], "Metrics": metrics},
                ],
            }),
        );
        let About {
            account,
            campaign,
            transaction: _,
            conversation,
        } = &self.about;
        for (name, id) in [
            ("account", account.as_ref().map(ToString::to_string)),
            ("campaign", campaign.as_ref().map(ToString::to_string)),
            (
                "conversation",
                conversation.as_ref().map(ToString::to_string),
            ),
        ] {
            if let Some(id) = id {
                put(name, id.into());
            }
        }
        if let Some((name, value)) = self.dimension {
            put(name, value.into());
        }
        for (metric, values) in values {
            match values.as_slice() {
                [one] => put(metric.name(), (*one).into()),
                many => put(metric.name(), many.into()),
            };
        }
        line
    }
}

#[cfg(test)]
mod tests;
