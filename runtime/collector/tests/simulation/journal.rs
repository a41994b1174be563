//! What the clients know: what they have sent, what was acknowledged, how they are called.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde_json::{Value, json};
use tracardi_model::{Context, TrackAnswer};

use crate::plan::{Act, Names, Plan, Request};

/// The mark of a request is its number; the event that leaves it has this type and names it.
pub(crate) const MARK: &str = "increase-interest";

/// See the module.
#[derive(Debug)]
pub(crate) struct Journal {
    pub(crate) plan: Arc<Plan>,
    /// By number of the request.
    pub(crate) sent: BTreeMap<usize, Sent>,
    /// The ids of the events that leave marks.
    pub(crate) marks: BTreeMap<(Context, String), usize>,
    /// Merges that somebody asked for: whether they were acknowledged, in which context, of which ids.
    pub(crate) merges: Vec<(bool, Context, [String; 2])>,
    /// The first and the last profile that a client was told of.
    known: BTreeMap<usize, [String; 2]>,
    /// Counts what the clients do and hear.
    moment: u64,
}

/// A request that was sent: the same bytes each time.
#[derive(Debug)]
pub(crate) struct Sent {
    pub(crate) body: Value,
    /// The profile that it names.
    pub(crate) named: Option<String>,
    /// The requests whose events it carries, its own included.
    pub(crate) carries: Vec<usize>,
    pub(crate) event_ids: Vec<String>,
    pub(crate) first: u64,
    /// When it was acknowledged first, and how.
    pub(crate) acknowledged: Option<(u64, TrackAnswer)>,
}

impl Journal {
    pub(crate) fn new(plan: Arc<Plan>) -> Self {
        Self {
            plan,
            sent: BTreeMap::new(),
            marks: BTreeMap::new(),
            merges: Vec::new(),
            known: BTreeMap::new(),
            moment: 0,
        }
    }

    /// The next moment.
    fn tick(&mut self) -> u64 {
        self.moment += 1;
        self.moment
    }

    /// The bytes of a request: made when it is sent for the first time.
    pub(crate) fn body(&mut self, number: usize) -> Value {
        if let Some(sent) = self.sent.get(&number) {
            return sent.body.clone();
        }
        let request = &self.plan.requests[number];
        let known = self.known.get(&request.client);
        let named = match request.names {
            Names::Nobody => None,
            Names::First => known.map(|[first, _]| first.clone()),
            Names::Last => known.map(|[_, last]| last.clone()),
            Names::Forged => Some(format!("forged-{number}")),
        };
        let carries: Vec<usize> = request.with.into_iter().chain([number]).collect();
        let events: Vec<Value> = carries.iter().flat_map(|mark| events(*mark, &self.plan.requests[*mark])).collect();
        let mut body = json!({"source": {"id": "shop"}, "events": events});
        if let Some(session) = self.session(number) {
            body["session"] = json!({"id": session});
        }
        if let Some(id) = &named {
            body["profile"] = json!({"id": id});
        }
        if !request.kept {
            body["options"] = json!({"saveEvents": false});
        }
        let first = self.tick();
        let sent = Sent { body: body.clone(), named, carries, event_ids: Vec::new(), first, acknowledged: None };
        self.sent.insert(number, sent);
        body
    }

    /// The session that a request names. Two clients share theirs: tabs of one browser.
    pub(crate) fn session(&self, number: usize) -> Option<String> {
        let Request { client, session, .. } = &self.plan.requests[number];
        session.map(|session| format!("s{}-{session}", client / 2))
    }

    /// Takes down under which ids the events of a request go.
    pub(crate) fn identify(&mut self, number: usize, ids: &[String]) {
        let context = self.plan.context(number);
        let sent = self.sent.get_mut(&number).unwrap();
        ids.clone_into(&mut sent.event_ids);
        let kinds = sent.body["events"].as_array().unwrap().iter();
        for (event, id) in kinds.zip(ids).filter(|(event, _)| event["type"] == MARK) {
            let mark = mark(event["properties"]["interest"].as_str().unwrap()).unwrap();
            let known = self.marks.insert((context, id.clone()), mark);
            assert!(known.is_none_or(|known| known == mark), "two events have the id {id}");
        }
    }

