//! What AWS asks for: list prices of us-east-1, on demand, in US dollars.

/// A price, and what AWS gives each of its accounts for nothing, every month and for good.
#[derive(Clone, Copy, Debug)]
pub(super) struct Price {
    /// What it is for.
    pub(super) what: &'static str,
    /// So much of it costs `usd`.
    pub(super) amount: f64,
    /// What that amount is called.
    pub(super) unit: &'static str,
    pub(super) usd: f64,
    pub(super) free: f64,
}

impl Price {
    /// What so much costs.
    pub(super) fn of(&self, count: f64) -> f64 {
        count / self.amount * self.usd
    }

    /// What so much costs in a month, less what is free.
    pub(super) fn beyond_free(&self, count: f64) -> f64 {
        self.of((count - self.free).max(0.0))
    }
}

const MILLION: f64 = 1e6;

const fn price(
    what: &'static str,
    (amount, unit): (f64, &'static str),
    usd: f64,
    free: f64,
) -> Price {
    Price {
        what,
        amount,
        unit,
        usd,
        free,
    }
}

pub(super) const API: Price = price("HTTP API: calls", (MILLION, "million"), 1.0, 0.0);
pub(super) const INVOKE: Price = price("Lambda: invocations", (MILLION, "million"), 0.2, MILLION);
pub(super) const COMPUTE: Price = price(
    "Lambda: time, arm64",
    (1.0, "GB-second"),
    0.000_013_333_4,
    400_000.0,
);
pub(super) const WRITE: Price = price("DynamoDB: write units", (MILLION, "million"), 0.625, 0.0);
pub(super) const READ: Price = price("DynamoDB: read units", (MILLION, "million"), 0.125, 0.0);
pub(super) const STORAGE: Price = price("DynamoDB: storage", (1.0, "GB and month"), 0.25, 25.0);
pub(super) const BACKUP: Price = price(
    "DynamoDB: point-in-time recovery",
    (1.0, "GB and month"),
    0.2,
    0.0,
);
pub(super) const QUEUE: Price = price("SQS: requests", (MILLION, "million"), 0.4, MILLION);
pub(super) const LOGS: Price = price("CloudWatch: logs taken in", (1.0, "GB"), 0.5, 5.0);
pub(super) const METRIC: Price = price("CloudWatch: own metrics", (1.0, "month"), 0.3, 10.0);
pub(super) const ALARM: Price = price("CloudWatch: alarms", (1.0, "month"), 0.1, 10.0);
pub(super) const DASHBOARD: Price = price("CloudWatch: dashboards", (1.0, "month"), 3.0, 3.0);
pub(super) const TRACE: Price = price("X-Ray: traces", (MILLION, "million"), 5.0, 100_000.0);
pub(super) const SECRET: Price = price("Secrets Manager: secrets", (1.0, "month"), 0.4, 0.0);
pub(super) const KEY: Price = price("KMS: keys of our own", (1.0, "month"), 1.0, 0.0);
pub(super) const SCHEDULE: Price = price(
    "EventBridge Scheduler: invocations",
    (MILLION, "million"),
    1.0,
    14.0 * MILLION,
);

/// All of them.
pub(super) const PRICES: [Price; 16] = [
    API, INVOKE, COMPUTE, WRITE, READ, STORAGE, BACKUP, QUEUE, LOGS, METRIC, ALARM, DASHBOARD,
    TRACE, SECRET, KEY, SCHEDULE,
];
