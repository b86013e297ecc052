//! Arguments that may be left out.

use std::borrow::Cow;

use async_graphql::{InputType, InputValueResult, Value, indexmap::IndexMap, registry::Registry};

/// An input object all of whose fields may be left out, and the object itself as well: the schema
/// says `= {}`, where the library by itself would write every field as null.
#[derive(Default)]
pub(crate) struct Defaulted<T>(pub(crate) T);

impl<T: InputType> InputType for Defaulted<T> {
    type RawValueType = T::RawValueType;

    fn type_name() -> Cow<'static, str> {
        T::type_name()
    }

    fn qualified_type_name() -> String {
        T::qualified_type_name()
    }

    fn create_type_info(registry: &mut Registry) -> String {
        T::create_type_info(registry)
    }

    fn parse(value: Option<Value>) -> InputValueResult<Self> {
        T::parse(value).map(Self).map_err(async_graphql::InputValueError::propagate)
    }

    /// Only ever asked of the default.
    fn to_value(&self) -> Value {
        Value::Object(IndexMap::new())
    }

    fn as_raw_value(&self) -> Option<&Self::RawValueType> {
        self.0.as_raw_value()
    }
}
