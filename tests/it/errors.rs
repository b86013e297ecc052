//! The table of error codes and its documentation.

use std::fmt::Write;

use vestibule::domain::error::{AuthenticationFailure, ErrorCode};

const PATH: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/errors.md");

/// `docs/errors.md` is printed from the table: with `UPDATE_DOCS=1` this test writes it.
#[test]
#[expect(clippy::disallowed_methods, reason = "the one who runs the test says whether to write")]
fn the_documentation_of_errors_is_up_to_date() {
    let expected = documentation();
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(PATH, &expected).unwrap();
    }
    let found = std::fs::read_to_string(PATH).unwrap_or_default();
    assert!(found == expected, "docs/errors.md differs from the code; run `UPDATE_DOCS=1 cargo test errors`");
}

fn documentation() -> String {
    let mut text = String::from(
        "# Error codes\n\n\
        Every error has `message` (for people), `path` where it belongs to a field, and `extensions` with\n\
        `code`, `status` and `requestId`. This page is printed from the table in `src/domain/error.rs`.\n\n\
        | code | status | when |\n|---|---|---|\n",
    );
    for code in ErrorCode::ALL {
        writeln!(text, "| `{}` | {} | {} |", code.as_str(), code.status(), code.description()).unwrap();
    }
    text.push_str("\n## Reasons of `UNAUTHENTICATED`\n\n| reason | meaning |\n|---|---|\n");
    for reason in AuthenticationFailure::ALL {
        writeln!(text, "| `{}` | {} |", reason.as_str(), reason.message()).unwrap();
    }
    text
}

#[test]
fn every_code_is_in_the_schema() {
    let sdl = vestibule::graphql::sdl();
    for code in ErrorCode::ALL {
        assert!(sdl.contains(&format!("\t{}\n", code.as_str())), "{} is missing", code.as_str());
    }
}
