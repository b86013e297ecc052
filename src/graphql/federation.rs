//! The schema as a subgraph of Apollo Federation 2: what a router asks besides what clients ask.
//!
//! async-graphql can resolve entities too, but gives up on all of a list where one is not found, asks for them one by
//! one, and says in the path of an error not which one it was.

use std::{
    borrow::Cow,
    collections::{HashMap, HashSet},
    sync::OnceLock,
};

use async_graphql::{
    Any, ContainerType, Context, ContextSelectionSet, Object, ObjectType, OutputType, Positioned,
    ServerResult, SimpleObject, Union, Value,
    parser::types::Field,
    registry::{MetaType, Registry},
    resolver_utils::resolve_container,
};

use super::{
    Result,
    context::ContextExt,
    enums::{AccessRule, access, all_reasons, codes, raises},
    federation_sdl,
    query::Query,
    types::{SessionObject, UserObject},
};
use crate::domain::{
    self, ErrorCode,
    actor::{Actor, Principal},
    error::Error,
    faults::{Fault, FaultCode},
    ids::{SessionId, UserId},
    sessions::Session,
};

/// What routers name entities by.
const KEY: &str = "id";
/// The types that other subgraphs may name.
const ENTITIES: [&str; 2] = ["User", "Session"];
/// What several subgraphs have alike.
const SHARED: &str = "PageInfo";

/// The root of all queries of a subgraph.
pub(super) struct SubgraphQuery;

impl OutputType for SubgraphQuery {
    fn type_name() -> Cow<'static, str> {
        Query::type_name()
    }

    fn create_type_info(registry: &mut Registry) -> String {
        let name = Query::create_type_info(registry);
        RouterFields::create_type_info(registry);
        if let Some(MetaType::Object { fields: added, .. }) =
            registry.types.remove(&*RouterFields::type_name())
            && let Some(MetaType::Object { fields, .. }) = registry.types.get_mut(&*Self::type_name())
        {
            fields.extend(added);
        }
        name
    }

    async fn resolve(&self, context: &ContextSelectionSet<'_>, _: &Positioned<Field>) -> ServerResult<Value> {
        resolve_container(context, self).await
    }
}

impl ContainerType for SubgraphQuery {
    async fn resolve_field(&self, context: &Context<'_>) -> ServerResult<Option<Value>> {
        match RouterFields.resolve_field(context).await? {
            Some(value) => Ok(Some(value)),
            None => Query.resolve_field(context).await,
        }
    }
}

impl ObjectType for SubgraphQuery {}

/// What routers ask.
struct RouterFields;

#[Object]
impl RouterFields {
    /// What a router composes its schema from.
    #[graphql(name = "_service", directive = access::apply(AccessRule::Public))]
    async fn service(&self) -> Service {
        static SDL: OnceLock<String> = OnceLock::new();
        Service { sdl: SDL.get_or_init(federation_sdl) }
    }

    /// The things with these keys, each at its place. Null for what is not there or not the caller's.
    #[graphql(name = "_entities", directive = access::apply(AccessRule::Public), directive = raises::apply(codes(&[ErrorCode::BadUserInput, ErrorCode::Unauthenticated]), Some(all_reasons())))]
    async fn entities(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "`__typename` and `id` of each.")] representations: Vec<Any>,
    ) -> Result<Vec<Option<Result<Entity>>>> {
        let keys: Vec<_> =
            representations.iter().map(|Any(representation)| Key::read(representation)).collect();
        let caller = match context.actor().await? {
            Actor::User(principal) => Some(principal.as_ref()),
            Actor::Anonymous => None,
        };
        let Some(caller) = caller else {
            return Ok(keys.into_iter().map(|key| key.err().map(|error| Err(error.into()))).collect());
        };
        let others = find_others(context, caller, &keys).await;
        let find = |key: domain::Result<Key>| -> Result<Option<Entity>> {
            Ok(match key? {
                Key::User(id) => (id == caller.user.id).then(|| Entity::User(UserObject(caller.clone()))),
                Key::Session(id) if id == caller.session.id => {
                    Some(Entity::Session(SessionObject { session: (*caller.session).clone(), current: true }))
                }
                // A store that is away takes nothing with it that was found without it.
                Key::Session(id) => others.as_ref().map_err(Clone::clone)?.get(&id).map(|session| {
                    Entity::Session(SessionObject { session: session.clone(), current: false })
                }),
                Key::Foreign => None,
            })
        };
        Ok(keys.into_iter().map(|key| find(key).transpose()).collect())
    }
}

