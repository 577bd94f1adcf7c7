//! How a stack comes up: ports, services, functions and what connects them.
use super::{Error, Options, Shared, Stack, connect::connect};
use crate::{
    clock::Clock,
    dynamodb::DynamoDb,
    faults::Faults,
    gateway::{self, Gateway},
    lambda::{Lambda, Surroundings, binary, label},
    logs::Logs,
    pulse::Pulse,
    reserved,
    rights::Rights,
    runtime::Desks,
    secrets::Secrets,
    services::{self, Services},
    sns::Topics,
    sqs::Queues,
    template::{Event, Template},
    tokens::Tokens,
    trust::{TemporaryFolder, bundle},
    usage::Meter,
};
use axum::Router;
use sandbox::{Environment, Sandbox};
use serde::{Serialize, de::DeserializeOwned};
use std::{
    collections::BTreeMap,
    net::{IpAddr, Ipv4Addr, SocketAddr},
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};
use tokio::{net::TcpListener, task::JoinHandle};

/// How often expired items are deleted.
const SWEEP: Duration = Duration::from_mins(1);
/// What is in the folder of `--data`.
const DATABASE: &str = "dynamodb.sqlite";
const SECRETS: &str = "secrets.json";
const QUEUES: &str = "queues.json";
const KEYS: &str = "sandbox-keys.json";

/// The folder in which Cargo puts binaries beside the running program.
pub(super) fn beside_this_program() -> PathBuf {
    let program = std::env::current_exe().unwrap_or_default();
    let folder = program.parent().unwrap_or(Path::new(".")).to_owned();
    // Test programs are one level below.
    match folder.file_name() {
        Some(name) if name == "deps" => folder.parent().map_or(folder.clone(), Path::to_owned),
        _ => folder,
    }
}

fn io(what: impl Into<String>) -> impl FnOnce(std::io::Error) -> Error {
    let what = what.into();
    move |source| Error::Io { what, source }
}

async fn listen(host: IpAddr, port: u16) -> Result<(TcpListener, SocketAddr), Error> {
    let listener = TcpListener::bind((host, port))
        .await
        .map_err(|error| match error.kind() {
            std::io::ErrorKind::AddrInUse => Error::PortInUse(port),
            _ => io(format!("cannot listen on port {port}"))(error),
        })?;
    let address = listener.local_addr().map_err(io("cannot listen"))?;
    Ok((listener, address))
}

fn serve(listener: TcpListener, router: Router) -> JoinHandle<()> {
    tokio::spawn(async move {
        if let Err(error) = axum::serve(listener, router).await {
            tracing::error!(%error, "a server ended");
        }
    })
}

fn read<T: DeserializeOwned>(file: &Path) -> Result<Option<T>, Error> {
    if !file.exists() {
        return Ok(None);
    }
    let what = file.display().to_string();
    let json = std::fs::read(file).map_err(io(format!("{what} cannot be read")))?;
    serde_json::from_slice(&json)
        .map(Some)
        .map_err(|source| Error::Kept { what, source })
}

fn write(file: &Path, value: &impl Serialize) -> Result<(), Error> {
    let what = file.display().to_string();
    let json = serde_json::to_vec_pretty(value).map_err(|source| Error::Kept {
        what: what.clone(),
        source,
    })?;
    crate::keep::write(file, &json).map_err(io(format!("{what} cannot be written")))
}

/// Keeps what is not kept all along.
pub(super) fn save(data: &Path, shared: &Shared) -> Result<(), Error> {
    write(&data.join(QUEUES), &shared.services.queues.save())
}

async fn start_sandbox(options: &Options) -> Result<Sandbox, Error> {
    let data = options.data.as_deref();
    let file = data.map(|data| data.join(KEYS));
    let kept = file.as_deref().map(read).transpose()?.flatten();
    let known = kept.is_some();
    let keys = kept.or(options.keys.clone());
    let sandbox = Sandbox::start(sandbox::Options {
        keys,
        host: Some(options.host),
        ..sandbox::Options::default()
    })
    .await?;
    if let Some(file) = file.filter(|_| !known) {
        write(&file, &sandbox.keys())?;
    }
    Ok(sandbox)
}

fn parameters(options: &Options, sandbox: &Sandbox) -> BTreeMap<String, String> {
    let mut parameters = BTreeMap::from([
        (
            "ApnsProductionUrl".to_owned(),
            sandbox.apns_url(Environment::Production),
        ),
        (
            "ApnsSandboxUrl".to_owned(),
            sandbox.apns_url(Environment::Development),
        ),
        ("FcmUrl".to_owned(), sandbox.fcm_url()),
        ("FcmTokenUrl".to_owned(), sandbox.fcm_token_url()),
    ]);
    parameters.extend(options.parameters.clone());
    parameters
}

fn read_template(options: &Options, sandbox: &Sandbox, base_url: &str) -> Result<Template, Error> {
    let yaml = std::fs::read_to_string(&options.template)
        .map_err(io(format!("{} cannot be read", options.template.display())))?;
    let mut template = Template::parse(&yaml, &parameters(options, sandbox), base_url)?;
    for function in &template.functions {
        let path = binary(&options.binaries, &function.binary);
        if !path.is_file() {
            return Err(Error::NoBinary {
                function: function.id.clone(),
                path,
            });
        }
    }
    if let Some(visibility) = options.visibility {
        for queue in &mut template.queues {
            queue.visibility = visibility;
        }
    }
    if let Some(longest) = options.window {
        let events = template.functions.iter_mut().flat_map(|f| &mut f.events);
        for event in events {
            match event {
                Event::Queue(source) => source.window = source.window.min(longest),
                Event::Stream(source) => source.window = source.window.min(longest),
                Event::Http(_) | Event::Schedule(_) => {}
            }
        }
    }
    Ok(template)
}

