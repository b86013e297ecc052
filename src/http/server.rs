//! The listener: HTTP/1.1 with time limits that `axum::serve` does not have, and an end that lets
//! requests in flight finish.

use std::{
    convert::Infallible,
    io,
    net::SocketAddr,
    pin::{Pin, pin},
    sync::Arc,
    time::Duration,
};

use axum::{Router, body::Body, extract::Request, response::Response, routing::future::RouteFuture};
use futures_util::FutureExt;
use hyper::{body::Incoming, server::conn::http1, service::Service};
use hyper_util::rt::{TokioIo, TokioTimer};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::{OwnedSemaphorePermit, Semaphore},
};
use tokio_io_timeout::TimeoutStream;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::{PeerAddress, linger::Lingering};
use crate::domain::metrics::{Waiting, metrics};

/// The most bytes that the head of a request may have; with more it is answered with 431.
const MAX_HEAD_BYTES: usize = 32 * 1024;

/// Connections at once; more wait in the queue of the system.
const MAX_CONNECTIONS: usize = 16_384;
/// Files and sockets that are left for everything but connections of clients, half of what there may be at most.
const OTHER_FILES: u64 = 512;
/// Connections that linger after their end.
const MAX_LINGERING: usize = 512;
/// Connections that the system may have taken before we did.
const MAX_QUEUED: usize = 4_096;
/// How long a new connection may take to send its first request when the service stops.
const FIRST_REQUEST: Duration = Duration::from_millis(500);
/// A pause after the system refuses a connection, as when there are too many open files.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// How long clients may take.
#[derive(Debug, Clone, Copy)]
pub struct ServerTimeouts {
    /// For the header of a request, and for the next request on an open connection.
    pub header: Duration,
    /// For the body of a request.
    pub body: Duration,
    /// For reading some of an answer.
    pub write: Duration,
    /// For requests in flight when the service stops.
    pub shutdown: Duration,
}

impl ServerTimeouts {
    /// The limits of a running service. The first is longer than reverse proxies keep idle
    /// connections, so that they close them and not we.
    pub const fn new(shutdown: Duration) -> Self {
        Self {
            header: Duration::from_secs(75),
            body: Duration::from_secs(15),
            write: Duration::from_secs(30),
            shutdown,
        }
    }
}

/// A stream that a client which reads nothing cannot hold for ever.
type Stream = Pin<Box<TimeoutStream<Lingering>>>;
type Connection = http1::UpgradeableConnection<TokioIo<Stream>, Peer>;

/// The router, as one connection sees it.
struct Peer {
    router: Router,
    address: PeerAddress,
}

impl Service<axum::http::Request<Incoming>> for Peer {
    type Response = Response;
    type Error = Infallible;
    type Future = RouteFuture<Infallible>;

    fn call(&self, request: axum::http::Request<Incoming>) -> Self::Future {
        let mut request: Request = request.map(Body::new);
        request.extensions_mut().insert(self.address);
        // A router is always ready.
        tower::Service::call(&mut self.router.clone(), request)
    }
}

/// A bound listener, not serving yet.
pub struct Server {
    listener: TcpListener,
    timeouts: ServerTimeouts,
    lingering: Arc<Semaphore>,
}

impl Server {
    /// Binds the address.
    ///
    /// # Errors
    /// The operating system's, as when another process has the address.
    pub async fn bind(address: SocketAddr, timeouts: ServerTimeouts) -> io::Result<Self> {
        let lingering = Arc::new(Semaphore::new(MAX_LINGERING));
        Ok(Self { listener: TcpListener::bind(address).await?, timeouts, lingering })
    }

    /// Where it listens, with the port that the system chose for port 0.
    ///
    /// # Errors
    /// The operating system's.
    pub fn local_address(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }

