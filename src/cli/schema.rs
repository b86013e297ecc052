//! `vestibule schema`.

use std::process::ExitCode;

use super::print;

/// Prints the schema.
pub(super) fn run(is_admin: bool) -> ExitCode {
    print(&if is_admin { crate::graphql::admin_sdl() } else { crate::graphql::sdl() })
}
