//! The program: reads the command line and runs one command.

use std::process::ExitCode;

/// Requests make and drop many small things, for which this takes less than the system's.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    vestibule::cli::run()
}
