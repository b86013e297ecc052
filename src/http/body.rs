//! Reading of request bodies: bounded in bytes and in time.

use std::time::Duration;

use axum::{
    body::Body,
    http::{HeaderMap, StatusCode, header},
};
use bytes::Bytes;
use http_body_util::{BodyExt, LengthLimitError, Limited};

use super::answer::Refusal;
use crate::domain::ErrorCode;

/// The most bytes a request body may have, and a message over a socket.
pub(super) const MAX_BODY_BYTES: usize = 256 * 1024;

/// The whole body.
pub(super) async fn read(headers: &HeaderMap, body: Body, timeout: Duration) -> Result<Bytes, Refusal> {
    let announced =
        headers.get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse::<u64>().ok());
    if announced.is_some_and(|length| length > MAX_BODY_BYTES as u64) {
        return Err(too_large());
    }
    #[expect(clippy::disallowed_methods, reason = "no driver call is in it")]
    match tokio::time::timeout(timeout, Limited::new(body, MAX_BODY_BYTES).collect()).await {
        Ok(Ok(collected)) => Ok(collected.to_bytes()),
        Ok(Err(error)) if error.is::<LengthLimitError>() => Err(too_large()),
        Ok(Err(_)) => Err(Refusal::bad_request("The body did not arrive whole.")),
        Err(_) => {
            let message = "The body took too long to arrive.";
            Err(Refusal::new(StatusCode::REQUEST_TIMEOUT, ErrorCode::BadUserInput, message))
        }
    }
}

fn too_large() -> Refusal {
    let message = format!("The body has more than {MAX_BODY_BYTES} bytes.");
    Refusal::new(StatusCode::PAYLOAD_TOO_LARGE, ErrorCode::BadUserInput, message)
}
