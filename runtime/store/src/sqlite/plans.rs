//! Every query that runs often uses an index: SQLite's own plans say so.

use sqlx::sqlite::SqliteArguments;
use sqlx::{AssertSqlSafe, Row};
use tracardi_language::filter;
use tracardi_model::Context;

use super::condition::Statement;
use super::query::page_statement;
use super::{Sqlite, commit, delayed, delete, history, load, merge, outbox, quarantine, query};
use crate::conformance::samples::{at, batch, profile, session};
use crate::{Deliveries, Documents as _, Index, Keys, Matching, Select, State};

async fn store(directory: &std::path::Path) -> Sqlite {
    Sqlite::open(directory, Keys { signing: [1; 32], encryption: [2; 32] }).await.unwrap()
}

/// The steps of a plan.
async fn plan(store: &Sqlite, statement: Statement) -> Vec<String> {
    let text = format!("EXPLAIN QUERY PLAN {}", statement.text);
    let mut reader = store.reader().await.unwrap();
    let rows = sqlx::query_with(AssertSqlSafe(text), statement.arguments).fetch_all(&mut *reader).await.unwrap();
    rows.iter().map(|row| row.get::<String, _>("detail")).collect()
}

fn arguments(values: [&str; 4]) -> sqlx::sqlite::SqliteArguments {
    use sqlx::Arguments as _;
    let mut arguments = sqlx::sqlite::SqliteArguments::default();
    for value in values {
        arguments.add(value).unwrap();
    }
    arguments
}

#[tokio::test]
async fn loading_looks_up_by_index_only() {
    let directory = tempfile::tempdir().unwrap();
    let store = store(directory.path()).await;
    let statement = Statement { text: load::LOAD.to_owned(), arguments: arguments(["0", "[]", "[]", "[]"]) };
    let steps = plan(&store, statement).await;
    let scans: Vec<_> = steps.iter().filter(|step| step.starts_with("SCAN")).collect();
    assert!(
        scans.iter().all(|step| step.contains("VIRTUAL TABLE") || *step == "SCAN owner"),
        "only the lists of ids, and what they lead to, are read through: {steps:#?}"
    );
    for index in ["session_id", "profile_id", "event_id", "PRIMARY KEY"] {
        assert!(steps.iter().any(|step| step.starts_with("SEARCH") && step.contains(index)), "{index}: {steps:#?}");
    }
}

#[tokio::test]
async fn pages_and_forgetting_look_up_by_index_only() {
    let directory = tempfile::tempdir().unwrap();
    let store = store(directory.path()).await;
    let mut texts: Vec<&str> = [Index::Event, Index::Session, Index::Profile].map(query::documents_by_row).to_vec();
    texts.extend([commit::FORGET, outbox::FORGET, outbox::DUE, delayed::ROWS, history::FORGET, history::TRAIL]);
    texts.extend([quarantine::FORGET, quarantine::ONE, quarantine::ROWS]);
    texts.extend(delete::OF_PROFILE);
    for text in texts {
        let steps = plan(&store, Statement { text: text.to_owned(), arguments: SqliteArguments::default() }).await;
        assert!(steps.iter().all(|step| !step.starts_with("SCAN") || step.contains("VIRTUAL TABLE")), "{steps:#?}");
        assert!(!steps.iter().any(|step| step.contains("TEMP B-TREE")), "{steps:#?}");
    }
}

#[tokio::test]
async fn each_event_type_is_one_look_into_the_index() {
    let directory = tempfile::tempdir().unwrap();
    let store = store(directory.path()).await;
    let text = query::TYPES.to_owned();
    let steps = plan(&store, Statement { text, arguments: SqliteArguments::default() }).await;
    let looks: Vec<_> = steps.iter().filter(|step| step.contains(" event ")).collect();
    assert_eq!(looks.len(), 2, "{steps:#?}");
    assert!(looks.iter().all(|step| step.starts_with("SEARCH event USING COVERING INDEX event_type")), "{steps:#?}");
}

#[tokio::test]
async fn lists_use_an_index_and_need_no_sorting() {
    let directory = tempfile::tempdir().unwrap();
    let store = store(directory.path()).await;
    let everywhere = [
        ("", "event_inserted"),
        ("type = \"page-view\"", "event_type"),
        ("session.id = \"s\"", "event_session"),
        ("profile.id = \"p\"", "event_profile"),
        ("profile.id = \"p\" AND properties.price > 5", "event_profile"),
        ("properties.price > 5", "event_inserted"),
        ("source.id = \"s\"", "event_inserted"),
    ];
    for range in [None, Some((at(0), at(1000)))] {
        for (text, index) in everywhere {
            let select = Select {
                from: range.map(|(from, _)| from),
                to: range.map(|(_, to)| to),
                matching: Matching::Filter(filter::parse(text).unwrap()),
                start: 0,
                limit: 30,
            };
            let (page, count) = page_statement(Context::Production, Index::Event, &select).unwrap();
            for statement in [page, count] {
                let steps = plan(&store, statement).await;
                let first = &steps[0];
                assert!(first.starts_with("SEARCH d ") && first.contains(index), "{text}: {steps:#?}");
                assert!(!steps.iter().any(|step| step.contains("TEMP B-TREE")), "{text} sorts: {steps:#?}");
            }
        }
    }
    for (kind, text, index) in [
        (Index::Session, "", "session_inserted"),
        (Index::Session, "profile.id = \"p\"", "session_profile"),
        (Index::Session, "id = \"s\"", "session_id"),
        (Index::Profile, "", "profile_inserted"),
        (Index::Profile, "id = \"p\"", "profile_id"),
        (Index::Event, "id = \"e\"", "event_id"),
    ] {
        let matching = Matching::Filter(filter::parse(text).unwrap());
        let (page, _) = page_statement(Context::Production, kind, &Select { matching, ..Select::default() }).unwrap();
        let steps = plan(&store, page).await;
        assert!(steps[0].starts_with("SEARCH d ") && steps[0].contains(index), "{text}: {steps:#?}");
    }
}

