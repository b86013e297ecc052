//! What administrators ask.

use async_graphql::{Context, ID, Object};

use super::{
    permission, requires_permission,
    types::{
        AdminUser, AuditFilterInput, AuditLogConnection, PermissionObject, RoleObject, ServiceTokenObject,
        UserConnection, UserFilterInput, UserOrderInput, Viewer, audit_filter,
    },
};
use crate::{
    domain::{
        Error,
        access::Permission,
        accounts::{EmailAddress, UserPosition, UserQuery},
        faults::{Fault, FaultCode},
        ids::UserId,
    },
    graphql::{Result, context::ContextExt, page::PageArguments},
};

/// The root of all queries.
#[derive(Default)]
pub(crate) struct AdminQuery;

/// What can be asked.
#[expect(clippy::too_many_arguments, reason = "connections have four, by their specification")]
#[Object(name = "Query")]
impl AdminQuery {
    /// Who asks, and what they may do.
    async fn viewer(&self, context: &Context<'_>) -> Result<Viewer> {
        Ok(Viewer(context.administrator().await?.clone()))
    }

    /// The users, the newest first unless told otherwise.
    #[graphql(directive = requires_permission::apply(permission(Permission::UsersRead)))]
    async fn users(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "How many from the start, 0 to 100. 20 without `first` and `last`.")] first: Option<
            i32,
        >,
        #[graphql(desc = "Only those after this cursor, which this list in this order gave.")] after: Option<
            String,
        >,
        #[graphql(desc = "How many from the end, 0 to 100. Not together with `first`.")] last: Option<i32>,
        #[graphql(desc = "Only those before this cursor, which this list in this order gave.")]
        before: Option<String>,
        #[graphql(desc = "Which users. What no index finds is refused.")] filter: Option<UserFilterInput>,
        #[graphql(desc = "In which order.")] order_by: Option<UserOrderInput>,
    ) -> Result<UserConnection> {
        let caller = context.administrator().await?;
        let query = UserQuery::new(
            filter.unwrap_or_default().into(),
            order_by.map(|order| (order.field.into(), order.is_descending())),
        )?;
        let order = query.order;
        let page = PageArguments { first, after, last, before }
            .read_with(|cursor| UserPosition::from_cursor(cursor, order))?;
        let found = context.domain()?.administration.list_users(caller, &query, &page).await?;
        Ok(UserConnection::new(query, found))
    }

    /// The user with this id or e-mail address, if there is one.
    #[graphql(directive = requires_permission::apply(permission(Permission::UsersRead)))]
    async fn user(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "The id. Not together with `email`.")] id: Option<ID>,
        #[graphql(desc = "The e-mail address, in any form.")] email: Option<String>,
    ) -> Option<Result<AdminUser>> {
        let find = async || {
            let caller = context.administrator().await?;
            let administration = &context.domain()?.administration;
            let found = match (id, email) {
                (Some(id), None) => match id.parse::<UserId>() {
                    Ok(id) => administration.find_user(caller, &id).await?,
                    Err(_) => None,
                },
                (None, Some(email)) => {
                    let email =
                        EmailAddress::parse(&email).map_err(|fault| Error::BadArguments(vec![fault]))?;
                    administration.find_user_by_email(caller, &email).await?
                }
                _ => {
                    let message = "must be given, or else `email`";
                    let fault = Fault::new("id", FaultCode::Required, message);
                    return Err(Error::BadArguments(vec![fault]).into());
                }
            };
            Ok(found.map(AdminUser))
        };
        find().await.transpose()
    }

    /// Every role.
    #[graphql(directive = requires_permission::apply(permission(Permission::UsersRead)))]
    async fn roles(&self, context: &Context<'_>) -> Result<Vec<RoleObject>> {
        let caller = context.administrator().await?;
        let roles = context.domain()?.administration.list_roles(caller).await?;
        Ok(roles.into_iter().map(RoleObject).collect())
    }

    /// Every permission that a role or a service token can have.
    async fn permissions(&self, context: &Context<'_>) -> Result<Vec<PermissionObject>> {
        context.administrator().await?;
        Ok(Permission::ALL.iter().copied().map(PermissionObject).collect())
    }

    /// Every service token, the newest first.
    #[graphql(directive = requires_permission::apply(permission(Permission::TokensWrite)))]
    async fn service_tokens(&self, context: &Context<'_>) -> Result<Vec<ServiceTokenObject>> {
        let caller = context.administrator().await?;
        let tokens = context.domain()?.administration.list_service_tokens(caller).await?;
        Ok(tokens.into_iter().map(ServiceTokenObject).collect())
    }

    /// What happened, the newest first.
    #[graphql(directive = requires_permission::apply(permission(Permission::AuditRead)))]
    async fn audit_log(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "How many from the start, 0 to 100. 20 without `first` and `last`.")] first: Option<
            i32,
        >,
        #[graphql(desc = "Only those after this cursor.")] after: Option<String>,
        #[graphql(desc = "How many from the end, 0 to 100. Not together with `first`.")] last: Option<i32>,
        #[graphql(desc = "Only those before this cursor.")] before: Option<String>,
        #[graphql(desc = "Which events.")] filter: Option<AuditFilterInput>,
    ) -> Result<AuditLogConnection> {
        let caller = context.administrator().await?;
        let page = PageArguments { first, after, last, before }.read()?;
        let filter = audit_filter(filter.unwrap_or_default())?;
        let found = context.domain()?.administration.list_events(caller, &filter, &page).await?;
        Ok(AuditLogConnection(found))
    }
}
