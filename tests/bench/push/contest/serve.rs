//! The contest's sandbox, in a process of its own.

use crate::target::Target;
use sandbox::{Options, Ports, Sandbox};
use std::path::Path;

/// Serves until standard input ends; `port` is the gateway's, 0 any free one.
pub(crate) async fn run(folder: &Path, port: u16) {
    let ports = Ports {
        apns: port,
        ..Ports::default()
    };
    let sandbox = Sandbox::start(Options {
        ports,
        ..Options::default()
    })
    .await
    .unwrap();
    Target::write(&sandbox, folder);
    println!("ready");
    let mut end = String::new();
    tokio::task::spawn_blocking(move || std::io::stdin().read_line(&mut end))
        .await
        .unwrap()
        .unwrap();
}