#[tokio::test]
async fn merges_look_up_by_index_only() {
    let directory = tempfile::tempdir().unwrap();
    let store = store(directory.path()).await;
    for (text, index) in [
        (merge::SESSIONS, "session_profile"),
        (merge::EVENTS, "event_profile"),
        (merge::MOVE_IDS, "profile_identity_profile"),
        (merge::OPEN, "merge_log_open"),
    ] {
        let statement = Statement { text: text.to_owned(), arguments: arguments(["0", "b", "a", "500"]) };
        let steps = plan(&store, statement).await;
        assert!(steps.iter().any(|step| step.contains(index)), "{index}: {steps:#?}");
        assert!(!steps.iter().any(|step| step.contains("TEMP B-TREE")), "{index}: {steps:#?}");
    }
}

#[tokio::test]
async fn history_looks_up_by_index_only() {
    let directory = tempfile::tempdir().unwrap();
    let store = store(directory.path()).await;
    for (text, index) in [
        (history::CHANGES, "trail_profile"),
        (history::MERGES, "merge_log_profile"),
        (history::DELETE_OF_EVENT, "trail_event"),
    ] {
        let statement = Statement { text: text.to_owned(), arguments: arguments(["0", "p", "5", "0"]) };
        let steps = plan(&store, statement).await;
        assert!(steps.iter().any(|step| step.contains(index)), "{index}: {steps:#?}");
        assert!(
            !steps.iter().any(|step| step.starts_with("SCAN trail") || step.starts_with("SCAN merge")),
            "{steps:#?}"
        );
    }
}

#[tokio::test]
async fn a_document_comes_once_however_many_ids_and_sessions_lead_to_it() {
    let directory = tempfile::tempdir().unwrap();
    let store = store(directory.path()).await;
    let sessions = vec![session("s1", Some("p")), session("s2", Some("a"))];
    store.commit(batch(vec![], sessions, vec![profile(&["p", "a", "b"])])).await.unwrap();
    let lists = [r#"["s1", "s2"]"#, r#"["p", "a", "b", "c"]"#, "[]"];
    let [sessions, profiles, events] = lists;
    let query = sqlx::query(load::LOAD).bind(0).bind(sessions).bind(profiles).bind(events);
    let rows = query.fetch_all(&mut store.writer().await.connection).await.unwrap();
    let with_document = rows.iter().filter(|row| row.get::<Option<&str>, _>("document").is_some());
    let documents: Vec<&str> = with_document.map(|row| row.get("asked")).collect();
    assert_eq!(documents, ["s1", "s2", "p"]);
}

#[tokio::test]
async fn the_outbox_looks_up_by_index_only() {
    let directory = tempfile::tempdir().unwrap();
    let store = store(directory.path()).await;
    let text = |text: &str| Statement { text: text.to_owned(), arguments: SqliteArguments::default() };
    let waiting = plan(&store, text(outbox::WAITING)).await;
    assert!(waiting.iter().any(|step| step.contains("COVERING INDEX delivery_due")), "{waiting:#?}");
    assert!(!waiting.iter().any(|step| step == "SCAN d"), "{waiting:#?}");
    let some = || Some("x".to_owned());
    for (wanted, index) in [
        (Deliveries { event: some(), ..Deliveries::default() }, "delivery_event"),
        (Deliveries { profile: some(), ..Deliveries::default() }, "delivery_line"),
        (Deliveries { destination: some(), ..Deliveries::default() }, "delivery_destination"),
        (Deliveries { destination: some(), state: Some(State::Dead), ..Deliveries::default() }, "delivery_destination"),
        (Deliveries { state: Some(State::Dead), ..Deliveries::default() }, "delivery_left"),
        (Deliveries { state: Some(State::Waiting), ..Deliveries::default() }, "delivery_left"),
    ] {
        let (page, count) = outbox::page_statements(Context::Production, &wanted);
        for statement in [page, count] {
            let steps = plan(&store, text(statement.sql().as_str())).await;
            assert!(steps.iter().any(|step| step.contains(index)), "{wanted:?}: {steps:#?}");
        }
    }
}
