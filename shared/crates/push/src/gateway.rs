//! Apple's and Google's hosts: requests over one HTTP/2 connection that is kept, and made anew when
//! it ended.
//!
//! The requests stand on `h2` itself: a general client's pools, redirects and copies of each
//! request cost more than the request.

use crate::{
    connection::{CONNECT, Connector, later, url},
    settings::CannotConnect,
    slots::Slot,
};
use bytes::Bytes;
use domain::push::Undelivered;
use h2::{
    Ping, Reason, RecvStream,
    client::{Connection, SendRequest},
};
use http::{
    HeaderMap, Method, Request, Response, Uri,
    header::CONTENT_LENGTH,
    uri::{Authority, PathAndQuery, Scheme},
};
use hyper_util::client::legacy::connect::HttpConnector;
use std::{error::Error, io, sync::Arc, time::Duration};
use tokio::net::TcpStream;
use tokio_rustls::{
    TlsConnector,
    client::TlsStream,
    rustls::{ClientConfig, pki_types::ServerName},
};
use tower::ServiceExt as _;

/// How often a connection is tried: a process that slept finds out which are dead.
const PING: Duration = Duration::from_secs(30);
const PONG: Duration = Duration::from_secs(2);
/// How often a request is sent that the gateway says it has not looked at.
const TRIES: usize = 3;
/// The most bytes of an answer's headers, and of what is read of its body.
const HEADERS: u32 = 16 * 1024;
const BODY: usize = 64 * 1024;

/// A connection as its users hold it: it lives as long as one of them.
pub(crate) type Open = SendRequest<Bytes>;

/// A host, and how to get there.
#[derive(Debug)]
pub(crate) struct Gateway {
    authority: Authority,
    /// What all paths begin with, without a slash at the end.
    base: String,
    name: ServerName<'static>,
    tls: Arc<ClientConfig>,
    tcp: HttpConnector,
}

impl Gateway {
    /// The gateway at a URL of the settings, `what`.
    pub(crate) fn new(
        text: &str,
        what: &'static str,
        connector: &Connector,
    ) -> Result<Self, CannotConnect> {
        let url = url(text, what)?;
        let host = url.host_str().filter(|_| url.scheme() == "https");
        let host = host.ok_or_else(|| CannotConnect::url(what))?;
        let name = host.trim_start_matches('[').trim_end_matches(']');
        let authority = match url.port() {
            Some(port) => format!("{host}:{port}"),
            None => host.to_owned(),
        };
        let mut tcp = HttpConnector::new();
        tcp.enforce_http(false);
        tcp.set_nodelay(true);
        tcp.set_connect_timeout(Some(CONNECT));
        Ok(Self {
            authority: authority.parse().map_err(|_| CannotConnect::url(what))?,
            base: url.path().trim_end_matches('/').to_owned(),
            name: ServerName::try_from(name.to_owned()).map_err(|_| CannotConnect::url(what))?,
            tls: connector.tls(),
            tcp,
        })
    }

    /// What stands before a path of [`Self::post`].
    pub(crate) fn base(&self) -> &str {
        &self.base
    }

    /// Sends a request over the connection of `slot`, and again where nothing was made of it.
    pub(crate) async fn post(
        &self,
        slot: &Slot<Open>,
        path: String,
        headers: impl Fn() -> HeaderMap,
        body: Bytes,
    ) -> Result<Response<RecvStream>, Undelivered> {
        let path = PathAndQuery::try_from(path).map_err(|_| later("bad_request"))?;
        let uri = self.uri(path).map_err(|_| later("bad_request"))?;
        for _ in 0..TRIES {
            let mut request = Request::new(());
            *request.method_mut() = Method::POST;
            *request.uri_mut() = uri.clone();
            *request.headers_mut() = headers();
            let length = request
                .headers_mut()
                .insert(CONTENT_LENGTH, body.len().into());
            debug_assert!(length.is_none(), "it is told here");
            let connection = self.connection(slot).await?;
            match exchange(connection, request, body.clone()).await {
                Err(e) if is_unseen(&e) => {}
                answered => return answered.map_err(|e| lost(&e)),
            }
        }
        Err(later("connection_lost"))
    }

    fn uri(&self, path: PathAndQuery) -> Result<Uri, http::Error> {
        Uri::builder()
            .scheme(Scheme::HTTPS)
            .authority(self.authority.clone())
            .path_and_query(path)
            .build()
    }

