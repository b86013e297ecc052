//! What this process is part of, for those who follow a request over many: the trace context of W3C, as a request
//! brings it and as it goes on to other services. Whoever collects traces says how; where nobody does, all of this is
//! nothing.
//!
//! The spans of a trace have the target `vestibule::spans` and the lowest level, so that they cost nothing where they
//! are not collected and are in no log line.

use std::sync::OnceLock;

use tracing::Span;

/// How the collector of traces is talked to.
#[derive(Debug, Clone, Copy)]
pub struct TraceHooks {
    /// Makes a span part of the trace that a request names by `traceparent` and `tracestate`, and answers the id of its
    /// trace.
    pub join: fn(&Span, Option<&str>, Option<&str>) -> Option<String>,
    /// The `traceparent` of the current span, if its trace is collected.
    pub current: fn() -> Option<String>,
}

static HOOKS: OnceLock<TraceHooks> = OnceLock::new();

/// Says how. Later calls change nothing.
pub fn install(hooks: TraceHooks) {
    let _ = HOOKS.set(hooks);
}

/// Makes a span part of the trace of a request, and answers the id of the trace.
pub fn join(span: &Span, parent: Option<&str>, state: Option<&str>) -> Option<String> {
    HOOKS.get().and_then(|hooks| (hooks.join)(span, parent, state))
}

/// The name of the header that says which trace a request is part of.
pub const TRACE_PARENT: &str = "traceparent";

/// What a request to another service says of the trace that it is part of.
pub fn outgoing() -> Option<(&'static str, String)> {
    let hooks = HOOKS.get()?;
    Some((TRACE_PARENT, (hooks.current)()?))
}

/// A span of a trace, as [`tracing::trace_span`].
macro_rules! trace_part {
    ($name:literal $(, $($fields:tt)*)?) => {
        tracing::trace_span!(target: "vestibule::spans", $name $(, $($fields)*)?)
    };
}

pub(crate) use trace_part;
