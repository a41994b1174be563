//! Workflows that events start (6.5), with an engine that writes down what it is asked.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};

use jiff::SignedDuration;
use serde_json::{Value, json};
use tracardi_model::configuration::Kind;
use tracardi_model::record::Node;
use tracardi_model::{Map, Path};

use super::world::World;
use crate::workflows::Later;
use crate::{Outcome, WorkflowOutcome, WorkflowRun, Workflows};

/// Notes `workflow type segment visits` of every run. What workflows do stands in their names.
#[derive(Debug, Default)]
struct Recorder(Mutex<Vec<String>>);

impl Recorder {
    fn told(&self) -> Vec<String> {
        std::mem::take(&mut *self.0.lock().unwrap())
    }
}

impl Workflows for Recorder {
    fn run(&self, flow: &str, run: WorkflowRun<'_>) -> Option<WorkflowOutcome> {
        let visits = run.profile.map_or(-1, |profile| profile.stats.visits);
        let segment = run.segment.map(|segment| format!(" +{segment}")).unwrap_or_default();
        self.0.lock().unwrap().push(format!("{flow} {}{segment} {visits}", run.event.kind));
        let map = |value: Value| match value {
            Value::Object(map) => map,
            _ => Map::new(),
        };
        let changed = |path: &str, value: Value| {
            let mut profile = run.profile.unwrap().clone();
            let path = Path::parse(path).unwrap();
            profile.set(path.segments(), &value).unwrap();
            WorkflowOutcome { profile: Some(profile), written: vec![path], ..WorkflowOutcome::default() }
        };
        Some(match flow {
            "none" => return None,
            "panic" => panic!("division by a potato"),
            "count" => changed("stats.visits", json!(visits + 1)),
            "mail" => changed("data.contact.email.main", json!("a@b.pl")),
            "segment" => changed("segments", json!(["vip", "new"])),
            "stranger" => changed("id", json!("another")),
            "session" => {
                let mut session = run.session.unwrap().clone();
                session.traits.insert("seen".to_owned(), json!(true));
                WorkflowOutcome { session: Some(session), ..WorkflowOutcome::default() }
            }
            "answer" => WorkflowOutcome {
                response: map(json!({"a": {"x": 1, "y": [1]}, "type": run.event.kind})),
                ux: vec![json!({"tag": "div", "props": {"of": run.event.kind}})],
                ..WorkflowOutcome::default()
            },
            "again" => WorkflowOutcome {
                response: map(json!({"a": {"y": [2], "z": 3}})),
                ux: vec![json!({"tag": "p"})],
                ..WorkflowOutcome::default()
            },
            "wait" => {
                let node = |node: &str| Later {
                    due: run.now + SignedDuration::from_hours(1),
                    node: node.to_owned(),
                    event_type: None,
                    properties: Map::new(),
                };
                WorkflowOutcome { later: vec![node("n"), node("n")], ..WorkflowOutcome::default() }
            }
            "complain" => WorkflowOutcome {
                warnings: vec!["slow".to_owned()],
                errors: vec!["no such node".to_owned()],
                ..WorkflowOutcome::default()
            },
            _ => WorkflowOutcome::default(),
        })
    }
}

fn rule(kind: &str, source: &str, flow: &str) -> (Kind, Value) {
    let entity = |id: &str| json!({"id": id, "name": id});
    (Kind::Rule, json!({"event_type": kind, "source": entity(source), "flow": entity(flow)}))
}

fn needing(mut rule: (Kind, Value), consents: &[&str]) -> (Kind, Value) {
    let consents: Vec<Value> = consents.iter().map(|id| json!({"id": id, "name": id})).collect();
    rule.1["properties"] = json!({ "consents": consents });
    rule
}

fn on_segment(segment: &str, flow: &str) -> (Kind, Value) {
    let segment = json!({"id": "some-uuid", "name": segment});
    (Kind::Rule, json!({"type": "segment-add", "segment": segment, "flow": {"id": flow, "name": flow}}))
}

fn world(rules: &[(Kind, Value)]) -> (World, Arc<Recorder>) {
    let mut world = World::new();
    world.configure(rules);
    let recorder = Arc::new(Recorder::default());
    world.settings.workflows = Some(recorder.clone());
    (world, recorder)
}

