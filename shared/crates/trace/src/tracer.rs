//! What is recorded until an invocation ends, and the collector that it is handed to.

use crate::{
    otlp,
    span::{Ended, Value},
};
use bytes::Bytes;
use http::{Request, StatusCode, Uri, header::CONTENT_TYPE};
use http_body_util::Full;
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::TokioExecutor,
};
use std::{
    error::Error,
    fmt,
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

/// How long the collector may take for all spans of an invocation. It is on the same machine.
const EXPORT: Duration = Duration::from_millis(500);
/// How long one that failed is left alone: what it costs when it hangs is [`EXPORT`] in each such
/// time.
const REST: Duration = Duration::from_secs(30);
/// The most spans that are kept until an invocation ends.
const MOST: usize = 4096;

/// Records spans and hands them to a collector.
pub struct Tracer {
    collector: Uri,
    ratio: f64,
    resource: Vec<(&'static str, Value)>,
    client: Client<HttpConnector, Full<Bytes>>,
    kept: Mutex<Kept>,
}

#[derive(Default)]
struct Kept {
    ended: Vec<Ended>,
    lost: usize,
    /// Until when the collector is left alone.
    rest: Option<Instant>,
}

/// The collector cannot be where it is said to be.
#[derive(Debug, thiserror::Error)]
#[error("the collector's address is no http URL")]
pub struct NoCollector(#[source] http::uri::InvalidUri);

/// Why spans were not taken.
#[derive(Debug, thiserror::Error)]
enum Refused {
    #[error("no request could be made")]
    Request(#[source] Box<dyn Error + Send + Sync>),
    #[error("it did not answer within {EXPORT:?}")]
    Late,
    #[error("it cannot be reached")]
    Unreachable(#[source] hyper_util::client::legacy::Error),
    #[error("it answered {0}")]
    Status(StatusCode),
}

impl fmt::Debug for Tracer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Tracer({})", self.collector)
    }
}

impl Tracer {
    /// Hands spans to the collector at `endpoint`, an http URL without a path of its own. Of the
    /// traces that begin here, `ratio` are recorded: 0 is none, 1 is all. `function` is whose
    /// spans they are.
    ///
    /// # Errors
    /// When the endpoint is no URL.
    pub fn new(endpoint: &str, ratio: f64, function: String) -> Result<Self, NoCollector> {
        let collector = format!("{}/v1/traces", endpoint.trim_end_matches('/'));
        let mut connector = HttpConnector::new();
        connector.set_nodelay(true);
        Ok(Self {
            collector: collector.parse().map_err(NoCollector)?,
            ratio,
            resource: vec![
                ("service.namespace", "overture".into()),
                ("service.name", function.clone().into()),
                ("cloud.provider", "aws".into()),
                ("cloud.platform", "aws_lambda".into()),
                ("faas.name", function.into()),
            ],
            // A process that slept would find its connections closed.
            client: Client::builder(TokioExecutor::new())
                .pool_max_idle_per_host(0)
                .build(connector),
            kept: Mutex::default(),
        })
    }

    pub(crate) const fn ratio(&self) -> f64 {
        self.ratio
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Keeps a span until it is handed over.
    pub(crate) fn take(&self, span: Ended) {
        let mut kept = self.kept();
        if kept.ended.len() < MOST {
            kept.ended.push(span);
        } else {
            kept.lost += 1;
        }
    }

    /// Hands over what ended. What the collector does not take is lost: nothing waits for it, and
    /// nothing fails.
    pub(crate) async fn flush(&self) {
        let (ended, lost, was_bad) = {
            let mut kept = self.kept();
            let (ended, lost) = (
                std::mem::take(&mut kept.ended),
                std::mem::take(&mut kept.lost),
            );
            let now = Instant::now();
            if ended.is_empty() || kept.rest.is_some_and(|until| now < until) {
                return;
            }
            // Others need not find out at the same time whether it is well again.
            let was_bad = kept.rest.is_some();
            if was_bad {
                kept.rest = Some(now + REST);
            }
            (ended, lost, was_bad)
        };
        if lost > 0 {
            tracing::warn!(
                trace.lost = lost,
                "{lost} spans of an invocation were too many"
            );
        }
        match self.export(&ended).await {
            Ok(()) => self.kept().rest = None,
            Err(error) => {
                self.kept().rest = Some(Instant::now() + REST);
                if !was_bad {
                    let source = error.source().map(ToString::to_string);
                    tracing::warn!(%error, source, "the collector takes no traces: it is tried again from time to time, and this is not told again");
                }
            }
        }
    }

    async fn export(&self, ended: &[Ended]) -> Result<(), Refused> {
        let body = otlp::body(&self.resource, ended).map_err(|e| Refused::Request(e.into()))?;
        let request = Request::post(&self.collector)
            .header(CONTENT_TYPE, "application/json")
            .body(Full::from(body))
            .map_err(|e| Refused::Request(e.into()))?;
        let answer = tokio::time::timeout(EXPORT, self.client.request(request));
        let answer = answer.await.map_err(|_| Refused::Late)?;
        let status = answer.map_err(Refused::Unreachable)?.status();
        if status.is_success() {
            Ok(())
        } else {
            Err(Refused::Status(status))
        }
    }
}

#[cfg(test)]
mod tests;
