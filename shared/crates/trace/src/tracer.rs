//! What is recorded until an invocation ends, and the collector that it is handed to.

use crate::{
    otlp,
    span::{Ended, Value},
};
use bytes::Bytes;
use http::{
    Request, StatusCode, Uri,
    header::{CONTENT_TYPE, HOST},
    uri::Authority,
};
use http_body_util::Full;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use std::{
    error::Error,
    fmt,
    pin::pin,
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};
use tokio::net::TcpStream;

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
    Unreachable(#[source] std::io::Error),
    #[error("it ended the connection")]
    Ended(#[source] hyper::Error),
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
        let host = self.collector.authority().map_or("", Authority::as_str);
        let request = Request::post(self.collector.path())
            .header(HOST, host)
            .header(CONTENT_TYPE, "application/json")
            .body(Full::from(body))
            .map_err(|e| Refused::Request(e.into()))?;
        let status = tokio::time::timeout(EXPORT, self.post(request));
        let status = status.await.map_err(|_| Refused::Late)??;
        if status.is_success() {
            Ok(())
        } else {
            Err(Refused::Status(status))
        }
    }

    /// Sends a request over a connection of its own: a process that slept would find an older one
    /// closed. `hyper` by itself, for a client that can do more makes each function larger.
    async fn post(&self, request: Request<Full<Bytes>>) -> Result<StatusCode, Refused> {
        let host = self.collector.host().unwrap_or_default();
        let host = host.trim_start_matches('[').trim_end_matches(']');
        let port = self.collector.port_u16().unwrap_or(80);
        let stream = TcpStream::connect((host, port)).await;
        let stream = TokioIo::new(stream.map_err(Refused::Unreachable)?);
        let opened = http1::handshake(stream).await;
        let (mut requests, connection) = opened.map_err(Refused::Ended)?;
        let mut answer = pin!(requests.send_request(request));
        // With the answer's head there, nobody reads on; one whose connection ended is there or
        // never will be.
        let answer = tokio::select! {
            answer = &mut answer => answer,
            _ = connection => answer.await,
        };
        Ok(answer.map_err(Refused::Ended)?.status())
    }
}

#[cfg(test)]
mod tests;
