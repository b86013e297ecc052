//! Files from `web/` that are part of the program. The build has compressed most of them: they are sent as they are
//! kept.

use std::{
    borrow::Cow,
    collections::HashMap,
    io::Read as _,
    sync::{LazyLock, Mutex, PoisonError},
};

use axum::{
    body::{Body, Bytes},
    http::{HeaderMap, HeaderValue, header},
    response::{IntoResponse, Response},
};
use flate2::read::GzDecoder;
use rust_embed::RustEmbed;

const GZIP: &str = "gzip";
/// What the build adds to the names of files that it has compressed.
const COMPRESSED: &str = ".gz";
/// What Vite names by their content.
pub(super) const ASSETS: &str = "assets/";
const IMMUTABLE: HeaderValue = HeaderValue::from_static("public, max-age=31536000, immutable");
pub(super) const NO_CACHE: HeaderValue = HeaderValue::from_static("no-cache");
/// For files that are looked at by themselves.
pub(super) const ALONE: HeaderValue =
    HeaderValue::from_static("default-src 'none'; frame-ancestors 'none'; sandbox");

/// What was decompressed, by where it is kept: once for each file, of which there are a few dozen.
static DECOMPRESSED: LazyLock<Mutex<HashMap<usize, Bytes>>> = LazyLock::new(Mutex::default);

/// A file as it is kept.
struct Kept {
    data: Cow<'static, [u8]>,
    is_compressed: bool,
}

impl Kept {
    /// The file with this name, by which nobody asks for its compressed form.
    fn get<Files: RustEmbed>(path: &str) -> Option<Self> {
        let kept =
            |path: &str, is_compressed| Files::get(path).map(|file| Self { data: file.data, is_compressed });
        if path.ends_with(COMPRESSED) {
            return None;
        }
        kept(path, false).or_else(|| kept(&format!("{path}{COMPRESSED}"), true))
    }

    /// As it is kept.
    fn into_bytes(self) -> Bytes {
        match self.data {
            Cow::Borrowed(data) => Bytes::from_static(data),
            Cow::Owned(data) => data.into(),
        }
    }

    /// As it was before.
    fn decompressed(self) -> Option<Bytes> {
        if !self.is_compressed {
            return Some(self.into_bytes());
        }
        let place = self.data.as_ptr() as usize;
        let mut known = DECOMPRESSED.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(plain) = known.get(&place) {
            return Some(plain.clone());
        }
        let mut plain = Vec::new();
        GzDecoder::new(&*self.data).read_to_end(&mut plain).ok()?;
        let plain = Bytes::from(plain);
        if matches!(self.data, Cow::Borrowed(_)) {
            known.insert(place, plain.clone());
        }
        Some(plain)
    }
}

/// The content of a file, if it was there when the program was built.
pub(super) fn content<Files: RustEmbed>(path: &str) -> Option<Bytes> {
    Kept::get::<Files>(path).and_then(Kept::decompressed)
}

/// A file for a browser: for good where its name changes with its content, and under a policy that lets nothing of it
/// act when it is looked at by itself.
pub(super) fn answer<Files: RustEmbed>(path: &str, request: &HeaderMap) -> Option<Response> {
    let kept = Kept::get::<Files>(path)?;
    let media = mime_guess::from_path(path).first_or_octet_stream();
    let caching = if path.starts_with(ASSETS) { IMMUTABLE } else { NO_CACHE };
    let (is_compressed, accepts) = (kept.is_compressed, accepts_gzip(request));
    let data = if accepts { kept.into_bytes() } else { kept.decompressed()? };
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_str(media.essence_str()).ok()?),
        (header::CACHE_CONTROL, caching),
        (header::CONTENT_SECURITY_POLICY, ALONE),
    ];
    let mut response = (headers, Body::from(data)).into_response();
    if is_compressed {
        let headers = response.headers_mut();
        headers.append(header::VARY, HeaderValue::from_static("accept-encoding"));
        if accepts {
            headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static(GZIP));
        }
    }
    Some(response)
}

/// Whether the client names gzip, or anything, and not as what it refuses.
fn accepts_gzip(request: &HeaderMap) -> bool {
    let values = request.get_all(header::ACCEPT_ENCODING).iter().filter_map(|value| value.to_str().ok());
    let offers: Vec<_> = values.flat_map(|value| value.split(',')).collect();
    let weight = |offer: &str, wanted: &str| {
        let mut parts = offer.split(';').map(str::trim);
        let name = parts.next()?;
        let weight = parts.find_map(|part| part.strip_prefix("q=").or(part.strip_prefix("Q=")));
        name.eq_ignore_ascii_case(wanted)
            .then(|| weight.is_none_or(|weight| weight.parse().is_ok_and(|weight: f32| weight > 0.0)))
    };
    let named = |wanted| offers.iter().find_map(|offer| weight(offer, wanted));
    named(GZIP).or_else(|| named("*")).unwrap_or(false)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn compressed_files_go_to_clients_that_accept_gzip() {
        let accepts = |value: &'static str| {
            accepts_gzip(&HeaderMap::from_iter([(header::ACCEPT_ENCODING, HeaderValue::from_static(value))]))
        };
        for yes in ["gzip", "br, GZIP;q=0.5", "deflate,gzip ; q=1.0", "*", "br;q=0, *;q=0.1"] {
            assert!(accepts(yes), "{yes}");
        }
        for no in ["", "br", "identity", "gzip;q=0", "gzip; q=0.0, *", "*;q=0", "gzip;q=none", "xgzip"] {
            assert!(!accepts(no), "{no}");
        }
        assert!(!accepts_gzip(&HeaderMap::new()));
    }
}
