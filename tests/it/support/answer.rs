//! An answer as it came over the wire.

use axum::{
    body::Bytes,
    http::{HeaderMap, StatusCode, header},
};
use serde_json::Value;

#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) text: String,
    pub(crate) bytes: Bytes,
}

impl Answer {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|error| panic!("no JSON ({error}): {}", self.text))
    }

    /// The value at a JSON pointer below `data`, of an answer without errors.
    pub(crate) fn data(&self, pointer: &str) -> Value {
        let json = self.json();
        assert!(json.get("errors").is_none(), "unexpected errors: {json:#}");
        json["data"].pointer(pointer).cloned().unwrap_or_else(|| panic!("no {pointer} in {json:#}"))
    }

    pub(crate) fn text_at(&self, pointer: &str) -> String {
        let value = self.data(pointer);
        value.as_str().unwrap_or_else(|| panic!("{pointer} is no text: {value}")).to_owned()
    }

    /// The extensions of the only error.
    pub(crate) fn error(&self) -> Value {
        let json = self.json();
        let errors = json["errors"].as_array().unwrap_or_else(|| panic!("no errors: {json:#}"));
        assert_eq!(errors.len(), 1, "{json:#}");
        let extensions = &errors[0]["extensions"];
        let id = extensions["requestId"].as_str().unwrap_or_default();
        assert!(id.starts_with("req_"), "an error without the id of its request: {json:#}");
        assert!(extensions["status"].is_u64(), "an error without a status: {json:#}");
        extensions.clone()
    }

    pub(crate) fn code(&self) -> String {
        self.error()["code"].as_str().unwrap_or_default().to_owned()
    }

    pub(crate) fn reason(&self) -> String {
        let error = self.error();
        assert_eq!(error["code"], "UNAUTHENTICATED", "{error:#}");
        error["reason"].as_str().unwrap_or_default().to_owned()
    }

    /// The faulty fields and their codes, in the order of the answer.
    pub(crate) fn faults(&self) -> Vec<(String, String)> {
        let error = self.error();
        let fields = error["fields"].as_array().unwrap_or_else(|| panic!("no fields: {error:#}")).clone();
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        fields.iter().map(|fault| (text(&fault["field"]), text(&fault["code"]))).collect()
    }

    pub(crate) fn header(&self, name: impl header::AsHeaderName) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    pub(crate) fn cookies(&self) -> Vec<&str> {
        self.headers.get_all(header::SET_COOKIE).iter().map(|value| value.to_str().unwrap()).collect()
    }
}
