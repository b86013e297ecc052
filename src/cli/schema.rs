//! `vestibule schema`.

use std::process::ExitCode;

use super::print;

/// Prints the schema.
pub(super) fn run() -> ExitCode {
    print(&crate::graphql::sdl())
}
