//! Steps that must be atomic, as Lua scripts: sent by hash, and whole when Redis does not know them.

use std::sync::LazyLock;

use fred::{
    interfaces::{FredResult, LuaInterface},
    types::scripts::Script,
};

use super::connection::Connection;
use crate::{
    cache::COPY_TTL,
    domain::sessions::{CacheResult, CacheUnavailable},
};

/// A step, by its text.
pub(super) struct Step {
    text: &'static str,
    script: LazyLock<Script>,
}

macro_rules! step {
    ($name:ident, $file:literal) => {
        pub(super) static $name: Step = Step {
            text: include_str!(concat!("lua/", $file)),
            script: LazyLock::new(|| Script::from_lua(include_str!(concat!("lua/", $file)))),
        };
    };
}

step!(PUT_IF_NEWER, "put_if_newer.lua");
step!(TAKE, "take.lua");
step!(GIVE_BACK, "give_back.lua");
step!(BEGIN_ATTEMPT, "begin_attempt.lua");
step!(UNDO_ATTEMPT, "undo_attempt.lua");
step!(KEEP_DOCUMENT, "keep_document.lua");

impl Step {
    /// Takes the step, and answers what the script does.
    pub(super) async fn run(
        &self,
        connection: &Connection,
        keys: Vec<String>,
        arguments: Vec<String>,
    ) -> CacheResult<i64> {
        let client = connection.client()?;
        let by_hash: FredResult<i64> =
            client.evalsha(self.script.sha1().clone(), keys.clone(), arguments.clone()).await;
        let outcome = match by_hash {
            Err(error) if error.details().starts_with("NOSCRIPT") => {
                client.eval(self.text, keys, arguments).await
            }
            outcome => outcome,
        };
        client.judge(outcome)
    }
}

/// Writes `value` where there is no newer one and no tombstone. A value that could not be encoded
/// is not written.
pub(super) async fn put_if_newer(
    connection: &Connection,
    key: String,
    version: i64,
    value: Option<String>,
) -> CacheResult<()> {
    let value = value.ok_or(CacheUnavailable)?;
    let ttl = COPY_TTL.as_millis().to_string();
    PUT_IF_NEWER.run(connection, vec![key], vec![version.to_string(), value, ttl]).await.map(drop)
}
