//! How quickly and small each function starts, beside a function that does nothing: from its
//! process's start to its first request for work, and to its first answer. The Runtime API and
//! the services of AWS are stood in for.

use axum::{
    Json, Router,
    http::{HeaderMap, StatusCode},
    response::IntoResponse,
    routing::{get, post},
};
use serde_json::{Value, json};
use std::{
    fs,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::Arc,
    time::{Duration, Instant},
};
use tokio::{
    net::TcpListener,
    sync::{Notify, mpsc},
};

/// A secret's ARN; what is behind it is stood in for.
const SECRET: &str = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:bench-AbCdEf";
/// A function that does nothing, and how each is given work.
const HELLO: &str = "hello";
const FUNCTIONS: [(&str, Work); 16] = [
    (HELLO, Work::Records),
    ("account", Work::Call),
    ("agent", Work::Call),
    ("consumer", Work::Call),
    ("create-campaign", Work::Call),
    ("create-handoff", Work::Call),
    ("deliver", Work::Records),
    ("dispatch", Work::Records),
    ("ivr", Work::Call),
    ("reply", Work::Call),
    ("report", Work::Call),
    ("send", Work::Records),
    ("sweep", Work::Records),
    ("tally", Work::Records),
    ("token", Work::Call),
    ("webhook", Work::Call),
];
/// How often each is started.
const TIMES: usize = 15;

/// What a function is invoked with first.
#[derive(Clone, Copy)]
enum Work {
    /// A call of somebody who has no token.
    Call,
    /// No messages or records at all.
    Records,
}

impl Work {
    fn event(self) -> Value {
        match self {
            Self::Records => json!({"Records": []}),
            Self::Call => json!({
                "version": "2.0", "routeKey": "GET /bench", "rawPath": "/bench",
                "rawQueryString": "", "headers": {"host": "bench"},
                "requestContext": {"http": {"method": "GET", "path": "/bench"}},
                "isBase64Encoded": false,
            }),
        }
    }
}

/// A start: how long until the first request for work and the first answer, and the memory
/// after it, in KiB.
#[derive(Clone, Copy)]
struct Start {
    asked: Duration,
    answered: Duration,
    resident: u32,
}

/// Prints each function's start: of the binaries in a folder, by default of those of this build.
pub(crate) async fn all_functions(folder: Option<&Path>) {
    let services = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = format!("http://{}", services.local_addr().unwrap());
    let key = json!({"current": "a key for the bench", "previous": "", "client_id": "ops", "client_secret": "s"});
    // Enough of an answer of Secrets Manager, and of a query of DynamoDB that found nothing.
    let answer = json!({"ARN": "arn", "Name": "name", "SecretString": key.to_string(), "Items": [], "Count": 0});
    let router = Router::new().route("/", post(async move || Json(answer)));
    let server = tokio::spawn(async move { axum::serve(services, router).await });
    println!("Starts, the middle one of {TIMES}; in brackets beside {HELLO}.");
    println!("| function | first request ms | first answer ms | resident MiB | MB | zipped MB |");
    println!("|---|---|---|---|---|---|");
    let built = Path::new(env!("CARGO_BIN_EXE_send")).parent().unwrap();
    let folder = folder.unwrap_or(built);
    let binary = |name: &str| match name {
        HELLO => hello(built),
        name => folder.join(name),
    };
    let binaries: Vec<_> = FUNCTIONS.iter().map(|(name, _)| binary(name)).collect();
    let mut starts = vec![Vec::new(); FUNCTIONS.len()];
    // In turns, so that what else the machine does meets all of them.
    for _ in 0..TIMES {
        for (((_, work), binary), starts) in FUNCTIONS.iter().zip(&binaries).zip(&mut starts) {
            starts.push(start(binary, *work, &endpoint).await);
        }
    }
    let hello = middle(&mut starts[0].clone());
    for (((name, _), binary), mut starts) in FUNCTIONS.iter().zip(&binaries).zip(starts) {
        let start = middle(&mut starts);
        let beside = |one: Duration, other: Duration| one.as_secs_f64() / other.as_secs_f64();
        println!(
            "| {name} | {:.1} ({:.2}) | {:.1} ({:.2}) | {:.1} | {:.1} | {:.1} |",
            start.asked.as_secs_f64() * 1e3,
            beside(start.asked, hello.asked),
            start.answered.as_secs_f64() * 1e3,
            beside(start.answered, hello.answered),
            f64::from(start.resident) / 1024.0,
            megabytes(fs::metadata(binary).unwrap().len()),
            megabytes(zipped(binary)),
        );
    }
    server.abort();
}

