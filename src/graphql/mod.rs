//! GraphQL <-> domain: types, resolvers and the mapping of errors. No rule and no storage here.

mod admin;
mod context;
mod documents;
mod enums;
mod error;
mod federation;
mod fields;
mod known;
mod limits;
mod measure;
mod mutation;
mod once;
mod page;
mod prepare;
mod query;
mod request;
mod sdl;
mod stream;
mod subscription;
mod types;
mod unsent;

use std::{collections::HashSet, sync::Arc};

use async_graphql::{
    Executor, ObjectType, Request, Response, Schema, SchemaBuilder, SubscriptionType, ValidationMode,
};
use futures_util::stream::BoxStream;

pub use context::{CookieEffect, CsrfVerdict, RequestContext, TokenCookies};
pub use documents::Documents;

pub use error::{ApiError, extensions, refusal, request_error, too_many_operations, whole_seconds};
pub use prepare::ResolvedRequest;
pub use request::{GraphqlRequest, Method, Outcome, RequestError};
pub use sdl::{admin_sdl, federation_sdl, sdl};
pub use stream::{Emission, Executions};

use self::known::KnownDocuments;
use crate::{
    config::{GraphqlConfig, OperationLimits},
    domain::{Domain, Error, background::Background},
};

/// The outcome of a resolver. Its error is built from the domain's and from nothing else.
type Result<T> = std::result::Result<T, ApiError>;

/// The schema of the service.
pub type UserSchema = Schema<query::Query, mutation::Mutation, subscription::Subscription>;

/// The same with what routers of a federation ask.
type Subgraph = Schema<federation::SubgraphQuery, mutation::Mutation, subscription::Subscription>;

/// One of the schemas.
#[derive(Clone)]
enum AnySchema {
    /// That of users, and the same for documents that were found valid before.
    User(UserSchema, UserSchema),
    /// Both with what routers ask.
    Subgraph(Subgraph, Subgraph),
    Admin(admin::AdminSchema),
}

impl AnySchema {
    async fn execute(&self, request: Request, is_valid: bool) -> Response {
        // On the heap, where it is not moved any more: it has room for every field there is.
        match self {
            Self::User(_, unchecked) if is_valid => Box::pin(unchecked.execute(request)).await,
            Self::User(schema, _) => Box::pin(schema.execute(request)).await,
            Self::Subgraph(_, unchecked) if is_valid => Box::pin(unchecked.execute(request)).await,
            Self::Subgraph(schema, _) => Box::pin(schema.execute(request)).await,
            Self::Admin(schema) => Box::pin(schema.execute(request)).await,
        }
    }

    fn execute_stream(&self, request: Request) -> BoxStream<'static, Response> {
        match self {
            Self::User(schema, _) => Executor::execute_stream(schema, request, None),
            Self::Subgraph(schema, _) => Executor::execute_stream(schema, request, None),
            Self::Admin(schema) => Executor::execute_stream(schema, request, None),
        }
    }
}

/// From how many bytes on a request is large. What fewer of them cost is less than a millisecond or two.
const LARGE: usize = 8 * 1024;

/// The schema, and what may be asked of it. Clones share it.
#[derive(Clone)]
pub struct Graphql(Arc<GraphqlParts>);

impl std::ops::Deref for Graphql {
    type Target = GraphqlParts;

    fn deref(&self) -> &GraphqlParts {
        &self.0
    }
}

/// What [`Graphql`] is made of.
#[derive(Clone)]
pub struct GraphqlParts {
    schema: AnySchema,
    /// What operations may be counted by.
    names: Arc<HashSet<String>>,
    domain: Domain,
    documents: Documents,
    known: KnownDocuments,
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
        let schema = if config.federation {
            let [checked, unchecked] = twice(|| federation::SubgraphQuery, config, &domain);
            AnySchema::Subgraph(checked, unchecked)
        } else {
            let [checked, unchecked] = twice(|| query::Query, config, &domain);
            AnySchema::User(checked, unchecked)
        };
        Self(Arc::new(GraphqlParts {
            names: Arc::new(schema.names()),
            schema,
            domain,
            documents,
            known: KnownDocuments::default(),
            limits: config.limits,
            shows_schema: config.introspection,
            readers,
        }))
    }

    /// The schema of administration over the same domain, with limits of its own. Whether it shows itself
    /// goes by the same setting.
    #[must_use]
    pub fn for_administration(&self, limits: OperationLimits) -> Self {
        let builder = with_introspection(admin::schema(), self.shows_schema);
        let schema = AnySchema::Admin(builder.data(self.domain.clone()).finish());
        Self(Arc::new(GraphqlParts {
            names: Arc::new(schema.names()),
            schema,
            documents: self.documents.of_anybody(),
            known: KnownDocuments::default(),
            limits,
            ..(*self.0).clone()
        }))
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

fn schema<Q: ObjectType + 'static>(
    query: Q,
) -> SchemaBuilder<Q, mutation::Mutation, subscription::Subscription> {
    Schema::build(query, mutation::Mutation::default(), subscription::Subscription)
}

/// A schema, and the same for documents that were found valid before.
fn twice<Q: ObjectType + 'static>(
    query: impl Fn() -> Q,
    config: &GraphqlConfig,
    domain: &Domain,
) -> [Schema<Q, mutation::Mutation, subscription::Subscription>; 2] {
    [ValidationMode::Strict, ValidationMode::Fast].map(|mode| {
        let builder = with_introspection(schema(query()), config.introspection);
        builder.data(domain.clone()).validation_mode(mode).finish()
    })
}

/// Without introspection nothing else may tell names either.
fn with_introspection<Q: ObjectType + 'static, M: ObjectType + 'static, S: SubscriptionType + 'static>(
    builder: SchemaBuilder<Q, M, S>,
    is_shown: bool,
) -> SchemaBuilder<Q, M, S> {
    if is_shown { builder } else { builder.disable_introspection().disable_suggestions() }
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
