//! Logs: one line an event, with the id of the request it belongs to. What never stands in a line:
//! passwords, tokens, keys, e-mail addresses, request and answer bodies. And traces, where somebody collects them.

mod traces;

use std::{
    io::{self, IsTerminal},
    sync::OnceLock,
};

use opentelemetry_sdk::trace::SdkTracerProvider;
use tracing_subscriber::{
    EnvFilter, Layer, Registry, fmt, fmt::format::FmtSpan, layer::SubscriberExt, reload,
    util::SubscriberInitExt,
};

use crate::config::{LogConfig, LogFormat};

type Lines = Box<dyn Layer<Registry> + Send + Sync>;
type Filter = reload::Handle<EnvFilter, Registry>;

/// How the filter of log lines is changed while the process runs.
static FILTER: OnceLock<Filter> = OnceLock::new();

/// Sends what is left of the traces when it is dropped, after everything else.
#[derive(Debug, Default)]
pub struct Telemetry(Option<SdkTracerProvider>);

impl Drop for Telemetry {
    fn drop(&mut self) {
        if let Some(provider) = self.0.take()
            && let Err(error) = provider.shutdown()
        {
            tracing::warn!(%error, "the last traces were not sent");
        }
    }
}

/// Starts to write log lines to standard error and, if that is configured, to send traces. Later calls change
/// nothing.
///
/// # Errors
/// That traces cannot be sent as configured.
pub fn start(config: &LogConfig) -> Result<Telemetry, String> {
    let (filter, handle) = reload::Layer::new(filter(config));
    let lines = fmt::layer().with_writer(io::stderr).with_span_events(FmtSpan::NONE);
    let lines: Lines = match config.format {
        LogFormat::Pretty => {
            lines.with_target(false).with_ansi(io::stderr().is_terminal()).with_filter(filter).boxed()
        }
        LogFormat::Json => {
            let lines = lines.json().flatten_event(true).with_current_span(true).with_span_list(false);
            lines.with_filter(filter).boxed()
        }
    };
    let (provider, spans) = match &config.traces {
        Some(traces) => {
            let (provider, spans) = traces::start(traces)?;
            (Some(provider), Some(spans))
        }
        None => (None, None),
    };
    // Fails only if a subscriber is there already, as in a test that starts several services.
    if Registry::default().with(lines).with(spans).try_init().is_ok() {
        let _ = FILTER.set(handle);
    }
    Ok(Telemetry(provider))
}

/// Writes other lines from now on. Answers whether it could be done.
pub fn change_filter(config: &LogConfig) -> bool {
    FILTER.get().is_some_and(|handle| handle.reload(filter(config)).is_ok())
}

fn filter(config: &LogConfig) -> EnvFilter {
    EnvFilter::try_new(&config.filter).unwrap_or_else(|_| EnvFilter::new("info"))
}
