//! `vestibule users list`.

use std::process::ExitCode;

use super::{super::output::Listing, Format, arguments::ListArguments, as_json};
use crate::domain::{
    Domain,
    accounts::{UserFilter, UserPosition, UserQuery},
    administration::Administrator,
};

const COLUMNS: &[&str] = &["id", "email", "name", "roles", "status", "createdAt", "lastSeenAt"];

pub(super) async fn run(
    domain: &Domain,
    operator: &Administrator,
    arguments: ListArguments,
    format: Format,
) -> anyhow::Result<ExitCode> {
    let filter = UserFilter {
        status: arguments.status.map(Into::into),
        verified: arguments.verified,
        role: arguments.role,
        email_prefix: arguments.email,
        username_prefix: arguments.username,
        name_prefix: arguments.name,
        ..UserFilter::default()
    };
    let query = UserQuery::new(filter, arguments.order.map(|order| (order.into(), arguments.descending)))?;
    let (mut listing, mut after) = (Listing::new(format, COLUMNS, arguments.limit), None);
    loop {
        let found = domain.administration.list_users(operator, &query, &listing.page(after)).await?;
        if !listing.add(found.items.iter().map(as_json)) || !found.has_next {
            return Ok(listing.finish());
        }
        after = found.items.last().map(|user| UserPosition::of(user, query.order));
    }
}
