//! Connections to gateways, and what becomes of a request that got no answer.

use crate::settings::{CannotConnect, Settings};
use domain::push::Undelivered;
use reqwest::{Certificate, Client, ClientBuilder, Response, Url, redirect};
use std::time::Duration;

/// How long a connection may take to be made.
pub(crate) const CONNECT: Duration = Duration::from_secs(2);
/// How long a request may take, with its connection.
pub(crate) const WHOLE: Duration = Duration::from_secs(5);
/// How often an idle connection is tried: a process that slept finds out which are dead.
const PING: Duration = Duration::from_secs(30);
const PONG: Duration = Duration::from_secs(2);

/// Makes clients; each has one HTTP/2 connection to a host, and keeps it.
#[derive(Clone, Debug)]
pub(crate) struct Connector(Option<Certificate>);

impl Connector {
    pub(crate) fn new(settings: &Settings) -> Result<Self, CannotConnect> {
        let authority = settings.authority.as_ref();
        let authority = authority.map(|pem| Certificate::from_pem(pem.as_bytes()));
        Ok(Self(authority.transpose().map_err(CannotConnect::tls)?))
    }

    pub(crate) fn connect(&self) -> Result<Client, reqwest::Error> {
        let client = Client::builder()
            .http2_prior_knowledge()
            .http2_keep_alive_interval(PING)
            .http2_keep_alive_timeout(PONG)
            .http2_keep_alive_while_idle(true)
            .pool_idle_timeout(None)
            .redirect(redirect::Policy::none())
            .no_proxy()
            .https_only(true)
            .connect_timeout(CONNECT)
            .timeout(WHOLE);
        self.build(client)
    }

    /// A client that trusts whom the settings name.
    pub(crate) fn build(&self, client: ClientBuilder) -> Result<Client, reqwest::Error> {
        match &self.0 {
            Some(authority) => client.tls_certs_only([authority.clone()]).build(),
            None => client.build(),
        }
    }
}

/// A URL of the settings.
pub(crate) fn url(text: &str, what: &'static str) -> Result<Url, CannotConnect> {
    Url::parse(text)
        .ok()
        .filter(Url::has_host)
        .ok_or_else(|| CannotConnect::url(what))
}

/// No client could be made.
pub(crate) fn no_client(e: &reqwest::Error) -> Undelivered {
    tracing::error!(error = e as &dyn std::error::Error, "no client can be made");
    later("no_client")
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

/// The body of an answer.
pub(crate) async fn body(response: Response) -> Result<Vec<u8>, Undelivered> {
    let bytes = response.bytes().await.map_err(|e| no_answer(&e))?;
    Ok(bytes.into())
}

pub(crate) fn later(reason: &'static str) -> Undelivered {
    Undelivered::Later {
        after: None,
        reason: reason.into(),
    }
}
