//! What the system says of the process, by the names that every client library of Prometheus uses.

use std::fs;

use prometheus_client::{
    collector::Collector,
    encoding::{DescriptorEncoder, EncodeMetric},
    metrics::{MetricType, counter::ConstCounter, gauge::ConstGauge},
};
use rustix::{
    param::{clock_ticks_per_second, page_size},
    process::{Resource, getrlimit},
};

use crate::domain::clock::{Clock, SystemClock};

/// Reads the files of the system each time it is asked. Where there are none it says nothing.
#[derive(Debug)]
pub(super) struct Process {
    started_at: i64,
}

impl Process {
    pub(super) fn starting_now() -> Self {
        Self { started_at: SystemClock.now().timestamp() }
    }
}

/// Fields of `/proc/self/stat` after the name of the program, which may have anything in it.
const USER_TICKS: usize = 11;
const SYSTEM_TICKS: usize = 12;

#[expect(clippy::cast_precision_loss, reason = "ticks of a processor are counted in hundredths of a second")]
fn cpu_seconds() -> Option<f64> {
    let stat = fs::read_to_string("/proc/self/stat").ok()?;
    let (_, fields) = stat.rsplit_once(')')?;
    let fields: Vec<&str> = fields.split_whitespace().collect();
    let ticks = |at: usize| fields.get(at)?.parse::<u64>().ok();
    Some((ticks(USER_TICKS)? + ticks(SYSTEM_TICKS)?) as f64 / clock_ticks_per_second() as f64)
}

fn resident_bytes() -> Option<i64> {
    let pages = fs::read_to_string("/proc/self/statm").ok()?;
    let pages: u64 = pages.split_whitespace().nth(1)?.parse().ok()?;
    i64::try_from(pages * page_size() as u64).ok()
}

fn open_files() -> Option<i64> {
    i64::try_from(fs::read_dir("/proc/self/fd").ok()?.count()).ok()
}

impl Collector for Process {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> std::fmt::Result {
        if let Some(seconds) = cpu_seconds() {
            let help = "Processor time of the process in seconds";
            let into = encoder.encode_descriptor("process_cpu_seconds", help, None, MetricType::Counter)?;
            ConstCounter::new(seconds).encode(into)?;
        }
        let limit = getrlimit(Resource::Nofile).current.and_then(|limit| i64::try_from(limit).ok());
        for (name, help, value) in [
            ("process_resident_memory_bytes", "Memory of the process", resident_bytes()),
            ("process_open_fds", "Open files and sockets", open_files()),
            ("process_max_fds", "How many there may be", limit),
            ("process_start_time_seconds", "When the process was started", Some(self.started_at)),
        ] {
            let Some(value) = value else { continue };
            let into = encoder.encode_descriptor(name, help, None, MetricType::Gauge)?;
            ConstGauge::new(value).encode(into)?;
        }
        Ok(())
    }
}
