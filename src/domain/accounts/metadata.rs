//! JSON that applications keep with a person.

use serde_json::{Map, Value};

use crate::domain::faults::{Fault, FaultCode};

/// The most bytes of metadata, as JSON without spaces.
pub const MAX_METADATA_BYTES: usize = 8 * 1024;
/// Objects and lists within each other, the outermost included.
pub const MAX_METADATA_DEPTH: usize = 8;

/// A JSON object of at most 8 KiB and 8 levels.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Metadata(Map<String, Value>);

/// What applications keep with a person. Read when it is asked for, and never cached.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct UserMetadata {
    /// What the person may change.
    pub public: Metadata,
    /// What administrators and services alone may change.
    pub app: Metadata,
}

impl Metadata {
    /// Reads metadata.
    ///
    /// # Errors
    /// A fault on `field` for anything but an object, for too many bytes, and for too many levels.
    pub fn parse(field: &'static str, value: Value) -> Result<Self, Fault> {
        if depth(&value) > MAX_METADATA_DEPTH {
            let message = format!("must have at most {MAX_METADATA_DEPTH} levels");
            let fault = Fault::new(field, FaultCode::TooDeep, message);
            return Err(Fault { limit: Some(MAX_METADATA_DEPTH), ..fault });
        }
        let Value::Object(members) = value else {
            return Err(Fault::new(field, FaultCode::InvalidFormat, "must be a JSON object"));
        };
        let metadata = Self(members);
        if metadata.to_json().len() > MAX_METADATA_BYTES {
            return Err(Fault::too_long(field, MAX_METADATA_BYTES, "bytes of JSON"));
        }
        Ok(metadata)
    }

    /// Metadata as it was stored; `None` for what is no JSON object.
    pub fn from_stored(json: &str) -> Option<Self> {
        serde_json::from_str(json).ok().map(Self)
    }

    /// The metadata as JSON text.
    pub fn to_json(&self) -> String {
        self.to_value().to_string()
    }

    /// The metadata as a value.
    pub fn to_value(&self) -> Value {
        Value::Object(self.0.clone())
    }
}

/// The parser has bounded the levels already, so that this cannot recurse for long.
fn depth(value: &Value) -> usize {
    match value {
        Value::Object(members) => 1 + members.values().map(depth).max().unwrap_or(0),
        Value::Array(items) => 1 + items.iter().map(depth).max().unwrap_or(0),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => 0,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn objects_within_the_bounds_are_kept_as_they_are() {
        let value = json!({ "theme": "dark", "$set": { "a.b": [1, 2.5, null] } });
        let metadata = Metadata::parse("publicMetadata", value.clone()).unwrap();
        assert_eq!(Metadata::from_stored(&metadata.to_json()).unwrap().to_value(), value);
    }

    #[test]
    fn what_is_too_large_too_deep_or_no_object_is_refused() {
        let mut deep = json!({});
        for _ in 0..MAX_METADATA_DEPTH {
            deep = json!({ "a": deep });
        }
        for (value, code) in [
            (json!([1]), FaultCode::InvalidFormat),
            (json!("text"), FaultCode::InvalidFormat),
            (json!({ "a": "x".repeat(MAX_METADATA_BYTES) }), FaultCode::TooLong),
            (deep, FaultCode::TooDeep),
        ] {
            assert_eq!(Metadata::parse("publicMetadata", value).unwrap_err().code, code);
        }
    }
}