    /// Serves until `stop` completes; then takes no more connections and waits for requests in
    /// flight, as long as they may take.
    pub async fn serve(self, router: Router, stop: impl Future<Output = ()>) {
        let (draining, connections) = (CancellationToken::new(), TaskTracker::new());
        let places = Arc::new(Semaphore::new(most_connections()));
        tokio::pin!(stop);
        loop {
            tokio::select! {
                (accepted, place) = self.accept(&places) => match accepted {
                    Ok((stream, peer)) => {
                        let connection = self.connection(&router, stream, peer);
                        let ended = serve_connection(connection, draining.clone(), place);
                        connections.spawn(ended);
                    }
                    Err(error) => {
                        tracing::warn!(%error, "a connection was not accepted");
                        tokio::time::sleep(ACCEPT_PAUSE).await;
                    }
                },
                () = &mut stop => break,
            }
        }
        // Whoever is in the queue of the system has been told that they are connected.
        for _ in 0..MAX_QUEUED {
            // Many at once are no reason to let others go first: nobody else comes in any more.
            let accepted = tokio::task::unconstrained(self.accept(&places)).now_or_never();
            let Some((accepted, place)) = accepted else { break };
            if let Ok((stream, peer)) = accepted {
                let connection = self.connection(&router, stream, peer);
                connections.spawn(serve_connection(connection, draining.clone(), place));
            }
        }
        drop(self.listener);
        #[expect(clippy::disallowed_methods, reason = "store calls run in tasks of their own")]
        let drained = {
            draining.cancel();
            connections.close();
            tokio::time::timeout(self.timeouts.shutdown, connections.wait()).await
        };
        if drained.is_err() {
            tracing::warn!("some requests did not finish in time");
        }
    }

    /// The next connection, once there is a place for it.
    async fn accept(
        &self,
        places: &Arc<Semaphore>,
    ) -> (io::Result<(TcpStream, SocketAddr)>, Option<OwnedSemaphorePermit>) {
        // The semaphore is never closed, so that there is a place in the end.
        let place = places.clone().acquire_owned().await.ok();
        (self.listener.accept().await, place)
    }

    fn connection(&self, router: &Router, stream: TcpStream, peer: SocketAddr) -> Connection {
        // Answers are small; waiting for more to send only delays them.
        let _ = stream.set_nodelay(true);
        let mut stream = TimeoutStream::new(Lingering::new(stream, self.lingering.clone()));
        stream.set_write_timeout(Some(self.timeouts.write));
        let service = Peer { router: router.clone(), address: PeerAddress(peer) };
        http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(self.timeouts.header)
            .max_buf_size(MAX_HEAD_BYTES)
            .serve_connection(TokioIo::new(Box::pin(stream)), service)
            .with_upgrades()
    }
}

/// As many as there may be, with files and sockets left for the stores.
fn most_connections() -> usize {
    let Some(files) = getrlimit(Resource::Nofile).current else { return MAX_CONNECTIONS };
    let most = files.saturating_sub(OTHER_FILES).max(files / 2);
    usize::try_from(most).unwrap_or(MAX_CONNECTIONS).clamp(1, MAX_CONNECTIONS)
}

/// Lets the process have as many files and sockets open as the system allows it.
pub fn raise_file_limit() {
    let limit = getrlimit(Resource::Nofile);
    // Where that is refused the limit stays as it is, and is told by `vestibule doctor`.
    let _ = setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, maximum: limit.maximum });
}

/// Serves a connection to its end or, when the service stops, to the end of the request in flight.
/// One that becomes a socket is somebody else's from there on.
async fn serve_connection(
    connection: Connection,
    draining: CancellationToken,
    place: Option<OwnedSemaphorePermit>,
) {
    let counted = Waiting::begin(&metrics().connections);
    let mut connection = pin!(connection);
    // The first request may be on its way: hyper would close a connection on which none has come.
    let first = tokio::time::Instant::now() + FIRST_REQUEST;
    let told = async {
        draining.cancelled().await;
        tokio::time::sleep_until(first).await;
    };
    let served = tokio::select! {
        served = connection.as_mut() => served,
        () = told => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = served {
        tracing::debug!(%error, "a connection ended early");
    }
    drop((place, counted));
}
