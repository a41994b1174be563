//! What is true of every statement, read from what the compiler knows of them.

use std::path::Path;

use serde_json::Value;
use sqlx::{AssertSqlSafe, Executor as _, SqlSafeStr as _};

use crate::common::{SERVER, fresh, open, root};

/// The tables of tenants.
const TABLES: [&str; 7] = ["tenant", "configuration", "user", "token", "delivery", "delivery_queue", "profile_merge"];

fn statements() -> Vec<String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join(".sqlx");
    let files = std::fs::read_dir(folder).unwrap().map(|file| std::fs::read_to_string(file.unwrap().path()).unwrap());
    let told: Vec<Value> = files.map(|file| serde_json::from_str(&file).unwrap()).collect();
    told.iter().map(|told| told["query"].as_str().unwrap().to_owned()).collect()
}

/// The tables that a statement names, and how it calls them.
fn named(statement: &str) -> Vec<(String, String, &'static str)> {
    let words: Vec<&str> = statement.split_whitespace().collect();
    let mut found = Vec::new();
    for (place, word) in words.iter().enumerate().skip(1) {
        let Some(table) = TABLES.iter().find(|table| *table == word) else { continue };
        let before = words[place - 1];
        if !["FROM", "JOIN", "STRAIGHT_JOIN", "UPDATE", "INTO"].contains(&before) {
            continue;
        }
        let alias = match words.get(place + 1..) {
            Some(["AS", alias, ..]) => format!("{alias}."),
            _ => String::new(),
        };
        found.push((before.to_owned(), alias, *table));
    }
    found
}

#[test]
fn every_statement_names_the_tenant_of_each_table() {
    let statements = statements();
    assert!(statements.len() > 30);
    let mut seen = std::collections::BTreeSet::new();
    for statement in &statements {
        for (how, alias, table) in named(statement) {
            seen.insert(table);
            let guard = match how.as_str() {
                "INTO" => format!("INTO {table} (tenant, "),
                _ if alias.is_empty() => " WHERE tenant = ?".to_owned(),
                _ => format!(" {alias}tenant = "),
            };
            assert!(statement.contains(&guard), "{table} without {guard:?}: {statement}");
        }
    }
    assert_eq!(seen.len(), TABLES.len(), "a table that no statement names: {seen:?}");
}

/// What the compiler knows comes from the tables as they are now.
#[tokio::test(flavor = "multi_thread")]
async fn the_server_takes_every_statement() {
    let own = fresh().await;
    open(&own).await;
    let mut connection = root(&SERVER, &own.database).await;
    for statement in statements() {
        let prepared = (&mut connection).prepare(AssertSqlSafe(statement.clone()).into_sql_str()).await;
        assert!(prepared.is_ok(), "{statement}: {}", prepared.err().unwrap());
    }
}
