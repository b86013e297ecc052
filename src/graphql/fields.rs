//! What is known of fields by their names before anything is executed. A test holds this against the schema.

/// What is known of a field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct FieldRule {
    /// What it costs beside what it selects.
    pub(super) weight: u64,
    /// How many of what it selects it has.
    pub(super) size: Size,
    /// Whether it hashes a password or sends a mail, and a request may therefore have one such field.
    pub(super) is_sensitive: bool,
    /// Whether a repeat with the same `Idempotency-Key` gets the same answer.
    pub(super) is_repeatable: bool,
}

/// How many of what it selects a field has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Size {
    /// One, or so many.
    Fixed(u64),
    /// Of its `edges` and `nodes`, as many as `first` or `last` says.
    Page,
    /// As many as the page has that it is part of.
    OfPage,
    /// As many as the longest list that it is given.
    Given,
}

const PLAIN: FieldRule =
    FieldRule { weight: 1, size: Size::Fixed(1), is_sensitive: false, is_repeatable: false };

/// Fields that hash a password or send a mail, by name and whether they can be repeated by key.
const SENSITIVE: &[(&str, bool)] = &[
    ("register", true),
    ("login", false),
    ("reauthenticate", false),
    ("changePassword", true),
    ("resetPassword", true),
    ("requestPasswordReset", true),
    ("requestEmailVerification", true),
    ("requestEmailChange", true),
    ("confirmEmailChange", true),
    ("undoEmailChange", true),
    // It ends the session by which it would be repeated.
    ("deleteAccount", false),
    ("inviteUser", false),
    ("forcePasswordReset", false),
    ("forcePasswordResets", false),
];
/// Fields that make something and do neither.
const REPEATABLE: &[&str] = &["createAvatarUpload"];

/// What is known of the field with this name; `has_arguments` tells `Query.node` from that of an edge.
pub(super) fn rule(name: &str, has_arguments: bool) -> FieldRule {
    let sensitive = SENSITIVE.iter().find(|(field, _)| *field == name);
    let (weight, size) = match name {
        "sessions" | "users" | "auditLog" | "securityEvents" => (100, Size::Page),
        // What routers ask; the text of the schema is about as much as an introspection of it.
        "sdl" => (40_000, Size::Fixed(1)),
        "_entities" => (20, Size::Given),
        "edges" | "nodes" => (1, Size::OfPage),
        "serviceTokens" => (100, Size::Fixed(50)),
        "results" => (1, Size::Fixed(200)),
        "totalCount" | "passwordStrength" | "exportMyData" => (100, Size::Fixed(1)),
        "node" if has_arguments => (20, Size::Fixed(1)),
        "session" | "publicMetadata" | "appMetadata" => (20, Size::Fixed(1)),
        // Lists of the introspection.
        "types" => (1, Size::Fixed(40)),
        "fields" | "inputFields" | "interfaces" | "possibleTypes" | "enumValues" | "args" | "directives" => {
            (1, Size::Fixed(4))
        }
        _ => (PLAIN.weight, PLAIN.size),
    };
    FieldRule {
        weight,
        size,
        is_sensitive: sensitive.is_some(),
        is_repeatable: sensitive.is_some_and(|(_, repeatable)| *repeatable) || REPEATABLE.contains(&name),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn every_name_is_one_of_the_schema() {
        let sdl = crate::graphql::sdl() + &crate::graphql::admin_sdl();
        let fields: HashSet<&str> =
            sdl.lines().filter_map(|line| line.strip_prefix('\t')?.split(['(', ':']).next()).collect();
        let names = SENSITIVE.iter().map(|(name, _)| name).chain(REPEATABLE);
        let weighted = ["sessions", "totalCount", "passwordStrength", "exportMyData", "node", "session"];
        for name in names.chain(&weighted).chain(&["publicMetadata", "appMetadata"]) {
            assert!(fields.contains(name), "{name}");
        }
    }
}
