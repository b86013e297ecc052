//! Vestibule: a GraphQL authentication and user service.
//!
//! The rooms of the house and the one direction of imports:
//! `cli -> app -> { http -> graphql -> domain <- stores, cache, mailer, media, breaches }`. `config` and `telemetry` serve
//! those who put things together. No arrow leaves `domain`; `tests/it/architecture.rs` holds the
//! code to it.

#[cfg(feature = "service")]
pub mod app;
#[cfg(feature = "service")]
pub mod breaches;
#[cfg(feature = "service")]
pub mod cache;
#[cfg(feature = "service")]
pub mod cli;
pub mod config;
pub mod domain;
pub mod graphql;
pub mod http;
#[cfg(feature = "service")]
pub mod lifecycle;
#[cfg(feature = "service")]
pub mod mailer;
#[cfg(feature = "service")]
pub mod media;
#[cfg(feature = "service")]
pub mod stores;
#[cfg(feature = "service")]
pub mod telemetry;
