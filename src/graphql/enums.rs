//! Enums of the schema whose values are tables of the domain, so that each is written once, and the
//! directive that says which of them a field can answer with. Being arguments of the directive makes
//! them part of what introspection shows, which is what many clients are generated from.

use std::borrow::Cow;

use async_graphql::{
    ContextSelectionSet, Enum, InputType, InputValueError, InputValueResult, Name, OutputType, Positioned,
    ServerResult, TypeDirective, Value,
    parser::types::Field,
    registry::{Deprecation, MetaEnumValue, MetaType, MetaTypeId, Registry},
};

use crate::domain::{
    audit::{AuditKind, AuditOutcome},
    error::{AuthenticationFailure, ErrorCode},
};

/// An enum that clients find in `extensions` and therefore want in their generated types.
trait TableEnum: Copy + Send + Sync + 'static {
    const NAME: &'static str;
    const DESCRIPTION: &'static str;
    fn all() -> Vec<Self>;
    fn value_name(self) -> &'static str;
    fn description(self) -> String;
}

/// `extensions.code`.
#[derive(Clone, Copy)]
pub(super) struct ErrorCodeEnum(pub(super) ErrorCode);

impl TableEnum for ErrorCodeEnum {
    const NAME: &'static str = "ErrorCode";
    const DESCRIPTION: &'static str =
        "What `extensions.code` of an error can be. Codes are never renamed or reused.";

    fn all() -> Vec<Self> {
        ErrorCode::ALL.iter().copied().map(Self).collect()
    }

    fn value_name(self) -> &'static str {
        self.0.as_str()
    }

    fn description(self) -> String {
        format!("{} Status {}.", self.0.description(), self.0.status())
    }
}

/// `extensions.reason`.
#[derive(Clone, Copy)]
pub(super) struct ReasonEnum(AuthenticationFailure);

impl TableEnum for ReasonEnum {
    const NAME: &'static str = "UnauthenticatedReason";
    const DESCRIPTION: &'static str = "What `extensions.reason` of an `UNAUTHENTICATED` error can be.";

    fn all() -> Vec<Self> {
        AuthenticationFailure::ALL.into_iter().map(Self).collect()
    }

    fn value_name(self) -> &'static str {
        self.0.as_str()
    }

    fn description(self) -> String {
        self.0.message().to_owned()
    }
}

macro_rules! input_enum {
    ($type:ty) => {
        impl InputType for $type {
            type RawValueType = Self;

            fn type_name() -> Cow<'static, str> {
                <Self as TableEnum>::NAME.into()
            }

            fn create_type_info(registry: &mut Registry) -> String {
                registry.create_input_type::<Self, _>(MetaTypeId::Enum, |_| meta::<Self>())
            }

            fn parse(value: Option<Value>) -> InputValueResult<Self> {
                let value = value.unwrap_or_default();
                // In a document it is a name, and in variables a text.
                let name = match &value {
                    Value::Enum(name) => name.as_str(),
                    Value::String(name) => name,
                    _ => return Err(InputValueError::expected_type(value)),
                };
                let found = Self::all().into_iter().find(|one| one.value_name() == name);
                found.ok_or_else(|| InputValueError::expected_type(value))
            }

            fn to_value(&self) -> Value {
                Value::Enum(Name::new(self.value_name()))
            }

            fn as_raw_value(&self) -> Option<&Self> {
                Some(self)
            }
        }
    };
}

macro_rules! output_enum {
    ($type:ty) => {
        impl OutputType for $type {
            fn type_name() -> Cow<'static, str> {
                <Self as TableEnum>::NAME.into()
            }

            fn create_type_info(registry: &mut Registry) -> String {
                registry.create_output_type::<Self, _>(MetaTypeId::Enum, |_| meta::<Self>())
            }

            async fn resolve(
                &self,
                _context: &ContextSelectionSet<'_>,
                _field: &Positioned<Field>,
            ) -> ServerResult<Value> {
                Ok(Value::Enum(Name::new(self.value_name())))
            }
        }
    };
}

