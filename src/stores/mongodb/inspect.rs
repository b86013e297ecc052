//! What `vestibule doctor` asks of MongoDB. It changes nothing.

use std::collections::HashSet;

use mongodb::{
    Database,
    bson::{Document, doc},
};
use secrecy::SecretString;

use super::{connect, error, indexes};
use crate::domain::{
    checkup::{Finding, State},
    clock::Instant,
};

const PART: &str = "store";
/// The oldest server that the driver and our commands are made for.
const OLDEST: i32 = 5;

/// Looks at the server and at the schema.
pub async fn inspect(url: &SecretString) -> Vec<Finding> {
    let faulty = |what: String, remedy: &str| vec![Finding::new(PART, State::faulty(what, remedy))];
    let (database, address) = match connect(url).await {
        Ok(connected) => connected,
        Err(error) => return faulty(error.to_string(), "see DATABASE_URL"),
    };
    match database.run_command(doc! { "hello": 1 }).await {
        Ok(hello) => {
            let mut findings = vec![version(&database, &address).await, set(&hello)];
            if let Ok(time) = hello.get_datetime("localTime")
                && let Some(time) = Instant::from_timestamp_millis(time.timestamp_millis())
            {
                findings.push(Finding::new(PART, State::of_clock(time)));
            }
            findings.push(schema(&database).await);
            findings.push(missing_indexes(&database).await);
            findings
        }
        Err(failure) => faulty(
            format!("{address}: {}", error::describe(&failure)),
            "see whether it runs, whether DATABASE_URL names it and its user, and what is between",
        ),
    }
}

async fn version(database: &Database, address: &str) -> Finding {
    let state = match database.run_command(doc! { "buildInfo": 1 }).await {
        Ok(answer) => {
            let version = answer.get_str("version").unwrap_or("unknown").to_owned();
            let major = version.split('.').next().and_then(|major| major.parse::<i32>().ok());
            if major.is_none_or(|major| major < OLDEST) {
                State::doubtful(format!("MongoDB {version} at {address}"), "use MongoDB 5 or later")
            } else {
                State::well(format!("MongoDB {version} at {address}"))
            }
        }
        Err(failure) => State::faulty(error::describe(&failure), "see what the user of DATABASE_URL may do"),
    };
    Finding::new(PART, state)
}

/// Whether an acknowledged write survives the loss of one machine.
fn set(hello: &Document) -> Finding {
    let members = hello.get_array("hosts").map_or(0, Vec::len);
    let is_router = hello.get_str("msg").is_ok_and(|text| text == "isdbgrid");
    let state = match hello.get_str("setName") {
        _ if is_router => State::well("a router of a sharded cluster; writes wait for a majority"),
        Ok(name) if members >= 3 => {
            State::well(format!("replica set {name} of {members}; writes wait for a majority"))
        }
        Ok(name) => State::doubtful(
            format!("replica set {name} has {members} member that holds data"),
            "three members or more: with fewer, one that fails is an outage or a loss",
        ),
        Err(_) => State::doubtful(
            "no replica set",
            "run it as a replica set of three or more, also for retries of writes (rs.initiate)",
        ),
    };
    Finding::new(PART, state)
}

async fn schema(database: &Database) -> Finding {
    let known = indexes::SCHEMA_VERSION;
    let state = match indexes::found_version(database).await {
        Ok(Some(found)) if found == known => State::well(format!("schema {found}")),
        Ok(Some(found)) if found > known => State::faulty(
            format!("the schema is {found}, this program knows {known}"),
            "use the program that has last served it, or a newer one",
        ),
        Ok(found) => State::faulty(
            format!("the schema is {}, this program needs {known}", found.unwrap_or_default()),
            "start the service, or run `vestibule migrate`",
        ),
        Err(failure) => State::faulty(error::describe(&failure), "see what the user of DATABASE_URL may do"),
    };
    Finding::new(PART, state)
}

/// Indexes that somebody has dropped, or that were never made.
async fn missing_indexes(database: &Database) -> Finding {
    let mut missing: Vec<&str> = Vec::new();
    for (collection, names) in indexes::EXPECTED {
        let found = database.collection::<Document>(collection).list_index_names().await.unwrap_or_default();
        let found: HashSet<String> = found.into_iter().collect();
        missing.extend(names.iter().copied().filter(|name| !found.contains(*name)));
    }
    let state = if missing.is_empty() {
        State::well("every index is there")
    } else {
        let what = format!("indexes are missing: {}", missing.join(", "));
        State::faulty(what, "start the service, or run `vestibule migrate`: it makes them")
    };
    Finding::new(PART, state)
}
