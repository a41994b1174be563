//! A plan that breaks a law, made smaller as long as it still breaks one: a history that a person can read.

use std::time::Duration;

use tracardi_collector::CollectorLimits;
use tracardi_model::Context;

use crate::plan::{Action, Fault, Plan, Records, Step, Temper};
use crate::request::Request;

/// How often a plan is tried at most.
const TRIES: usize = 3_000;

/// A smaller plan that still fails; `fails` says whether one does.
pub(crate) fn shrink(plan: &Plan, mut fails: impl FnMut(&Plan) -> bool) -> Plan {
    let mut best = plan.clone();
    let mut tries = 0;
    while tries < TRIES {
        let smaller = shorter(&best).into_iter().chain(simpler(&best)).find(|candidate| {
            tries += 1;
            tries < TRIES && fails(candidate)
        });
        let Some(smaller) = smaller else { break };
        best = smaller;
    }
    best
}

/// Plans without some of the steps: half of them, a quarter, down to one.
fn shorter(plan: &Plan) -> Vec<Plan> {
    let count = plan.steps.len();
    let sizes = std::iter::successors(Some(count / 2), |size| Some(size / 2)).take_while(|size| *size > 0);
    let sizes = sizes.chain((count == 1).then_some(1));
    let ranges = sizes.flat_map(|size| (0..count).step_by(size).map(move |from| from..(from + size).min(count)));
    let without = |range| {
        let mut shorter = plan.clone();
        shorter.steps.drain(range);
        shorter
    };
    ranges.map(without).collect()
}

/// Plans in which one thing is simpler.
fn simpler(plan: &Plan) -> Vec<Plan> {
    let mut plans = Vec::new();
    let mut add = |simplify: &dyn Fn(&mut Plan)| {
        let mut simpler = plan.clone();
        simplify(&mut simpler);
        if !same(&simpler, plan) {
            plans.push(simpler);
        }
    };
    for call in plan.faults.keys() {
        add(&|plan| plan.faults.retain(|other, _| other != call));
        add(&|plan| plan.faults.get_mut(call).into_iter().for_each(calmer));
    }
    for at in 0..plan.steps.len() {
        add(&|plan| plan.steps[at].pause = Duration::ZERO);
        add(&|plan| {
            if let Step { action: Action::Arrive { heard, .. }, .. } = &mut plan.steps[at] {
                *heard = true;
            }
        });
        add(&|plan| {
            if let Step { action: Action::Die(polls), .. } = &mut plan.steps[at] {
                *polls = 0;
            }
        });
    }
    for at in 0..plan.requests.len() {
        let simplest: [fn(&mut Request); 5] = [
            |request| request.acts.clear(),
            |request| request.acts.truncate(request.acts.len().saturating_sub(1)),
            |request| request.with = None,
            |request| request.kept = true,
            |request| request.own_ids = request.session.is_none(),
        ];
        for simplify in simplest {
            add(&|plan| simplify(&mut plan.requests[at]));
        }
    }
    add(&|plan| plan.limits = CollectorLimits::default());
    add(&|plan| plan.echoes = false);
    let fewer: [fn(&mut Records); 4] = [
        |records| records.marks = false,
        |records| records.people = false,
        |records| records.counts = false,
        |records| records.buyers = false,
    ];
    for fewer in fewer {
        add(&|plan| fewer(&mut plan.configured));
        for at in 0..plan.steps.len() {
            add(&|plan| {
                if let Step { action: Action::Configure(records), .. } = &mut plan.steps[at] {
                    fewer(records);
                }
            });
        }
    }
    add(&|plan| plan.destinations = Temper { later: 0, refused: 0 });
    add(&|plan| plan.redelivers = false);
    add(&|plan| plan.restarts = false);
    add(&|plan| plan.contexts.fill(Context::Production));
    plans
}

fn calmer(fault: &mut Fault) {
    if let Fault::Slow(millis) = fault {
        *millis = 50;
    }
}

fn same(one: &Plan, other: &Plan) -> bool {
    format!("{one:?}") == format!("{other:?}")
}
