//! A rule whose workflow leads back to it is refused when it is saved; stored in another way, it starts nothing and is told.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a failed check panics: that is its answer")]

mod app;
mod http;

use std::sync::Arc;

use app::{app, keys, serve};
use http::call;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use tracardi_engine::{Settings, Start, WorkflowOutcome, WorkflowRun, Workflows};
use tracardi_model::configuration::Kind;
use tracardi_model::{Context, EventSource, Role, SourceType, User};
use tracardi_process::{Supervisor, SystemClock};
use tracardi_store::{Configuration as _, Sqlite, StoredRecord};

/// `ping` sends `pong` events and the other way round; `count` does nothing that a rule could wait for.
#[derive(Debug)]
struct Table;

impl Workflows for Table {
    fn run(&self, _: &str, _: WorkflowRun<'_>) -> Option<WorkflowOutcome> {
        Some(WorkflowOutcome::default())
    }

    fn leads_to(&self, flow: &str) -> Vec<Start> {
        let sends = |kind: &str| vec![Start::Event { event_type: kind.to_owned(), source: "shop".to_owned() }];
        match flow {
            "ping" => sends("pong"),
            "pong" => sends("ping"),
            _ => Vec::new(),
        }
    }
}

fn rule(id: &str, event_type: &str, flow: &str) -> Value {
    json!({"id": id, "name": id, "event_type": {"id": event_type, "name": event_type},
        "source": {"id": "shop", "name": "Shop"}, "flow": {"id": flow, "name": flow}})
}

#[tokio::test]
async fn a_loop_of_rules_is_refused_when_saved_and_told_when_stored() {
    let folder = tempfile::tempdir().unwrap();
    let store = Sqlite::open(folder.path(), keys()).await.unwrap();
    let source = EventSource::new("shop", "Shop", vec![SourceType::Rest], Timestamp::UNIX_EPOCH);
    store.save_event_source(Context::Production, &source).await.unwrap();
    let admin = User {
        id: "u".to_owned(),
        email: "a@b.pl".to_owned(),
        name: "A".to_owned(),
        password: String::new(),
        roles: vec![Role::Admin],
        enabled: true,
        preference: serde_json::Map::new(),
        expiration_timestamp: None,
    };
    store.save_first_user(&admin).await.unwrap();
    store.create_token("t", "u", SystemClock::shared().now() + SignedDuration::from_hours(1)).await.unwrap();
    let supervisor = Supervisor::new();
    let mut settings = Settings::new("test").unwrap();
    settings.workflows = Some(Arc::new(Table));
    let app = app(&supervisor, &store, Arc::new(store.clone()), &settings);
    let (public, private) = serve(&supervisor, &app).await;
    let save = async |rule: &Value| {
        call("POST", format!("{private}/rule")).bearer("t").header("x-context", "production").json(rule).send().await
    };

    let kept = save(&rule("First", "ping", "ping")).await;
    assert_eq!(kept.status, 200, "{}", kept.text);
    let refused = save(&rule("Second", "pong", "pong")).await;
    assert_eq!(refused.status, 422, "{}", refused.text);
    let detail = &refused.json()["detail"][0];
    assert_eq!((&detail["type"], &detail["loc"]), (&json!("rule_loop"), &json!(["body", "flow", "id"])));
    let told = detail["msg"].as_str().unwrap();
    assert!(
        told.contains("rule `First` starts workflow `ping`") && told.contains("disable one of the rules"),
        "{told}"
    );
    assert_eq!(save(&rule("Second", "pong", "count")).await.status, 200, "without the way back");

    // What an import has stored.
    let document = Arc::new(rule("Third", "pong", "pong"));
    let record = StoredRecord { context: Context::Production, kind: Kind::Rule, id: "Third".to_owned(), document };
    store.save_record(&record).await.unwrap();
    app.in_force().await;
    let problems =
        call("GET", format!("{private}/configuration/problems")).bearer("t").header("x-context", "production");
    let problems = problems.send().await.json();
    assert_eq!((&problems["total"], &problems["result"][0]["id"]), (&json!(1), &json!("Third")), "{problems}");
    let body = json!({"source": {"id": "shop"}, "session": {"id": "s"}, "events": [{"id": "e1", "type": "pong"}]});
    assert_eq!(call("POST", format!("{public}/track")).json(&body).send().await.status, 200);
    let event = call("GET", format!("{private}/event/e1")).bearer("t").header("x-context", "production").send().await;
    let warnings = event.json()["event"]["aux"]["warnings"].to_string();
    assert!(
        warnings.contains("rule Third: its workflow is not started, because it is part of a loop"),
        "{}",
        event.text
    );
    supervisor.run_until(async {}).await.unwrap();
}
