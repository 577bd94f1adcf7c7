//! From what is used to what it costs.

use super::{
    prices::{
        ALARM, API, BACKUP, COMPUTE, DASHBOARD, INVOKE, KEY, LOGS, METRIC, Price, QUEUE, READ,
        SCHEDULE, SECRET, STORAGE, TRACE, WRITE,
    },
    usage::{KEPT_BYTES, PACE, REPORTED, SENT, Units},
};
use crate::{
    template::{alarms, document, each, template},
    watched::metrics_of,
};
use domain::failure::Failure;
use lambda::Metric;
use local::template::{Event, Function};

/// What is assumed, since no test can measure it. Each is on the page.
pub(super) mod assumed {
    /// Messages of a full batch of 10: several pollers share what is due.
    pub(crate) const BATCH: f64 = 5.0;
    /// Open shards of the table's stream: a new on-demand table has four partitions.
    pub(crate) const SHARDS: f64 = 4.0;
    /// A call of AWS, in seconds.
    pub(crate) const CALL: f64 = 0.010;
    /// A push gateway's answer, in seconds.
    pub(crate) const GATEWAY: f64 = 0.100;
    /// CPU time of all functions for a sent message, in seconds: benches.md, growth.
    pub(crate) const CPU_SENT: f64 = 0.0012;
    /// CPU time of a call of the API with its counting, in seconds: benches.md, calls.
    pub(crate) const CPU_CALL: f64 = 0.002;
    /// Memory for which Lambda gives a whole CPU, in GB.
    pub(crate) const GB_OF_CPU: f64 = 1769.0 / 1024.0;
    /// Bytes of Lambda's own log lines of an invocation.
    pub(crate) const LOG_LINES: f64 = 700.0;
    /// Of the invocations of a function beyond the first in a second, how many are traced.
    pub(crate) const TRACED: f64 = 0.05;
    /// Requests by which Lambda waits at an empty queue, in a second: 5 pollers, 20 s each.
    pub(crate) const POLLS: f64 = 5.0 / 20.0;
    /// Seconds of a month of 30 days.
    pub(crate) const MONTH: f64 = 30.0 * 86_400.0;
    /// Of sent messages, how many are reported as delivered, and as read.
    pub(crate) const DELIVERED: f64 = 0.8;
    pub(crate) const READ: f64 = 0.3;
}

use assumed::{
    BATCH, CALL, CPU_CALL, CPU_SENT, GATEWAY, GB_OF_CPU, LOG_LINES, MONTH, POLLS, SHARDS, TRACED,
};

/// So much of something.
#[derive(Clone, Copy, Debug)]
pub(super) struct Line {
    pub(super) price: Price,
    pub(super) count: f64,
}

/// What the template decides of the bill.
#[derive(Clone, Copy, Debug)]
pub(super) struct Settings {
    /// For how long counting waits for a batch to fill, in seconds: `CountingWindow`.
    pub(super) window: f64,
    /// Whether invocations are traced: `Tracing`.
    pub(super) traced: bool,
    /// Whether Lambda's own log lines of each invocation are kept: `PlatformLogLevel`.
    pub(super) platform_lines: bool,
    /// Whether there is a dashboard: `ShowDashboard`.
    pub(super) dashboard: bool,
}

impl Settings {
    /// As it is deployed when nobody says otherwise.
    pub(super) fn deployed() -> Self {
        let document = document();
        let is = |name: &str, value: &str| {
            let default = &document["Parameters"][name]["Default"];
            default.as_str().unwrap() == value
        };
        let tally = function("tally");
        let window = tally.events.iter().find_map(|event| match event {
            Event::Stream(source) => Some(source.window.as_secs_f64()),
            _ => None,
        });
        Self {
            window: window.unwrap(),
            traced: is("Tracing", "Active"),
            platform_lines: is("PlatformLogLevel", "INFO"),
            dashboard: is("ShowDashboard", "true"),
        }
    }

    /// Invocations of `tally` for each message or report, at one account's pace: each shard has a
    /// batch of its own.
    fn counting(self) -> f64 {
        (SHARDS / (self.window * f64::from(PACE))).min(1.0)
    }

    /// Bytes of Lambda's own log lines of an invocation.
    fn log_lines(self) -> f64 {
        if self.platform_lines { LOG_LINES } else { 0.0 }
    }

    /// Traces of a function that is invoked so often for each message.
    fn traces(self, invocations: f64) -> f64 {
        if !self.traced {
            return 0.0;
        }
        let a_second = invocations * f64::from(PACE);
        let sampled = a_second.min(1.0) + TRACED * (a_second - 1.0).max(0.0);
        sampled / f64::from(PACE)
    }

    /// What each sent and counted message uses.
    pub(super) fn sent(self) -> Vec<Line> {
        let Units {
            create, dispatch, ..
        } = SENT;
        let send = SENT.send.max(1.0 / BATCH);
        let waits = [
            ("create-campaign", create, 3.0 * CALL),
            ("dispatch", dispatch, 2.0 * CALL),
            ("send", send, GATEWAY + 4.0 * CALL),
        ];
        let mut lines = self.lines(SENT, &waits, CPU_SENT);
        // Lambda receives and deletes what it hands out.
        lines.push(Line {
            price: QUEUE,
            count: SENT.enqueue + 2.0 * send,
        });
        lines.push(Line {
            price: API,
            count: create,
        });
        lines
    }

    /// What each report of a device uses.
    pub(super) fn reported(self) -> Vec<Line> {
        let mut lines = self.lines(REPORTED, &[("consumer", 1.0, 2.0 * CALL)], CPU_CALL);
        lines.push(Line {
            price: API,
            count: 1.0,
        });
        lines
    }

