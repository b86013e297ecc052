//! The bounds on documents: whatever they let through is small, and they let nothing take long.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: (&str, &str)| vestibule::graphql::check_limits(input.0, input.1));
