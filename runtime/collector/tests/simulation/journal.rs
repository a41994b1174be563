//! What the clients know: what they have sent, what was acknowledged, how they are called.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use jiff::Timestamp;
use serde_json::{Value, json};
use tracardi_engine::{Consent, Decision};
use tracardi_model::{Context, TrackAnswer};
use tracardi_store::Index;

use crate::plan::{CONSENTS, Plan};
use crate::record::Record;
use crate::request::{Act, Names, Request};

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
    pub(crate) choices: Vec<Choice>,
    pub(crate) record: Record,
    /// By client.
    known: BTreeMap<usize, Known>,
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
    /// The version of the configuration at that time.
    pub(crate) version: usize,
    /// When it was acknowledged first, and how.
    pub(crate) acknowledged: Option<(u64, TrackAnswer)>,
}

/// What a client was told.
#[derive(Clone, Debug)]
struct Known {
    /// The first profile, and the last.
    profiles: [String; 2],
    session: Option<String>,
    /// The event that left the last mark.
    event: String,
}

/// A visitor's decision about a consent.
#[derive(Debug)]
pub(crate) struct Choice {
    pub(crate) context: Context,
    /// How the visitor was called.
    pub(crate) profile: String,
    pub(crate) consent: &'static str,
    pub(crate) given: bool,
    pub(crate) sent: Moment,
    /// None while it is under way.
    pub(crate) over: Option<Moment>,
    pub(crate) outcome: Choosing,
}

/// When something happened: among all that clients do and hear, and by the clock.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Moment {
    pub(crate) number: u64,
    pub(crate) time: Timestamp,
}

/// What became of a decision.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Choosing {
    /// Nobody knows.
    Unknown,
    Acknowledged,
    /// It was refused and has done nothing.
    Refused,
}

