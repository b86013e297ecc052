//! A Redis of a test's own, which it stops and starts.

use std::{
    path::Path,
    process::{Child, Command, Stdio},
    time::Duration,
};

use super::servers;

/// Ended when dropped.
pub(crate) struct Redis(Child);

impl Redis {
    pub(crate) async fn start(port: u16, folder: &Path) -> Self {
        let child = Command::new(servers::variable("VESTIBULE_TEST_REDIS_SERVER"))
            .args([
                "--port",
                &port.to_string(),
                "--bind",
                "127.0.0.1",
                "--save",
                "",
                "--appendonly",
                "no",
                "--dir",
            ])
            .arg(folder)
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        let redis = Self(child);
        for _ in 0..200 {
            if tokio::net::TcpStream::connect(("127.0.0.1", port)).await.is_ok() {
                return redis;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        panic!("Redis did not start");
    }
}

impl Drop for Redis {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
