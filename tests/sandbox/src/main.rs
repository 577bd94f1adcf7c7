//! Serves the sandbox gateways alone: `cargo sandbox [--out DIR] [--data FILE] [--port PORT]`.

use sandbox::{Environment, Keys, Options, Ports, Sandbox};
use std::{
    error::Error,
    fs,
    path::{Path, PathBuf},
    process::ExitCode,
};

const USAGE: &str = "\
cargo sandbox [--out DIR] [--data FILE] [--port PORT]

  --out DIR    write ca.pem, the APNs key (.p8), the service account and the push proxy's
               secret there (default: a directory of its own below the system's temporary
               directory)
  --data FILE  keep the keys in FILE over a restart
  --port PORT  the control API's port; the gateways have the five after it (default: any free
               ones)";

struct Arguments {
    out: PathBuf,
    data: Option<PathBuf>,
    ports: Ports,
}

fn arguments() -> Result<Option<Arguments>, String> {
    let mut parsed = Arguments {
        out: std::env::temp_dir().join(format!("overture-sandbox-{}", std::process::id())),
        data: None,
        ports: Ports::default(),
    };
    let mut given = std::env::args().skip(1);
    while let Some(name) = given.next() {
        if name == "--help" || name == "-h" {
            return Ok(None);
        }
        if !["--out", "--data", "--port"].contains(&name.as_str()) {
            return Err(format!("there is no option {name}"));
        }
        let value = given.next();
        let value = value.ok_or_else(|| format!("{name} needs a value"))?;
        match name.as_str() {
            "--out" => parsed.out = value.into(),
            "--data" => parsed.data = Some(value.into()),
            _ => {
                let ports = value.parse().ok().filter(|port| *port > 0);
                parsed.ports = ports
                    .and_then(Ports::following)
                    .ok_or_else(|| format!("--port {value}: a port is a number from 1 to 65530"))?;
            }
        }
    }
    Ok(Some(parsed))
}

#[tokio::main]
async fn main() -> ExitCode {
    let arguments = match arguments() {
        Ok(Some(arguments)) => arguments,
        Ok(None) => {
            println!("{USAGE}");
            return ExitCode::SUCCESS;
        }
        Err(e) => {
            eprintln!("{e}\n\n{USAGE}");
            return ExitCode::from(2);
        }
    };
    match run(&arguments).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(e) => {
            eprint!("the sandbox stopped: {e}");
            let mut source = e.source();
            while let Some(e) = source {
                eprint!(": {e}");
                source = e.source();
            }
            eprintln!();
            ExitCode::FAILURE
        }
    }
}

async fn run(arguments: &Arguments) -> Result<(), Box<dyn Error>> {
    let keys = match &arguments.data {
        Some(file) if file.exists() => Some(keys_in(file)?),
        _ => None,
    };
    let sandbox = Sandbox::start(Options {
        keys,
        ports: arguments.ports,
        ..Options::default()
    })
    .await?;
    fs::create_dir_all(&arguments.out).map_err(|e| cannot("make", &arguments.out, &e))?;
    if let Some(file) = &arguments.data {
        write_private(file, &serde_json::to_string(&sandbox.keys())?)?;
    }
    let key = sandbox.apns_key();
    let ca = arguments.out.join("ca.pem");
    let p8 = arguments.out.join(format!("AuthKey_{}.p8", key.key_id));
    let account = arguments.out.join("service-account.json");
    let proxy = arguments.out.join("proxy-secret.json");
    fs::write(&ca, sandbox.ca_pem()).map_err(|e| cannot("write", &ca, &e))?;
    write_private(&proxy, &format!("{:#}", sandbox.brand().proxy_secret()))?;
    write_private(&p8, &key.pem)?;
    write_private(&account, &format!("{:#}", sandbox.service_account()))?;
    println!(
        "APNs, production    {}",
        sandbox.apns_url(Environment::Production)
    );
    println!(
        "APNs, development   {}",
        sandbox.apns_url(Environment::Development)
    );
    println!("FCM                 {}", sandbox.fcm_url());
    println!("OAuth2 tokens       {}", sandbox.fcm_token_url());
    println!("push proxy          {}", sandbox.proxy_url());
    println!("identity provider   {}", sandbox.issuer());
    if let Some(address) = sandbox.control_address() {
        println!("control             http://{address}/control/");
    }
    println!("trust               {}", ca.display());
    println!(
        "APNs key            {} (team {})",
        p8.display(),
        key.team_id
    );
    println!("service account     {}", account.display());
    println!("push proxy's secret {}", proxy.display());
    println!("Ctrl-C stops.");
    tokio::signal::ctrl_c().await?;
    Ok(())
}

/// The keys that an earlier sandbox left.
fn keys_in(file: &Path) -> Result<Keys, String> {
    let text = fs::read_to_string(file).map_err(|e| cannot("read", file, &e))?;
    serde_json::from_str(&text).map_err(|e| {
        let file = file.display();
        format!("{file} holds no keys of a sandbox ({e}): delete it, and new ones are made")
    })
}

fn cannot(what: &str, path: &Path, e: &std::io::Error) -> String {
    format!("cannot {what} {}: {e}", path.display())
}

/// Writes a file for this user alone.
fn write_private(path: &Path, text: &str) -> Result<(), String> {
    write_as_owner(path, text).map_err(|e| cannot("write", path, &e))
}

fn write_as_owner(path: &Path, text: &str) -> std::io::Result<()> {
    use std::io::Write as _;
    let mut options = fs::OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)?.write_all(text.as_bytes())
}
