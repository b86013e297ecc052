//! A TCP proxy that tests cut or make silent, in front of a real server.

use std::{net::SocketAddr, sync::Arc};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::watch,
};

/// How long a slow proxy keeps what it passes on.
const DELAY: std::time::Duration = std::time::Duration::from_millis(200);
/// How long a dripping one takes for each few bytes.
const DRIP: std::time::Duration = std::time::Duration::from_millis(1);
const DROP_BYTES: usize = 64;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Open,
    /// Connections break and new ones are closed at once.
    Cut,
    /// Bytes are passed on after a while.
    Slow,
    /// A few bytes at a time are passed on.
    Dripping,
    /// New connections are taken and go nowhere; those there are go on.
    HalfOpen,
    /// Bytes are taken and none is passed on.
    Silent,
}

pub(crate) struct Proxy {
    pub(crate) address: SocketAddr,
    state: Arc<watch::Sender<State>>,
}

impl Proxy {
    pub(crate) async fn to(target: String) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (state, _) = watch::channel(State::Open);
        let state = Arc::new(state);
        let seen = state.clone();
        tokio::spawn(async move {
            let mut nowhere = Vec::new();
            while let Ok((client, _)) = listener.accept().await {
                match *seen.borrow() {
                    State::Cut => {}
                    State::HalfOpen => nowhere.push(client),
                    _ => drop(tokio::spawn(pass(client, target.clone(), seen.subscribe()))),
                }
            }
        });
        Self { address, state }
    }

    pub(crate) fn open(&self) {
        self.state.send_replace(State::Open);
    }

    pub(crate) fn cut(&self) {
        self.state.send_replace(State::Cut);
    }

    pub(crate) fn slow_down(&self) {
        self.state.send_replace(State::Slow);
    }

    pub(crate) fn drip(&self) {
        self.state.send_replace(State::Dripping);
    }

    pub(crate) fn half_open(&self) {
        self.state.send_replace(State::HalfOpen);
    }

    pub(crate) fn silence(&self) {
        self.state.send_replace(State::Silent);
    }
}

async fn pass(client: TcpStream, target: String, state: watch::Receiver<State>) {
    let Ok(server) = TcpStream::connect(target).await else { return };
    let (client_read, client_write) = client.into_split();
    let (server_read, server_write) = server.into_split();
    tokio::select! {
        () = copy(client_read, server_write, state.clone()) => {}
        () = copy(server_read, client_write, state) => {}
    }
}

async fn copy(
    mut from: impl AsyncReadExt + Unpin,
    mut to: impl AsyncWriteExt + Unpin,
    mut state: watch::Receiver<State>,
) {
    let mut buffer = [0; 16 * 1024];
    loop {
        let count = tokio::select! {
            read = from.read(&mut buffer) => match read { Ok(0) | Err(_) => return, Ok(count) => count },
            _ = state.wait_for(|state| *state == State::Cut) => return,
        };
        if *state.borrow() == State::Slow {
            tokio::time::sleep(DELAY).await;
        }
        // What came while it was silent is passed on when it speaks again.
        if state.wait_for(|state| *state != State::Silent).await.is_err() {
            return;
        }
        let size = if *state.borrow() == State::Dripping { DROP_BYTES } else { buffer.len() };
        for part in buffer[..count].chunks(size) {
            if size == DROP_BYTES {
                tokio::time::sleep(DRIP).await;
            }
            if to.write_all(part).await.is_err() {
                return;
            }
        }
    }
}
