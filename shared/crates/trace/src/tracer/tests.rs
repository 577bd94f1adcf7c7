use super::*;
use crate::span::{Asked, Kind, Span, begin, child, follow, here, invocation, link, note};
use axum::{Json, Router, extract::State, http, routing::post};
use domain::origin::Origin;
use futures_util::FutureExt as _;
use serde_json::Value as Body;
use std::{
    panic::AssertUnwindSafe,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};
use tokio::net::TcpListener;

const CALLER: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
const NOT_SAMPLED: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00";
const XRAY: &str = "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1";

/// A collector that answers so, what it was told, and how often.
#[derive(Clone)]
struct Collector {
    status: http::StatusCode,
    told: Arc<Mutex<Vec<Body>>>,
    calls: Arc<AtomicUsize>,
}

async fn take(State(collector): State<Collector>, Json(body): Json<Body>) -> http::StatusCode {
    collector.calls.fetch_add(1, Ordering::SeqCst);
    let spans = &body["resourceSpans"][0]["scopeSpans"][0]["spans"];
    let spans = spans.as_array().unwrap().clone();
    collector.told.lock().unwrap().extend(spans);
    collector.status
}

impl Collector {
    /// Starts one, with a tracer that hands it all spans, or that share of the new traces.
    async fn start(status: u16, ratio: f64) -> (Self, Arc<Tracer>) {
        let collector = Self {
            status: http::StatusCode::from_u16(status).unwrap(),
            told: Arc::default(),
            calls: Arc::default(),
        };
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let endpoint = format!("http://{}", listener.local_addr().unwrap());
        let router = Router::new()
            .route("/v1/traces", post(take))
            .with_state(collector.clone());
        tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        let tracer = Tracer::new(&endpoint, ratio, "send".to_owned()).unwrap();
        (collector, Arc::new(tracer))
    }

    fn spans(&self) -> Vec<Body> {
        self.told.lock().unwrap().clone()
    }
}

fn asked(traceparent: Option<&'static str>, xray: Option<&'static str>) -> Asked<'static> {
    Asked { traceparent, xray }
}

#[tokio::test]
async fn spans_are_below_one_another_and_told_when_the_invocation_ends() {
    let (collector, tracer) = Collector::start(200, 0.0).await;
    let origin = invocation(Some(tracer), async {
        let span = begin(asked(Some(CALLER), Some(XRAY)), Kind::Server, "GET /");
        let origin = span
            .run(async {
                note("overture.attempt", 2_u32);
                link(&Origin::parse(NOT_SAMPLED).unwrap());
                let below = child(Kind::Client, "push apns").with("overture.gateway", "apns");
                below.run(async { below.fail("Later") }).await;
                here().unwrap()
            })
            .await;
        assert_eq!(collector.calls.load(Ordering::SeqCst), 0);
        origin
    })
    .await;
    let spans = collector.spans();
    let [below, whole] = spans.as_slice() else {
        panic!("{spans:?}");
    };
    for span in [below, whole] {
        assert_eq!(span["traceId"], "4bf92f3577b34da6a3ce929d0e0e4736");
    }
    assert_eq!(whole["parentSpanId"], "00f067aa0ba902b7");
    assert_eq!(below["parentSpanId"], whole["spanId"]);
    assert!(origin.as_str().contains(whole["spanId"].as_str().unwrap()));
    assert_eq!(whole["links"][0]["spanId"], "00f067aa0ba902b7");
    assert_eq!((&whole["kind"], &below["kind"]), (&2.into(), &3.into()));
    assert_eq!(below["status"]["code"], 2);
    assert_eq!(whole["status"]["code"], 0);
}

