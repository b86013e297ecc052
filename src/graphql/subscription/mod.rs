//! Subscriptions.

use async_graphql::{Context, Subscription as GraphqlSubscription};
use futures_util::{Stream, StreamExt};

use super::{
    ApiError, Result,
    context::ContextExt,
    enums::{AccessRule, access, all_reasons, codes, raises},
    types::SessionEventObject,
};
use crate::domain::ErrorCode;

/// The root of all subscriptions.
#[derive(Default)]
pub struct Subscription;

/// What can be listened to, over a WebSocket (graphql-transport-ws) or server-sent events
/// (graphql-sse, distinct connections).
#[GraphqlSubscription]
impl Subscription {
    /// What happens to the caller's own sessions, on any device. Ends with the caller's session, and with
    /// `OVERLOADED` for a listener that was too slow.
    #[graphql(directive = access::apply(AccessRule::Caller), directive = raises::apply(codes(&[ErrorCode::Overloaded, ErrorCode::Unauthenticated]), Some(all_reasons())))]
    async fn session_events(
        &self,
        context: &Context<'_>,
    ) -> Result<impl Stream<Item = Result<SessionEventObject>> + use<>> {
        let listener = context.principal().await?.clone();
        let events = context.domain()?.sessions.watch(&listener).await;
        Ok(events.map(move |event| {
            let event = event.map_err(ApiError::from)?;
            Ok(SessionEventObject::new(event, listener.clone()))
        }))
    }
}
