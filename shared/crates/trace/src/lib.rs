//! Distributed traces: spans in OpenTelemetry's words, and their way to a collector.
//!
//! A span is of the work that runs in it: [`Span::run`] makes it the one at hand, and a span that
//! is begun meanwhile by [`child`] is below it. Where work goes on in another process, its
//! [`Origin`](domain::origin::Origin) goes along, and [`follow`] goes on from there. Without a
//! collector, and in what is not sampled, a span is nothing and costs nothing.
//!
//! | module | subject |
//! |---|---|
//! | `context` | which trace, and whether it is recorded |
//! | `span` | spans, and the one at hand |
//! | `tracer` | what is recorded until an invocation ends, and the collector |
//! | `otlp` | spans as OTLP's JSON |
//! | `ports` | the domain's ports, with spans around what they do |

mod context;
mod otlp;
mod ports;
mod span;
mod tracer;

pub use ports::Traced;
pub use span::{
    Asked, Kind, Source, Span, Value, begin, child, follow, here, invocation, link, note, process,
};
pub use tracer::{NoCollector, Tracer};
