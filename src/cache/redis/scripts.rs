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

static PUT_IF_NEWER: LazyLock<Script> = LazyLock::new(|| Script::from_lua(include_str!("put_if_newer.lua")));

/// Writes `value` where there is no newer one and no tombstone. A value that could not be encoded
/// is not written.
pub(super) async fn put_if_newer(
    connection: &Connection,
    key: String,
    version: i64,
    value: Option<String>,
) -> CacheResult<()> {
    let value = value.ok_or(CacheUnavailable)?;
    let client = connection.client()?;
    let ttl = COPY_TTL.as_millis().to_string();
    let arguments = vec![version.to_string(), value, ttl];
    let by_hash: FredResult<i64> =
        client.evalsha(PUT_IF_NEWER.sha1().clone(), key.clone(), arguments.clone()).await;
    let outcome = match by_hash {
        Err(error) if error.details().starts_with("NOSCRIPT") => {
            client.eval(include_str!("put_if_newer.lua"), key, arguments).await
        }
        outcome => outcome,
    };
    connection.judge(outcome).map(drop)
}
