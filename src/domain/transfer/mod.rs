//! Moving in and out: users of other systems, and those of this one in a form that others read.

mod export;
mod import;
mod keycloak;
mod record;

pub use import::{BadRow, Import, ImportOptions, ImportReport};
pub use record::{AvatarRecord, SuspensionRecord, UserRecord};
