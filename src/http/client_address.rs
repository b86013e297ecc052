//! The address of the client, seen through configured proxies and through no others: what a client
//! writes into a header itself is never believed (ASVS 5.0 V4.1.3).

use std::net::{IpAddr, SocketAddr};

use axum::http::{HeaderMap, HeaderName, header};

use crate::config::{ProxyConfig, ProxyHeader};

const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// The other end of the connection, put into the request by the server.
#[derive(Debug, Clone, Copy)]
pub struct PeerAddress(pub SocketAddr);

/// The address of the client of a request, put into it by the outermost layer.
#[derive(Debug, Clone, Copy)]
pub(super) struct ClientAddress(pub(super) Option<IpAddr>);

/// The address nearest to us that is no configured proxy.
pub(super) fn client_address(peer: IpAddr, headers: &HeaderMap, proxies: &ProxyConfig) -> IpAddr {
    let is_proxy = |address: &IpAddr| proxies.trusted.iter().any(|network| network.contains(address));
    let peer = peer.to_canonical();
    if !is_proxy(&peer) {
        return peer;
    }
    let name = match proxies.header {
        ProxyHeader::XForwardedFor => FORWARDED_FOR,
        ProxyHeader::Forwarded => header::FORWARDED,
    };
    let hops: Vec<&str> = headers
        .get_all(name)
        .iter()
        // Bytes that are no text end the chain as well.
        .flat_map(|value| elements(value.to_str().unwrap_or("?"), proxies.header))
        .collect();
    let mut nearest = peer;
    for hop in hops.iter().rev() {
        let address = match proxies.header {
            ProxyHeader::XForwardedFor => address_of(hop),
            ProxyHeader::Forwarded => forwarded_for(hop),
        };
        // What cannot be read ends the chain of those who are believed.
        let Some(address) = address else { break };
        nearest = address.to_canonical();
        if !is_proxy(&nearest) {
            break;
        }
    }
    nearest
}

/// An address, with or without a port: `192.0.2.1`, `192.0.2.1:80`, `2001:db8::1`, `[2001:db8::1]:80`.
fn address_of(text: &str) -> Option<IpAddr> {
    let text = text.trim();
    let bracketed = text.strip_prefix('[').and_then(|text| text.split_once(']')).map(|(address, _)| address);
    let port = text.parse::<SocketAddr>().ok().map(|address| address.ip());
    bracketed.unwrap_or(text).parse().ok().or(port)
}

/// What the proxies have said one after the other. Only `Forwarded` knows quotes.
fn elements(value: &str, header: ProxyHeader) -> Vec<&str> {
    match header {
        ProxyHeader::XForwardedFor => value.split(',').collect(),
        ProxyHeader::Forwarded => split(value, ','),
    }
}

/// The parts of a text between separators that are in no quotes (RFC 9110 §5.6.4). What is quoted may be a
/// client's own, such as its `Host`.
fn split(text: &str, separator: char) -> Vec<&str> {
    let (mut parts, mut from) = (Vec::new(), 0);
    let (mut is_quoted, mut is_escaped) = (false, false);
    for (at, character) in text.char_indices() {
        match character {
            _ if is_escaped => is_escaped = false,
            '\\' if is_quoted => is_escaped = true,
            '"' => is_quoted = !is_quoted,
            _ if character == separator && !is_quoted => {
                parts.push(&text[from..at]);
                from = at + separator.len_utf8();
            }
            _ => {}
        }
    }
    if is_quoted {
        // Somebody left a quote open, and what proxies have said after it counts all the same.
        return text.split(separator).collect();
    }
    parts.push(&text[from..]);
    parts
}

