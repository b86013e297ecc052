//! `vestibule schema`.

use std::process::ExitCode;

use super::print;

use crate::graphql;

/// Prints the schema.
pub(super) fn run(is_admin: bool, is_subgraph: bool) -> ExitCode {
    print(&match (is_admin, is_subgraph) {
        (true, _) => graphql::admin_sdl(),
        (false, true) => graphql::federation_sdl(),
        (false, false) => graphql::sdl(),
    })
}
