//! How quickly and small each function starts: from its process's start to its first request
//! for work, with the Runtime API and Secrets Manager stood in for.

use axum::{Json, Router, routing::post};
use serde_json::json;
use std::{
    path::Path,
    process::{Command, Stdio},
    time::{Duration, Instant},
};
use tokio::{
    io::AsyncReadExt,
    net::{TcpListener, TcpStream},
};

/// A secret's ARN; what is behind it is stood in for.
const SECRET: &str = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:bench-AbCdEf";
/// The functions, and how often each is started.
const FUNCTIONS: [&str; 15] = [
    "account",
    "agent",
    "consumer",
    "create-campaign",
    "create-handoff",
    "deliver",
    "dispatch",
    "ivr",
    "reply",
    "report",
    "send",
    "sweep",
    "tally",
    "token",
    "webhook",
];
const TIMES: usize = 9;

/// Prints each function's start.
pub(crate) async fn all_functions() {
    let secrets = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = format!("http://{}", secrets.local_addr().unwrap());
    let key = json!({"current": "a key for the bench", "previous": "", "client_id": "ops", "client_secret": "s"});
    let answer = json!({"ARN": "arn", "Name": "name", "SecretString": key.to_string()});
    let router = Router::new().route("/", post(async move || Json(answer)));
    let server = tokio::spawn(async move { axum::serve(secrets, router).await });
    println!("function         first request (median of {TIMES})  resident   binary");
    for function in FUNCTIONS {
        let binaries = Path::new(env!("CARGO_BIN_EXE_send")).parent().unwrap();
        let binary = binaries.join(function);
        let mut starts = Vec::new();
        for _ in 0..TIMES {
            starts.push(start(&binary, &endpoint).await);
        }
        starts.sort();
        let (took, resident) = starts[TIMES / 2];
        let size = std::fs::metadata(&binary).unwrap().len();
        println!(
            "{function:16} {took:>12.1?} {:>28.1} MiB {:>6.1} MB",
            f64::from(resident) / 1024.0,
            f64::from(u32::try_from(size / 1000).unwrap()) / 1000.0
        );
    }
    server.abort();
}

/// Starts a function once: how long until it asks for work, and its memory then, in KiB.
async fn start(binary: &Path, endpoint: &str) -> (Duration, u32) {
    let runtime = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let began = Instant::now();
    let mut child = Command::new(binary)
        .env_clear()
        .env(
            "AWS_LAMBDA_RUNTIME_API",
            runtime.local_addr().unwrap().to_string(),
        )
        .env("AWS_LAMBDA_FUNCTION_NAME", "bench")
        .env("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST")
        .env("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "256")
        .env("AWS_REGION", "eu-west-1")
        .env("AWS_ACCESS_KEY_ID", "bench")
        .env("AWS_SECRET_ACCESS_KEY", "bench")
        .env("AWS_ENDPOINT_URL", endpoint)
        .env("TABLE_NAME", "bench")
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
        .unwrap();
    let (mut line, _) = tokio::time::timeout(Duration::from_mins(1), runtime.accept())
        .await
        .expect("the function asks for work")
        .unwrap();
    first_byte(&mut line).await;
    let took = began.elapsed();
    let status = std::fs::read_to_string(format!("/proc/{}/status", child.id())).unwrap();
    let resident = status
        .lines()
        .find_map(|l| {
            l.strip_prefix("VmRSS:")?
                .trim()
                .strip_suffix(" kB")?
                .trim()
                .parse()
                .ok()
        })
        .unwrap();
    child.kill().unwrap();
    child.wait().unwrap();
    (took, resident)
}

async fn first_byte(line: &mut TcpStream) {
    let mut byte = [0];
    line.read_exact(&mut byte).await.unwrap();
}
