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
  --port PORT  the control API's port (default: any free one)";

struct Arguments {
    out: PathBuf,
    data: Option<PathBuf>,
    port: u16,
}

fn arguments() -> Result<Option<Arguments>, String> {
    let mut parsed = Arguments {
        out: std::env::temp_dir().join(format!("overture-sandbox-{}", std::process::id())),
        data: None,
        port: 0,
    };
    let mut given = std::env::args().skip(1);
    while let Some(name) = given.next() {
        if name == "--help" || name == "-h" {
            return Ok(None);
        }
        let value = given
            .next()
            .ok_or_else(|| format!("{name} needs a value"))?;
        match name.as_str() {
            "--out" => parsed.out = value.into(),
            "--data" => parsed.data = Some(value.into()),
            "--port" => parsed.port = value.parse().map_err(|_| "--port is a number".to_owned())?,
            _ => return Err(format!("what is {name}?")),
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
            eprintln!("the sandbox stopped: {e}");
            ExitCode::FAILURE
        }
    }
}

async fn run(arguments: &Arguments) -> Result<(), Box<dyn Error>> {
    let keys = match &arguments.data {
        Some(file) if file.exists() => {
            Some(serde_json::from_str::<Keys>(&fs::read_to_string(file)?)?)
        }
        _ => None,
    };
    let sandbox = Sandbox::start(Options {
        keys,
        ports: Ports {
            control: arguments.port,
            ..Ports::default()
        },
        ..Options::default()
    })
    .await?;
    if let Some(file) = &arguments.data {
        write_private(file, &serde_json::to_string(&sandbox.keys())?)?;
    }
    fs::create_dir_all(&arguments.out)?;
    let key = sandbox.apns_key();
    let ca = arguments.out.join("ca.pem");
    let p8 = arguments.out.join(format!("AuthKey_{}.p8", key.key_id));
    let account = arguments.out.join("service-account.json");
    let proxy = arguments.out.join("proxy-secret.json");
    fs::write(&ca, sandbox.ca_pem())?;
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

/// Writes a file for this user alone.
fn write_private(path: &Path, text: &str) -> std::io::Result<()> {
    use std::io::Write as _;
    let mut options = fs::OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)?.write_all(text.as_bytes())
}
