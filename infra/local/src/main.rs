//! `cargo local`: builds the functions and brings up the whole system on this machine.
use local::{Error, Options, Stack, Trust};
use std::{
    collections::BTreeMap,
    error::Error as StdError,
    net::{IpAddr, Ipv4Addr},
    path::PathBuf,
    process::{Command, ExitCode},
};

/// What of the shell's environment the functions get: where traces go, and how many.
const TRACES: [&str; 2] = ["OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_TRACES_SAMPLER_ARG"];

const HELP: &str = "\
Brings up all of Overture on this machine, on http://127.0.0.1:8787.

Usage: cargo local [OPTIONS]

Options:
  --port N     the API's port (default 8787)
  --host IP    the address to listen on (default 127.0.0.1): functions in containers call this one
  --data DIR   keep everything in this folder over a restart
  --no-build   do not build the functions first
  --no-feeds   leave streams, queues and schedules to you: nothing follows from a write by itself
  --verbose    print what the functions print
  --help       print this

With OTEL_EXPORTER_OTLP_ENDPOINT=http://127.0.0.1:4318 the functions send their traces there.
";

struct Arguments {
    host: IpAddr,
    port: u16,
    data: Option<PathBuf>,
    build: bool,
    feeds: bool,
    verbose: bool,
}

/// What the command line says; nothing when it asks for help.
fn arguments(mut given: impl Iterator<Item = String>) -> Result<Option<Arguments>, String> {
    let mut arguments = Arguments {
        host: Ipv4Addr::LOCALHOST.into(),
        port: 8787,
        data: None,
        build: true,
        feeds: true,
        verbose: false,
    };
    while let Some(option) = given.next() {
        let (name, value) = match option.split_once('=') {
            Some((name, value)) => (name.to_owned(), Some(value.to_owned())),
            None => (option, None),
        };
        let mut value = |what: &str| {
            value
                .clone()
                .or_else(|| given.next())
                .ok_or(format!("{name} wants {what}"))
        };
        match name.as_str() {
            "--port" => {
                let port = value("a number")?;
                arguments.port = port
                    .parse()
                    .map_err(|_| format!("{port} is no port: 0 to 65535"))?;
            }
            "--host" => {
                let host = value("an IP address")?;
                arguments.host = host
                    .parse()
                    .map_err(|_| format!("{host} is no IP address"))?;
            }
            "--data" => arguments.data = Some(value("a folder")?.into()),
            "--no-build" => arguments.build = false,
            "--no-feeds" => arguments.feeds = false,
            "--verbose" => arguments.verbose = true,
            "--help" | "-h" => return Ok(None),
            other => return Err(format!("there is no option {other}")),
        }
    }
    Ok(Some(arguments))
}

fn main() -> ExitCode {
    let arguments = match arguments(std::env::args().skip(1)) {
        Ok(Some(arguments)) => arguments,
        Ok(None) => {
            print!("{HELP}");
            return ExitCode::SUCCESS;
        }
        Err(wrong) => {
            eprintln!("error: {wrong}\n\n{HELP}");
            return ExitCode::from(2);
        }
    };
    let filter = if arguments.verbose {
        "local=info,warn"
    } else {
        "local=error,dynoxide=off,error"
    };
    tracing_subscriber::fmt()
        .with_env_filter(tracing_subscriber::EnvFilter::new(filter))
        .with_writer(std::io::stderr)
        .init();
    // Better said now than after the build.
    if let Err(error) = std::net::TcpListener::bind((arguments.host, arguments.port))
        && error.kind() == std::io::ErrorKind::AddrInUse
    {
        eprintln!("error: {}", Error::PortInUse(arguments.port));
        return ExitCode::FAILURE;
    }
    if arguments.build
        && let Err(wrong) = build()
    {
        eprintln!("error: {wrong}");
        return ExitCode::FAILURE;
    }
    let runtime = match tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
    {
        Ok(runtime) => runtime,
        Err(error) => {
            eprintln!("error: {error}");
            return ExitCode::FAILURE;
        }
    };
    match runtime.block_on(run(arguments)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {}", with_causes(error.as_ref()));
            ExitCode::FAILURE
        }
    }
}

/// Builds the functions in this program's own profile.
fn build() -> Result<(), String> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| env!("CARGO").into());
    let mut command = Command::new(cargo);
    command.args(["build", "--package", "functions", "--bins"]);
    command
        .arg("--manifest-path")
        .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/../../Cargo.toml"));
    if !cfg!(debug_assertions) {
        command.arg("--release");
    }
    match command.status() {
        Ok(status) if status.success() => Ok(()),
        Ok(_) => Err("the functions do not build".to_owned()),
        Err(error) => Err(format!("cargo cannot be run: {error}")),
    }
}

async fn run(arguments: Arguments) -> Result<(), Box<dyn StdError>> {
    let mut stopped = std::pin::pin!(stopped());
    let options = Options {
        host: arguments.host,
        port: arguments.port,
        data: arguments.data,
        verbose: arguments.verbose,
        feeds: arguments.feeds,
        demo: true,
        schedules: true,
        env: traces(),
        trust: Trust::System,
        ..Options::default()
    };
    let up = async {
        let stack = Stack::start(options).await?;
        let demo = stack.seed_demo().await;
        Ok::<_, Error>((stack, demo))
    };
    let (stack, demo) = tokio::select! {
        up = up => up?,
        () = &mut stopped => return Ok(()),
    };
    match demo {
        Ok(demo) => println!("{}", demo.text(stack.url())),
        Err(error) => {
            eprintln!(
                "error: the demo account could not be set up: {}",
                with_causes(&error)
            );
            stack.shutdown().await?;
            return Err("nothing is left running".into());
        }
    }
    stopped.await;
    stack.shutdown().await?;
    Ok(())
}

/// Where the shell says that traces go; all of them, unless it says otherwise.
fn traces() -> BTreeMap<String, String> {
    let given = |name: &&str| {
        let value = std::env::var_os(name)?.into_string().ok()?;
        Some(((*name).to_owned(), value))
    };
    let mut traces = BTreeMap::from([(TRACES[1].to_owned(), "1".to_owned())]);
    traces.extend(TRACES.iter().filter_map(given));
    traces
}

/// Resolves at Ctrl-C or SIGTERM.
async fn stopped() {
    let interrupted = tokio::signal::ctrl_c();
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        match signal(SignalKind::terminate()) {
            Ok(mut terminated) => tokio::select! {
                _ = interrupted => {}
                _ = terminated.recv() => {}
            },
            Err(_) => drop(interrupted.await),
        }
    }
    #[cfg(not(unix))]
    drop(interrupted.await);
}

fn with_causes(error: &dyn StdError) -> String {
    let causes = std::iter::successors(Some(error), |error: &&dyn StdError| (*error).source());
    let texts: Vec<_> = causes.map(ToString::to_string).collect();
    texts.join(": ")
}
