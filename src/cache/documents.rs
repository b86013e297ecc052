//! Documents within the process.

use std::sync::Arc;

use async_trait::async_trait;
use moka::{policy::EvictionPolicy, sync::Cache};

use crate::domain::{
    documents::{DocumentCache, MAX_DOCUMENT_BYTES, MAX_TOTAL_BYTES},
    tokens::TokenHash,
};

/// What an entry weighs besides its text.
const OVERHEAD_BYTES: usize = 200;

/// Keeps documents for this process alone.
pub struct LocalDocuments(Cache<TokenHash, Arc<str>>);

impl Default for LocalDocuments {
    fn default() -> Self {
        let weigh =
            |_: &TokenHash, text: &Arc<str>| u32::try_from(text.len() + OVERHEAD_BYTES).unwrap_or(u32::MAX);
        let cache = Cache::builder()
            .max_capacity(MAX_TOTAL_BYTES as u64)
            .weigher(weigh)
            .eviction_policy(EvictionPolicy::lru());
        Self(cache.build())
    }
}

#[async_trait]
impl DocumentCache for LocalDocuments {
    async fn find(&self, hash: &TokenHash) -> Option<String> {
        self.0.get(hash).map(|text| text.as_ref().to_owned())
    }

    async fn keep(&self, hash: &TokenHash, document: &str) {
        if document.len() <= MAX_DOCUMENT_BYTES {
            self.0.insert(*hash, document.into());
        }
    }
}
