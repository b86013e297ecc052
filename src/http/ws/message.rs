//! Messages of graphql-transport-ws.

use async_graphql::{Response, ServerError};
use axum::extract::ws::{CloseFrame, Message};
use serde::Serialize;
use serde_json::{Map, Value, json};

use crate::{
    domain::Error,
    graphql::{Emission, GraphqlRequest},
};

/// Why the service closes a socket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Close {
    /// 4400: a message that is none of the protocol.
    Invalid(&'static str),
    /// 4401: an operation before the initialisation was acknowledged, or the session has ended.
    Unauthorized(&'static str),
    /// 4403: the credentials of the initialisation are not good.
    Forbidden(&'static str),
    /// 4408: no initialisation came in time.
    InitialisationTimeout,
    /// 4409: an operation with this id is running.
    SubscriberExists(String),
    /// 4429: a second initialisation.
    TooManyInitialisations,
    /// 1001: the service stops; connect again, elsewhere.
    GoingAway,
    /// 1009: a message that is too big.
    TooBig,
    /// 1013: the person has too many sockets; try again later.
    TooManySockets,
}

/// Why credentials are not good, in one word: the reason of `UNAUTHENTICATED`, else the code.
pub(super) fn in_a_word(error: &Error) -> &'static str {
    match error {
        Error::Unauthenticated(reason) => reason.as_str(),
        other => other.code().as_str(),
    }
}

/// The most bytes that the id of an operation may have; clients use numbers or UUIDs.
const MAX_ID_BYTES: usize = 128;
/// The most bytes that the reason of a close frame may have (RFC 6455 §5.5).
const MAX_REASON_BYTES: usize = 123;

impl Close {
    pub(super) fn frame(&self) -> Message {
        let (code, reason) = match self {
            Self::Invalid(reason) => (4400, (*reason).to_owned()),
            Self::Unauthorized(reason) => (4401, (*reason).to_owned()),
            Self::Forbidden(reason) => (4403, (*reason).to_owned()),
            Self::InitialisationTimeout => (4408, "Connection initialisation timeout".to_owned()),
            Self::SubscriberExists(id) => (4409, format!("Subscriber for {id} already exists")),
            Self::TooManyInitialisations => (4429, "Too many initialisation requests".to_owned()),
            Self::GoingAway => (1001, "Going away".to_owned()),
            Self::TooBig => (1009, "Message too big".to_owned()),
            Self::TooManySockets => (1013, "Too many sockets".to_owned()),
        };
        let end = reason.floor_char_boundary(MAX_REASON_BYTES);
        Message::Close(Some(CloseFrame { code, reason: reason[..end].into() }))
    }
}

/// A message of a client.
pub(super) enum Incoming {
    Init(Option<Map<String, Value>>),
    Ping(Option<Value>),
    Pong,
    Subscribe { id: String, request: Box<GraphqlRequest>, bytes: usize },
    Complete { id: String },
}

/// Reads what was received; nothing for control frames, `Err(None)` when the client has gone.
pub(super) fn receive(
    received: Option<Result<Message, axum::Error>>,
) -> Result<Option<Incoming>, Option<Close>> {
    match received {
        Some(Ok(Message::Text(text))) => Ok(Some(read(&text)?)),
        Some(Ok(Message::Binary(_))) => Err(Some(Close::Invalid("Messages must be text"))),
        Some(Ok(Message::Ping(_) | Message::Pong(_))) => Ok(Some(Incoming::Pong)),
        Some(Ok(Message::Close(_))) | None => Err(None),
        // The library says no more in types: a message over its limits, or a broken connection.
        Some(Err(error)) => Err(error.to_string().contains("too long").then_some(Close::TooBig)),
    }
}

/// Reads a message.
///
/// # Errors
/// `Invalid` for anything that is none of the protocol.
pub(super) fn read(text: &str) -> Result<Incoming, Close> {
    let invalid = Close::Invalid("Invalid message received");
    let Ok(Value::Object(mut message)) = serde_json::from_str::<Value>(text) else { return Err(invalid) };
    let payload = message.remove("payload").filter(|payload| !payload.is_null());
    let details = |payload: Option<Value>| match payload {
        None => Ok(None),
        Some(Value::Object(payload)) => Ok(Some(payload)),
        Some(_) => Err(Close::Invalid("The payload must be an object")),
    };
    match message.get("type").and_then(Value::as_str) {
        Some("connection_init") => details(payload).map(Incoming::Init),
        Some("ping") => details(payload).map(|payload| Incoming::Ping(payload.map(Value::Object))),
        Some("pong") => details(payload).map(|_| Incoming::Pong),
        Some("complete") => Ok(Incoming::Complete { id: read_id(&message)? }),
        Some("subscribe") => {
            let request = details(payload)?.and_then(|payload| serde_json::from_value(payload.into()).ok());
            let request = request.ok_or(Close::Invalid("The payload must have the string member query"))?;
            Ok(Incoming::Subscribe { id: read_id(&message)?, request: Box::new(request), bytes: text.len() })
        }
        _ => Err(invalid),
    }
}

fn read_id(message: &Map<String, Value>) -> Result<String, Close> {
    let id = message.get("id").and_then(Value::as_str).filter(|id| (1..=MAX_ID_BYTES).contains(&id.len()));
    id.map(ToOwned::to_owned).ok_or(Close::Invalid("The id must be a string of 1 to 128 bytes"))
}

pub(super) fn acknowledge() -> Message {
    text(&json!({ "type": "connection_ack" }))
}

pub(super) fn pong(payload: Option<Value>) -> Message {
    match payload {
        Some(payload) => text(&json!({ "type": "pong", "payload": payload })),
        None => text(&json!({ "type": "pong" })),
    }
}

pub(super) fn complete(id: &str) -> Message {
    text(&json!({ "id": id, "type": "complete" }))
}

pub(super) fn error(id: &str, errors: &[ServerError]) -> Message {
    text(&json!({ "id": id, "type": "error", "payload": errors }))
}

/// One answer of an operation.
pub(super) fn emission(id: &str, emission: &Emission) -> Message {
    match emission {
        Emission::Next(response) => text(&Next { id, r#type: "next", payload: response }),
        Emission::Refused(errors) => error(id, errors),
    }
}

/// Written as it is: in between, the members of the answer would lose their order.
#[derive(Serialize)]
struct Next<'a> {
    id: &'a str,
    r#type: &'static str,
    payload: &'a Response,
}

fn text(message: &impl Serialize) -> Message {
    Message::Text(serde_json::to_string(message).unwrap_or_default().into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_message_of_the_protocol_is_invalid() {
        for text in [
            "",
            "null",
            "[]",
            "{}",
            r#"{"type":"start","id":"1"}"#,
            r#"{"type":7}"#,
            r#"{"type":"connection_init","payload":"x"}"#,
            r#"{"type":"ping","payload":[1]}"#,
            r#"{"type":"complete"}"#,
            r#"{"type":"subscribe","id":"","payload":{"query":"{ me { id } }"}}"#,
            r#"{"type":"subscribe","id":"1"}"#,
            &format!(r#"{{"type":"complete","id":"{}"}}"#, "x".repeat(129)),
            r#"{"type":"subscribe","id":"1","payload":{"query":7}}"#,
            r#"{"type":"subscribe","id":1,"payload":{"query":"{ me { id } }"}}"#,
        ] {
            assert!(matches!(read(text), Err(Close::Invalid(_))), "{text}");
        }
    }

    #[test]
    fn a_reason_fits_a_close_frame() {
        let Message::Close(Some(frame)) = Close::SubscriberExists("é".repeat(200)).frame() else {
            panic!("no close frame")
        };
        assert!(frame.reason.len() <= MAX_REASON_BYTES);
        assert_eq!(frame.code, 4409);
    }
}
