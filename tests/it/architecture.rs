//! The import rule and the bounds that keep the house orderly, checked on the source itself.

use std::{
    fs,
    path::{Path, PathBuf},
};

const SOURCE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/src");
const MOST_LINES: usize = 300;

/// Which rooms each room may use. A room may always use itself.
const MAY_USE: &[(&str, &[&str])] = &[
    ("domain", &[]),
    ("config", &["domain"]),
    ("telemetry", &["domain", "config"]),
    ("stores", &["domain", "config"]),
    ("cache", &["domain", "config"]),
    ("mailer", &["domain", "config"]),
    ("media", &["domain", "config"]),
    ("breaches", &["domain"]),
    ("graphql", &["domain", "config"]),
    ("http", &["graphql", "domain", "config"]),
    ("app", &["http", "graphql", "stores", "cache", "mailer", "media", "breaches", "domain", "config"]),
    ("lifecycle", &["app", "http", "domain"]),
    ("cli", &["stores", "app", "lifecycle", "http", "graphql", "domain", "config", "telemetry"]),
    ("main", &["cli"]),
    ("lib", &[]),
];

fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

fn room(path: &Path) -> String {
    let first = path.strip_prefix(SOURCE).unwrap().components().next().unwrap();
    first.as_os_str().to_str().unwrap().trim_end_matches(".rs").to_owned()
}

/// The rooms named after `crate::` in a file, with the line. A `use crate::{…}` tree is read to its end.
fn uses(text: &str) -> Vec<(usize, String)> {
    let rooms: Vec<&str> = MAY_USE.iter().map(|(room, _)| *room).collect();
    let mut found = Vec::new();
    let mut depth = 0_i32;
    for (number, line) in text.lines().enumerate() {
        if line.trim_start().starts_with("//") {
            continue;
        }
        for (at, _) in line.match_indices("crate::") {
            let rest = &line[at + "crate::".len()..];
            let name: String = rest.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
            if rooms.contains(&name.as_str()) {
                found.push((number + 1, name));
            }
        }
        if depth == 1 {
            let name: String = line.trim().chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
            if rooms.contains(&name.as_str()) {
                found.push((number + 1, name));
            }
        }
        if depth > 0 || line.contains("use crate::{") {
            let count = |c| i32::try_from(line.matches(c).count()).unwrap();
            depth += count('{') - count('}');
        }
    }
    found
}

#[test]
fn imports_go_one_way() {
    let mut files = Vec::new();
    sources(Path::new(SOURCE), &mut files);
    assert!(files.len() > 50, "the sources were not found");
    let mut forbidden = Vec::new();
    for path in files {
        let own = room(&path);
        let allowed = MAY_USE.iter().find(|(name, _)| *name == own);
        let (_, allowed) = allowed.unwrap_or_else(|| panic!("the room {own} is not in the import rule"));
        // Unit tests stand in their file and may use what they like of the domain.
        for (line, used) in uses(&fs::read_to_string(&path).unwrap()) {
            if used != own && !allowed.contains(&used.as_str()) {
                forbidden.push(format!("{}:{line}: {own} may not use {used}", path.display()));
            }
        }
    }
    assert!(forbidden.is_empty(), "{}", forbidden.join("\n"));
}

#[test]
fn the_rule_itself_finds_what_is_forbidden() {
    let text = "use crate::{\n    domain::Error,\n    stores::{\n        http::Thing,\n    },\n};\nfn f() { crate::http::g() }\n";
    let rooms: Vec<_> = uses(text).into_iter().collect();
    assert_eq!(rooms, [(2, "domain".to_owned()), (3, "stores".to_owned()), (7, "http".to_owned())]);
}

#[test]
fn files_stay_short() {
    let mut files = Vec::new();
    sources(Path::new(SOURCE), &mut files);
    let long: Vec<_> = files
        .into_iter()
        .map(|path| (fs::read_to_string(&path).unwrap().lines().count(), path))
        .filter(|(lines, _)| *lines > MOST_LINES)
        .collect();
    assert!(long.is_empty(), "over {MOST_LINES} lines: {long:?}");
}

#[test]
fn no_resolver_returns_anything_but_an_api_error() {
    let mut files = Vec::new();
    sources(&Path::new(SOURCE).join("graphql"), &mut files);
    for path in files {
        let text = fs::read_to_string(&path).unwrap();
        for (number, line) in text.lines().enumerate() {
            let leaks = line.contains("async_graphql::Result<")
                || line.contains("domain::Result<Option<")
                || (line.contains("-> domain::Result") && line.contains("async fn"));
            assert!(!leaks, "{}:{}: a resolver must return graphql::Result", path.display(), number + 1);
        }
    }
}

#[test]
fn one_crypto_library_and_no_openssl() {
    let tree = std::process::Command::new(env!("CARGO"))
        .args([
            "tree",
            "--offline",
            "--locked",
            "--all-features",
            "--edges",
            "normal,build",
            "--prefix",
            "none",
        ])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .unwrap();
    let tree = String::from_utf8(tree.stdout).unwrap();
    assert!(tree.contains("aws-lc-rs v"), "no tree of dependencies");
    for banned in ["openssl ", "openssl-sys ", "native-tls ", "ring "] {
        let found = tree.lines().find(|line| line.starts_with(banned));
        assert!(found.is_none(), "{found:?} is compiled in");
    }
}

/// Documents that name tests as what shows a thing name some that are there.
#[test]
fn tests_that_documents_name_are_there() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut files = Vec::new();
    sources(&root.join("tests/it"), &mut files);
    sources(&root.join("src"), &mut files);
    let all: String = files.iter().map(|path| fs::read_to_string(path).unwrap()).collect();
    let text = fs::read_to_string(root.join("docs/reliability.md")).unwrap();
    let named = text.split('`').skip(1).step_by(2).filter(|name| name.contains("::"));
    let names: Vec<&str> = named.filter_map(|name| name.rsplit("::").next()).collect();
    assert!(names.len() > 50, "the document was not read");
    let missing: Vec<_> = names
        .into_iter()
        // The names of tests on both stores are made of one.
        .map(|name| name.trim_end_matches("_on_sqlite").trim_end_matches("_on_mongodb"))
        .filter(|name| {
            !name.contains('{') && !all.contains(&format!("fn {name}")) && !all.contains(&format!(" {name}"))
        })
        .collect();
    assert!(missing.is_empty(), "{missing:?}");
}