/// The `for` of one element of `Forwarded` (RFC 7239 §4): a token, or a quoted text without escapes, which an
/// address has none of.
fn forwarded_for(element: &str) -> Option<IpAddr> {
    split(element, ';').into_iter().find_map(|pair| {
        let (name, value) = pair.split_once('=')?;
        let is_for = name.trim().eq_ignore_ascii_case("for");
        is_for.then(|| address_of(value.trim().trim_matches('"'))).flatten()
    })
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    fn seen(header: ProxyHeader, peer: &str, value: &'static str) -> String {
        let mut headers = HeaderMap::new();
        for name in [FORWARDED_FOR, header::FORWARDED] {
            headers.insert(name, HeaderValue::from_static("198.51.100.99, for=198.51.100.99"));
        }
        let name = if header == ProxyHeader::Forwarded { header::FORWARDED } else { FORWARDED_FOR };
        headers.insert(name, HeaderValue::from_static(value));
        let trusted = vec!["10.0.0.0/8".parse().unwrap(), "::1/128".parse().unwrap()];
        client_address(peer.parse().unwrap(), &headers, &ProxyConfig { trusted, header }).to_string()
    }

    #[test]
    fn only_configured_proxies_are_believed() {
        let seen = |peer, value| seen(ProxyHeader::XForwardedFor, peer, value);
        assert_eq!(seen("203.0.113.9", "198.51.100.1"), "203.0.113.9");
        assert_eq!(seen("10.1.2.3", "198.51.100.1"), "198.51.100.1");
        assert_eq!(seen("10.1.2.3", "6.6.6.6, 198.51.100.1, 10.9.9.9"), "198.51.100.1");
        assert_eq!(seen("::ffff:10.1.2.3", "2001:db8::1"), "2001:db8::1");
        assert_eq!(seen("10.1.2.3", "198.51.100.1:4711"), "198.51.100.1");
        assert_eq!(seen("10.1.2.3", "[2001:db8::1]:4711"), "2001:db8::1");
        assert_eq!(seen("::1", "nonsense"), "::1");
        for hidden in ["\", 198.51.100.1", "6.6.6.6, \"a, 198.51.100.1"] {
            assert_eq!(seen("10.1.2.3", hidden), "198.51.100.1", "{hidden}");
        }
        assert_eq!(seen("10.1.2.3", "nonsense, 10.4.4.4"), "10.4.4.4");
    }

    #[test]
    fn forwarded_is_read_from_the_right_as_well() {
        let seen = |peer, value| seen(ProxyHeader::Forwarded, peer, value);
        assert_eq!(seen("203.0.113.9", "for=198.51.100.1"), "203.0.113.9");
        assert_eq!(seen("10.1.2.3", "For=\"198.51.100.1:80\";proto=https"), "198.51.100.1");
        assert_eq!(
            seen("10.1.2.3", "for=6.6.6.6, proto=http;for=198.51.100.1, for=10.9.9.9"),
            "198.51.100.1"
        );
        assert_eq!(seen("10.1.2.3", "for=\"[2001:db8::1]:80\";by=10.0.0.1"), "2001:db8::1");
        assert_eq!(seen("10.1.2.3", "for=6.6.6.6, for=_hidden"), "10.1.2.3");
        assert_eq!(seen("10.1.2.3", "for=6.6.6.6, for=unknown, for=10.4.4.4"), "10.4.4.4");
        assert_eq!(seen("10.1.2.3", "proto=https"), "10.1.2.3");
        // What a client can have a proxy quote is none of the chain.
        assert_eq!(seen("10.1.2.3", "for=198.51.100.1;host=\"a,for=6.6.6.6\""), "198.51.100.1");
        assert_eq!(seen("10.1.2.3", "host=\"a;for=6.6.6.6\";for=198.51.100.1"), "198.51.100.1");
        assert_eq!(seen("10.1.2.3", "for=198.51.100.1;host=\"a\\\",for=6.6.6.6\""), "198.51.100.1");
        for hidden in ["host=\", for=198.51.100.1", "for=6.6.6.6;host=\"a, for=198.51.100.1"] {
            assert_eq!(seen("10.1.2.3", hidden), "198.51.100.1", "{hidden}");
        }
        assert_eq!(seen("10.1.2.3", "host=\", for=\"[2001:db8::1]:80\""), "2001:db8::1");
    }
}
