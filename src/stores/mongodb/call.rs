//! Time limits around driver calls.

use std::{future::Future, time::Duration};

use super::error;
use crate::domain::store::{StoreError, StoreResult};

/// How long a call may take before the store counts as unavailable.
const CALL_TIMEOUT: Duration = Duration::from_secs(5);

/// Awaits a driver call for at most [`CALL_TIMEOUT`].
///
/// The driver warns that its futures must not be dropped half-way, so the call runs in a task of
/// its own: when the time is up the caller goes on and the call is left to end by itself.
///
/// # Errors
/// What the driver's error means, or `Unavailable` when the time is up.
pub(super) async fn bounded<T, F>(call: F) -> StoreResult<T>
where
    T: Send + 'static,
    F: Future<Output = mongodb::error::Result<T>> + Send + 'static,
{
    #[expect(clippy::disallowed_methods, reason = "the task goes on; only the wait for it is limited")]
    match tokio::time::timeout(CALL_TIMEOUT, tokio::spawn(call)).await {
        Ok(Ok(outcome)) => outcome.map_err(|error| error::map(&error)),
        Ok(Err(_)) => {
            tracing::error!("a MongoDB call panicked");
            Err(StoreError::Corrupt)
        }
        Err(_) => {
            tracing::warn!("MongoDB did not answer in time");
            Err(StoreError::Unavailable)
        }
    }
}
