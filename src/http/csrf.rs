//! Whether another site may have caused a request (OWASP CSRF cheat sheet): `Sec-Fetch-Site` first,
//! which browsers set and pages cannot; then `Origin` against the allow-list.

use axum::http::{HeaderMap, HeaderValue, header};

use crate::{config::Origin, graphql::CsrfVerdict};

const FETCH_SITE: &str = "sec-fetch-site";

/// The verdict on a request with these headers.
pub(super) fn judge(headers: &HeaderMap, allowed: &[Origin]) -> CsrfVerdict {
    let site = headers.get(FETCH_SITE).map(HeaderValue::as_bytes);
    let site_is_safe = matches!(site, None | Some(b"same-origin" | b"same-site"));
    if site_is_safe && origin_is_allowed(headers, allowed) {
        CsrfVerdict::Safe
    } else {
        CsrfVerdict::Suspicious
    }
}

/// Whether the page that causes the request may: its origin is on the list, or there is none. A client
/// without the header is no browser of the last years, and sends no cookies that it was not told to.
pub(super) fn origin_is_allowed(headers: &HeaderMap, allowed: &[Origin]) -> bool {
    let origin = headers.get(header::ORIGIN).map(HeaderValue::as_bytes);
    origin.is_none_or(|origin| allowed.iter().any(|known| known.as_str().as_bytes() == origin))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn other_sites_are_suspicious() {
        let allowed = [Origin::parse("https://app.example.com").unwrap()];
        for (site, origin, expected) in [
            (None, None, CsrfVerdict::Safe),
            (Some("same-origin"), None, CsrfVerdict::Safe),
            (Some("same-site"), Some("https://app.example.com"), CsrfVerdict::Safe),
            (None, Some("https://app.example.com"), CsrfVerdict::Safe),
            (Some("cross-site"), Some("https://app.example.com"), CsrfVerdict::Suspicious),
            (Some("none"), None, CsrfVerdict::Suspicious),
            (Some("same-site"), Some("https://evil.example.com"), CsrfVerdict::Suspicious),
            (None, Some("https://app.example.com.evil.com"), CsrfVerdict::Suspicious),
            (None, Some("http://app.example.com"), CsrfVerdict::Suspicious),
            (None, Some("null"), CsrfVerdict::Suspicious),
        ] {
            let mut headers = HeaderMap::new();
            if let Some(site) = site {
                headers.insert(FETCH_SITE, HeaderValue::from_static(site));
            }
            if let Some(origin) = origin {
                headers.insert(header::ORIGIN, HeaderValue::from_static(origin));
            }
            assert_eq!(judge(&headers, &allowed), expected, "{site:?} {origin:?}");
        }
    }
}
