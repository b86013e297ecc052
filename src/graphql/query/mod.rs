//! Queries.

use async_graphql::{Context, ID, Object};

use super::{
    Result,
    context::ContextExt,
    enums::{AccessRule, access, all_reasons, codes, raises},
    types::{Node, PasswordStrength, PasswordStrengthInput, SecurityEventObject, SessionObject, UserObject},
};
use crate::domain::{
    ErrorCode,
    actor::Actor,
    ids::{AuditEventId, SessionId, UserId},
    rate_limits::Class,
};

/// The root of all queries.
#[derive(Default)]
pub struct Query;

/// What can be asked.
#[Object]
impl Query {
    // A nullable field is `Option<Result<T>>`: with `Result<Option<T>>` the library would null its
    // parent, or leave the key out.
    /// The user who asks. Null without credentials; `UNAUTHENTICATED` with bad ones.
    #[graphql(directive = access::apply(AccessRule::Public), directive = raises::apply(codes(&[ErrorCode::Unauthenticated]), Some(all_reasons())))]
    async fn me(&self, context: &Context<'_>) -> Option<Result<UserObject>> {
        match context.actor().await {
            Ok(Actor::Anonymous) => None,
            Ok(Actor::User(principal)) => Some(Ok(UserObject(principal.as_ref().clone()))),
            Err(error) => Some(Err(error)),
        }
    }

    /// How good a password is, for a form that people fill in. Send it by POST: what stands in a URL is
    /// logged on the way.
    #[graphql(directive = access::apply(AccessRule::Public), directive = raises::apply(codes(&[ErrorCode::RateLimited, ErrorCode::Overloaded]), None))]
    async fn password_strength(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "The password, and whose it would be.")] input: PasswordStrengthInput,
    ) -> Result<PasswordStrength> {
        context.limit(Class::Strength, None).await?;
        let caller = context.actor().await.ok().and_then(|actor| actor.principal().ok());
        let mut words: Vec<&str> = caller.map(|caller| caller.user.words()).unwrap_or_default();
        words.extend(input.email.as_deref().into_iter().chain(input.name.as_deref()));
        let passwords = &context.domain()?.passwords;
        let strength = passwords.estimate(&input.password, &words).await?;
        Ok(PasswordStrength {
            score: strength.score.into(),
            minimum_score: passwords.min_score().into(),
            acceptable: strength.fault.is_none(),
            fault: strength.fault.map(|fault| fault.code.as_str().to_owned()),
            warning: strength.warning,
            suggestions: strength.suggestions,
        })
    }

    /// The thing with this id, if there is one that the caller may see; else null.
    #[graphql(directive = access::apply(AccessRule::Caller), directive = raises::apply(codes(&[ErrorCode::Unauthenticated]), Some(all_reasons())))]
    async fn node(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "The id, as any `id` field gave it.")] id: ID,
    ) -> Option<Result<Node>> {
        find_node(context, &id).await.transpose()
    }
}

async fn find_node(context: &Context<'_>, id: &str) -> Result<Option<Node>> {
    let caller = context.principal().await?;
    if let Ok(user) = id.parse::<UserId>() {
        // A person sees their own account and nobody else's.
        return Ok((user == caller.user.id).then(|| Node::User(UserObject(caller.clone()))));
    }
    let domain = context.domain()?;
    if let Ok(event) = id.parse::<AuditEventId>() {
        let found = domain.audit.find_about(&caller.user.id, &event).await?;
        let owner = caller.user.id.clone();
        return Ok(found.map(|event| Node::SecurityEvent(SecurityEventObject::new(owner, event))));
    }
    let Ok(session) = id.parse::<SessionId>() else { return Ok(None) };
    let found = domain.sessions.find_own(caller, &session).await?;
    let current = session == caller.session.id;
    Ok(found.map(|session| Node::Session(SessionObject { session, current })))
}
