//! The documents that may be executed, where not all may.

use std::{collections::HashMap, fs, sync::Arc};

use serde::Deserialize;

use super::{Source, variables};
use crate::domain::tokens::TokenHash;

/// Documents by their SHA-256.
#[derive(Debug, Clone, Default)]
pub struct TrustedDocuments(Arc<HashMap<TokenHash, Arc<str>>>);

impl TrustedDocuments {
    /// Trusts these documents.
    pub fn new(documents: impl IntoIterator<Item = String>) -> Self {
        let by_hash = documents.into_iter().map(|text| (TokenHash::of_text(&text), Arc::from(text)));
        Self(Arc::new(by_hash.collect()))
    }

    /// The document with this SHA-256.
    pub fn find(&self, hash: &TokenHash) -> Option<Arc<str>> {
        self.0.get(hash).cloned()
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// What tools write.
#[derive(Deserialize)]
#[serde(untagged)]
enum Manifest {
    /// `apollo-persisted-query-manifest`.
    Apollo { operations: Vec<Operation> },
    /// Documents by their hashes, as graphql-codegen and Relay write them when they are told to use SHA-256.
    Map(HashMap<String, String>),
}

#[derive(Deserialize)]
struct Operation {
    id: String,
    body: String,
}

/// The documents of the file, or `None` without one.
pub(super) fn trusted(source: &mut Source) -> Option<TrustedDocuments> {
    let path = source.optional(&variables::TRUSTED_DOCUMENTS)?;
    match fs::read(&path)
        .map_err(|error| format!("{path:?} cannot be read: {error}"))
        .and_then(|text| read(&text))
    {
        Ok(documents) => Some(documents),
        Err(message) => {
            source.problem(&variables::TRUSTED_DOCUMENTS, message);
            None
        }
    }
}

/// A document whose hash is not its own is refused: clients would send the one and get the other.
fn read(text: &[u8]) -> Result<TrustedDocuments, String> {
    let manifest: Manifest =
        serde_json::from_slice(text).map_err(|_| "is no manifest of documents".to_owned())?;
    let documents: Vec<(String, String)> = match manifest {
        Manifest::Apollo { operations } => operations.into_iter().map(|one| (one.id, one.body)).collect(),
        Manifest::Map(documents) => documents.into_iter().collect(),
    };
    if documents.is_empty() {
        return Err("has no document".into());
    }
    for (hash, text) in &documents {
        let digits = hash.strip_prefix("sha256:").unwrap_or(hash);
        if TokenHash::from_hex(digits) != Some(TokenHash::of_text(text)) {
            return Err(format!("has {hash:?} for a document whose SHA-256 that is not"));
        }
    }
    Ok(TrustedDocuments::new(documents.into_iter().map(|(_, text)| text)))
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "{ me { id } }";
    const HASH: &str = "9ee25f3b4ee9d4a2f5f1d2d1f3a3f7d0";

    #[test]
    fn both_forms_are_read_and_hashes_are_checked() {
        let hash = crate::domain::hex::of(TokenHash::of_text(TEXT).as_bytes());
        for manifest in [
            serde_json::json!({ hash.clone(): TEXT }),
            serde_json::json!({ format!("sha256:{hash}"): TEXT }),
            serde_json::json!({
                "format": "apollo-persisted-query-manifest", "version": 1,
                "operations": [{ "id": hash, "name": "A", "type": "query", "body": TEXT }],
            }),
        ] {
            let documents = read(manifest.to_string().as_bytes()).unwrap();
            assert_eq!(documents.find(&TokenHash::of_text(TEXT)).as_deref(), Some(TEXT));
            assert_eq!(documents.len(), 1);
        }
        for manifest in [serde_json::json!({ HASH: TEXT }), serde_json::json!({}), serde_json::json!([TEXT])]
        {
            assert!(read(manifest.to_string().as_bytes()).is_err(), "{manifest}");
        }
    }
}
