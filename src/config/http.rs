//! Settings of the listener.

use std::{
    net::{IpAddr, SocketAddr},
    time::Duration,
};

use ipnet::IpNet;
use url::Url;

use super::{Environment, Source, variables};

/// The longest time between saying that the service stops and stopping.
const LONGEST_DELAY: Duration = Duration::from_mins(5);

/// An origin as browsers write it: scheme, host and port, without anything after.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Origin(String);

impl Origin {
    /// Reads an origin.
    ///
    /// # Errors
    /// A text that says what is wrong.
    pub fn parse(text: &str) -> Result<Self, String> {
        let url =
            Url::parse(text).map_err(|_| "must be an origin such as https://app.example.com".to_owned())?;
        let origin = url.origin().ascii_serialization();
        let is_web = matches!(url.scheme(), "http" | "https");
        if !is_web || text.trim_end_matches('/') != origin {
            return Err(format!(
                "{text:?} must be an exact origin: scheme, host and port, and nothing after"
            ));
        }
        Ok(Self(origin))
    }

    /// The origin as browsers send it.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The header in which reverse proxies tell for whom they forward.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ProxyHeader {
    /// `X-Forwarded-For`.
    XForwardedFor,
    /// `Forwarded` (RFC 7239).
    Forwarded,
}

/// Whom to believe about the address of a client.
#[derive(Debug, Clone)]
pub struct ProxyConfig {
    /// Networks of reverse proxies.
    pub trusted: Vec<IpNet>,
    /// Where they tell it. A client can write the other one itself, and proxies let it pass.
    pub header: ProxyHeader,
}

/// Settings of the listener.
#[derive(Debug, Clone)]
#[expect(clippy::struct_excessive_bools, reason = "switches that have nothing to do with each other")]
pub struct HttpConfig {
    /// Where to listen.
    pub bind: SocketAddr,
    /// Where clients reach the service.
    pub public_url: Url,
    /// Whether cookies can be `Secure` and have the `__Host-` prefix: the public URL is https.
    pub secure_cookies: bool,
    /// Origins whose pages may call, the own one first.
    pub allowed_origins: Vec<Origin>,
    /// Whom to believe about the address of a client.
    pub proxies: ProxyConfig,
    /// How long a request may take.
    pub request_timeout: Duration,
    /// How long requests in flight may take to finish at the end.
    pub shutdown_timeout: Duration,
    /// How long requests are still taken after the service has said that it is not ready.
    pub shutdown_delay: Duration,
    /// A listener of its own for operators.
    pub metrics_bind: Option<SocketAddr>,
    /// Whether the listener of everybody tells what operators are told.
    pub shows_parts: bool,
    /// Whether people get the pages of the console.
    pub shows_console: bool,
    /// Whether the service is not ready without its cache.
    pub requires_cache: bool,
    /// Sockets and event streams at once.
    pub max_sockets: usize,
    /// The same for one person.
    pub max_sockets_per_user: usize,
}

pub(super) fn read(source: &mut Source, environment: Environment) -> Option<HttpConfig> {
    let bind = source.parse(&variables::BIND_ADDR, read_address);
    let public_url = source.parse(&variables::PUBLIC_URL, |text| read_public_url(text, environment));
    let mut allowed_origins = source.list(&variables::ALLOWED_ORIGINS, |text| read_origin(text, environment));
    let trusted = source.list(&variables::TRUSTED_PROXIES, read_network);
    let header = source.parse(&variables::PROXY_HEADER, read_proxy_header);
    let longest = Duration::from_mins(10);
    let request_timeout = source.duration(&variables::REQUEST_TIMEOUT, Duration::from_secs(1)..=longest);
    let shutdown_timeout = source.duration(&variables::SHUTDOWN_TIMEOUT, Duration::ZERO..=longest);
    let shutdown_delay = source.duration(&variables::SHUTDOWN_DELAY, Duration::ZERO..=LONGEST_DELAY);
    let metrics_bind = source.parse(&variables::METRICS_BIND, read_own_address)?;
    let shows_console = source.parse(&variables::CONSOLE, |text| match text {
        "" => Ok(environment == Environment::Development),
        text => super::read_is_on(text),
    });
    let requires_cache = source.parse(&variables::REQUIRE_CACHE, super::read_is_on);
    let max_sockets = source.number(&variables::MAX_SOCKETS, 1..=1_000_000_usize);
    let max_sockets_per_user = source.number(&variables::MAX_SOCKETS_PER_USER, 1..=10_000_usize);
    let (bind, public_url) = (bind?, public_url?);
    let own = Origin(public_url.origin().ascii_serialization());
    allowed_origins.insert(0, own);
    if environment == Environment::Development {
        allowed_origins.extend(own_names_at_home(bind));
    }
    let secure_cookies = public_url.scheme() == "https";
    Some(HttpConfig {
        bind,
        public_url,
        secure_cookies,
        allowed_origins,
        proxies: ProxyConfig { trusted, header: header? },
        request_timeout,
        shutdown_timeout,
        shutdown_delay,
        metrics_bind,
        shows_parts: environment == Environment::Development && metrics_bind.is_none(),
        shows_console: shows_console?,
        requires_cache: requires_cache?,
        max_sockets,
        max_sockets_per_user,
    })
}

fn read_address(text: &str) -> Result<SocketAddr, String> {
    text.parse().map_err(|_| "must be an IP address and a port".to_owned())
}

/// The address of a listener of its own, if there is to be one.
pub(super) fn read_own_address(text: &str) -> Result<Option<SocketAddr>, String> {
    if text.is_empty() { Ok(None) } else { read_address(text).map(Some) }
}

/// At home people open the playground by any name of the machine they sit at.
fn own_names_at_home(bind: SocketAddr) -> impl Iterator<Item = Origin> {
    let names = if bind.ip().is_loopback() || bind.ip().is_unspecified() {
        ["localhost", "127.0.0.1", "[::1]"].as_slice()
    } else {
        &[]
    };
    names.iter().map(move |name| Origin(format!("http://{name}:{}", bind.port())))
}

fn read_public_url(text: &str, environment: Environment) -> Result<Url, String> {
    let url = Url::parse(text).map_err(|_| "must be a URL".to_owned())?;
    let plain =
        url.query().is_none() && url.fragment().is_none() && url.username().is_empty() && url.path() == "/";
    if !matches!(url.scheme(), "http" | "https") || !plain {
        return Err("must be an http or https URL without path, query and user".into());
    }
    if environment == Environment::Production && url.scheme() != "https" {
        return Err("must be https in production".into());
    }
    Ok(url)
}

/// Over plain http anybody on the way could be the page, and cookies go with its requests.
fn read_origin(text: &str, environment: Environment) -> Result<Origin, String> {
    let origin = Origin::parse(text)?;
    if environment == Environment::Production && !origin.as_str().starts_with("https://") {
        return Err(format!("{text:?} must be https in production"));
    }
    Ok(origin)
}

fn read_proxy_header(text: &str) -> Result<ProxyHeader, String> {
    match text {
        "x-forwarded-for" => Ok(ProxyHeader::XForwardedFor),
        "forwarded" => Ok(ProxyHeader::Forwarded),
        _ => Err("must be x-forwarded-for or forwarded".into()),
    }
}

fn read_network(text: &str) -> Result<IpNet, String> {
    let address = text.parse::<IpAddr>().map(IpNet::from);
    text.parse::<IpNet>()
        .or(address)
        .map_err(|_| format!("{text:?} must be an IP address or a network such as 10.0.0.0/8"))
}