impl Journal {
    pub(crate) fn new(plan: Arc<Plan>) -> Self {
        let record = Record { versions: vec![plan.configured], ..Record::default() };
        Self {
            plan,
            sent: BTreeMap::new(),
            marks: BTreeMap::new(),
            merges: Vec::new(),
            choices: Vec::new(),
            record,
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
            Names::First => known.map(|known| known.profiles[0].clone()),
            Names::Last => known.map(|known| known.profiles[1].clone()),
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
        let (first, version) = (self.tick(), self.record.versions.len() - 1);
        let sent =
            Sent { body: body.clone(), named, carries, event_ids: Vec::new(), first, version, acknowledged: None };
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
        let sent = self.sent.get_mut(&number).unwrap();
        if heard && let Some(id) = &answer.profile.id {
            let client = self.plan.requests[number].client;
            let first = self.known.get(&client).map_or(id, |known| &known.profiles[0]).clone();
            let (session, event) = (answer.session.id.clone(), sent.event_ids.first().cloned().unwrap_or_default());
            self.known.insert(client, Known { profiles: [first, id.clone()], session, event });
        }
        sent.acknowledged.get_or_insert_with(|| (moment, answer.clone()));
    }

    /// What two clients ask to be merged, if they live in one context and know their ids.
    pub(crate) fn ask_merge(&mut self, [one, other]: [usize; 2]) -> Option<(usize, Context, [String; 2])> {
        let context = *self.plan.contexts.get(one)?;
        if self.plan.contexts.get(other) != Some(&context) {
            return None;
        }
        let ids = [self.known.get(&one)?.profiles[1].clone(), self.known.get(&other)?.profiles[0].clone()];
        self.merges.push((false, context, ids.clone()));
        Some((self.merges.len() - 1, context, ids))
    }

    /// What a visitor decides, if the visitor knows enough for that.
    pub(crate) fn choose(
        &mut self,
        client: usize,
        consent: usize,
        given: bool,
        time: Timestamp,
    ) -> Option<(usize, Consent)> {
        let context = *self.plan.contexts.get(client)?;
        let Known { profiles: [_, profile], session, .. } = self.known.get(&client)?.clone();
        let (session_id, consent) = (session?, CONSENTS[consent]);
        let sent = Moment { number: self.tick(), time };
        let outcome = Choosing::Unknown;
        self.choices.push(Choice { context, profile: profile.clone(), consent, given, sent, over: None, outcome });
        let decision = Decision::Each(vec![(consent.to_owned(), given)]);
        Some((self.choices.len() - 1, Consent { context, session_id, profile_id: profile, decision }))
    }

    /// A decision is answered.
    pub(crate) fn chosen(&mut self, number: usize, outcome: Choosing, time: Timestamp) {
        let over = Moment { number: self.tick(), time };
        let choice = &mut self.choices[number];
        (choice.outcome, choice.over) = (outcome, Some(over));
    }

    /// A process has ended: what was under way in it does nothing any more.
    pub(crate) fn process_ended(&mut self, time: Timestamp) {
        let over = Moment { number: self.tick(), time };
        for choice in &mut self.choices {
            choice.over.get_or_insert(over);
        }
    }

    /// A document of a client, if the client knows of one.
    pub(crate) fn document(&self, client: usize, what: Index) -> Option<(Context, String)> {
        let Known { profiles: [_, profile], session, event } = self.known.get(&client)?.clone();
        let id = match what {
            Index::Profile => profile,
            Index::Session => session?,
            Index::Event => event,
        };
        Some((*self.plan.contexts.get(client)?, id))
    }

    /// Requests that were sent and not acknowledged.
    pub(crate) fn open(&self) -> Vec<usize> {
        self.sent.iter().filter(|(_, sent)| sent.acknowledged.is_none()).map(|(number, _)| *number).collect()
    }

    pub(crate) fn acknowledged(&self) -> impl Iterator<Item = (usize, &TrackAnswer)> {
        self.sent.iter().filter_map(|(number, sent)| Some((*number, &sent.acknowledged.as_ref()?.1)))
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

    /// Whether the events of a request may be of two profiles: its session was deleted in between, and some of them came with
    /// another request as well.
    pub(crate) fn is_parted(&self, number: usize) -> bool {
        let lost = &self.record.lost.sessions;
        let session = self.session(number).map(|session| (self.plan.context(number), session));
        session.is_some_and(|session| lost.contains(&session))
            && self.carried(number).any(|mark| !self.alone(number, mark))
    }

    /// The marks of a request that have to be on the profile with which it is answered: its own and those that it carries. Not
    /// those that were deleted with their profile; and when it [is parted](Self::is_parted), only those that came with it alone.
    pub(crate) fn effects(&self, number: usize) -> impl Iterator<Item = usize> {
        let parted = self.is_parted(number);
        let due = move |mark: &usize| !parted || self.alone(number, *mark);
        self.carried(number).filter(|mark| !self.record.lost.marks.contains(mark)).filter(due)
    }

    fn carried(&self, number: usize) -> impl Iterator<Item = usize> {
        self.sent.get(&number).into_iter().flat_map(|sent| sent.carries.iter().copied())
    }

    fn alone(&self, number: usize, mark: usize) -> bool {
        !self.sent.iter().any(|(other, sent)| *other != number && sent.carries.contains(&mark))
    }

    /// The addresses with which a request signs in, as far as they have to lead to the profile with which it is answered.
    pub(crate) fn emails(&self, number: usize) -> BTreeSet<usize> {
        self.addresses(self.effects(number))
    }

    /// All addresses that a request names, those of the events that it carries included.
    pub(crate) fn named_emails(&self, number: usize) -> BTreeSet<usize> {
        self.addresses(self.carried(number))
    }

    fn addresses(&self, marks: impl Iterator<Item = usize>) -> BTreeSet<usize> {
        let acts = marks.flat_map(|mark| &self.plan.requests[mark].acts);
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
