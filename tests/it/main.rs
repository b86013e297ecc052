//! Everything that is tested from outside: stores and caches against their contracts, the service
//! against its schema, the program as a process.

#![expect(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod access;
#[cfg(feature = "server-tests")]
mod account_life;
mod accounts;
mod administration;
mod architecture;
mod avatars;
mod bad_input;
mod clock;
mod config;
mod console;
mod contract;
#[cfg(feature = "server-tests")]
mod deletion;
mod errors;
mod events;
mod faltering;
mod federation;
mod generated_client;
mod http;
mod idempotency;
mod keys;
#[cfg(feature = "server-tests")]
mod mail;
mod masking;
mod own_sessions;
mod passwords;
mod persisted;
mod playground;
mod process;
mod profile;
mod properties;
mod races;
mod rate_limits;
mod schema;
mod sessions;
mod sockets;
mod support;
mod timing;
mod tokens;
mod transfer;
