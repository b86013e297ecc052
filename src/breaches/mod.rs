//! Asks a list of leaked passwords by range, as Pwned Passwords answers it.

use std::{collections::HashSet, sync::Arc, time::Duration};

use async_trait::async_trait;
use futures_util::StreamExt;
use moka::future::Cache;
use reqwest::{Client, redirect::Policy};
use tracing::Instrument;
use url::Url;

use crate::domain::{
    passwords::{BreachCheckUnavailable, BreachedPasswords},
    traces::{self, trace_part},
};

/// How long an answer may take; a person waits for it.
const TIMEOUT: Duration = Duration::from_secs(3);
/// The most bytes of an answer: today they have some 40,000, padded ones somewhat more.
const MAX_BYTES: usize = 1024 * 1024;
/// Answers that are kept, of some 100,000 bytes each.
const KEPT: u64 = 200;
const KEPT_FOR: Duration = Duration::from_hours(12);
/// Digits of a suffix: the SHA-1 has 40, of which 5 are in the question.
const SUFFIX_DIGITS: usize = 35;

/// A list that is asked over HTTP.
pub struct RangeClient {
    client: Client,
    base: Url,
    known: Cache<String, Arc<HashSet<String>>>,
}

impl RangeClient {
    /// A list at this URL, to which the first digits are added.
    ///
    /// # Errors
    /// That of the HTTP library, when TLS cannot be set up.
    pub fn new(base: Url) -> reqwest::Result<Self> {
        let client =
            Client::builder().timeout(TIMEOUT).redirect(Policy::none()).user_agent("vestibule").build()?;
        Ok(Self { client, base, known: Cache::builder().max_capacity(KEPT).time_to_live(KEPT_FOR).build() })
    }

    async fn ask(&self, prefix: &str) -> Result<Arc<HashSet<String>>, BreachCheckUnavailable> {
        let unavailable = |what: &str| {
            tracing::warn!(what, "the list of leaked passwords does not answer");
            BreachCheckUnavailable
        };
        let url = self.base.join(prefix).map_err(|_| unavailable("url"))?;
        // The padding hides from the network how many there are, and with that which prefix was asked.
        let part = trace_part!("leaked passwords", otel.kind = "client");
        let mut request = self.client.get(url).header("Add-Padding", "true");
        if let Some((name, value)) = part.in_scope(traces::outgoing) {
            request = request.header(name, value);
        }
        let answer = request.send().instrument(part).await;
        let answer =
            answer.and_then(reqwest::Response::error_for_status).map_err(|_| unavailable("request"))?;
        let mut chunks = answer.bytes_stream();
        let mut body = Vec::new();
        while let Some(chunk) = chunks.next().await {
            body.extend_from_slice(&chunk.map_err(|_| unavailable("body"))?);
            if body.len() > MAX_BYTES {
                return Err(unavailable("too large an answer"));
            }
        }
        let text = String::from_utf8(body).map_err(|_| unavailable("no text"))?;
        Ok(Arc::new(text.lines().filter_map(read_line).collect()))
    }
}

/// `SUFFIX:COUNT`; padding has the count 0.
fn read_line(line: &str) -> Option<String> {
    let (suffix, count) = line.trim().split_once(':')?;
    let is_suffix = suffix.len() == SUFFIX_DIGITS && suffix.bytes().all(|byte| byte.is_ascii_hexdigit());
    (is_suffix && count.trim() != "0").then(|| suffix.to_ascii_uppercase())
}

#[async_trait]
impl BreachedPasswords for RangeClient {
    async fn range(&self, prefix: &str) -> Result<Arc<HashSet<String>>, BreachCheckUnavailable> {
        let asked = self.known.try_get_with(prefix.to_owned(), self.ask(prefix)).await;
        asked.map_err(|_| BreachCheckUnavailable)
    }
}
