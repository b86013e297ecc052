//! Where what happens comes from: the request that is running.

use crate::domain::{actor::ClientInfo, ids::RequestId};

/// Where something comes from.
#[derive(Debug, Clone, Default)]
pub struct Origin {
    /// The request.
    pub request_id: Option<RequestId>,
    /// The device that asks.
    pub client: ClientInfo,
}

tokio::task_local! {
    static ORIGIN: Origin;
}

/// Runs `work`, all of whose events come from there.
pub async fn within<T>(origin: Origin, work: impl Future<Output = T>) -> T {
    ORIGIN.scope(origin, work).await
}

/// Where what happens now comes from; from nowhere, where the service does it by itself.
pub(super) fn current() -> Origin {
    ORIGIN.try_with(Clone::clone).unwrap_or_default()
}
