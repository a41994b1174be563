//! The traffic of a shop as a pure function of a [`Plan`]: who comes when, what they look at, put into the basket, buy.
//!
//! Every payload has the shape that the browser tracker sends, and the property names of the predefined event types, so
//! that a collector maps them to profiles. What a browser learns from the server, the profile's id, is not known here:
//! whoever sends the request fills it in ([`Request::body`]).

use std::cmp::{Ordering, Reverse};
use std::collections::{BinaryHeap, VecDeque};

use jiff::{SignedDuration, Timestamp};
use serde_json::{Map, Value, json};

use crate::rng::Rng;
use crate::visit;

/// What to simulate. The same plan makes the same bytes, everywhere and in every version of this crate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    /// Decides about the people and what they do. The ids of their sessions depend on `from` as well: the same people
    /// who come at another hour have other sessions.
    pub seed: u64,
    /// How many people come.
    pub visitors: u64,
    /// When the shop opens.
    pub from: Timestamp,
    /// How long people keep coming; those who are there at the end finish what they do.
    pub span: SignedDuration,
    /// Id of the event source to send to.
    pub source: String,
    /// Whether events say when they were collected (`time.insert`), not only when they were made (`time.create`). Set it
    /// when simulated time is not the time of the clock, so that lists and charts show the simulated one.
    pub backdate: bool,
}

/// The part of the visitors that one sender looks after: those whose number is `index` modulo `of`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Share {
    /// From 0 to `of - 1`.
    pub index: u64,
    /// Number of parts; 0 counts as 1.
    pub of: u64,
}

impl Share {
    /// All visitors.
    pub const ALL: Self = Self { index: 0, of: 1 };
}

/// What a request means for the visitor's story.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Meaning {
    /// It tells who the visitor is.
    pub identifies: bool,
    /// It ends a purchase.
    pub buys: bool,
}

/// One request of one visitor.
#[derive(Clone, Debug)]
pub struct Request {
    /// When the visitor's browser sends it.
    pub at: Timestamp,
    /// The visitor's number. Requests of one visitor must be sent in order, each after the answer to the one before.
    pub visitor: u64,
    /// Id of the session that it belongs to.
    pub session: String,
    /// What it means for the visitor's story.
    pub meaning: Meaning,
    /// `User-Agent` and `Accept-Language`.
    pub headers: [(&'static str, &'static str); 2],
    /// Types of its events, in order.
    pub events: Vec<&'static str>,
    /// The body without the profile's id.
    pub(crate) payload: Map<String, Value>,
}

impl Request {
    /// The body to `POST /track`. `profile` is the id from the answer to the visitor's first request, if there was one:
    /// the browser keeps it from visit to visit.
    #[must_use]
    pub fn body(&self, profile: Option<&str>) -> Vec<u8> {
        let mut payload = self.payload.clone();
        payload.insert("profile".to_owned(), profile.map_or(Value::Null, |id| json!({ "id": id })));
        Value::Object(payload).to_string().into_bytes()
    }
}

/// All requests, in the order of their times.
#[derive(Debug)]
pub struct Traffic {
    plan: Plan,
    step: u64,
    /// The visitor who arrives next.
    upcoming: u64,
    /// Visitors who are in the shop, the one who acts next on top.
    present: BinaryHeap<Reverse<Present>>,
}

impl Traffic {
    /// The requests of those visitors whom `share` names.
    #[must_use]
    pub fn new(plan: Plan, share: Share) -> Self {
        Self { plan, step: share.of.max(1), upcoming: share.index, present: BinaryHeap::new() }
    }

    /// When a visitor arrives: one in each of equal parts of the span, anywhere in it.
    fn arrival(&self, number: u64) -> Timestamp {
        let visitors = i128::from(self.plan.visitors.max(1));
        let jitter = i128::from(Rng::new(self.plan.seed, number.wrapping_mul(2)).below(1000));
        let millis = (i128::from(number) * 1000 + jitter) * self.plan.span.as_millis() / (visitors * 1000);
        later(self.plan.from, i64::try_from(millis).unwrap_or(0))
    }

    fn admit(&mut self, visitor: u64) {
        let requests = visit::requests(&self.plan, visitor, self.arrival(visitor));
        if let Some(first) = requests.front() {
            self.present.push(Reverse(Present { next: first.at, visitor, requests }));
        }
    }
}

impl Iterator for Traffic {
    type Item = Request;

    fn next(&mut self) -> Option<Request> {
        while self.upcoming < self.plan.visitors
            && self.present.peek().is_none_or(|Reverse(present)| self.arrival(self.upcoming) <= present.next)
        {
            let visitor = self.upcoming;
            self.upcoming = visitor.saturating_add(self.step);
            self.admit(visitor);
        }
        let Reverse(mut present) = self.present.pop()?;
        let request = present.requests.pop_front()?;
        if let Some(following) = present.requests.front() {
            present.next = following.at;
            self.present.push(Reverse(present));
        }
        Some(request)
    }
}

