//! Rules that lead to each other in a circle (6.5): refused when saved, held back when stored.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};

use proptest::prelude::*;
use serde_json::{Value, json};
use tracardi_model::Context;
use tracardi_model::configuration::{Kind, Rule, read};

use super::world::World;
use crate::workflows::Start;
use crate::{Configuration, WorkflowOutcome, WorkflowRun, Workflows};

/// Workflows that only say what they lead to, and note that they ran.
#[derive(Debug, Default)]
struct Leading {
    to: BTreeMap<String, Vec<Start>>,
    ran: Mutex<Vec<String>>,
}

impl Workflows for Leading {
    fn run(&self, flow: &str, _: WorkflowRun<'_>) -> Option<WorkflowOutcome> {
        self.ran.lock().unwrap().push(flow.to_owned());
        Some(WorkflowOutcome::default())
    }

    fn leads_to(&self, flow: &str) -> Vec<Start> {
        self.to.get(flow).cloned().unwrap_or_default()
    }
}

fn leading<const N: usize>(to: [(&str, &[Start]); N]) -> Leading {
    let to = to.into_iter().map(|(flow, starts)| (flow.to_owned(), starts.to_vec())).collect();
    Leading { to, ran: Mutex::default() }
}

fn sent(event_type: &str, source: &str) -> Start {
    Start::Event { event_type: event_type.to_owned(), source: source.to_owned() }
}

fn joined(name: &str) -> Start {
    Start::Segment(name.to_owned())
}

/// A rule; its name is its id.
fn on_event(id: &str, event_type: &str, flow: &str) -> Value {
    json!({"id": id, "name": id, "event_type": {"id": event_type, "name": event_type}, "source": {"id": "src-1", "name": "Shop"},
        "flow": {"id": flow, "name": flow}})
}

fn on_segment(id: &str, segment: &str, flow: &str) -> Value {
    json!({"id": id, "name": id, "type": "segment-add", "segment": {"id": segment, "name": segment}, "flow": {"id": flow, "name": flow}})
}

fn compiled(rules: &[Value]) -> Configuration {
    Configuration::compile(rules.iter().map(|rule| (Kind::Rule, rule["id"].as_str().unwrap(), rule)))
}

/// What is said against saving a rule beside these.
fn refusal(workflows: &Leading, stored: &[Value], rule: &Value) -> Option<String> {
    let configuration = compiled(stored).without_rule_loops(workflows);
    let rule: Rule = read(rule.clone()).unwrap();
    configuration.check_rule_loops(&rule, workflows).err().map(|errors| errors[0].to_string())
}

#[test]
fn a_rule_that_leads_back_to_itself_is_refused_with_the_way() {
    let workflows = leading([("greet", &[joined("vip")]), ("reward", &[joined("rich"), sent("seen", "src-1")])]);
    let first = on_event("First", "Seen", "greet");
    let second = on_segment("Second", "VIP", "reward");
    let told = refusal(&workflows, std::slice::from_ref(&first), &second).unwrap();
    assert_eq!(
        told,
        "body.flow.id: a loop: rule `Second` starts workflow `reward`, that leads to event `seen` of source `src-1`; \
         rule `First` starts workflow `greet`, that leads to segment `vip`; for that rule `Second` waits; \
         disable one of the rules, or let one of the workflows do without"
    );
    assert!(refusal(&workflows, std::slice::from_ref(&second), &first).is_some(), "whichever comes last");
    let own = leading([("again", &[joined("vip")])]);
    assert!(refusal(&own, &[], &on_segment("Own", "VIP", "again")).is_some(), "a rule by itself");
}

#[test]
fn what_leads_nowhere_back_is_saved() {
    let workflows = leading([("greet", &[joined("vip")]), ("reward", &[sent("seen", "src-2")])]);
    let first = on_event("First", "Seen", "greet");
    let second = on_segment("Second", "VIP", "reward");
    assert_eq!(refusal(&workflows, std::slice::from_ref(&first), &second), None, "another source");
    let back = leading([("greet", &[joined("vip")]), ("reward", &[sent("seen", "src-1")])]);
    let mut disabled = second.clone();
    disabled["enabled"] = json!(false);
    assert_eq!(refusal(&back, std::slice::from_ref(&first), &disabled), None, "a disabled rule starts nothing");
    assert_eq!(refusal(&back, &[disabled], &first), None, "nor does it close a circle");
    let mended = on_segment("Second", "VIP", "other");
    assert_eq!(refusal(&back, &[first.clone(), second.clone()], &mended), None, "it takes the place of the former");
    let beside = on_event("Third", "Seen", "greet");
    assert_eq!(refusal(&workflows, &[first, second], &beside), None, "several for one event");
}

