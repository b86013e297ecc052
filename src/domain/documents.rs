//! Documents that clients send once and name by their hash from then on (automatic persisted queries).

use async_trait::async_trait;

use super::tokens::TokenHash;

/// The most bytes of a document that is kept.
pub const MAX_DOCUMENT_BYTES: usize = 64 * 1024;
/// The most bytes of all documents together; of more, those go that were not sent for longest.
pub const MAX_TOTAL_BYTES: usize = 32 * 1024 * 1024;

/// Where documents are kept for a while. There are no errors: a document that is not there is sent again.
#[async_trait]
pub trait DocumentCache: Send + Sync {
    /// The document with this SHA-256.
    async fn find(&self, hash: &TokenHash) -> Option<String>;

    /// Keeps a document of at most [`MAX_DOCUMENT_BYTES`] by its SHA-256.
    async fn keep(&self, hash: &TokenHash, document: &str);
}
