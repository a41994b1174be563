//! Rules that lead to each other in a circle: the workflow of one does what another waits for, and so on, until one of them
//! does what the first waits for. What workflows do is said by [`Workflows::leads_to`].
//!
//! Rules and what leads from one to the next are a graph; a depth-first search finds every circle by the edge that leads back
//! to a rule on the way, in time that grows with the rules and edges; the way is told once for each rule that closes one.

use std::collections::{HashMap, HashSet};
use std::fmt::Write as _;
use std::sync::Arc;

use tracardi_model::FieldError;
use tracardi_model::configuration::{Kind, Rule};

use super::rule::{self, Trigger, Triggers};
use super::{Configuration, Problem};
use crate::workflows::{Start, Workflows};

/// How many rules of a circle are named.
const TOLD: usize = 6;

/// A rule on the way of the search.
struct Visit {
    trigger: Arc<Trigger>,
    /// By what the rule before leads to it; none for the one at which the search began.
    by: Option<Start>,
    /// Where it leads to; those that are still to be looked at.
    next: std::vec::IntoIter<(Start, Arc<Trigger>)>,
}

/// Rules of which each leads to the next, and the last to the first.
struct Circle {
    rules: Vec<Arc<Trigger>>,
    text: String,
}

impl Circle {
    /// `way`: from the first rule to the last; `back`: by what the last leads to the first.
    fn new(way: &[Visit], back: &Start) -> Self {
        let rules: Vec<_> = way.iter().map(|visit| visit.trigger.clone()).collect();
        let mut text = "a loop: ".to_owned();
        let leads_by = way.iter().skip(1).map(|visit| visit.by.as_ref()).chain([Some(back)]);
        for (visit, then) in way.iter().zip(leads_by).take(TOLD) {
            let Trigger { name, flow, .. } = &*visit.trigger;
            let _ = write!(text, "rule `{name}` starts workflow `{flow}`, that leads to ");
            let _ = then.map_or(Ok(()), |start| write!(text, "{start}; "));
        }
        if let Some(more @ 1..) = rules.len().checked_sub(TOLD) {
            let _ = write!(text, "and {more} rules more; ");
        }
        let first = rules.first().map_or("", |first| first.name.as_str());
        let _ = write!(
            text,
            "for that rule `{first}` waits; disable one of the rules, or let one of the workflows do without"
        );
        Self { rules, text }
    }

    fn error(&self) -> FieldError {
        FieldError::new("rule_loop", vec!["body".into(), "flow".into(), "id".into()], self.text.clone())
    }
}

impl Configuration {
    /// Keeps rules from starting their workflows that close a circle (they came by an import, or their workflow was changed
    /// after them): events for which they should run say so, and each is a [`Problem`].
    #[must_use]
    pub fn without_rule_loops(mut self, workflows: &dyn Workflows) -> Self {
        for circle in circles(&self.triggers, workflows, None) {
            // Without the last one there is no way back.
            let Some(last) = circle.rules.last() else { continue };
            if self.problems.iter().any(|problem| problem.kind == Kind::Rule && problem.id == last.id) {
                continue;
            }
            self.triggers.refuse(&last.id, &circle.text.as_str().into());
            self.problems.push(Problem { kind: Kind::Rule, id: last.id.clone(), errors: vec![circle.error()] });
        }
        self
    }

    /// Says whether a rule that is to be saved would be part of a circle, with rules that are held back as well.
    pub fn check_rule_loops(&self, rule: &Rule, workflows: &dyn Workflows) -> Result<(), Vec<FieldError>> {
        if !rule.enabled {
            return Ok(());
        }
        let mut triggers = self.triggers.clone();
        triggers.remove(&rule.id);
        let entered = rule::trigger(rule.clone());
        for start in rule::starts(rule) {
            triggers.enter(&start, entered.clone());
        }
        let found = circles(&triggers, workflows, Some(&entered));
        let own = found.iter().find(|circle| circle.rules.iter().any(|trigger| trigger.id == rule.id));
        own.map_or(Ok(()), |circle| Err(vec![circle.error()]))
    }
}

/// Circles: for each rule from which an edge leads back one, and one through the rule at which the search began. `only`: where the search begins; none: at each rule, in the order of their ids.
fn circles(triggers: &Triggers, workflows: &dyn Workflows, only: Option<&Arc<Trigger>>) -> Vec<Circle> {
    let visit = |trigger: &Arc<Trigger>, by| {
        let mut next = Vec::new();
        for start in workflows.leads_to(&trigger.flow) {
            next.extend(triggers.of(&start).iter().map(|rule| (start.clone(), rule.clone())));
        }
        Visit { trigger: trigger.clone(), by, next: next.into_iter() }
    };
    let mut roots: Vec<_> = only.map_or_else(|| triggers.all().collect(), |one| vec![one]);
    roots.sort_by(|one, other| one.id.cmp(&other.id));
    // Of every rule that was come to: where on the way it is; none when all it leads to was looked at.
    let mut places: HashMap<String, Option<usize>> = HashMap::new();
    let (mut found, mut told) = (Vec::new(), HashSet::new());
    for root in roots {
        if places.contains_key(&root.id) {
            continue;
        }
        places.insert(root.id.clone(), Some(0));
        let mut way = vec![visit(root, None)];
        while let Some(last) = way.last_mut() {
            let Some((start, next)) = last.next.next() else {
                places.insert(last.trigger.id.clone(), None);
                way.pop();
                continue;
            };
            match places.get(&next.id) {
                None => {
                    places.insert(next.id.clone(), Some(way.len()));
                    way.push(visit(&next, Some(start)));
                }
                Some(Some(place)) => {
                    let last = way.last().map(|visit| visit.trigger.id.clone()).unwrap_or_default();
                    // Through the rule at which the search began, or the first that this one closes.
                    if told.insert((last, *place == 0)) {
                        found.push(Circle::new(way.get(*place..).unwrap_or_default(), &start));
                    }
                }
                Some(None) => {}
            }
        }
    }
    found
}