    /// The connection, made by the first who needs it.
    async fn connection(&self, slot: &Slot<Open>) -> Result<Open, Undelivered> {
        let mut slot = slot.lock().await;
        if let Some(open) = &*slot
            && let Ok(ready) = open.clone().ready().await
        {
            return Ok(ready);
        }
        *slot = None;
        match tokio::time::timeout(CONNECT, self.connect()).await {
            Ok(connected) => connected.map(|open| slot.insert(open).clone()),
            Err(_) => Err(later("timeout")),
        }
    }

    async fn connect(&self) -> Result<Open, Undelivered> {
        let address = self.uri(PathAndQuery::from_static("/"));
        let address = address.map_err(|_| later("bad_request"))?;
        let tcp = self.tcp.clone().oneshot(address).await;
        let tcp = tcp.map_err(|e| unreachable(&e))?.into_inner();
        let tls = TlsConnector::from(Arc::clone(&self.tls));
        let tls = tls.connect(self.name.clone(), tcp).await;
        let tls = tls.map_err(|e| unreachable(&e))?;
        let (open, connection) = h2::client::Builder::new()
            .enable_push(false)
            .max_header_list_size(HEADERS)
            .handshake(tls)
            .await
            .map_err(|e| unreachable(&e))?;
        tokio::spawn(keep(connection));
        Ok(open)
    }
}

/// Keeps a connection until it ends, or is found dead; who waits for an answer is told.
async fn keep(mut connection: Connection<TlsStream<TcpStream>, Bytes>) {
    let pings = connection.ping_pong();
    let dead = async move {
        let Some(mut pings) = pings else { return };
        loop {
            tokio::time::sleep(PING).await;
            match tokio::time::timeout(PONG, pings.ping(Ping::opaque())).await {
                Ok(Ok(_)) => {}
                _ => return,
            }
        }
    };
    // What came in is read before it is asked whether anything did.
    tokio::select! {
        biased;
        _ = connection => {}
        () = dead => {}
    }
}

async fn exchange(
    mut connection: Open,
    request: Request<()>,
    body: Bytes,
) -> Result<Response<RecvStream>, h2::Error> {
    let (response, mut stream) = connection.send_request(request, false)?;
    stream.send_data(body, true)?;
    response.await
}

/// Whether the gateway says that it has not looked at a request: it closes, or has too many.
fn is_unseen(e: &h2::Error) -> bool {
    let closes = e.is_go_away() && e.reason() == Some(Reason::NO_ERROR);
    let refuses = e.is_reset() && e.reason() == Some(Reason::REFUSED_STREAM);
    e.is_remote() && (closes || refuses)
}

/// The body of an answer; of one that goes on and on, its beginning.
pub(crate) async fn body(answer: Response<RecvStream>) -> Result<Vec<u8>, Undelivered> {
    let mut stream = answer.into_body();
    let mut body = Vec::new();
    while body.len() < BODY
        && let Some(part) = stream.data().await
    {
        let part = part.map_err(|e| lost(&e))?;
        body.extend_from_slice(&part);
        // An error here is that of a stream that ended.
        stream.flow_control().release_capacity(part.len()).ok();
    }
    Ok(body)
}

/// The error itself is not shown: it may hold what was sent.
fn lost(_: &h2::Error) -> Undelivered {
    later("connection_lost")
}

fn unreachable(e: &(dyn Error + 'static)) -> Undelivered {
    let mut next = Some(e);
    while let Some(e) = next {
        let io = e.downcast_ref::<io::Error>();
        if io.is_some_and(|e| e.kind() == io::ErrorKind::TimedOut) {
            return later("timeout");
        }
        next = e.source();
    }
    later("unreachable")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What becomes of a request that the gateway's end of a connection resets.
    async fn reset(reason: Reason) -> h2::Error {
        let (ours, theirs) = tokio::io::duplex(64 * 1024);
        tokio::spawn(async move {
            let mut connection = h2::server::handshake(theirs).await.unwrap();
            while let Some(request) = connection.accept().await {
                request.unwrap().1.send_reset(reason);
            }
        });
        let (open, connection) = h2::client::handshake(ours).await.unwrap();
        tokio::spawn(connection);
        let request = Request::post("https://example.com/").body(()).unwrap();
        exchange(open, request, Bytes::from_static(b"{}"))
            .await
            .unwrap_err()
    }

    #[tokio::test]
    async fn only_what_the_gateway_has_not_looked_at_is_sent_again() {
        assert!(is_unseen(&reset(Reason::REFUSED_STREAM).await));
        for seen in [Reason::NO_ERROR, Reason::INTERNAL_ERROR, Reason::CANCEL] {
            assert!(!is_unseen(&reset(seen).await), "{seen:?}");
        }
    }
}
