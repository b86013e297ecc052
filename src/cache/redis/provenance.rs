//! Where a server has its copies from. One that was restarted with an older snapshot, or was a replica
//! until a moment ago, may lack tombstones that its predecessor had acknowledged. Its copies are not
//! believed until all that it can have brought with it have ended by themselves.

use std::{
    collections::{HashMap, HashSet},
    sync::{Mutex, PoisonError},
    time::Duration,
};

use fred::{clients::Client, interfaces::ClientLike};

use crate::cache::COPY_TTL;

/// What a server says of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Server {
    /// The run of the server and its line of writes: another pair is another server, or another past.
    identity: String,
    uptime: Duration,
    /// Whether it may have started with data.
    was_restored: bool,
    /// Whether it was a replica once.
    was_promoted: bool,
}

impl Server {
    /// Reads the answer to `INFO`. What is not said is taken for the worse.
    fn read(info: &str) -> Self {
        let members: HashMap<&str, &str> =
            info.lines().filter_map(|line| line.trim().split_once(':')).collect();
        let is = |name: &str, value: &str| members.get(name).is_some_and(|found| *found == value);
        let text = |name: &str| members.get(name).copied().unwrap_or_default();
        Self {
            identity: format!("{}/{}", text("run_id"), text("master_replid")),
            uptime: Duration::from_secs(text("uptime_in_seconds").parse().unwrap_or_default()),
            was_restored: !(is("rdb_last_load_keys_loaded", "0") && is("aof_enabled", "0")),
            was_promoted: !is("second_repl_offset", "-1"),
        }
    }

    /// How long its copies are not believed, when it is met for the first time.
    fn doubt(&self, is_first: bool) -> Duration {
        let since_restart = COPY_TTL.saturating_sub(self.uptime);
        match (self.was_restored, is_first) {
            // It began with nothing, and has lost nothing since.
            (false, _) if !self.was_promoted => Duration::ZERO,
            // Nobody here knows what was before, so that only what it says counts.
            (true, true) if !self.was_promoted => since_restart,
            _ => COPY_TTL,
        }
    }
}

/// The servers that were met.
#[derive(Default)]
pub(super) struct Provenance(Mutex<HashSet<String>>);

impl Provenance {
    /// Asks every server of these clients for its past. Answers how long copies are not believed, or
    /// `None` when one does not answer.
    pub(super) async fn ask(&self, clients: &[Client]) -> Option<Duration> {
        let mut servers = Vec::new();
        for client in clients {
            servers.extend(infos(client).await?.iter().map(|info| Server::read(info)));
        }
        Some(self.meet(&servers))
    }

    fn meet(&self, servers: &[Server]) -> Duration {
        let mut met = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let is_first = met.is_empty();
        let doubts = servers.iter().map(|server| {
            let is_new = met.insert(server.identity.clone());
            if is_new { server.doubt(is_first) } else { Duration::ZERO }
        });
        doubts.max().unwrap_or_default()
    }
}

async fn infos(client: &Client) -> Option<Vec<String>> {
    if !client.is_clustered() {
        return client.info(None).await.ok().map(|info| vec![info]);
    }
    let mut found = Vec::new();
    for server in client.active_connections() {
        found.push(client.with_cluster_node(server).info(None).await.ok()?);
    }
    Some(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn server(run: &str, uptime: u64, loaded: u64, promoted: bool) -> Server {
        let offset = if promoted { 4711 } else { -1 };
        Server::read(&format!(
            "# Server\r\nrun_id:{run}\r\nuptime_in_seconds:{uptime}\r\naof_enabled:0\r\n\
             rdb_last_load_keys_loaded:{loaded}\r\nmaster_replid:x\r\nsecond_repl_offset:{offset}\r\n"
        ))
    }

    #[test]
    fn a_past_is_doubted_as_long_as_its_copies_can_last() {
        let long = COPY_TTL.as_secs() + 100;
        for (first, expected) in [
            (server("a", 3, 0, false), Duration::ZERO),
            (server("a", 3, 9, false), COPY_TTL.saturating_sub(Duration::from_secs(3))),
            (server("a", long, 9, false), Duration::ZERO),
            (server("a", long, 0, true), COPY_TTL),
            (Server::read(""), COPY_TTL),
        ] {
            assert_eq!(Provenance::default().meet(std::slice::from_ref(&first)), expected, "{first:?}");
        }
    }

    #[test]
    fn servers_of_a_cluster_are_met_together() {
        let met = Provenance::default();
        let long = COPY_TTL.as_secs() + 100;
        assert_eq!(met.meet(&[server("a", long, 9, false), server("b", long, 9, false)]), Duration::ZERO);
    }

    #[test]
    fn another_server_is_doubted_and_the_same_one_is_not() {
        let met = Provenance::default();
        let long = COPY_TTL.as_secs() + 100;
        assert_eq!(met.meet(&[server("a", long, 9, false)]), Duration::ZERO);
        assert_eq!(met.meet(&[server("a", long, 9, false)]), Duration::ZERO, "a new connection");
        assert_eq!(met.meet(&[server("b", 1, 9, false)]), COPY_TTL, "restarted with a snapshot");
        assert_eq!(met.meet(&[server("c", 1, 0, false)]), Duration::ZERO, "restarted empty");
        assert_eq!(met.meet(&[server("d", long, 0, true)]), COPY_TTL, "a replica that took over");
    }
}
