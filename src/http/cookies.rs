//! The one place that reads and writes cookies.

use axum::http::{HeaderMap, HeaderValue, header};
use cookie::{Cookie, SameSite, time::Duration};

use crate::{
    domain::{Credentials, actor::PresentedToken, clock::Instant, rate_limits::DeviceTokens},
    graphql::{CookieEffect, TokenCookies},
};

/// The names of the cookies. Over https they have the prefix that binds them to this host and to
/// https (ASVS 5.0 V3.3.1); over plain http, at home, browsers would refuse it.
pub(super) struct CookieNames {
    access: &'static str,
    refresh: &'static str,
    device: &'static str,
    secure: bool,
}

impl CookieNames {
    pub(super) const fn new(secure: bool) -> Self {
        if secure {
            Self {
                access: "__Host-vestibule_access",
                refresh: "__Host-vestibule_refresh",
                device: "__Host-vestibule_device",
                secure,
            }
        } else {
            Self {
                access: "vestibule_access",
                refresh: "vestibule_refresh",
                device: "vestibule_device",
                secure,
            }
        }
    }

    /// The credentials of a request: the header goes before the cookie.
    pub(super) fn credentials(&self, headers: &HeaderMap) -> Credentials {
        let mut credentials = bearer_alone(headers);
        for cookie in cookies(headers) {
            let token = || Some(PresentedToken::new(cookie.value().to_owned()));
            if cookie.name() == self.refresh {
                credentials.refresh_cookie = token();
            } else if cookie.name() == self.device {
                credentials.device_cookie = token();
            } else if cookie.name() == self.access && credentials.access_token.is_none() {
                credentials.access_token = token();
            }
        }
        credentials
    }

    /// Whether the request brings one of our cookies.
    pub(super) fn are_present(&self, headers: &HeaderMap) -> bool {
        cookies(headers).any(|cookie| cookie.name() == self.access || cookie.name() == self.refresh)
    }

    /// Writes what a resolver recorded into the answer.
    pub(super) fn apply(&self, effect: &CookieEffect, now: Instant, headers: &mut HeaderMap) {
        let written = match effect {
            CookieEffect::Set(TokenCookies { access_token, refresh_token, expires_at, device_token }) => {
                // The access cookie lives as long as the session, longer than its token: an expired
                // token tells the page to refresh, a lost one would look like a logout.
                let lifetime = Duration::seconds((*expires_at - now).num_seconds().max(0));
                let mut cookies = vec![
                    self.cookie(self.access, access_token, lifetime),
                    self.cookie(self.refresh, refresh_token, lifetime),
                ];
                if let Some(token) = device_token {
                    let lifetime = Duration::seconds(DeviceTokens::TTL.num_seconds());
                    cookies.push(self.cookie(self.device, token, lifetime));
                }
                cookies
            }
            CookieEffect::Clear => {
                // The device stays known: that is what it is for.
                [self.access, self.refresh].map(|name| self.cookie(name, "", Duration::ZERO)).into()
            }
        };
        for cookie in written {
            if let Ok(value) = HeaderValue::from_str(&cookie) {
                headers.append(header::SET_COOKIE, value);
            }
        }
    }

    fn cookie(&self, name: &'static str, value: &str, lifetime: Duration) -> String {
        Cookie::build((name, value))
            .path("/")
            .http_only(true)
            .secure(self.secure)
            .same_site(SameSite::Lax)
            .max_age(lifetime)
            .build()
            .to_string()
    }
}

fn cookies(headers: &HeaderMap) -> impl Iterator<Item = Cookie<'_>> {
    headers
        .get_all(header::COOKIE)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| Cookie::split_parse(value).filter_map(Result::ok))
}

/// The credentials of a request whose cookies count for nothing.
pub(super) fn bearer_alone(headers: &HeaderMap) -> Credentials {
    Credentials { access_token: bearer(headers), ..Credentials::default() }
}

/// The token of `Authorization: Bearer …`; the scheme in any letter case (RFC 9110 §11.1). Another
/// scheme is none of ours. What names no other scheme was meant for us and is not good: a token
/// without `Bearer`, no token after it, two headers, bytes that are no text. Taken for no
/// credentials at all, it would look like a logout.
fn bearer(headers: &HeaderMap) -> Option<PresentedToken> {
    let mut values = headers.get_all(header::AUTHORIZATION).iter();
    let value = values.next()?;
    let bad = || Some(PresentedToken::new(String::new()));
    let Some(text) = value.to_str().ok().filter(|_| values.next().is_none()) else { return bad() };
    match text.trim().split_once(' ') {
        Some((scheme, token)) if scheme.eq_ignore_ascii_case("bearer") => {
            Some(PresentedToken::new(token.trim().to_owned()))
        }
        Some(_) => None,
        None => bad(),
    }
}
