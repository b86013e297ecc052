//! Documents that all nodes share, with those in front that were asked for here.

use std::sync::Arc;

use async_trait::async_trait;
use fred::interfaces::{FredResult, KeysInterface};

use super::{connection::Connection, scripts::KEEP_DOCUMENT};
use crate::{
    cache::LocalDocuments,
    domain::{
        documents::{DocumentCache, MAX_DOCUMENT_BYTES, MAX_TOTAL_BYTES},
        hex,
        tokens::TokenHash,
    },
};

pub(super) struct RedisDocuments {
    connection: Arc<Connection>,
    /// One slot of a cluster, so that one script can keep the books.
    prefix: String,
    near: LocalDocuments,
}

impl RedisDocuments {
    pub(super) fn new(connection: Arc<Connection>, prefix: &str) -> Self {
        Self { connection, prefix: format!("{prefix}:{{documents}}"), near: LocalDocuments::default() }
    }

    async fn find_far(&self, hash: &TokenHash) -> Option<String> {
        let client = self.connection.client().ok()?;
        let key = format!("{}:{}", self.prefix, hex::of(hash.as_bytes()));
        let found: FredResult<Option<String>> = client.get(key).await;
        let text = client.judge(found).ok().flatten()?;
        // Whoever else writes to Redis does not choose what runs.
        (TokenHash::of_text(&text) == *hash).then_some(text)
    }
}

#[async_trait]
impl DocumentCache for RedisDocuments {
    async fn find(&self, hash: &TokenHash) -> Option<String> {
        if let Some(text) = self.near.find(hash).await {
            return Some(text);
        }
        let text = self.find_far(hash).await?;
        self.near.keep(hash, &text).await;
        Some(text)
    }

    async fn keep(&self, hash: &TokenHash, document: &str) {
        if document.len() > MAX_DOCUMENT_BYTES {
            return;
        }
        self.near.keep(hash, document).await;
        let keys = ["order", "bytes"].map(|name| format!("{}:{name}", self.prefix));
        let arguments = vec![
            format!("{}:", self.prefix),
            hex::of(hash.as_bytes()),
            document.to_owned(),
            MAX_TOTAL_BYTES.to_string(),
        ];
        // One that was not kept is sent again.
        let _ = KEEP_DOCUMENT.run(&self.connection, keys.into(), arguments).await;
    }
}
