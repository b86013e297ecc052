//! `vestibule schema`.

use std::{
    io::{self, Write},
    process::ExitCode,
};

/// Prints the schema. A reader that goes away, such as `head`, is no failure.
pub(super) fn run() -> ExitCode {
    match io::stdout().write_all(crate::graphql::sdl().as_bytes()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => ExitCode::FAILURE,
        _ => ExitCode::SUCCESS,
    }
}
