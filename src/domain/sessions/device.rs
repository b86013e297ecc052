//! What to call a device whose client gives it no name.

use serde::Deserialize;
use tokio::sync::OnceCell;
use ua_parser::{Regexes, os, user_agent};

/// How browsers and systems name themselves; see `assets/user-agents/README.md`.
const KNOWN: &str = include_str!("../../../assets/user-agents/regexes.json");

struct Parser {
    browsers: user_agent::Extractor<'static>,
    systems: os::Extractor<'static>,
}

/// Made when it is first needed, which takes some 60 ms of a thread of its own.
static PARSER: OnceCell<Option<Parser>> = OnceCell::const_new();

/// A name such as `Firefox on Linux`, read off the `User-Agent` header; `None` when it says nothing
/// that is known.
pub(super) async fn name_of(user_agent: &str) -> Option<String> {
    let build = async || tokio::task::spawn_blocking(Parser::build).await.ok().flatten();
    let parser = PARSER.get_or_init(build).await.as_ref()?;
    let browser = parser.browsers.extract(user_agent).map(|found| found.family);
    let system = parser.systems.extract(user_agent).map(|found| found.os);
    match (browser, system) {
        (Some(browser), Some(system)) => Some(format!("{browser} on {system}")),
        (Some(only), None) | (None, Some(only)) => Some(only.into_owned()),
        (None, None) => None,
    }
}

impl Parser {
    /// `None` for data that cannot be read, which the test below rules out.
    fn build() -> Option<Self> {
        let mut reader = serde_json::Deserializer::from_str(KNOWN);
        let known = Regexes::deserialize(&mut reader).ok()?;
        let browsers = user_agent::Builder::new().push_all(known.user_agent_parsers).ok()?.build().ok()?;
        let systems = os::Builder::new().push_all(known.os_parsers).ok()?.build().ok()?;
        Some(Self { browsers, systems })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn common_clients_get_a_name() {
        for (user_agent, expected) in [
            (
                "Mozilla/5.0 (X11; Linux x86_64; rv:130.0) Gecko/20100101 Firefox/130.0",
                Some("Firefox on Linux"),
            ),
            (
                "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.5 Mobile/15E148 Safari/604.1",
                Some("Mobile Safari on iOS"),
            ),
            (
                "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/128.0.0.0 Safari/537.36 Edg/128.0.0.0",
                Some("Edge on Windows"),
            ),
            ("curl/8.5.0", Some("curl")),
            ("Somebody's own client", None),
            ("", None),
        ] {
            assert_eq!(name_of(user_agent).await.as_deref(), expected, "{user_agent}");
        }
    }
}
