//! Mutations: input to request, outcome to payload.

mod accounts;
mod emails;
mod life;
mod sessions;

use async_graphql::MergedObject;

/// The root of all mutations.
#[derive(MergedObject, Default)]
#[graphql(name = "Mutation")]
pub struct Mutation(
    sessions::SessionMutation,
    accounts::AccountMutation,
    emails::EmailMutation,
    life::LifeMutation,
);
