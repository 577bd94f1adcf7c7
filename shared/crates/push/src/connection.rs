//! Whom connections trust, how long they may take, and what becomes of a request that got no answer.

use crate::settings::{CannotConnect, Settings};
use domain::push::Undelivered;
use reqwest::{Client, ClientBuilder, Url};
use std::{sync::Arc, time::Duration};
use tokio_rustls::rustls::ClientConfig;

/// How long a connection may take to be made.
pub(crate) const CONNECT: Duration = Duration::from_secs(2);
/// How long a request may take, with its connection.
pub(crate) const WHOLE: Duration = Duration::from_secs(5);

/// Makes connections that trust whom the settings name.
#[derive(Clone, Debug)]
pub(crate) struct Connector {
    tls: Arc<ClientConfig>,
}

impl Connector {
    pub(crate) fn new(settings: &Settings) -> Result<Self, CannotConnect> {
        let tls = tls::client(settings.authorities.as_deref(), &[tls::H2]);
        let tls = Arc::new(tls.map_err(CannotConnect::tls)?);
        Ok(Self { tls })
    }

    /// TLS for HTTP/2.
    pub(crate) fn tls(&self) -> Arc<ClientConfig> {
        Arc::clone(&self.tls)
    }

    /// A client for any HTTP.
    pub(crate) fn build(&self, client: ClientBuilder) -> Result<Client, CannotConnect> {
        let mut tls = ClientConfig::clone(&self.tls);
        tls.alpn_protocols.push(tls::HTTP_1.to_vec());
        let client = client.tls_backend_preconfigured(tls);
        client.build().map_err(CannotConnect::tls)
    }
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
