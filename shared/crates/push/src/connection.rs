//! Whom connections trust, how long they may take, and what becomes of a request that got no answer.

use crate::settings::{CannotConnect, Settings};
use domain::push::Undelivered;
use reqwest::{Certificate, Client, ClientBuilder, Url};
use rustls_platform_verifier::BuilderVerifierExt as _;
use std::{sync::Arc, time::Duration};
use tokio_rustls::rustls::{
    ClientConfig, RootCertStore,
    crypto::aws_lc_rs,
    pki_types::{CertificateDer, pem::PemObject as _},
};

/// How long a connection may take to be made.
pub(crate) const CONNECT: Duration = Duration::from_secs(2);
/// How long a request may take, with its connection.
pub(crate) const WHOLE: Duration = Duration::from_secs(5);

/// Makes connections that trust whom the settings name.
#[derive(Clone, Debug)]
pub(crate) struct Connector {
    authority: Option<Certificate>,
    tls: Arc<ClientConfig>,
}

impl Connector {
    pub(crate) fn new(settings: &Settings) -> Result<Self, CannotConnect> {
        let authority = settings.authority.as_deref().map(str::as_bytes);
        let certificate = authority.map(Certificate::from_pem).transpose();
        Ok(Self {
            authority: certificate.map_err(CannotConnect::tls)?,
            tls: Arc::new(tls(authority)?),
        })
    }

    /// TLS for HTTP/2.
    pub(crate) fn tls(&self) -> Arc<ClientConfig> {
        Arc::clone(&self.tls)
    }

    /// A client for any HTTP.
    pub(crate) fn build(&self, client: ClientBuilder) -> Result<Client, CannotConnect> {
        let client = match &self.authority {
            Some(authority) => client.tls_certs_only([authority.clone()]),
            None => client,
        };
        client.build().map_err(CannotConnect::tls)
    }
}

/// TLS that trusts one authority, in PEM, or those that the system trusts.
fn tls(authority: Option<&[u8]>) -> Result<ClientConfig, CannotConnect> {
    let provider = Arc::new(aws_lc_rs::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(CannotConnect::tls)?;
    let config = match authority {
        Some(pem) => {
            let certificate = CertificateDer::from_pem_slice(pem).map_err(CannotConnect::tls)?;
            let mut roots = RootCertStore::empty();
            roots.add(certificate).map_err(CannotConnect::tls)?;
            config.with_root_certificates(roots)
        }
        None => config
            .with_platform_verifier()
            .map_err(CannotConnect::tls)?,
    };
    let mut config = config.with_no_client_auth();
    config.alpn_protocols = vec![b"h2".to_vec()];
    Ok(config)
}

/// A URL of the settings.
pub(crate) fn url(text: &str, what: &'static str) -> Result<Url, CannotConnect> {
    Url::parse(text)
        .ok()
        .filter(Url::has_host)
        .ok_or_else(|| CannotConnect::url(what))
}

/// No answer came. The error itself may hold a URL with a push token: it is not shown.
pub(crate) fn no_answer(e: &reqwest::Error) -> Undelivered {
    later(if e.is_timeout() {
        "timeout"
    } else if e.is_connect() {
        "unreachable"
    } else {
        "connection_lost"
    })
}

pub(crate) fn later(reason: &'static str) -> Undelivered {
    Undelivered::Later {
        after: None,
        reason: reason.into(),
    }
}
