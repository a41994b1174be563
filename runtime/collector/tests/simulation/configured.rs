//! What users configure, and the workflows that it starts. Each change makes a new version; a rule of its own writes the
//! version on every mark, so that the laws know which records were in force for it.

use std::collections::BTreeMap;
use std::sync::{Arc, LazyLock, Mutex};

use jiff::SignedDuration;
use serde_json::{Value, json};
use tracardi_engine::workflows::Later;
use tracardi_engine::{Configuration, Settings, WorkflowOutcome, WorkflowRun, Workflows};
use tracardi_model::configuration::{HTTP_CONNECTOR, Kind};
use tracardi_model::{Context, Event, Map, Path};

use crate::journal::MARK;
use crate::plan::Records;

/// The destination of marks.
pub(crate) const MARKS: &str = "marks";
/// The destination of profiles.
pub(crate) const PEOPLE: &str = "people";
/// The segment of those who have checked out.
pub(crate) const BUYERS: &str = "buyers";
/// The workflow that counts.
pub(crate) const COUNTS: &str = "counts";

/// Settings by version and records: worlds share them.
static KNOWN: Mutex<BTreeMap<(usize, Records), Arc<Settings>>> = Mutex::new(BTreeMap::new());
pub(crate) static PLAIN: LazyLock<Arc<Settings>> = LazyLock::new(|| Arc::new(Settings::new("simulation").unwrap()));

/// The settings when these records are in force as this version. The first without records are those of an installation where
/// nothing was ever configured.
pub(crate) fn settings(version: usize, records: Records) -> Arc<Settings> {
    if (version, records) == (0, Records::default()) {
        return PLAIN.clone();
    }
    KNOWN.lock().unwrap().entry((version, records)).or_insert_with(|| Arc::new(compiled(version, records))).clone()
}

fn compiled(version: usize, records: Records) -> Settings {
    let flow = if records.counts { COUNTS } else { "idle" };
    let mut all = vec![(
        Kind::Rule,
        json!({"id": "rule", "name": format!("v{version}"), "event_type": MARK, "source": {"id": "shop", "name": "Shop"},
            "flow": {"id": flow, "name": flow}}),
    )];
    if records.marks {
        let mapping = json!({"mark": "event@properties.interest", "version": version});
        all.push((Kind::Destination, destination(MARKS, &json!({"event_type": MARK, "mapping": mapping}))));
    }
    if records.people {
        let mapping = json!({"checkouts": "profile@data.metrics.ltcosc"});
        all.push((Kind::Destination, destination(PEOPLE, &json!({"mapping": mapping}))));
    }
    if records.buyers {
        let condition = "profile@data.metrics.ltcosc >= 1";
        all.push((Kind::Segment, json!({"id": BUYERS, "name": BUYERS, "condition": condition})));
    }
    let configuration = Configuration::compile(all.iter().map(|(kind, record)| (*kind, "record", record)));
    assert_eq!(configuration.problems(), []);
    let mut settings = Settings::clone(&PLAIN);
    let configuration = Arc::new(configuration);
    for context in [Context::Production, Context::Staging] {
        settings.configurations[context] = configuration.clone();
    }
    settings.workflows = Some(Arc::new(Flows));
    settings.version = version as u64;
    settings
}

fn destination(id: &str, more: &Value) -> Value {
    let mut record = json!({"id": id, "name": id, "enabled": true, "resource": {"id": "somewhere"},
        "destination": {"package": HTTP_CONNECTOR}, "on_profile_change_only": more["event_type"].is_null()});
    record.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    record
}

/// The version whose records were in force for an event.
pub(crate) fn version(event: &Event) -> usize {
    let told = event.metadata.processed_by.rules.iter().find_map(|name| name.strip_prefix('v')?.parse().ok());
    told.unwrap_or_default()
}

#[derive(Debug)]
struct Flows;

impl Workflows for Flows {
    fn run(&self, flow: &str, run: WorkflowRun<'_>) -> Option<WorkflowOutcome> {
        if flow != COUNTS {
            return Some(WorkflowOutcome::default());
        }
        let mut profile = run.profile?.clone();
        profile.stats.visits += 1;
        let due = run.now + SignedDuration::from_mins(1);
        let later = Later { due, node: "on".to_owned(), event_type: None, properties: Map::new() };
        let written = vec![Path::parse("stats.visits").ok()?];
        Some(WorkflowOutcome { profile: Some(profile), written, later: vec![later], ..WorkflowOutcome::default() })
    }
}
