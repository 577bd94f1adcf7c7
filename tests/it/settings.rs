//! A function that is started with a setting missing or malformed does not start, and says which.

use crate::{template::template, world::World};
use local::template::Function;
use std::{
    path::Path,
    process::{Command, Output},
    thread,
};

/// What a variable must not be, and what the function does without it: nothing when it has a
/// default.
fn malformed(variable: &str) -> (&'static str, bool) {
    let has_default = [
        "RETENTION_DAYS",
        "APNS_PRODUCTION_URL",
        "APNS_SANDBOX_URL",
        "FCM_URL",
        "FCM_TOKEN_URL",
        "OTEL_EXPORTER_OTLP_ENDPOINT",
        "OTEL_TRACES_SAMPLER_ARG",
    ];
    let bad = match variable {
        "RETENTION_DAYS" => "30",
        "OTEL_EXPORTER_OTLP_ENDPOINT" => "collector:4318",
        "OTEL_TRACES_SAMPLER_ARG" => "1.5",
        "TABLE_NAME" => "a table",
        "METRICS_NAMESPACE" => "AWS/Lambda",
        name if name.ends_with("_ARN") => "arn:aws:s3:::bucket",
        name if name.ends_with("_URL") => "api.push.apple.com",
        name => panic!("what is a malformed {name}?"),
    };
    (bad, !has_default.contains(&variable))
}

/// Starts the function's binary where nobody gives it work, with its variables but this one.
fn start(function: &Function, variable: &str, value: Option<&str>) -> Output {
    let folder = Path::new(env!("CARGO_BIN_EXE_send")).parent().unwrap();
    let mut command = Command::new(folder.join(&function.binary));
    // Nothing listens there: a function that got beyond its settings ends as well.
    let nowhere = "127.0.0.1:1";
    command
        .env_clear()
        .envs(&function.environment)
        .env_remove(variable)
        .env("AWS_LAMBDA_RUNTIME_API", nowhere)
        .env("AWS_LAMBDA_FUNCTION_NAME", &function.name)
        .env("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "128")
        .env("AWS_LAMBDA_FUNCTION_VERSION", "1")
        .env("AWS_ENDPOINT_URL", format!("http://{nowhere}"))
        .env("AWS_REGION", "eu-west-1")
        .env("AWS_ACCESS_KEY_ID", "nobody")
        .env("AWS_SECRET_ACCESS_KEY", "nothing");
    if let Some(value) = value {
        command.env(variable, value);
    }
    command.output().unwrap()
}

#[test]
fn a_setting_that_is_missing_or_malformed_is_named() {
    let functions = template().functions;
    let check = |function: &Function, variable: &str| {
        let (bad, needed) = malformed(variable);
        let values = [Some(bad), None].into_iter().take(1 + usize::from(needed));
        for value in values {
            let ended = start(function, variable, value);
            let said = String::from_utf8_lossy(&ended.stderr);
            let what = format!("{} with {variable} as {value:?}: {said}", function.binary);
            assert!(!ended.status.success(), "{what}");
            assert!(said.contains(&format!("name: \"{variable}\"")), "{what}");
            assert!(!said.contains(bad), "{what}");
        }
    };
    thread::scope(|scope| {
        for function in &functions {
            scope.spawn(|| {
                for variable in function.environment.keys() {
                    check(function, variable);
                }
            });
        }
    });
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_function_whose_secret_is_none_names_it_and_does_not_show_it() {
    let world = World::start().await;
    let secret = world.stack.put_secret("overture-TokenSecret", "hush");
    let secret = secret.unwrap();
    let path = "/api/v2/account/acme/settings";
    let answer = world.call(reqwest::Method::GET, path, None, &[], None);
    assert_eq!(answer.await.status, 500);
    let lines = world.stack.logs();
    let named = lines.iter().any(|line| line.text.contains(&secret));
    assert!(named, "{lines:?}");
    assert!(lines.iter().all(|line| !line.text.contains("hush")));
}
