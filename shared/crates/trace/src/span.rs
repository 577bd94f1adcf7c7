//! Spans, and the one at hand.

use crate::{context::Context, tracer::Tracer};
use domain::origin::Origin;
use jiff::Timestamp;
use std::{
    borrow::Cow,
    fmt,
    future::Future,
    sync::{Arc, Mutex, PoisonError},
    time::Instant,
};

/// What a span is to those it talks to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// It answers a request.
    Server = 2,
    /// It makes one.
    Client = 3,
    /// It puts messages on a queue.
    Producer = 4,
    /// It takes one off.
    Consumer = 5,
}

/// An attribute's value. Never a token, a text, or who a consumer is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    /// A text.
    Text(Cow<'static, str>),
    /// A number.
    Number(i64),
}

impl From<&'static str> for Value {
    fn from(text: &'static str) -> Self {
        Self::Text(text.into())
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Self::Text(text.into())
    }
}

impl From<u16> for Value {
    fn from(number: u16) -> Self {
        Self::Number(number.into())
    }
}

impl From<u32> for Value {
    fn from(number: u32) -> Self {
        Self::Number(number.into())
    }
}

impl From<usize> for Value {
    fn from(number: usize) -> Self {
        Self::Number(i64::try_from(number).unwrap_or(i64::MAX))
    }
}

/// A span that ended.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) context: Context,
    pub(crate) parent: Option<u64>,
    pub(crate) kind: Kind,
    pub(crate) name: Cow<'static, str>,
    pub(crate) start: Timestamp,
    pub(crate) end: Timestamp,
    pub(crate) told: Told,
}

/// What is told of a span while it lasts.
#[derive(Debug, Default)]
pub(crate) struct Told {
    pub(crate) attributes: Vec<(&'static str, Value)>,
    pub(crate) links: Vec<Context>,
    pub(crate) failed: bool,
}

/// A span, or nothing where nothing is recorded. It ends with the last of its clones.
#[derive(Clone, Debug, Default)]
pub struct Span(Option<Arc<Live>>);

struct Live {
    tracer: Arc<Tracer>,
    context: Context,
    parent: Option<u64>,
    kind: Kind,
    name: Cow<'static, str>,
    start: Timestamp,
    since: Instant,
    told: Mutex<Told>,
}

impl fmt::Debug for Live {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({:?})", self.name, self.context)
    }
}

impl Live {
    fn told(&self) -> std::sync::MutexGuard<'_, Told> {
        self.told.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Live {
    fn drop(&mut self) {
        let mut told = std::mem::take(&mut *self.told());
        if std::thread::panicking() {
            told.failed = true;
            told.attributes.push(("error.type", "panic".into()));
        }
        let lasted = self.since.elapsed();
        self.tracer.take(Ended {
            context: self.context,
            parent: self.parent,
            kind: self.kind,
            name: std::mem::take(&mut self.name),
            start: self.start,
            end: self.start.checked_add(lasted).unwrap_or(self.start),
            told,
        });
    }
}

tokio::task_local! {
    static HERE: Here;
}

/// Where the work at hand stands.
#[derive(Clone)]
struct Here {
    tracer: Arc<Tracer>,
    span: Span,
}

impl Here {
    fn now() -> Option<Self> {
        HERE.try_with(Clone::clone).ok()
    }

    /// A span below `parent`, if that is recorded.
    fn below(&self, parent: Context, kind: Kind, name: impl Into<Cow<'static, str>>) -> Span {
        self.span(parent.next(), Some(parent.span), kind, name.into())
    }

    fn span(
        &self,
        context: Context,
        parent: Option<u64>,
        kind: Kind,
        name: Cow<'static, str>,
    ) -> Span {
        Span(context.sampled.then(|| {
            Arc::new(Live {
                tracer: Arc::clone(&self.tracer),
                context,
                parent,
                kind,
                name,
                start: Timestamp::now(),
                since: Instant::now(),
                told: Mutex::default(),
            })
        }))
    }
}

/// Does what a function is invoked for, and hands over the spans that ended by then: after an
/// invocation, Lambda stops the process.
pub async fn invocation<F: Future>(tracer: Option<Arc<Tracer>>, work: F) -> F::Output {
    let Some(tracer) = tracer else {
        return work.await;
    };
    let here = Here {
        tracer: Arc::clone(&tracer),
        span: Span::default(),
    };
    let done = HERE.scope(here, work).await;
    tracer.flush().await;
    done
}

/// What a request says of the trace that it is of.
#[derive(Clone, Copy, Debug, Default)]
pub struct Asked<'a> {
    /// Its `traceparent`.
    pub traceparent: Option<&'a str>,
    /// Lambda's own word, in X-Ray's form.
    pub xray: Option<&'a str>,
}

