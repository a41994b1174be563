//! A model of merging, small enough to be explored completely: three profiles, three merges in a circle, events in flight,
//! every interleaving, and after every transaction a crash that loses its answer (so that it is asked for again).
//!
//! Each transition is one transaction of the store; between two of them nothing but the store is remembered. Profiles
//! are real ones, merged by the real function; the tests in `merges.rs` run the real store and writer.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a failed check panics: that is its answer")]

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde_json::json;
use tracardi_engine::merge::{merge, survivor};
use tracardi_model::Profile;

const IDS: [&str; 3] = ["a", "b", "c"];

/// What is on disk, and what somebody still waits for.
#[derive(Clone)]
struct World {
    profiles: BTreeMap<String, Profile>,
    /// Which profile an id leads to.
    identity: BTreeMap<&'static str, String>,
    /// Events by their id, with the profile that they name.
    events: BTreeMap<&'static str, String>,
    /// Profiles that are gone and may still be named.
    open: Vec<String>,
    /// Requests that are not acknowledged: visitors whose one event is on its way.
    requests: BTreeSet<&'static str>,
    /// Merges that are not acknowledged.
    merges: BTreeSet<(&'static str, &'static str)>,
}

impl World {
    fn new() -> Self {
        let profile = |second: i64, id: &str| {
            let mut profile = Profile::starting(id, Timestamp::from_second(second).unwrap());
            profile.traits.insert(format!("of-{id}"), json!(true));
            (id.to_owned(), profile)
        };
        Self {
            profiles: (1..).zip(IDS).map(|(second, id)| profile(second, id)).collect(),
            identity: IDS.map(|id| (id, id.to_owned())).into(),
            events: BTreeMap::new(),
            open: Vec::new(),
            requests: IDS.into(),
            merges: [("a", "b"), ("b", "c"), ("c", "a")].into(),
        }
    }

    /// All worlds that may come next.
    fn next(&self) -> Vec<Self> {
        let mut worlds = Vec::new();
        for visitor in &self.requests {
            let mut world = self.clone();
            world.collect(visitor);
            worlds.push(world.clone());
            world.requests.remove(visitor);
            worlds.push(world);
        }
        for pair in &self.merges {
            let mut world = self.clone();
            world.merge(*pair);
            worlds.push(world.clone());
            world.merges.remove(pair);
            worlds.push(world);
        }
        if !self.open.is_empty() {
            let mut world = self.clone();
            world.step();
            worlds.push(world);
        }
        worlds
    }

    /// The event of a visitor is stored and counted, once.
    fn collect(&mut self, visitor: &'static str) {
        let own = self.identity[visitor].clone();
        // The store takes no event twice.
        if let Entry::Vacant(place) = self.events.entry(visitor) {
            place.insert(own.clone());
            self.profiles.get_mut(&own).unwrap().data.metrics.ltcosc += 1;
        }
    }

    fn merge(&mut self, (one, other): (&str, &str)) {
        let found: BTreeSet<String> = [one, other].map(|id| self.identity[id].clone()).into();
        let profiles: Vec<Profile> = found.iter().map(|id| self.profiles[id].clone()).collect();
        let oldest = survivor(&profiles).unwrap();
        let merged = merge(oldest, &profiles.iter().collect::<Vec<_>>(), Timestamp::UNIX_EPOCH).unwrap();
        for gone in found.into_iter().filter(|id| id != oldest.id()) {
            self.profiles.remove(&gone);
            self.identity.values_mut().filter(|owner| **owner == gone).for_each(|owner| merged.id().clone_into(owner));
            self.open.push(gone);
        }
        self.profiles.insert(merged.id().to_owned(), merged);
    }

    /// One event of the oldest unfinished merge is carried over; when there is none, the merge is finished.
    fn step(&mut self) {
        let gone = self.open[0].clone();
        let target = self.identity[gone.as_str()].clone();
        match self.events.values_mut().find(|profile| **profile == gone) {
            Some(profile) => *profile = target,
            None => drop(self.open.remove(0)),
        }
    }

    /// What holds at any moment.
    fn check(&self) {
        for (id, owner) in &self.identity {
            let profile = self.profiles.get(owner).unwrap_or_else(|| panic!("{id} leads to {owner}, who is gone"));
            assert!(profile.ids().iter().any(|known| known == id), "{owner} does not know its id {id}");
            assert!(profile.traits.contains_key(&format!("of-{id}")), "what was known of {id} is lost");
        }
        let counted: i64 = self.profiles.values().map(|profile| profile.data.metrics.ltcosc).sum();
        assert_eq!(counted, i64::try_from(self.events.len()).unwrap(), "each event is counted once");
        for profile in self.events.values() {
            assert!(
                self.profiles.contains_key(profile) || self.open.contains(profile),
                "an event of {profile} is forgotten"
            );
        }
    }

    fn is_over(&self) -> bool {
        self.requests.is_empty() && self.merges.is_empty() && self.open.is_empty()
    }

    fn check_end(&self) {
        assert_eq!(self.profiles.keys().collect::<Vec<_>>(), ["a"], "one survivor, the oldest");
        assert!(self.events.values().all(|profile| profile == "a"), "all events are its events");
        assert_eq!(self.events.len(), IDS.len());
    }

    fn key(&self) -> String {
        let profiles: Vec<_> = self.profiles.values().map(|profile| serde_json::to_string(profile).unwrap()).collect();
        format!("{profiles:?}{:?}{:?}{:?}{:?}{:?}", self.identity, self.events, self.open, self.requests, self.merges)
    }
}

#[test]
fn every_interleaving_ends_in_one_profile() {
    let mut todo = vec![World::new()];
    let mut seen = BTreeSet::from([todo[0].key()]);
    let mut ends = 0;
    while let Some(world) = todo.pop() {
        world.check();
        let next = world.next();
        if next.is_empty() {
            assert!(world.is_over());
            world.check_end();
            ends += 1;
        }
        todo.extend(next.into_iter().filter(|world| seen.insert(world.key())));
    }
    assert!(ends > 0 && seen.len() > 500, "{} worlds, {ends} ends", seen.len());
}
