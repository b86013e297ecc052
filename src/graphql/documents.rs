//! Which document a request means: the one it sends, or one that is known by its hash. Where only trusted
//! documents may be executed, nothing else gets any further.

use std::sync::Arc;

use serde_json::{Map, Value};

use super::{
    error::request_error,
    request::{GraphqlRequest, RequestError},
};
use crate::{
    config::TrustedDocuments,
    domain::{ErrorCode, documents::DocumentCache, live::Live, tokens::TokenHash},
};

/// What clients of Apollo look for.
const NOT_FOUND: &str = "PersistedQueryNotFound";
const MALFORMED: &str = "A persisted query is named by its SHA-256 in 64 hexadecimal digits.";

/// Documents that are known by their hash.
#[derive(Clone)]
pub struct Documents {
    /// `None` where any document may be executed.
    pub trusted: Live<Option<TrustedDocuments>>,
    /// Those of the service's own pages.
    pub own: TrustedDocuments,
    /// Those that clients have sent with their hash.
    pub cache: Arc<dyn DocumentCache>,
}

/// The document of a request.
pub(super) struct Found {
    pub(super) text: String,
    /// By which hash it is to be kept, once it is known to be within the limits.
    pub(super) keep: Option<TokenHash>,
}

impl Documents {
    /// The same without the list of those that are trusted, which is of another schema.
    pub(super) fn of_anybody(&self) -> Self {
        Self { trusted: Live::default(), ..self.clone() }
    }

    /// The document of a request.
    ///
    /// # Errors
    /// A request without one, with one that is not known or not trusted, or with the hash of another.
    pub(super) async fn resolve(&self, request: &mut GraphqlRequest) -> Result<Found, RequestError> {
        let named = request.document_hash()?;
        match (named, request.query.take()) {
            (None, None) => {
                refused(ErrorCode::BadUserInput, "The request must have the string member \"query\".")
            }
            (Some(named), None) => match self.find(&named).await {
                Some(text) => Ok(Found { text, keep: None }),
                None => refused(ErrorCode::PersistedQueryNotFound, NOT_FOUND),
            },
            (named, Some(text)) => self.take(named, text),
        }
    }

    /// Keeps a document. Nobody waits for it.
    pub(super) fn keep(&self, document: Option<(TokenHash, String)>) {
        if let Some((hash, text)) = document {
            let cache = self.cache.clone();
            tokio::spawn(async move { cache.keep(&hash, &text).await });
        }
    }

    async fn find(&self, hash: &TokenHash) -> Option<String> {
        match &*self.trusted.get() {
            Some(_) => self.find_trusted(hash).map(|text| (*text).to_owned()),
            None => self.cache.find(hash).await,
        }
    }

    /// Whether any document may be executed.
    fn takes_any(&self) -> bool {
        self.trusted.get().is_none()
    }

    fn find_trusted(&self, hash: &TokenHash) -> Option<Arc<str>> {
        let trusted = (*self.trusted.get()).as_ref().and_then(|trusted| trusted.find(hash));
        trusted.or_else(|| self.own.find(hash))
    }

    fn take(&self, named: Option<TokenHash>, text: String) -> Result<Found, RequestError> {
        if named.is_none() && self.takes_any() {
            return Ok(Found { text, keep: None });
        }
        let hash = TokenHash::of_text(&text);
        if named.is_some_and(|named| named != hash) {
            return refused(ErrorCode::BadUserInput, "The hash is not that of the document.");
        }
        if self.takes_any() {
            return Ok(Found { text, keep: Some(hash) });
        }
        if self.find_trusted(&hash).is_none() {
            return refused(ErrorCode::DocumentNotTrusted, ErrorCode::DocumentNotTrusted.summary());
        }
        Ok(Found { text, keep: None })
    }
}

impl GraphqlRequest {
    /// The hash by which the request names its document: `documentId`, or `extensions.persistedQuery` as
    /// Apollo has it.
    fn document_hash(&self) -> Result<Option<TokenHash>, RequestError> {
        let malformed = || refused(ErrorCode::BadUserInput, MALFORMED);
        if let Some(id) = &self.document_id {
            let digits = id.strip_prefix("sha256:").unwrap_or(id);
            return TokenHash::from_hex(digits).map_or_else(malformed, |hash| Ok(Some(hash)));
        }
        let persisted = self.extensions.as_ref().and_then(|extensions| extensions.get("persistedQuery"));
        match persisted {
            None | Some(Value::Null) => Ok(None),
            Some(Value::Object(members)) => {
                persisted_hash(members).map_or_else(malformed, |hash| Ok(Some(hash)))
            }
            Some(_) => malformed(),
        }
    }
}

fn persisted_hash(members: &Map<String, Value>) -> Option<TokenHash> {
    let is_known = members.get("version").is_some_and(|version| version.as_u64() == Some(1));
    TokenHash::from_hex(members.get("sha256Hash")?.as_str()?).filter(|_| is_known)
}

fn refused<T>(code: ErrorCode, message: &str) -> Result<T, RequestError> {
    Err(RequestError::Faulty(request_error(code, message)))
}
