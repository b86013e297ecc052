//! `Avatar`.

use async_graphql::{ID, SimpleObject};

use crate::graphql::enums::{AccessRule, access};

/// The picture of a person.
#[derive(SimpleObject)]
#[graphql(directive = access::apply(AccessRule::Owner))]
pub(crate) struct Avatar {
    /// What the store of pictures calls it.
    pub(crate) public_id: ID,
    /// Where it can be had: in a square of at least the `size` that was asked for, or as large as it is
    /// there; at full size without `size`.
    pub(crate) url: String,
    /// Pixels from left to right at full size.
    pub(crate) width: u32,
    /// Pixels from top to bottom at full size.
    pub(crate) height: u32,
}
