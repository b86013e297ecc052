//! Traces, sent by OTLP to whoever collects them.

use std::collections::HashMap;

use opentelemetry::{
    KeyValue,
    propagation::TextMapPropagator,
    trace::{TraceContextExt, TracerProvider},
};
use opentelemetry_otlp::{Protocol, SpanExporter, WithExportConfig, WithHttpConfig};
use opentelemetry_sdk::{
    Resource,
    propagation::TraceContextPropagator,
    trace::{Sampler, SdkTracerProvider},
};
use secrecy::ExposeSecret;
use tracing::{Span, Subscriber};
use tracing_opentelemetry::OpenTelemetrySpanExt;
use tracing_subscriber::{Layer, filter::Targets, registry::LookupSpan};

use crate::{
    config::TraceConfig,
    domain::traces::{self, TRACE_PARENT, TraceHooks},
};

const TRACE_STATE: &str = "tracestate";
/// What W3C allows in `tracestate`; nothing longer is read.
const LONGEST_STATE: usize = 512;

/// Starts to send traces.
///
/// # Errors
/// That the settings cannot be used.
pub(super) fn start<S>(config: &TraceConfig) -> Result<(SdkTracerProvider, impl Layer<S>), String>
where
    S: Subscriber + for<'span> LookupSpan<'span> + Send + Sync,
{
    let headers = config.headers.iter();
    let headers = headers.map(|(name, value)| (name.clone(), value.expose_secret().to_owned()));
    let exporter = SpanExporter::builder()
        .with_http()
        .with_protocol(Protocol::HttpBinary)
        .with_endpoint(config.endpoint.as_str())
        .with_headers(headers.collect())
        .build()
        .map_err(|error| format!("traces cannot be sent: {error}"))?;
    let resource = Resource::builder_empty().with_attributes([
        KeyValue::new("service.name", config.service_name.clone()),
        KeyValue::new("service.version", env!("CARGO_PKG_VERSION")),
    ]);
    let provider = SdkTracerProvider::builder()
        .with_batch_exporter(exporter)
        .with_resource(resource.build())
        // Not by the flag that the caller sends. Whoever chooses ids could still choose some that are kept.
        .with_sampler(Sampler::TraceIdRatioBased(config.ratio))
        .build();
    traces::install(TraceHooks { join, current });
    let layer = tracing_opentelemetry::layer()
        .with_tracer(provider.tracer("vestibule"))
        .with_location(false)
        .with_threads(false)
        .with_target(false)
        .with_tracked_inactivity(false)
        .with_filter(Targets::new().with_target("vestibule::spans", tracing::Level::TRACE));
    Ok((provider, layer))
}

fn join(span: &Span, parent: Option<&str>, state: Option<&str>) -> Option<String> {
    let given = [(TRACE_PARENT, parent), (TRACE_STATE, state.filter(|state| state.len() <= LONGEST_STATE))];
    let given = given.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?.to_owned())));
    let given: HashMap<String, String> = given.collect();
    if !given.is_empty() {
        // A faulty one is none, and the span begins a trace of its own.
        let _ = span.set_parent(TraceContextPropagator::new().extract(&given));
    }
    let context = span.context();
    let id = context.span().span_context().trace_id();
    (id != opentelemetry::TraceId::INVALID).then(|| id.to_string())
}

fn current() -> Option<String> {
    let mut given = HashMap::<String, String>::new();
    TraceContextPropagator::new().inject_context(&Span::current().context(), &mut given);
    given.remove(TRACE_PARENT)
}