    /// A request was acknowledged; whether its client hears of it is another matter.
    pub(crate) fn acknowledge(&mut self, number: usize, answer: &TrackAnswer, heard: bool) {
        let moment = self.tick();
        if heard && let Some(id) = &answer.profile.id {
            let client = self.plan.requests[number].client;
            let known = self.known.entry(client).or_insert_with(|| [id.clone(), id.clone()]);
            known[1].clone_from(id);
        }
        let sent = self.sent.get_mut(&number).unwrap();
        sent.acknowledged.get_or_insert_with(|| (moment, answer.clone()));
    }

    /// What two clients ask to be merged, if they live in one context and know their ids.
    pub(crate) fn ask_merge(&mut self, [one, other]: [usize; 2]) -> Option<(usize, Context, [String; 2])> {
        let context = *self.plan.contexts.get(one)?;
        if self.plan.contexts.get(other) != Some(&context) {
            return None;
        }
        let ids = [self.known.get(&one)?[1].clone(), self.known.get(&other)?[0].clone()];
        self.merges.push((false, context, ids.clone()));
        Some((self.merges.len() - 1, context, ids))
    }

    /// Requests that were sent and whose clients go on until they are acknowledged.
    pub(crate) fn open(&self) -> Vec<usize> {
        let insisted = |number: &usize| self.plan.requests[*number].insisted;
        let open = self.sent.iter().filter(|(_, sent)| sent.acknowledged.is_none());
        open.map(|(number, _)| *number).filter(insisted).collect()
    }

    pub(crate) fn acknowledged(&self) -> impl Iterator<Item = (usize, &Sent, u64, &TrackAnswer)> {
        self.sent.iter().filter_map(|(number, sent)| {
            let (moment, answer) = sent.acknowledged.as_ref()?;
            Some((*number, sent, *moment, answer))
        })
    }

    /// When each mark was sent first, and acknowledged first.
    pub(crate) fn moments(&self) -> BTreeMap<usize, (u64, Option<u64>)> {
        let mut moments: BTreeMap<usize, (u64, Option<u64>)> = BTreeMap::new();
        for sent in self.sent.values() {
            let acknowledged = sent.acknowledged.as_ref().map(|(moment, _)| *moment);
            for mark in &sent.carries {
                let (first, done) = moments.entry(*mark).or_insert((sent.first, None));
                *first = sent.first.min(*first);
                *done = [*done, acknowledged].into_iter().flatten().min();
            }
        }
        moments
    }

    /// The addresses with which a request signs in, those of the events that it carries included.
    pub(crate) fn emails(&self, sent: &Sent) -> BTreeSet<usize> {
        let acts = sent.carries.iter().flat_map(|mark| &self.plan.requests[*mark].acts);
        acts.filter_map(|act| if let Act::SignIn(email) = act { Some(*email) } else { None }).collect()
    }
}

/// The request that an interest is the mark of.
pub(crate) fn mark(interest: &str) -> Option<usize> {
    interest.strip_prefix('r')?.parse().ok()
}

/// The events of a request: the one that leaves its mark, then what its client does.
fn events(number: usize, request: &Request) -> Vec<Value> {
    let place = |at: usize| format!("r{number}-{at}");
    let mut events = vec![json!({"type": MARK, "properties": {"interest": format!("r{number}")}})];
    events.extend((1..).zip(&request.acts).map(|(at, act)| match act {
        Act::View => json!({"type": "page-view", "properties": {"n": place(at)}}),
        Act::Checkout(value) => {
            json!({"type": "checkout-started", "properties": {"id": place(at), "value": value}})
        }
        Act::SignIn(email) => {
            let email = format!("e{email}@example.com");
            json!({"type": "sign-in", "properties": {"n": place(at), "email": {"main": email}}})
        }
        Act::EndVisit => json!({"type": "visit-ended", "properties": {"n": place(at)}}),
    }));
    if request.own_ids {
        for (at, event) in events.iter_mut().enumerate() {
            event["id"] = place(at).into();
        }
    }
    events
}