/// Each figure's middle one.
fn middle(starts: &mut [Start]) -> Start {
    let mut of = |figure: fn(&Start) -> Duration| {
        starts.sort_by_key(figure);
        figure(&starts[starts.len() / 2])
    };
    let (asked, answered) = (of(|s| s.asked), of(|s| s.answered));
    starts.sort_by_key(|s| s.resident);
    Start {
        asked,
        answered,
        resident: starts[starts.len() / 2].resident,
    }
}

#[expect(clippy::cast_precision_loss, reason = "a bench's figures are small")]
fn megabytes(bytes: u64) -> f64 {
    bytes as f64 / 1e6
}

/// The function that does nothing: an example, which is built with the same profile.
fn hello(built: &Path) -> PathBuf {
    let cargo = Command::new(env!("CARGO"))
        .args(["build", "--quiet", "--release", "--example", HELLO])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .status();
    assert!(cargo.unwrap().success(), "{HELLO} is not built");
    built.join("examples").join(HELLO)
}

/// The bytes that a file has when it is packed as a deployment's archive is.
fn zipped(binary: &Path) -> u64 {
    let packed = Command::new("gzip").arg("-c").arg(binary).output().unwrap();
    assert!(packed.status.success());
    packed.stdout.len() as u64
}

/// Starts a function once, with one piece of work.
async fn start(binary: &Path, work: Work, endpoint: &str) -> Start {
    let runtime = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = runtime.local_addr().unwrap().to_string();
    let (tell, mut told) = mpsc::unbounded_channel();
    let server = tokio::spawn(axum::serve(runtime, runtime_api(work, tell)).into_future());
    let began = Instant::now();
    let mut child = spawn(binary, &address, endpoint);
    let mut next = async || {
        let instant = tokio::time::timeout(Duration::from_mins(1), told.recv()).await;
        instant.expect("the function works").unwrap() - began
    };
    let (asked, answered) = (next().await, next().await);
    let resident = resident(child.id());
    child.kill().unwrap();
    child.wait().unwrap();
    server.abort();
    Start {
        asked,
        answered,
        resident,
    }
}

/// The Runtime API with one piece of work; tells when that is asked for, and when it is answered.
fn runtime_api(work: Work, tell: mpsc::UnboundedSender<Instant>) -> Router {
    let once = Arc::new(Notify::new());
    once.notify_one();
    let (asked, answered) = (tell.clone(), tell);
    let next = async move || {
        // The second time this waits for ever, as for work that never comes.
        once.notified().await;
        asked.send(Instant::now()).ok();
        let headers = [
            ("lambda-runtime-aws-request-id", "bench".to_owned()),
            (
                "lambda-runtime-deadline-ms",
                u64::from(u32::MAX).to_string() + "000",
            ),
            (
                "lambda-runtime-invoked-function-arn",
                "arn:aws:lambda:eu-west-1:123456789012:function:bench".to_owned(),
            ),
        ];
        let headers: HeaderMap = headers
            .into_iter()
            .map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap()))
            .collect();
        (headers, Json(work.event())).into_response()
    };
    let answer = async move || {
        answered.send(Instant::now()).ok();
        StatusCode::ACCEPTED
    };
    Router::new()
        .route("/2018-06-01/runtime/invocation/next", get(next))
        .route(
            "/2018-06-01/runtime/invocation/bench/response",
            post(answer),
        )
}

fn spawn(binary: &Path, runtime: &str, endpoint: &str) -> Child {
    Command::new(binary)
        .env_clear()
        .env("AWS_LAMBDA_RUNTIME_API", runtime)
        .env("AWS_LAMBDA_FUNCTION_NAME", "bench")
        .env("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST")
        .env("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "256")
        .env("AWS_REGION", "eu-west-1")
        .env("AWS_ACCESS_KEY_ID", "bench")
        .env("AWS_SECRET_ACCESS_KEY", "bench")
        .env("AWS_ENDPOINT_URL", endpoint)
        .env("TABLE_NAME", "bench")
        .env("METRICS_NAMESPACE", "Overture/bench")
        .env("TOKEN_SECRET_ARN", SECRET)
        .env("OPERATOR_SECRET_ARN", SECRET)
        .env("WEBHOOK_SECRET_ARN", SECRET)
        .env("WEBHOOK_QUEUE_URL", "http://127.0.0.1:1/queue")
        .env("SEND_QUEUE_URL", endpoint)
        .env(
            "EVENTS_TOPIC_ARN",
            "arn:aws:sns:eu-west-1:123456789012:events",
        )
        .stdout(Stdio::null())
        .stderr(Stdio::inherit())
        .spawn()
        .unwrap()
}

/// The memory of a process that is in use, in KiB.
fn resident(process: u32) -> u32 {
    let status = fs::read_to_string(format!("/proc/{process}/status")).unwrap();
    status
        .lines()
        .find_map(|line| {
            let value = line.strip_prefix("VmRSS:")?.trim().strip_suffix(" kB")?;
            value.trim().parse().ok()
        })
        .unwrap()
}