fn start_services(
    data: Option<&Path>,
    template: &Template,
    base_url: &str,
    database_url: String,
    clock: &Clock,
    changed: &Pulse,
) -> Result<Services, Error> {
    let file = |name: &str| data.map(|data| data.join(name));
    let database = file(DATABASE);
    let dynamodb = DynamoDb::open(
        database.as_deref(),
        &template.tables,
        clock,
        database_url,
        changed.clone(),
    )?;
    let secrets = Secrets::open(file(SECRETS), &template.secrets)
        .map_err(io("the secrets cannot be kept"))?;
    let queues = Queues::new(&template.queues, base_url, clock, changed);
    if let Some(saved) = file(QUEUES).as_deref().map(read).transpose()?.flatten() {
        queues.restore(saved);
    }
    let functions = &template.functions;
    let policies = functions
        .iter()
        .map(|f| (label(f, functions), f.policy.clone()))
        .collect();
    Ok(Services {
        rights: Rights::new(policies),
        topics: Topics::new(&template.topics, clock.clone(), changed.clone()),
        meter: Meter::default(),
        faults: Faults::default(),
        changed: changed.clone(),
        dynamodb,
        queues,
        secrets,
    })
}

pub(super) async fn start(options: Options) -> Result<Stack, Error> {
    let (public, address) = listen(options.host, options.port).await?;
    let (for_services, services_address) = listen(options.host, 0).await?;
    let (for_runtime, runtime_address) = listen(Ipv4Addr::LOCALHOST.into(), 0).await?;
    let (for_database, database_address) = listen(Ipv4Addr::LOCALHOST.into(), 0).await?;
    let data = options.data.as_deref();
    if let Some(data) = data {
        std::fs::create_dir_all(data).map_err(io(format!("{} cannot be made", data.display())))?;
    }
    let sandbox = start_sandbox(&options).await?;
    let base_url = format!("http://{services_address}");
    let template = read_template(&options, &sandbox, &base_url)?;

    let (clock, changed) = (Clock::default(), Pulse::default());
    let database_url = format!("http://{database_address}/");
    let services = start_services(data, &template, &base_url, database_url, &clock, &changed)?;

    let folder = TemporaryFolder::new().map_err(io("no temporary folder can be made"))?;
    let trusted = bundle(folder.path(), sandbox.ca_pem(), options.trust)
        .map_err(io("no certificates can be written"))?;
    let mut environment = BTreeMap::from(services::variables(&base_url));
    environment.insert("SSL_CERT_FILE".to_owned(), trusted.display().to_string());
    // The sandbox's push proxy is on this machine.
    environment.insert("OUTBOUND_PRIVATE".to_owned(), "allow".to_owned());
    environment.extend(options.env.clone());
    let desks = Desks::default();
    let logs = Logs::new(data.map(|data| data.join("logs")), options.verbose);
    let lambda = Lambda::new(
        &template.functions,
        Surroundings {
            binaries: options.binaries.clone(),
            beside: options.beside.clone(),
            runtime_api: runtime_address.to_string(),
            desks: desks.clone(),
            logs: logs.clone(),
            pulse: changed.clone(),
            clock: clock.clone(),
            environment,
        },
    );

    let mut tasks = vec![
        tokio::spawn(dynoxide::server::serve_on(
            for_database,
            services.dynamodb.database(),
        )),
        serve(for_runtime, desks.router()),
        serve(for_services, services.clone().router()),
    ];
    let token_secret = template
        .secrets
        .iter()
        .find(|s| s.id == "TokenSecret")
        .map(|s| s.name.clone());
    let gateway = Gateway::new(&template.functions, lambda.clone(), clock.clone());
    let mut shared = Shared {
        tokens: Tokens {
            secrets: services.secrets.clone(),
            secret: token_secret,
            sandbox: sandbox.clone(),
            clock: clock.clone(),
        },
        lambda,
        services,
        sandbox,
        logs,
        demo: Arc::default(),
        clock,
        changed,
        moved: Pulse::default(),
        ready: Arc::new(AtomicBool::new(false)),
        fed: Arc::default(),
        streams: Arc::default(),
    };
    connect(&mut shared, template.functions, &options, &mut tasks)?;
    tasks.push(sweep(shared.services.dynamodb.clone()));

    let router = reserved::router(shared.clone()).fallback_service(gateway::handle_with(gateway));
    tasks.push(tokio::spawn(async move {
        let service = router.into_make_service_with_connect_info::<SocketAddr>();
        if let Err(error) = axum::serve(public, service).await {
            tracing::error!(%error, "the API ended");
        }
    }));
    shared.ready.store(!options.demo, Ordering::Release);
    Ok(Stack {
        shared,
        url: format!("http://{address}"),
        data: options.data,
        tasks,
        _folder: folder,
    })
}

fn sweep(dynamodb: DynamoDb) -> JoinHandle<()> {
    tokio::spawn(async move {
        loop {
            tokio::time::sleep(SWEEP).await;
            if let Err(error) = dynamodb.sweep().await {
                tracing::error!(%error, "expired items cannot be deleted");
            }
        }
    })
}