#[test]
fn rules_of_type_and_source_start_their_workflows_in_order() {
    let (mut world, recorder) = world(&[
        rule("Seen It", "SRC-1", "count"),
        rule("other", "src-1", "other"),
        rule("seen-it", "src-2", "elsewhere"),
        rule("seen-it", "src-1", "count"),
        rule("visit-started", "src-1", "greet"),
    ]);
    let outcome = world.events(json!([{"type": "seen-it"}, {"type": "Other"}, {"type": "seen-it", "id": "last"}]));
    let runs = ["count seen-it 0", "count seen-it 1", "other other 2", "count seen-it 2", "count seen-it 3"];
    assert_eq!(recorder.told(), [&runs[..], &["greet visit-started 4"]].concat());
    assert_eq!(world.value("stats.visits"), json!(4));
    let metadata = &outcome.events[0].metadata;
    assert_eq!(metadata.processed_by.rules, ["A record", "A record"]);
    assert_eq!(metadata.processed_by.flows, ["count", "count"]);
    assert_eq!((metadata.status.as_deref(), metadata.warning, metadata.error), (Some("processed"), false, false));
    let untouched = outcome.events.iter().find(|event| event.kind == "session-opened").unwrap();
    assert_eq!(untouched.metadata.status.as_deref(), Some("collected"));
    // The same again is no new event.
    world.events(json!([{"type": "seen-it", "id": "last"}]));
    assert_eq!(recorder.told(), [""; 0]);
}

#[test]
fn what_workflows_change_is_stored_and_followed_up() {
    let (mut world, _) = world(&[rule("seen", "src-1", "mail"), rule("seen", "src-1", "session")]);
    world.event("page-view", json!({}));
    let event = world.event("seen", json!({}));
    let profile = world.profile();
    assert_eq!(profile.metadata.fields.0["data.contact.email.main"].1, event.id);
    let key = world.settings.merging_key.clone().unwrap();
    assert!(profile.ids().contains(&crate::hashed_ids::hash("a@b.pl", "emm-", &key).unwrap()));
    assert_eq!(profile.data.anonymous, Some(false));
    assert_eq!(world.sessions["v"].traits["seen"], json!(true));
}

#[test]
fn answers_are_merged_in_order() {
    let (mut world, _) = world(&[rule("one", "src-1", "answer"), rule("two", "src-1", "again")]);
    let answer = world.events(json!([{"type": "one"}, {"type": "two"}])).answer;
    assert_eq!(Value::Object(answer.response), json!({"a": {"x": 1, "y": [2], "z": 3}, "type": "one"}));
    assert_eq!(answer.ux, [json!({"tag": "div", "props": {"of": "one"}}), json!({"tag": "p"})]);
}

#[test]
fn a_workflow_that_fails_hurts_its_event_only() {
    let (mut world, recorder) = world(&[
        rule("bad", "src-1", "panic"),
        rule("bad", "src-1", "count"),
        rule("bad", "src-1", "stranger"),
        rule("worse", "src-1", "complain"),
        rule("worst", "src-1", "none"),
    ]);
    let outcome = world.events(json!([{"type": "bad"}, {"type": "worse"}, {"type": "worst"}, {"type": "good"}]));
    assert_eq!(recorder.told().len(), 5);
    assert_eq!((outcome.events.len(), outcome.panics.len()), (7, 1));
    let [bad, complaining, unknown, good] = &outcome.events[..4] else { panic!() };
    assert_eq!(
        bad.aux["errors"],
        json!([
            "workflow panic: it ended by an error of the program: division by a potato",
            "workflow stranger: it changed a profile that is not the event's",
        ])
    );
    assert_eq!((bad.metadata.error, bad.metadata.warning), (true, false));
    assert_eq!(world.value("stats.visits"), json!(1));
    assert_eq!(complaining.aux["warnings"], json!(["workflow complain: slow"]));
    assert_eq!(complaining.aux["errors"], json!(["workflow complain: no such node"]));
    assert_eq!(unknown.aux["warnings"], json!(["rule A record: there is no workflow none"]));
    assert_eq!(unknown.metadata.processed_by.flows, [""; 0]);
    assert!(!good.metadata.error && !good.metadata.warning);
}

#[test]
fn what_is_to_happen_later_is_the_same_for_the_same_request() {
    let (mut world, _) = world(&[rule("seen", "src-1", "wait"), rule("seen", "src-1", "wait")]);
    let body = json!({"source": {"id": "src-1"}, "session": {"id": "v"}, "events": [{"type": "seen", "id": "e"}]});
    let mut other = world.clone();
    other.now += SignedDuration::from_secs(5);
    let (one, two) = (world.track(&body).unwrap(), other.track(&body).unwrap());
    let ids = |outcome: &Outcome| outcome.delayed.iter().map(|delayed| delayed.id.clone()).collect::<BTreeSet<_>>();
    assert_eq!((ids(&one).len(), ids(&one)), (4, ids(&two)));
    let first = &one.delayed[0];
    assert_eq!((first.flow.as_str(), first.node.as_str(), first.event.as_str()), ("wait", "n", "e"));
    assert_eq!((first.session.as_deref(), first.profile.as_deref()), (Some("v"), one.answer.profile.id.as_deref()));
    assert_eq!(first.due, first.at + SignedDuration::from_hours(1));
    assert!(world.track(&body).unwrap().delayed.is_empty());
}

