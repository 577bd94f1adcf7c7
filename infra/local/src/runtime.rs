//! The Lambda Runtime API: one server for every instance of every function, by path prefix.
use axum::{
    Router,
    body::Bytes,
    extract::{DefaultBodyLimit, Path, State},
    http::{HeaderMap, StatusCode},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};
use tokio::sync::{Mutex as AsyncMutex, mpsc, oneshot};

/// What Lambda takes and gives at most in one synchronous invocation.
const MAX_PAYLOAD: usize = 6 * 1024 * 1024;

/// What a function answers to one invocation: its payload, or its error.
pub(crate) type Answer = Result<Bytes, Bytes>;

/// One invocation on its way to an instance.
#[derive(Debug)]
pub(crate) struct Job {
    pub(crate) id: String,
    pub(crate) payload: Bytes,
    pub(crate) function_arn: String,
    pub(crate) timeout: std::time::Duration,
    /// Told when the instance has taken the job.
    pub(crate) taken: oneshot::Sender<()>,
    pub(crate) answer: oneshot::Sender<Answer>,
}

/// The server's side of one instance.
#[derive(Debug)]
struct Desk {
    jobs: AsyncMutex<mpsc::Receiver<Job>>,
    waiting: Mutex<HashMap<String, oneshot::Sender<Answer>>>,
    init_error: Mutex<Option<oneshot::Sender<Bytes>>>,
}

/// The pool's side of one instance.
#[derive(Debug)]
pub(crate) struct Line {
    pub(crate) jobs: mpsc::Sender<Job>,
    /// Told when the instance cannot even start.
    pub(crate) init_error: oneshot::Receiver<Bytes>,
}

/// All instances that the server knows, by their path prefix.
#[derive(Clone, Debug, Default)]
pub(crate) struct Desks(Arc<Mutex<ByPrefix>>);

type ByPrefix = HashMap<(String, String), Arc<Desk>>;

impl Desks {
    /// Makes place for an instance, which is called by `<function>/<instance>`.
    pub(crate) fn open(&self, function: &str, instance: &str) -> Line {
        let (send, receive) = mpsc::channel(1);
        let (failed, init_error) = oneshot::channel();
        let desk = Desk {
            jobs: AsyncMutex::new(receive),
            waiting: Mutex::default(),
            init_error: Mutex::new(Some(failed)),
        };
        self.lock()
            .insert((function.to_owned(), instance.to_owned()), Arc::new(desk));
        Line {
            jobs: send,
            init_error,
        }
    }

    /// Forgets an instance. Whoever waits for its answers hears that there will be none.
    pub(crate) fn close(&self, function: &str, instance: &str) {
        self.lock()
            .remove(&(function.to_owned(), instance.to_owned()));
    }

    fn find(&self, function: String, instance: String) -> Option<Arc<Desk>> {
        self.lock().get(&(function, instance)).cloned()
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, ByPrefix> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The server's routes.
    pub(crate) fn router(&self) -> Router {
        Router::new()
            .route(
                "/{function}/{instance}/2018-06-01/runtime/invocation/next",
                get(next),
            )
            .route(
                "/{function}/{instance}/2018-06-01/runtime/invocation/{id}/response",
                post(response),
            )
            .route(
                "/{function}/{instance}/2018-06-01/runtime/invocation/{id}/error",
                post(error),
            )
            .route(
                "/{function}/{instance}/2018-06-01/runtime/init/error",
                post(init_error),
            )
            .layer(DefaultBodyLimit::max(MAX_PAYLOAD + 1024 * 1024))
            .with_state(self.clone())
    }
}

async fn next(
    State(desks): State<Desks>,
    Path((function, instance)): Path<(String, String)>,
) -> Response {
    let Some(desk) = desks.find(function, instance) else {
        return StatusCode::GONE.into_response();
    };
    let Some(job) = desk.jobs.lock().await.recv().await else {
        return StatusCode::GONE.into_response();
    };
    let timeout = i64::try_from(job.timeout.as_millis()).unwrap_or(i64::MAX / 4);
    let deadline = jiff::Timestamp::now().as_millisecond() + timeout;
    let trace = job.id.replace('-', "");
    let headers = [
        ("lambda-runtime-aws-request-id", job.id.clone()),
        ("lambda-runtime-deadline-ms", deadline.to_string()),
        ("lambda-runtime-invoked-function-arn", job.function_arn),
        (
            "lambda-runtime-trace-id",
            format!(
                "Root=1-{}-{};Parent={};Sampled=0",
                &trace[..8],
                &trace[8..],
                &trace[..16]
            ),
        ),
        ("content-type", "application/json".to_owned()),
    ];
    let mut waiting = desk.waiting.lock().unwrap_or_else(PoisonError::into_inner);
    waiting.insert(job.id, job.answer);
    // The invocation may have been given up meanwhile; its answer then goes nowhere.
    job.taken.send(()).ok();
    (headers, job.payload).into_response()
}

async fn response(
    State(desks): State<Desks>,
    Path((function, instance, id)): Path<(String, String, String)>,
    body: Bytes,
) -> StatusCode {
    if body.len() > MAX_PAYLOAD {
        let error = br#"{"errorType":"Function.ResponseSizeTooLarge","errorMessage":"Response payload size exceeded maximum allowed payload size (6291556 bytes)."}"#;
        answer(
            &desks,
            function,
            instance,
            &id,
            Err(Bytes::from_static(error)),
        );
        return StatusCode::PAYLOAD_TOO_LARGE;
    }
    answer(&desks, function, instance, &id, Ok(body))
}

async fn error(
    State(desks): State<Desks>,
    Path((function, instance, id)): Path<(String, String, String)>,
    body: Bytes,
) -> StatusCode {
    answer(&desks, function, instance, &id, Err(body))
}

fn answer(
    desks: &Desks,
    function: String,
    instance: String,
    id: &str,
    answer: Answer,
) -> StatusCode {
    let Some(desk) = desks.find(function, instance) else {
        return StatusCode::GONE;
    };
    let waiting = desk
        .waiting
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .remove(id);
    match waiting.map(|waiting| waiting.send(answer)) {
        Some(Ok(())) => StatusCode::ACCEPTED,
        _ => StatusCode::BAD_REQUEST,
    }
}

async fn init_error(
    State(desks): State<Desks>,
    Path((function, instance)): Path<(String, String)>,
    _headers: HeaderMap,
    body: Bytes,
) -> StatusCode {
    let Some(desk) = desks.find(function, instance) else {
        return StatusCode::GONE;
    };
    let failed = desk
        .init_error
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .take();
    match failed.map(|failed| failed.send(body)) {
        Some(Ok(())) => StatusCode::ACCEPTED,
        _ => StatusCode::BAD_REQUEST,
    }
}