/// All the sessions that are named, but for that of the request, in one question.
async fn find_others(
    context: &Context<'_>,
    caller: &Principal,
    keys: &[domain::Result<Key>],
) -> Result<HashMap<SessionId, Session>> {
    let named = keys.iter().filter_map(|key| match key {
        Ok(Key::Session(id)) if *id != caller.session.id => Some(id.clone()),
        _ => None,
    });
    let ids: Vec<_> = named.collect::<HashSet<_>>().into_iter().collect();
    if ids.is_empty() {
        return Ok(HashMap::new());
    }
    let found = context.domain()?.sessions.find_several_own(caller, &ids).await?;
    Ok(found.into_iter().map(|session| (session.id.clone(), session)).collect())
}

/// The schema definition that a router composes with others.
#[derive(SimpleObject)]
#[graphql(name = "_Service", directive = access::apply(AccessRule::Public))]
struct Service {
    /// The text.
    sdl: &'static str,
}

/// Anything that another subgraph may name by its key.
#[derive(Union)]
#[graphql(name = "_Entity")]
enum Entity {
    User(UserObject),
    Session(SessionObject),
}

/// What is asked for.
enum Key {
    User(UserId),
    Session(SessionId),
    /// An id that is none of ours, and so nobody's.
    Foreign,
}

impl Key {
    fn read(representation: &Value) -> domain::Result<Self> {
        let text = |name: &str| match representation {
            Value::Object(fields) => match fields.get(name) {
                Some(Value::String(text)) => Some(text.as_str()),
                _ => None,
            },
            _ => None,
        };
        let fault = |message: &str| {
            Error::BadArguments(vec![Fault::new("representations", FaultCode::InvalidFormat, message)])
        };
        let id = text(KEY).ok_or_else(|| fault("must each have an id"))?;
        match text("__typename") {
            Some("User") => Ok(id.parse().map_or(Self::Foreign, Self::User)),
            Some("Session") => Ok(id.parse().map_or(Self::Foreign, Self::Session)),
            _ => Err(fault("must each have the __typename of an entity")),
        }
    }
}

/// The root of queries in a schema that is written down only: the library resolves entities itself where types have
/// keys.
pub(super) struct Keyed;

impl OutputType for Keyed {
    fn type_name() -> Cow<'static, str> {
        Query::type_name()
    }

    fn create_type_info(registry: &mut Registry) -> String {
        let name = Query::create_type_info(registry);
        for entity in ENTITIES {
            registry.add_keys(entity, KEY);
        }
        if let Some(MetaType::Object { shareable, .. }) = registry.types.get_mut(SHARED) {
            *shareable = true;
        }
        name
    }

    async fn resolve(
        &self,
        context: &ContextSelectionSet<'_>,
        field: &Positioned<Field>,
    ) -> ServerResult<Value> {
        Query.resolve(context, field).await
    }
}

impl ContainerType for Keyed {
    async fn resolve_field(&self, context: &Context<'_>) -> ServerResult<Option<Value>> {
        Query.resolve_field(context).await
    }
}

impl ObjectType for Keyed {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_down_has_keys_and_nothing_of_the_library() {
        let sdl = federation_sdl();
        for part in ["type User implements Node", "type Session implements Node"] {
            let line = sdl.lines().find(|line| line.starts_with(part)).unwrap();
            assert!(line.contains("@key(fields: \"id\")"), "{line}");
        }
        let page = sdl.lines().find(|line| line.starts_with("type PageInfo")).unwrap();
        assert!(page.contains("@shareable"), "{page}");
        assert!(sdl.contains("https://specs.apollo.dev/federation/v2"));
        for part in ["_entities", "_service", "_Any", "_Entity", "Subscription", "SessionEvent"] {
            assert!(!sdl.contains(part), "{part}");
        }
    }
}
