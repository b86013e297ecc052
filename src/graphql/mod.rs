//! GraphQL <-> domain: types, resolvers and the mapping of errors. No rule and no storage here.

mod context;
mod documents;
mod enums;
mod error;
mod fields;
mod limits;
mod mutation;
mod once;
mod page;
mod prepare;
mod query;
mod request;
mod stream;
mod subscription;
mod types;
mod unsent;

use std::sync::Arc;

use async_graphql::{SDLExportOptions, Schema};

pub use context::{CookieEffect, CsrfVerdict, RequestContext, TokenCookies};
pub use documents::Documents;
pub use error::{ApiError, extensions, refusal, request_error, too_many_operations, whole_seconds};
pub use prepare::ResolvedRequest;
pub use request::{GraphqlRequest, Method, Outcome, RequestError};
pub use stream::{Emission, Executions};

use crate::{
    config::{GraphqlConfig, OperationLimits},
    domain::{Domain, Error, background::Background},
};

/// The outcome of a resolver. Its error is built from the domain's and from nothing else.
type Result<T> = std::result::Result<T, ApiError>;

/// The schema of the service.
pub type UserSchema = Schema<query::Query, mutation::Mutation, subscription::Subscription>;

/// From how many bytes on a request is large. What fewer of them cost is less than a millisecond or two.
const LARGE: usize = 8 * 1024;

/// The schema, and what may be asked of it.
#[derive(Clone)]
pub struct Graphql {
    schema: UserSchema,
    domain: Domain,
    documents: Documents,
    limits: OperationLimits,
    shows_schema: bool,
    readers: Arc<Background<()>>,
}

impl Graphql {
    /// A schema over the domain.
    /// `readers` read what is large.
    pub fn new(
        domain: Domain,
        config: &GraphqlConfig,
        documents: Documents,
        readers: Arc<Background<()>>,
    ) -> Self {
        let mut builder = schema().data(domain.clone());
        if !config.introspection {
            // Without introspection nothing else may tell names either.
            builder = builder.disable_introspection().disable_suggestions();
        }
        Self {
            schema: builder.finish(),
            domain,
            documents,
            limits: config.limits,
            shows_schema: config.introspection,
            readers,
        }
    }

    /// Does what is in proportion to so many bytes that a client has sent: what takes long on threads that
    /// everybody else goes before, so that nobody waits for a neighbour's large request.
    ///
    /// # Errors
    /// `Overloaded` when many large requests are waiting.
    pub async fn read<T, F>(&self, bytes: usize, work: F) -> std::result::Result<T, Error>
    where
        T: Send + 'static,
        F: FnOnce() -> T + Send + 'static,
    {
        if bytes < LARGE { Ok(work()) } else { self.readers.run(|()| work()).await }
    }
}

fn schema() -> async_graphql::SchemaBuilder<query::Query, mutation::Mutation, subscription::Subscription> {
    Schema::build(query::Query, mutation::Mutation::default(), subscription::Subscription)
}

/// The schema in the schema definition language, as `schema.graphql` holds it.
pub fn sdl() -> String {
    let options = SDLExportOptions::new().sorted_fields().sorted_arguments().sorted_enum_items();
    let sdl = schema().finish().sdl_with_options(options);
    format!("{}\n", sdl.trim_end())
}

/// What the fuzz target `limits` feeds: a document and its variables as JSON.
///
/// # Panics
/// Where what must hold does not.
#[cfg(feature = "fuzzing")]
pub fn check_limits(text: &str, variables: &str) {
    let limits = OperationLimits::default();
    let given: serde_json::Map<_, _> = serde_json::from_str(variables).unwrap_or_default();
    let is_small =
        limits::check_text(text, &limits).is_ok() && limits::check_variables(&given, &limits).is_ok();
    if !is_small {
        return;
    }
    let Ok(mut document) = async_graphql::parser::parse_query(text) else { return };
    let variables = async_graphql::Variables::from_json(given.into());
    if limits::check_document(&document, &variables, &limits).is_ok() {
        unsent::leave_out(&mut document, &variables);
        let again = limits::check_document(&document, &variables, &limits);
        assert!(again.is_ok(), "leaving something out made it more");
    }
}