#[test]
fn without_an_engine_the_event_says_so() {
    let mut world = World::new();
    world.configure(&[rule("seen", "src-1", "count")]);
    let event = world.event("seen", json!({}));
    assert_eq!(event.aux["warnings"], json!(["rule A record: this installation runs no workflows"]));
    assert!(event.metadata.warning);
    assert_eq!(event.metadata.status.as_deref(), Some("collected"));
}

#[test]
fn rules_may_need_consents() {
    let (mut world, recorder) = world(&[needing(rule("seen", "src-1", "count"), &["Mail", "ads"])]);
    for (consents, runs) in [
        (json!({}), 0),
        (json!({"mail": {"revoke": null}}), 0),
        (json!({"mail": {"revoke": null}, "ads": {"revoke": "2020-01-01T00:00:00Z"}}), 0),
        (json!({"mail": {"revoke": null}, "ads": {"revoke": "2040-01-01T00:00:00Z"}}), 1),
    ] {
        world.event("page-view", json!({}));
        let mut profile = (*world.profile()).clone();
        profile.set(Path::parse("consents").unwrap().segments(), &consents).unwrap();
        world.profiles.insert(profile.id.clone(), Arc::new(profile));
        let event = world.event("seen", json!({}));
        assert_eq!(recorder.told().len(), runs, "{consents}");
        assert_eq!(event.metadata.processed_by.rules, ["A record"]);
        assert_eq!(event.metadata.processed_by.flows.len(), runs);
    }
}

#[test]
fn what_is_not_kept_and_what_is_invalid_starts_nothing() {
    let check =
        json!({"event_type": "seen", "validation": {"json_schema": {"event@properties.n": {"type": "number"}}}});
    let (mut world, recorder) = world(&[rule("seen", "src-1", "look"), (Kind::EventValidator, check)]);
    let mut track = |options: Value, n: Value| {
        let body = json!({"source": {"id": "src-1"}, "session": {"id": "v"}, "options": options,
            "events": [{"type": "seen", "properties": {"n": n}, "time": {"create": world.now.as_second()}}]});
        world.track(&body).unwrap();
        recorder.told()
    };
    assert_eq!(track(json!({}), json!(1)), ["look seen 0"]);
    assert_eq!(track(json!({}), json!("1")), [""; 0]);
    assert_eq!(track(json!({"saveEvents": false}), json!(2)), [""; 0]);
    assert_eq!(track(json!({"saveProfile": false}), json!(3)), ["look seen -1"]);
}

#[test]
fn a_new_segment_starts_workflows_once() {
    let member = json!({"name": "Big Spender", "condition": "profile@stats.visits >= 2"});
    let mut segment = (Kind::Segment, member);
    segment.1["eventType"] = json!([]);
    let (mut world, recorder) = world(&[
        rule("seen", "src-1", "count"),
        rule("joined", "src-1", "segment"),
        on_segment("A record", "greet"),
        on_segment("VIP", "count"),
        segment,
    ]);
    world.event("seen", json!({}));
    assert_eq!(recorder.told(), ["count seen 0"]);
    world.event("seen", json!({}));
    assert_eq!(recorder.told(), ["count seen 1", "greet seen +a-record 2"]);
    world.event("seen", json!({}));
    assert_eq!(recorder.told(), ["count seen 2"], "a member already");
    world.event("joined", json!({}));
    assert_eq!(recorder.told(), ["segment joined 3", "count joined +vip 3"]);
}

#[test]
fn rules_in_a_circle_end() {
    // The workflow adds both segments, and each of them starts it.
    let rules = [rule("joined", "src-1", "segment"), on_segment("VIP", "segment"), on_segment("New", "segment")];
    let (mut world, recorder) = world(&rules);
    let (before, events) = (world.settings.clone(), world.events.len());
    world.event("joined", json!({}));
    assert_eq!(recorder.told(), ["segment joined 0", "segment joined +vip 0", "segment joined +new 0"]);
    world.event("joined", json!({}));
    assert_eq!(recorder.told(), ["segment joined 0"], "a member of both already");
    assert_eq!(world.events.len(), events + 5, "none but those of the client and of the visit");
    assert_eq!(world.settings.version, before.version);
}
