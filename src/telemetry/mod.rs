//! Logs: one line an event, with the id of the request it belongs to. What never stands in a line:
//! passwords, tokens, keys, e-mail addresses, request and answer bodies.

use std::io::{self, IsTerminal};

use tracing_subscriber::{EnvFilter, fmt, fmt::format::FmtSpan};

use crate::config::{LogConfig, LogFormat};

/// Starts to write log lines to standard error. Later calls change nothing.
pub fn start(config: &LogConfig) {
    let filter = EnvFilter::try_new(&config.filter).unwrap_or_else(|_| EnvFilter::new("info"));
    let lines = fmt().with_env_filter(filter).with_writer(io::stderr).with_span_events(FmtSpan::NONE);
    // Fails only if a subscriber is there already, as in a test that starts several services.
    let _ = match config.format {
        LogFormat::Pretty => lines.with_target(false).with_ansi(io::stderr().is_terminal()).try_init(),
        LogFormat::Json => {
            lines.json().flatten_event(true).with_current_span(true).with_span_list(false).try_init()
        }
    };
}
