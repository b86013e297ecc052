//! Everything that is tested from outside: stores and caches against their contracts, the service
//! against its schema, the program as a process.

#![expect(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod accounts;
mod architecture;
mod bad_input;
mod config;
mod contract;
mod errors;
mod events;
mod http;
mod keys;
mod masking;
mod own_sessions;
mod playground;
mod process;
mod properties;
mod races;
mod schema;
mod sessions;
mod sockets;
mod support;
mod tokens;
