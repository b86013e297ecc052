//! The schema of administration, which that of users knows nothing of.

mod bulk;
mod mutation;
mod query;
mod types;

use async_graphql::{EmptySubscription, Schema, SchemaBuilder, TypeDirective};

use crate::domain::access::Permission;

/// The schema of administration.
pub(super) type AdminSchema = Schema<query::AdminQuery, mutation::AdminMutation, EmptySubscription>;

pub(super) fn schema() -> SchemaBuilder<query::AdminQuery, mutation::AdminMutation, EmptySubscription> {
    Schema::build(query::AdminQuery, mutation::AdminMutation::default(), EmptySubscription)
}

/// What the caller must be allowed to do; else `FORBIDDEN`. Every root field says so, but for those that
/// everybody may have who administers anything.
#[TypeDirective(location = "FieldDefinition", name = "requiresPermission")]
pub(super) fn requires_permission(
    #[graphql(desc = "Its name, one of `Query.permissions`.")] permission: String,
) {
}

/// The value of the directive.
fn permission(permission: Permission) -> String {
    permission.as_str().to_owned()
}
