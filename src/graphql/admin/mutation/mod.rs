//! What administrators do.

mod access;
mod states;
mod users;

use async_graphql::MergedObject;

/// The root of all mutations.
#[derive(MergedObject, Default)]
#[graphql(name = "Mutation")]
pub(crate) struct AdminMutation(users::UserMutation, states::StateMutation, access::AccessMutation);