    /// What it takes of DynamoDB, Lambda, logs and traces, with its counting: invocations of
    /// functions that wait so long each.
    fn lines(self, units: Units, waits: &[(&str, f64, f64)], cpu: f64) -> Vec<Line> {
        let counting = self.counting();
        let mut waits = waits.to_vec();
        waits.push(("tally", counting, 3.0 * CALL));
        let invocations: f64 = waits.iter().map(|(_, count, _)| count).sum();
        let waited: f64 = waits
            .iter()
            .map(|(name, count, wait)| count * wait * gigabytes(&function(name)))
            .sum();
        let traces = waits.iter().map(|(_, count, _)| self.traces(*count)).sum();
        let gb = 1e9;
        let line = |price, count| Line { price, count };
        vec![
            line(WRITE, units.write + counting * units.write_of_tally),
            line(READ, units.read + counting * units.read_of_tally),
            line(INVOKE, invocations),
            line(COMPUTE, cpu * GB_OF_CPU + waited),
            line(
                LOGS,
                (invocations * self.log_lines() + units.log_bytes) / gb,
            ),
            line(TRACE, traces),
        ]
    }
}

/// What a stack with these settings uses in a month in which nobody does anything.
pub(super) fn idle(settings: Settings) -> Vec<Line> {
    let document = document();
    let resources = document["Resources"].as_object().unwrap();
    let count = |kind: &str| {
        let of = resources.values().filter(|r| r["Type"] == kind).count();
        f64::from(u32::try_from(of).unwrap())
    };
    // An alarm costs as much as it has metrics.
    let watched: usize = alarms().values().map(|alarm| metrics_of(alarm).len()).sum();
    let watched = f64::from(u32::try_from(watched).unwrap());
    let queues = template()
        .functions
        .iter()
        .flat_map(|f| &f.events)
        .fold(0.0, |n, event| {
            if matches!(event, Event::Queue(_)) {
                n + 1.0
            } else {
                n
            }
        });
    let every = |function: &Function| {
        function.events.iter().find_map(|event| match event {
            Event::Schedule(schedule) => schedule.every,
            _ => None,
        })
    };
    let mut lines = vec![
        Line {
            price: SECRET,
            count: count("AWS::SecretsManager::Secret"),
        },
        Line {
            price: KEY,
            count: count("AWS::KMS::Key"),
        },
        Line {
            price: ALARM,
            count: watched,
        },
        Line {
            price: METRIC,
            count: written_when_idle(),
        },
        Line {
            price: DASHBOARD,
            count: if settings.dashboard {
                count("AWS::CloudWatch::Dashboard")
            } else {
                0.0
            },
        },
        Line {
            price: QUEUE,
            count: queues * POLLS * MONTH,
        },
    ];
    for function in template().functions {
        let Some(every) = every(&function) else {
            continue;
        };
        let runs = MONTH / every.as_secs_f64();
        // It looks into each shard of marks, by queries of half a unit or one.
        let shards = 16.0;
        let line = |price, each: f64| Line {
            price,
            count: runs * each,
        };
        lines.extend([
            line(SCHEDULE, 1.0),
            line(INVOKE, 1.0),
            line(
                COMPUTE,
                (CPU_CALL * GB_OF_CPU) + shards * CALL * gigabytes(&function),
            ),
            line(READ, shards),
            line(LOGS, settings.log_lines() / 1e9),
            line(TRACE, if settings.traced { 1.0 } else { 0.0 }),
        ]);
    }
    lines
}

/// Metrics that filters make of the log though nothing of theirs is in it.
fn written_when_idle() -> f64 {
    let document = document();
    let resources = document["Resources"].as_object().unwrap().values();
    let filters = resources.filter(|r| r["Type"] == "AWS::Logs::MetricFilter");
    let made = filters.flat_map(|f| each(&f["Properties"]["MetricTransformations"]));
    let always = made
        .filter(|metric| !metric["DefaultValue"].is_null())
        .count();
    f64::from(u32::try_from(always).unwrap())
}

/// The functions' own metrics, in a month in which all of them are sent in every hour.
pub(super) fn measured() -> Vec<Line> {
    // One of them has its code as a dimension: each code is a metric.
    let count = Metric::ALL.len() - 1 + Failure::ALL.len();
    let count = f64::from(u32::try_from(count).unwrap());
    vec![Line {
        price: METRIC,
        count,
    }]
}

/// What a million messages cost in each month in which they are kept.
pub(super) fn kept() -> Vec<Line> {
    let gigabytes = 1e6 * KEPT_BYTES / 1e9;
    [STORAGE, BACKUP]
        .map(|price| Line {
            price,
            count: gigabytes,
        })
        .to_vec()
}

/// For how many months, unless the stack says otherwise.
pub(super) fn months_kept() -> f64 {
    let days = &document()["Parameters"]["RetentionDays"]["Default"];
    days.as_f64().unwrap() / 30.0
}

/// What so many of them cost.
pub(super) fn sum(lines: &[Line], times: f64) -> f64 {
    lines
        .iter()
        .map(|line| line.price.of(line.count * times))
        .sum()
}

fn function(binary: &str) -> Function {
    let mut all = template().functions.into_iter();
    all.find(|f| f.binary == binary).unwrap()
}

#[expect(clippy::cast_precision_loss, reason = "some hundred")]
fn gigabytes(function: &Function) -> f64 {
    function.memory as f64 / 1024.0
}