#[tokio::test]
async fn the_caller_decides_then_x_ray_then_chance() {
    for (ratio, traceparent, xray, trace) in [
        (0.0, Some(CALLER), Some(XRAY), Some("4bf92f35")),
        (1.0, Some(NOT_SAMPLED), Some(XRAY), None),
        (0.0, Some("nonsense"), Some(XRAY), Some("5759e988")),
        (0.0, None, Some("Root=1;Sampled=1"), None),
        (0.0, None, None, None),
        (1.0, None, None, Some("")),
    ] {
        let (collector, tracer) = Collector::start(200, ratio).await;
        let recorded = invocation(Some(tracer), async {
            let span = begin(asked(traceparent, xray), Kind::Server, "GET /");
            span.run(async { here().is_some() && child(Kind::Client, "x").is_recorded() })
                .await
        })
        .await;
        let what = format!("{ratio} {traceparent:?} {xray:?}");
        assert_eq!(recorded, trace.is_some(), "{what}");
        let spans = collector.spans();
        assert_eq!(spans.len(), if recorded { 2 } else { 0 }, "{what}");
        for span in spans {
            let id = span["traceId"].as_str().unwrap();
            assert!(id.starts_with(trace.unwrap()), "{what}: {id}");
        }
    }
}

#[tokio::test]
async fn what_follows_from_nothing_is_not_recorded() {
    let (collector, tracer) = Collector::start(200, 1.0).await;
    invocation(Some(tracer), async {
        let not_sampled = Origin::parse(NOT_SAMPLED);
        for origin in [None, not_sampled.as_ref()] {
            let span = follow(origin, Kind::Consumer, "process SendQueue");
            assert!(!span.is_recorded());
            span.run(async { assert!(!child(Kind::Client, "x").is_recorded()) })
                .await;
        }
    })
    .await;
    assert_eq!(collector.calls.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn without_a_tracer_there_are_no_spans() {
    let origin = Origin::parse(CALLER);
    let recorded = invocation(None, async {
        let spans = [
            begin(asked(Some(CALLER), None), Kind::Server, "GET /"),
            follow(origin.as_ref(), Kind::Consumer, "x"),
            child(Kind::Client, "x"),
        ];
        spans.iter().any(Span::is_recorded)
    })
    .await;
    assert!(!recorded);
}

#[tokio::test]
async fn a_panic_ends_its_span_as_failed() {
    let (collector, tracer) = Collector::start(200, 1.0).await;
    invocation(Some(tracer), async {
        let span = begin(Asked::default(), Kind::Server, "GET /");
        let work = async move {
            let _span = span;
            assert!(std::hint::black_box(false), "a fault");
        };
        assert!(AssertUnwindSafe(work).catch_unwind().await.is_err());
    })
    .await;
    assert_eq!(collector.spans()[0]["status"]["code"], 2);
}

#[tokio::test]
async fn a_collector_that_fails_is_left_alone() {
    let (collector, tracer) = Collector::start(503, 1.0).await;
    for _ in 0..3 {
        invocation(Some(Arc::clone(&tracer)), async {
            drop(begin(Asked::default(), Kind::Server, "GET /"));
        })
        .await;
    }
    assert_eq!(collector.calls.load(Ordering::SeqCst), 1);
    assert!(tracer.kept().ended.is_empty(), "nothing piles up");

    // When it has rested, it is tried again.
    tracer.kept().rest = Some(Instant::now());
    invocation(Some(tracer), async {
        drop(begin(Asked::default(), Kind::Server, "GET /"));
    })
    .await;
    assert_eq!(collector.calls.load(Ordering::SeqCst), 2);
}

#[tokio::test]
async fn one_that_hangs_is_not_waited_for() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    let tracer = Arc::new(Tracer::new(&endpoint, 1.0, String::new()).unwrap());
    let done = invocation(Some(Arc::clone(&tracer)), async {
        drop(begin(Asked::default(), Kind::Server, "GET /"));
        "done"
    });
    assert_eq!(done.await, "done");
    assert!(tracer.kept().rest.is_some());
}

#[tokio::test]
async fn of_too_many_spans_some_are_lost() {
    let (collector, tracer) = Collector::start(200, 1.0).await;
    invocation(Some(tracer), async {
        for _ in 0..MOST + 5 {
            drop(begin(Asked::default(), Kind::Server, "GET /"));
        }
    })
    .await;
    assert_eq!(collector.spans().len(), MOST);
}