/// A visitor with what is still to come; ordered by when that is.
#[derive(Debug)]
struct Present {
    next: Timestamp,
    visitor: u64,
    requests: VecDeque<Request>,
}

impl PartialEq for Present {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Present {}

impl PartialOrd for Present {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Present {
    fn cmp(&self, other: &Self) -> Ordering {
        (self.next, self.visitor).cmp(&(other.next, other.visitor))
    }
}

/// A moment some milliseconds later; the same one at the end of representable time.
pub(crate) fn later(at: Timestamp, millis: i64) -> Timestamp {
    at.checked_add(SignedDuration::from_millis(millis)).unwrap_or(at)
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use proptest::prelude::*;

    use super::*;

    fn plan(visitors: u64) -> Plan {
        Plan {
            seed: 1,
            visitors,
            from: "2026-03-01T10:00:00Z".parse().unwrap(),
            span: SignedDuration::from_hours(1),
            source: "shop".to_owned(),
            backdate: true,
        }
    }

    fn all(plan: Plan) -> Traffic {
        Traffic::new(plan, Share::ALL)
    }

    #[test]
    fn a_seed_makes_the_same_traffic_for_ever() {
        let first: Vec<Value> =
            all(plan(3)).take(3).map(|request| serde_json::from_slice(&request.body(Some("p"))).unwrap()).collect();
        insta::assert_json_snapshot!(first);
    }

    #[test]
    fn an_hour_has_all_kinds_of_visitors() {
        let mut kinds = BTreeMap::new();
        let (mut last, mut identified, mut bought, mut sessions) = (Timestamp::MIN, 0, 0, BTreeSet::new());
        for request in all(plan(200)) {
            assert!(request.at >= last, "requests come in the order of their times");
            last = request.at;
            identified += u32::from(request.meaning.identifies);
            bought += u32::from(request.meaning.buys);
            sessions.insert(request.session);
            for kind in request.events {
                *kinds.entry(kind).or_insert(0) += 1;
            }
        }
        insta::assert_yaml_snapshot!((identified, bought, sessions.len(), kinds));
    }

    #[test]
    fn the_simulated_hour_of_the_demo_ends_with_buyers() {
        let buyers = all(plan(60)).filter(|request| request.meaning.buys).count();
        assert!((5..=25).contains(&buyers), "{buyers}");
    }

    #[test]
    fn seeds_differ_and_hours_of_one_seed_have_other_sessions_of_the_same_people() {
        let sessions = |plan| all(plan).map(|request| request.session).collect::<BTreeSet<_>>();
        let other_seed = sessions(Plan { seed: 2, ..plan(20) });
        let later = sessions(Plan { from: "2026-03-02T10:00:00Z".parse().unwrap(), ..plan(20) });
        assert!(sessions(plan(20)).len() >= 20);
        assert!(sessions(plan(20)).is_disjoint(&other_seed));
        assert!(sessions(plan(20)).is_disjoint(&later));
        assert_eq!(all(plan(0)).count(), 0);
    }

    #[test]
    fn shares_are_the_whole() {
        let mut shared: Vec<_> = (0..7)
            .flat_map(|index| Traffic::new(plan(50), Share { index, of: 7 }))
            .map(|request| (request.at, request.visitor, request.body(None)))
            .collect();
        shared.sort();
        let whole: Vec<_> = all(plan(50)).map(|request| (request.at, request.visitor, request.body(None))).collect();
        assert_eq!(shared, whole);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(40))]
        #[test]
        fn any_plan_makes_valid_payloads_and_the_same_ones_twice(
            seed: u64, visitors in 0_u64..12, hours in 0_i64..50, second in -1_000_000_000_i64..4_000_000_000, backdate: bool,
        ) {
            let plan = Plan {
                seed, visitors, backdate,
                from: Timestamp::from_second(second).unwrap(),
                span: SignedDuration::from_hours(hours),
                source: "a \"quoted\" source".to_owned(),
            };
            let bodies: Vec<_> = all(plan.clone()).map(|request| request.body(None)).collect();
            let again: Vec<_> = all(plan).map(|request| request.body(None)).collect();
            prop_assert_eq!(&bodies, &again);
            for body in bodies {
                let payload: Value = serde_json::from_slice(&body).unwrap();
                prop_assert_eq!(payload["session"]["id"].as_str().unwrap().len(), 36);
                for event in payload["events"].as_array().unwrap() {
                    prop_assert!(event["time"]["create"].as_str().unwrap().parse::<Timestamp>().is_ok());
                    prop_assert_eq!(event["time"].get("insert").is_some(), backdate);
                    prop_assert!(event["properties"].is_object());
                }
            }
        }
    }
}
