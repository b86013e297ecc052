//! Files from `web/` that are part of the program. The build has packed most of them: they are sent as they are kept.

use std::{borrow::Cow, io::Read as _};

use axum::{
    body::Body,
    http::{HeaderMap, HeaderValue, header},
    response::{IntoResponse, Response},
};
use flate2::read::GzDecoder;
use rust_embed::RustEmbed;

const GZIP: &str = "gzip";
/// What Vite names by their content.
pub(super) const ASSETS: &str = "assets/";
const IMMUTABLE: HeaderValue = HeaderValue::from_static("public, max-age=31536000, immutable");
pub(super) const NO_CACHE: HeaderValue = HeaderValue::from_static("no-cache");
/// For files that are looked at by themselves.
pub(super) const ALONE: HeaderValue =
    HeaderValue::from_static("default-src 'none'; frame-ancestors 'none'; sandbox");

/// A file as it is kept.
struct Kept {
    data: Cow<'static, [u8]>,
    is_packed: bool,
}

impl Kept {
    fn get<Files: RustEmbed>(path: &str) -> Option<Self> {
        let kept = |path: &str, is_packed| Files::get(path).map(|file| Self { data: file.data, is_packed });
        kept(path, false).or_else(|| kept(&format!("{path}.gz"), true))
    }

    fn unpacked(self) -> Option<Cow<'static, [u8]>> {
        if !self.is_packed {
            return Some(self.data);
        }
        let mut plain = Vec::new();
        GzDecoder::new(&*self.data).read_to_end(&mut plain).ok()?;
        Some(plain.into())
    }
}

/// The content of a file, if it was there when the program was built.
pub(super) fn content<Files: RustEmbed>(path: &str) -> Option<Cow<'static, [u8]>> {
    Kept::get::<Files>(path).and_then(Kept::unpacked)
}

/// A file for a browser: for good where its name changes with its content, and under a policy that lets nothing of it
/// act when it is looked at by itself.
pub(super) fn answer<Files: RustEmbed>(path: &str, request: &HeaderMap) -> Option<Response> {
    let kept = Kept::get::<Files>(path)?;
    let media = mime_guess::from_path(path).first_or_octet_stream();
    let caching = if path.starts_with(ASSETS) { IMMUTABLE } else { NO_CACHE };
    let stays_packed = kept.is_packed && takes_gzip(request);
    let data = if stays_packed { kept.data } else { kept.unpacked()? };
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_str(media.essence_str()).ok()?),
        (header::CACHE_CONTROL, caching),
        (header::CONTENT_SECURITY_POLICY, ALONE),
    ];
    let mut response = (headers, Body::from(data)).into_response();
    if stays_packed {
        response.headers_mut().insert(header::CONTENT_ENCODING, HeaderValue::from_static(GZIP));
    }
    Some(response)
}

/// Whether the client names gzip, or anything, and not as what it refuses.
fn takes_gzip(request: &HeaderMap) -> bool {
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
    fn what_is_packed_goes_to_clients_that_say_they_unpack() {
        let takes = |value: &'static str| {
            takes_gzip(&HeaderMap::from_iter([(header::ACCEPT_ENCODING, HeaderValue::from_static(value))]))
        };
        for yes in ["gzip", "br, GZIP;q=0.5", "deflate,gzip ; q=1.0", "*", "br;q=0, *;q=0.1"] {
            assert!(takes(yes), "{yes}");
        }
        for no in ["", "br", "identity", "gzip;q=0", "gzip; q=0.0, *", "*;q=0", "gzip;q=none", "xgzip"] {
            assert!(!takes(no), "{no}");
        }
        assert!(!takes_gzip(&HeaderMap::new()));
    }
}
