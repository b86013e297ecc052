//! Vestibule: a GraphQL authentication and user service.
//!
//! The rooms of the house and the one direction of imports:
//! `cli -> app -> { http -> graphql -> domain <- stores, cache, mailer, media, breaches }`. `config` and `telemetry` serve
//! those who put things together. No arrow leaves `domain`; `tests/it/architecture.rs` holds the
//! code to it.

pub mod app;
pub mod breaches;
pub mod cache;
pub mod cli;
pub mod config;
pub mod domain;
pub mod graphql;
pub mod http;
pub mod lifecycle;
pub mod mailer;
pub mod media;
pub mod stores;
pub mod telemetry;
