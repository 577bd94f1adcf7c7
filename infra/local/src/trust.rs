//! The certificates that functions trust: the sandbox's, and the system's where they are asked for.
use crate::stack::Trust;
use std::path::{Path, PathBuf};

/// Where systems keep their certificate authorities.
const BUNDLES: [&str; 5] = [
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
    "/etc/ssl/cert.pem",
    "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",
];

/// A folder that is removed when dropped.
#[derive(Debug)]
pub(crate) struct TemporaryFolder(PathBuf);

impl TemporaryFolder {
    pub(crate) fn new() -> Result<Self, std::io::Error> {
        let path = std::env::temp_dir().join(format!("overture-{}", uuid::Uuid::new_v4().simple()));
        std::fs::create_dir_all(&path)?;
        Ok(Self(path))
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for TemporaryFolder {
    fn drop(&mut self) {
        // What cannot be removed is left to the system's own cleaning of temporary files.
        std::fs::remove_dir_all(&self.0).ok();
    }
}

/// Writes the bundle into the folder.
pub(crate) fn bundle(
    folder: &Path,
    sandbox: &str,
    trust: Trust,
) -> Result<PathBuf, std::io::Error> {
    let mut bundle = match trust {
        Trust::Sandbox => String::new(),
        Trust::System => of_system(),
    };
    if !bundle.is_empty() && !bundle.ends_with('\n') {
        bundle.push('\n');
    }
    bundle.push_str(sandbox);
    let path = folder.join("trusted.pem");
    std::fs::write(&path, bundle)?;
    Ok(path)
}

fn of_system() -> String {
    let given = std::env::var_os("SSL_CERT_FILE").map(PathBuf::from);
    let mut candidates = given.into_iter().chain(BUNDLES.map(PathBuf::from));
    candidates
        .find_map(|file| std::fs::read_to_string(file).ok())
        .unwrap_or_default()
}
