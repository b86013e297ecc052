//! `DateTime`.

use async_graphql::{InputValueError, InputValueResult, Scalar, ScalarType, Value};
use chrono::SecondsFormat;

use crate::domain::clock::Instant;

/// An instant in UTC as RFC 3339 writes it, such as `2026-11-22T10:30:00.000Z`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct DateTime(pub(crate) Instant);

/// An instant in UTC as RFC 3339 writes it, such as `2026-11-22T10:30:00.000Z`.
#[Scalar(name = "DateTime", specified_by_url = "https://scalars.graphql.org/andimarek/date-time")]
impl ScalarType for DateTime {
    fn parse(value: Value) -> InputValueResult<Self> {
        let Value::String(text) = &value else { return Err(InputValueError::expected_type(value)) };
        let parsed = chrono::DateTime::parse_from_rfc3339(text);
        parsed
            .map(|instant| Self(instant.to_utc()))
            .map_err(|_| InputValueError::custom("not an RFC 3339 time"))
    }

    fn to_value(&self) -> Value {
        Value::String(self.0.to_rfc3339_opts(SecondsFormat::Millis, true))
    }
}