/// What happened, in the audit log.
#[derive(Clone, Copy)]
pub(super) struct AuditKindEnum(pub(super) AuditKind);

impl TableEnum for AuditKindEnum {
    const NAME: &'static str = "AuditEventType";
    const DESCRIPTION: &'static str = "What happened. Values are never renamed or reused.";

    fn all() -> Vec<Self> {
        AuditKind::ALL.iter().copied().map(Self).collect()
    }

    fn value_name(self) -> &'static str {
        self.0.as_str()
    }

    fn description(self) -> String {
        self.0.description().to_owned()
    }
}

/// Whether something was done.
#[derive(Enum, Debug, Clone, Copy, PartialEq, Eq)]
#[graphql(name = "AuditOutcome", remote = "AuditOutcome")]
pub(super) enum AuditOutcomeEnum {
    /// It was.
    Success,
    /// It was tried, and refused.
    Failure,
}

input_enum!(AuditKindEnum);
input_enum!(ErrorCodeEnum);
input_enum!(ReasonEnum);
output_enum!(AuditKindEnum);
output_enum!(ErrorCodeEnum);

fn meta<E: TableEnum>() -> MetaType {
    let values = E::all().into_iter().map(|one| {
        let value = MetaEnumValue {
            name: one.value_name().to_owned(),
            description: Some(one.description()),
            deprecation: Deprecation::NoDeprecated,
            visible: None,
            inaccessible: false,
            tags: Vec::new(),
            directive_invocations: Vec::new(),
        };
        (one.value_name().to_owned(), value)
    });
    MetaType::Enum {
        name: E::NAME.to_owned(),
        description: Some(E::DESCRIPTION.to_owned()),
        enum_values: values.collect(),
        visible: None,
        inaccessible: false,
        tags: Vec::new(),
        rust_typename: None,
        directive_invocations: Vec::new(),
        requires_scopes: Vec::new(),
    }
}

/// The codes, besides `SERVICE_UNAVAILABLE` and `INTERNAL_SERVER_ERROR`, that the field can answer
/// with, and the reasons where `UNAUTHENTICATED` is one of them.
#[TypeDirective(location = "FieldDefinition")]
pub(super) fn raises(
    #[graphql(desc = "The values of `extensions.code` that clients have to expect.")] codes: Vec<
        ErrorCodeEnum,
    >,
    #[graphql(
        desc = "The values of `extensions.reason` that come with `UNAUTHENTICATED`; null where that is none of the codes."
    )]
    reasons: Option<Vec<ReasonEnum>>,
) {
}

/// Who gets what stands behind a field or is of a type.
#[derive(Enum, Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum AccessRule {
    /// Of a field: anybody.
    Public,
    /// Of a field: whoever has what the input asks for, such as a password or the token of a mail.
    Proof,
    /// Of a field: a person who is logged in, about themselves; else `UNAUTHENTICATED`.
    Caller,
    /// Of a type: the person whom it belongs to, wherever it stands.
    Owner,
    /// Of a type: whoever gets the field that is answered with it.
    Answer,
}

/// Who may have it. Every root field and every object type says so.
#[TypeDirective(location = "FieldDefinition", location = "Object")]
pub(super) fn access(#[graphql(desc = "Who may have it.")] rule: AccessRule) {}

/// The field needs a login, or a `reauthenticate`, of the last 10 minutes; else it answers
/// `REAUTHENTICATION_REQUIRED`.
#[TypeDirective(location = "FieldDefinition", name = "requiresFreshAuth")]
pub(super) fn requires_fresh_auth() {}

/// The codes for the directive.
pub(super) fn codes(codes: &[ErrorCode]) -> Vec<ErrorCodeEnum> {
    codes.iter().copied().map(ErrorCodeEnum).collect()
}

/// Every reason, for fields that take credentials.
pub(super) fn all_reasons() -> Vec<ReasonEnum> {
    ReasonEnum::all()
}
