//! A listener: HTTP over TLS, which can be told to misbehave.

use crate::{provider_token::ProviderTokens, script::Answer};
use http_body_util::{BodyExt, Full, Limited};
use hyper::{
    Request, Response, StatusCode,
    body::{Bytes, Incoming},
    service::service_fn,
};
use hyper_util::{
    rt::{TokioExecutor, TokioIo},
    server::conn::auto,
};
use std::{
    future::Future,
    io,
    net::{IpAddr, SocketAddr},
    pin::pin,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::{Notify, watch},
    task::{AbortHandle, JoinSet},
};
use tokio_rustls::TlsAcceptor;

/// More than any gateway reads.
const MOST: usize = 1 << 20;

/// How many requests a connection may have at once: as many as Apple takes.
const STREAMS: u32 = 1000;

/// What this machine is called by others, such as containers, that were told its address.
pub(crate) const NAME: &str = "overture.internal";

/// An answer with its whole body.
pub(crate) type Reply = Response<Full<Bytes>>;

/// The stream ends without an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NoReply {
    /// It is reset.
    Reset,
    /// It is refused, and the connection goes away.
    GoAway,
}

/// What a gateway remembers of one connection.
#[derive(Debug, Default)]
pub(crate) struct Connection {
    pub(crate) number: u64,
    pub(crate) provider_tokens: ProviderTokens,
    going: Notify,
}

/// Answers requests.
pub(crate) trait Answers: Send + Sync + 'static {
    fn answer(
        &self,
        request: Request<Bytes>,
        connection: &Connection,
    ) -> impl Future<Output = Result<Reply, NoReply>> + Send;
}

/// A listener at work; it stops when dropped.
#[derive(Debug)]
pub(crate) struct Listening {
    pub(crate) address: SocketAddr,
    open: watch::Sender<bool>,
    task: AbortHandle,
}

impl Drop for Listening {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Listening {
    /// Starts to listen on this address and port; 0 is any free one.
    pub(crate) async fn start(
        at: (IpAddr, u16),
        tls: TlsAcceptor,
        http2_only: bool,
        gateway: impl Answers,
    ) -> io::Result<Self> {
        let listener = TcpListener::bind(at).await?;
        let address = listener.local_addr()?;
        let (open, opened) = watch::channel(true);
        let task = tokio::spawn(accept(listener, tls, http2_only, Arc::new(gateway), opened));
        Ok(Self {
            address,
            open,
            task: task.abort_handle(),
        })
    }

    /// Closes every connection and each new one before a byte of TLS, or takes them again.
    pub(crate) fn set_reachable(&self, reachable: bool) {
        self.open.send_replace(reachable);
    }

    /// Where it is reached.
    pub(crate) fn url(&self) -> String {
        if self.address.ip().is_loopback() {
            format!("https://localhost:{}", self.address.port())
        } else {
            format!("https://{}", self.address)
        }
    }

    /// Where it is reached by a name: no brand's endpoint may have a private address in its URL.
    pub(crate) fn named_url(&self) -> String {
        if self.address.ip().is_loopback() {
            self.url()
        } else {
            format!("https://{NAME}:{}", self.address.port())
        }
    }
}

async fn accept<G: Answers>(
    listener: TcpListener,
    tls: TlsAcceptor,
    http2_only: bool,
    gateway: Arc<G>,
    open: watch::Receiver<bool>,
) {
    // Dropping the set aborts what is left of the connections.
    let mut connections = JoinSet::new();
    let counter = AtomicU64::new(0);
    loop {
        while connections.try_join_next().is_some() {}
        let Ok((stream, _)) = listener.accept().await else {
            tokio::task::yield_now().await;
            continue;
        };
        if !*open.borrow() {
            continue;
        }
        let connection = Arc::new(Connection {
            number: counter.fetch_add(1, Ordering::Relaxed) + 1,
            ..Connection::default()
        });
        let (tls, gateway, open) = (tls.clone(), Arc::clone(&gateway), open.clone());
        connections.spawn(serve(stream, tls, http2_only, gateway, connection, open));
    }
}

async fn serve<G: Answers>(
    stream: TcpStream,
    tls: TlsAcceptor,
    http2_only: bool,
    gateway: Arc<G>,
    connection: Arc<Connection>,
    mut open: watch::Receiver<bool>,
) {
    let stream = match tls.accept(stream).await {
        Ok(stream) => stream,
        Err(e) => return tracing::debug!(error = %e, "no TLS"),
    };
    let mut http = auto::Builder::new(TokioExecutor::new());
    http.http2().max_concurrent_streams(STREAMS);
    if http2_only {
        http = http.http2_only();
    }
    let service = service_fn(|request| {
        let (gateway, connection) = (Arc::clone(&gateway), Arc::clone(&connection));
        async move { one(&*gateway, request, &connection).await }
    });
    let mut served = pin!(http.serve_connection(TokioIo::new(stream), service));
    let mut going = false;
    loop {
        tokio::select! {
            result = served.as_mut() => {
                if let Err(e) = result {
                    tracing::debug!(error = e, "a connection ended badly");
                }
                return;
            }
            () = connection.going.notified(), if !going => {
                going = true;
                served.as_mut().graceful_shutdown();
            }
            closed = open.wait_for(|open| !open) => {
                drop(closed);
                return;
            }
        }
    }
}

async fn one<G: Answers>(
    gateway: &G,
    request: Request<Incoming>,
    connection: &Connection,
) -> Result<Reply, h2::Error> {
    let (head, body) = request.into_parts();
    let Ok(body) = Limited::new(body, MOST).collect().await else {
        return Ok(reply(StatusCode::PAYLOAD_TOO_LARGE, Bytes::new()));
    };
    let request = Request::from_parts(head, body.to_bytes());
    match gateway.answer(request, connection).await {
        Ok(reply) => Ok(reply),
        Err(NoReply::Reset) => Err(h2::Reason::INTERNAL_ERROR.into()),
        Err(NoReply::GoAway) => {
            connection.going.notify_one();
            Err(h2::Reason::REFUSED_STREAM.into())
        }
    }
}

/// An answer without more headers.
pub(crate) fn reply(status: StatusCode, body: impl Into<Bytes>) -> Reply {
    let mut reply = Response::new(Full::new(body.into()));
    *reply.status_mut() = status;
    reply
}

/// A JSON answer.
pub(crate) fn json(status: StatusCode, body: &serde_json::Value) -> Reply {
    let mut reply = reply(status, body.to_string());
    reply.headers_mut().insert(
        hyper::header::CONTENT_TYPE,
        hyper::header::HeaderValue::from_static("application/json; charset=UTF-8"),
    );
    reply
}

/// Adds a header whose value was told by a script, when it is one.
pub(crate) fn set(reply: &mut Reply, name: &'static str, value: &str) {
    if let Ok(value) = value.parse() {
        reply.headers_mut().insert(name, value);
    }
}

/// What a scripted answer does to the stream, if anything.
pub(crate) fn broken(answer: &Answer) -> Option<NoReply> {
    match answer.reason.as_deref()? {
        Answer::GO_AWAY => Some(NoReply::GoAway),
        Answer::RESET | Answer::LOSE => Some(NoReply::Reset),
        _ => None,
    }
}