/// A request's span: in the caller's trace, which says whether it is recorded; else in X-Ray's
/// where X-Ray records it; else in a new one, of which some are recorded.
#[must_use]
pub fn begin(asked: Asked<'_>, kind: Kind, name: impl Into<Cow<'static, str>>) -> Span {
    let Some(here) = Here::now() else {
        return Span::default();
    };
    let traceparent = asked.traceparent.and_then(Origin::parse);
    let caller = traceparent.as_ref().and_then(Context::of);
    if let Some(parent) = caller.or_else(|| asked.xray.and_then(Context::of_xray)) {
        return here.below(parent, kind, name);
    }
    let root = Context::new(here.tracer.ratio(), Timestamp::now());
    here.span(root, None, kind, name.into())
}

/// The span of what follows from `origin`, if that is recorded.
#[must_use]
pub fn follow(origin: Option<&Origin>, kind: Kind, name: impl Into<Cow<'static, str>>) -> Span {
    match (Here::now(), origin.and_then(Context::of)) {
        (Some(here), Some(parent)) => here.below(parent, kind, name),
        _ => Span::default(),
    }
}

/// Where a message or a record came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// The stream of the table.
    Table,
    /// The queue of the sender.
    SendQueue,
    /// The queue of deliveries to webhooks.
    WebhookQueue,
}

/// The span of what came from there, and follows from `origin`, if that is recorded.
#[must_use]
pub fn process(origin: Option<&Origin>, source: Source) -> Span {
    let (name, of, system, trigger) = match source {
        Source::Table => (
            "process Table",
            "Table",
            "aws_dynamodb_streams",
            "datasource",
        ),
        Source::SendQueue => ("process SendQueue", "SendQueue", "aws_sqs", "pubsub"),
        Source::WebhookQueue => ("process WebhookQueue", "WebhookQueue", "aws_sqs", "pubsub"),
    };
    follow(origin, Kind::Consumer, name)
        .with("messaging.system", system)
        .with("messaging.destination.name", of)
        .with("messaging.operation.type", "process")
        .with("faas.trigger", trigger)
}

/// A span below the one at hand.
#[must_use]
pub fn child(kind: Kind, name: impl Into<Cow<'static, str>>) -> Span {
    let here = Here::now();
    let parent = here
        .as_ref()
        .and_then(|here| Some((here, here.span.0.as_ref()?.context)));
    parent.map_or_else(Span::default, |(here, parent)| {
        here.below(parent, kind, name)
    })
}

/// The span at hand, for what follows from it elsewhere.
#[must_use]
pub fn here() -> Option<Origin> {
    HERE.try_with(|here| here.span.origin()).ok().flatten()
}

/// Tells something of the span at hand.
pub fn note(name: &'static str, value: impl Into<Value>) {
    if let Some(here) = Here::now() {
        here.span.set(name, value);
    }
}

/// Tells that the span at hand has to do with another, of any trace.
pub fn link(origin: &Origin) {
    if let Some(here) = Here::now()
        && let (Some(live), Some(other)) = (&here.span.0, Context::of(origin))
    {
        live.told().links.push(other);
    }
}

impl Span {
    /// The span, and what is told of it.
    #[must_use]
    pub fn with(self, name: &'static str, value: impl Into<Value>) -> Self {
        self.set(name, value);
        self
    }

    /// Tells something of it.
    pub fn set(&self, name: &'static str, value: impl Into<Value>) {
        if let Some(live) = &self.0 {
            live.told().attributes.push((name, value.into()));
        }
    }

    /// Tells that it failed, and with which kind of error.
    pub fn fail(&self, with: impl Into<Value>) {
        if let Some(live) = &self.0 {
            let mut told = live.told();
            told.failed = true;
            told.attributes.push(("error.type", with.into()));
        }
    }

    /// Whether it is recorded.
    #[must_use]
    pub const fn is_recorded(&self) -> bool {
        self.0.is_some()
    }

    /// For what follows from it elsewhere.
    #[must_use]
    pub fn origin(&self) -> Option<Origin> {
        self.0.as_ref()?.context.origin()
    }

    /// Makes it the span at hand of `work` that stands on what can be unavailable, and tells when
    /// that failed.
    ///
    /// # Errors
    /// The work's own.
    pub async fn attempt<T, E>(&self, work: impl Future<Output = Result<T, E>>) -> Result<T, E> {
        let done = self.run(work).await;
        done.inspect_err(|_| self.fail("unavailable"))
    }

    /// Makes it the span at hand of `work`.
    pub async fn run<F: Future>(&self, work: F) -> F::Output {
        match Here::now() {
            Some(here) => {
                let span = self.clone();
                HERE.scope(Here { span, ..here }, work).await
            }
            None => work.await,
        }
    }
}
