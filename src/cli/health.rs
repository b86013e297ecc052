//! `vestibule health`, for images that have no other program.

use std::{
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    process::ExitCode,
    time::Duration,
};

use anyhow::Context;

use super::{print, with_settings};

const TIMEOUT: Duration = Duration::from_secs(5);

/// Asks once, and says what was answered.
pub(super) fn run(is_live: bool, url: Option<String>) -> ExitCode {
    with_settings(|config| {
        crate::app::install_crypto();
        let base = url.unwrap_or_else(|| format!("http://{}", reachable(config.http.bind)));
        let path = if is_live { "live" } else { "ready" };
        let url = format!("{}/health/{path}", base.trim_end_matches('/'));
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        runtime.context("cannot start")?.block_on(async {
            // A proxy is not where it is.
            let client = reqwest::Client::builder().no_proxy().timeout(TIMEOUT).build()?;
            let answer = client.get(url).send().await.context("no answer")?;
            let is_well = answer.status().is_success();
            let printed = print(&format!("{}\n", answer.text().await.unwrap_or_default()));
            Ok(if is_well { printed } else { ExitCode::FAILURE })
        })
    })
}

/// Where a listener on every address is reached from the same machine.
fn reachable(bind: SocketAddr) -> SocketAddr {
    let ip = match bind.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    SocketAddr::new(ip, bind.port())
}