#[test]
fn a_circle_that_is_stored_is_held_back_and_the_event_goes_on() {
    let workflows = Arc::new(leading([("greet", &[sent("bought", "src-1")]), ("reward", &[sent("seen", "src-1")])]));
    let rules =
        [on_event("r0", "seen", "greet"), on_event("r1", "bought", "reward"), on_event("r2", "bought", "count")];
    let configuration = compiled(&rules).without_rule_loops(&*workflows);
    let problems: Vec<_> = configuration.problems().iter().map(|problem| (problem.kind, problem.id.as_str())).collect();
    assert_eq!(problems, [(Kind::Rule, "r1")]);
    let mut world = World::new();
    world.settings.configurations[Context::Production] = Arc::new(configuration);
    world.settings.workflows = Some(workflows.clone());
    let seen = world.event("seen", json!({}));
    let bought = world.event("bought", json!({}));
    assert_eq!(*workflows.ran.lock().unwrap(), ["greet", "count"]);
    assert!(!seen.metadata.warning && bought.metadata.warning);
    let warnings = bought.aux["warnings"].to_string();
    assert!(
        warnings.contains("rule r1: its workflow is not started, because it is part of a loop: rule `r0`"),
        "{warnings}"
    );
    // Mended, all of it runs.
    let mended = leading([("greet", &[sent("bought", "src-1")])]);
    assert_eq!(compiled(&rules).without_rule_loops(&mended).problems(), []);
}

#[test]
fn a_chain_of_thousands_of_rules_is_looked_through() {
    let number = 20_000;
    let mut to: BTreeMap<_, _> = (0..number).map(|n| (format!("f{n}"), vec![joined(&format!("s{}", n + 1))])).collect();
    let rules: Vec<_> =
        (0..number).map(|n| on_segment(&format!("r{n:05}"), &format!("s{n}"), &format!("f{n}"))).collect();
    let configuration = compiled(&rules);
    let straight = Leading { to: to.clone(), ran: Mutex::default() };
    assert_eq!(configuration.clone().without_rule_loops(&straight).problems().len(), 0);
    to.insert(format!("f{}", number - 1), vec![joined("s0")]);
    let round = Leading { to, ran: Mutex::default() };
    let problems = configuration.without_rule_loops(&round);
    assert_eq!(problems.problems().len(), 1);
    assert_eq!(problems.problems()[0].id, format!("r{:05}", number - 1));
    let told = problems.problems()[0].errors[0].to_string();
    assert!(
        told.contains("that leads to segment `s6`; and 19994 rules more; for that rule `r00000` waits"),
        "{}",
        told.len()
    );
}

/// Which rules come after which, directly, among those that run.
fn follows(rules: usize, edges: &BTreeSet<(usize, usize)>, held_back: &BTreeSet<usize>) -> Vec<Vec<bool>> {
    let runs = |n: &usize| !held_back.contains(n);
    let mut reach = vec![vec![false; rules]; rules];
    for (from, to) in edges.iter().filter(|(from, to)| runs(from) && runs(to)) {
        reach[*from][*to] = true;
    }
    for by in 0..rules {
        for from in 0..rules {
            for to in 0..rules {
                reach[from][to] |= reach[from][by] && reach[by][to];
            }
        }
    }
    reach
}

proptest! {
    /// Held back is what it takes to have no circle, nothing without one; a rule is refused if and only if it leads to itself.
    #[test]
    fn no_circle_is_left(edges in prop::collection::btree_set((0..7_usize, 0..7_usize), 0..14), saved in 0..7_usize) {
        let mut to: BTreeMap<String, Vec<Start>> = BTreeMap::new();
        for (from, into) in &edges {
            to.entry(format!("f{from}")).or_default().push(joined(&format!("s{into}")));
        }
        let workflows = Leading { to, ran: Mutex::default() };
        let rules: Vec<_> = (0..7).map(|n| on_segment(&n.to_string(), &format!("s{n}"), &format!("f{n}"))).collect();
        let held_back = |rules: &[Value]| -> BTreeSet<usize> {
            let configuration = compiled(rules).without_rule_loops(&workflows);
            configuration.problems().iter().map(|problem| problem.id.parse().unwrap()).collect()
        };
        let circular = |reach: &[Vec<bool>]| (0..7).any(|n| reach[n][n]);
        let problems = held_back(&rules);
        prop_assert!(!circular(&follows(7, &edges, &problems)));
        prop_assert_eq!(problems.is_empty(), !circular(&follows(7, &edges, &BTreeSet::new())));

        let (rule, mut others) = (rules[saved].clone(), rules);
        others.remove(saved);
        let leads_back = follows(7, &edges, &BTreeSet::new())[saved][saved];
        prop_assert_eq!(refusal(&workflows, &others, &rule).is_some(), leads_back);
    }
}
