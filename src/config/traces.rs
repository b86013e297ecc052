//! Settings of traces, by the names that every collector knows.

use std::fmt;

use secrecy::SecretString;
use url::Url;

use super::{Source, mail::percent_decoded, variables};

/// Where traces go.
#[derive(Clone)]
pub struct TraceConfig {
    /// The URL that takes them, with its path.
    pub endpoint: Url,
    /// Headers of the requests, which may be secrets.
    pub headers: Vec<(String, SecretString)>,
    /// What the service is called in them.
    pub service_name: String,
    /// The share of traces that is sent, 0 to 1.
    pub ratio: f64,
}

impl fmt::Debug for TraceConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TraceConfig").field("service_name", &self.service_name).finish_non_exhaustive()
    }
}

pub(super) fn read(source: &mut Source) -> Option<TraceConfig> {
    let endpoint = source.parse(&variables::OTEL_EXPORTER_OTLP_ENDPOINT, read_endpoint);
    let headers = source.list(&variables::OTEL_EXPORTER_OTLP_HEADERS, read_header);
    let service_name = source.parse(&variables::OTEL_SERVICE_NAME, |text| Ok(text.to_owned()));
    let ratio = source.parse(&variables::OTEL_TRACES_SAMPLER_ARG, |text| {
        let ratio = text.parse::<f64>().ok().filter(|ratio| (0.0..=1.0).contains(ratio));
        ratio.ok_or_else(|| "must be a share from 0 to 1".to_owned())
    });
    Some(TraceConfig { endpoint: endpoint??, headers, service_name: service_name?, ratio: ratio? })
}

fn read_endpoint(text: &str) -> Result<Option<Url>, String> {
    if text.is_empty() {
        return Ok(None);
    }
    let url = Url::parse(text).ok().filter(|url| matches!(url.scheme(), "http" | "https") && url.has_host());
    // The value may hold a password and is not repeated.
    let mut url = url.ok_or("must be an http or https URL")?;
    // As every library of OpenTelemetry reads it: the base, to which the kind of signal is added.
    let base = url.path().trim_end_matches('/').to_owned();
    url.set_path(&format!("{base}/v1/traces"));
    Ok(Some(url))
}

/// A header as `name=value`, in which `,` and `%` are written as in a URL.
fn read_header(text: &str) -> Result<(String, SecretString), String> {
    let faulty = || "must be headers such as authorization=Bearer%20abc, separated by commas".to_owned();
    let (name, value) = text.split_once('=').ok_or_else(faulty)?;
    let value = percent_decoded(value.trim()).ok_or_else(faulty)?;
    let is_name =
        !name.trim().is_empty() && name.trim().bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
    if !is_name || value.chars().any(char::is_control) {
        return Err(faulty());
    }
    Ok((name.trim().to_lowercase(), value.into()))
}
