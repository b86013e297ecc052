//! The servers that `make test` has started. A test that needs one fails by its name when it is
//! missing; none is skipped.

use uuid::Uuid;

#[expect(clippy::disallowed_methods, reason = "the test run says where its servers are")]
pub(crate) fn variable(name: &str) -> String {
    std::env::var(name).unwrap_or_else(|_| {
        panic!("{name} is not set: no server for this test. `make test` starts all of them, `make servers` prints them")
    })
}

/// A MongoDB URL with a database of the test's own.
pub(crate) fn mongodb_url() -> String {
    let base = variable("VESTIBULE_TEST_MONGODB_URL");
    let (base, query) = base
        .split_once('?')
        .map_or((base.as_str(), String::new()), |(base, query)| (base, format!("?{query}")));
    format!("{}/test_{}{query}", base.trim_end_matches('/'), unique())
}

pub(crate) fn redis_url() -> String {
    variable("VESTIBULE_TEST_REDIS_URL")
}

/// Something that no other test has.
pub(crate) fn unique() -> String {
    Uuid::now_v7().simple().to_string()
}

/// Settings of a service on both, with a database and a key prefix of its own.
pub(crate) fn settings() -> Vec<(String, String)> {
    super::app::owned(&[
        ("DATABASE_URL", &mongodb_url()),
        ("REDIS_URL", &redis_url()),
        ("REDIS_KEY_PREFIX", &unique()),
    ])
}
