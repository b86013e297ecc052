//! What is done to many users at once, each by itself.

use async_graphql::{Context, ID, SimpleObject};

use super::types::AdminUser;
use crate::{
    domain::{
        self, Error,
        administration::{Action, MAX_BULK},
        faults::{Fault, FaultCode},
        ids::UserId,
    },
    graphql::{Result, context::ContextExt, enums::ErrorCodeEnum},
};

/// Why something was not done to one of many.
#[derive(SimpleObject)]
struct BulkError {
    /// The code that the same change of one user would have been refused with.
    code: ErrorCodeEnum,
    /// The same for people.
    message: String,
}

/// What became of one of many.
#[derive(SimpleObject)]
struct BulkResult {
    /// The id, as it was given.
    user_id: ID,
    /// The user as it is now; null where `error` says why nothing was done.
    user: Option<AdminUser>,
    /// Why nothing was done.
    error: Option<BulkError>,
}

/// What became of each, in the order of the ids.
#[derive(SimpleObject)]
pub(super) struct BulkPayload {
    /// One for each id.
    results: Vec<BulkResult>,
    /// To how many it was done.
    done_count: i32,
}

/// The user of an id that a client sent.
///
/// # Errors
/// `NotFound` for what is no id of a user.
pub(super) fn user_id(id: &ID) -> domain::Result<UserId> {
    id.parse().map_err(|_| Error::NotFound)
}

/// Does something to each user, one after the other. Who may not do it at all is refused the whole.
pub(super) async fn each(context: &Context<'_>, ids: Vec<ID>, action: Action) -> Result<BulkPayload> {
    if ids.is_empty() || ids.len() > MAX_BULK {
        let message = format!("must have 1 to {MAX_BULK} ids");
        let fault = Fault { limit: Some(MAX_BULK), ..Fault::new("ids", FaultCode::OutOfRange, message) };
        return Err(Error::bad_field(fault).into());
    }
    let caller = context.administrator().await?;
    let administration = &context.domain()?.administration;
    let admitted = administration.admit(caller, action).await?;
    let (mut results, mut done_count) = (Vec::with_capacity(ids.len()), 0);
    for id in ids {
        let outcome = match user_id(&id) {
            Ok(user) => administration.do_to(caller, &user, &admitted).await,
            Err(error) => Err(error),
        };
        results.push(match outcome {
            Ok(user) => {
                done_count += 1;
                BulkResult { user_id: id, user: Some(AdminUser(user)), error: None }
            }
            Err(error) => {
                if let Error::Internal(detail) = &error {
                    tracing::error!(detail, "internal error");
                }
                let error = BulkError { code: ErrorCodeEnum(error.code()), message: error.message() };
                BulkResult { user_id: id, user: None, error: Some(error) }
            }
        });
    }
    Ok(BulkPayload { results, done_count })
}
