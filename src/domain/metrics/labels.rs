//! The labels of what is counted. Their values are words of the service.

use std::borrow::Cow;

use prometheus_client::encoding::EncodeLabelSet;

/// An operation of a schema.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct OperationLabels {
    /// `user` or `admin`.
    pub schema: &'static str,
    /// `query`, `mutation` or `subscription`; `unknown` where that could not be read.
    pub kind: &'static str,
    /// The field at its root; `several`, `introspection`, or `invalid` where it names none of the schema.
    pub field: Cow<'static, str>,
}

/// What became of an operation.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct OutcomeLabels {
    /// Which.
    #[prometheus(flatten)]
    pub operation: OperationLabels,
    /// `ok`, or the code of its first error.
    pub outcome: &'static str,
}

/// A kind of call.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct CallLabels {
    /// `sqlite`, `mongodb` or `redis`.
    pub store: &'static str,
    /// What the store tells apart.
    pub kind: &'static str,
}

/// What became of a call.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct SpanLabels {
    /// As in [`CallLabels`].
    pub store: &'static str,
    /// As in [`CallLabels`].
    pub kind: &'static str,
    /// `ok`, `conflict` or `failed`.
    pub outcome: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct StatusLabel {
    pub(super) status: u16,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct CodeLabel {
    pub(super) code: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct WhyLabel {
    pub(super) by: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct LookupLabels {
    pub(super) layer: &'static str,
    pub(super) outcome: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct PoolLabels {
    pub(super) store: &'static str,
    pub(super) state: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct RefusalLabels {
    pub(super) class: &'static str,
    pub(super) scope: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct TaskLabels {
    pub(super) kind: &'static str,
    pub(super) outcome: &'static str,
}
