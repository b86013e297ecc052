//! A stream that is not closed in the face of a client that is still sending.
//!
//! A request can be answered before its body has come: when it is too large, or there is nothing at its
//! path. To close the connection then, with bytes of the client unread, resets it, and the reset can
//! overtake the answer. So what the client still sends is read and dropped for a moment first.

use std::{
    io,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, ReadBuf},
    net::TcpStream,
    runtime::Handle,
    sync::Semaphore,
};

/// For how long, and for how many bytes, at most.
const LONGEST: Duration = Duration::from_secs(2);
const MOST_BYTES: u64 = 1024 * 1024;

/// A stream that lingers once its writing half was shut down and it is dropped.
pub(super) struct Lingering {
    stream: Option<TcpStream>,
    is_shut: bool,
    places: Arc<Semaphore>,
}

impl Lingering {
    /// `places` bounds how many streams linger at once; one without a place is closed.
    pub(super) const fn new(stream: TcpStream, places: Arc<Semaphore>) -> Self {
        Self { stream: Some(stream), is_shut: false, places }
    }

    fn stream(self: Pin<&mut Self>) -> io::Result<Pin<&mut TcpStream>> {
        self.get_mut().stream.as_mut().map(Pin::new).ok_or_else(|| io::ErrorKind::NotConnected.into())
    }
}

impl AsyncRead for Lingering {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.stream()?.poll_read(context, buffer)
    }
}

impl AsyncWrite for Lingering {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.stream()?.poll_write(context, bytes)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        parts: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.stream()?.poll_write_vectored(context, parts)
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.stream()?.poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.is_shut = true;
        self.stream()?.poll_shutdown(context)
    }
}

impl Drop for Lingering {
    fn drop(&mut self) {
        let Some(stream) = self.stream.take().filter(|_| self.is_shut) else { return };
        let (Ok(place), Ok(runtime)) = (self.places.clone().try_acquire_owned(), Handle::try_current())
        else {
            return;
        };
        runtime.spawn(async move {
            let drain = async { tokio::io::copy(&mut stream.take(MOST_BYTES), &mut tokio::io::sink()).await };
            #[expect(clippy::disallowed_methods, reason = "no driver call is in it")]
            let _ = tokio::time::timeout(LONGEST, drain).await;
            drop(place);
        });
    }
}
