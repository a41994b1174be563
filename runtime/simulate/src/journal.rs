//! What was acknowledged, and to whom: the client's own record, to be compared with what the server says it has.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::client::Answer;
use crate::traffic::Request;

/// Everything that was acknowledged or not.
#[derive(Clone, Debug, Default)]
pub struct Journal {
    /// Requests that were acknowledged.
    pub requests: u64,
    /// How often a request was sent again.
    pub retries: u64,
    /// Acknowledged events by type.
    pub events: BTreeMap<&'static str, u64>,
    /// Visitors of whom something was acknowledged, by number.
    pub visitors: BTreeMap<u64, Visitor>,
    /// Requests that the server refused (4xx, 5xx), with the first reason.
    pub refused: Failures,
    /// Requests without any answer, with the first reason.
    pub lost: Failures,
}

/// What is known about one visitor.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Visitor {
    /// Id of the profile, from the latest answer.
    pub profile: Option<String>,
    /// Ids of the sessions.
    pub sessions: BTreeSet<String>,
    /// Acknowledged events.
    pub events: u64,
    /// Has said who they are.
    pub identified: bool,
    /// Has bought something.
    pub bought: bool,
}

/// A number of failures with the reason of the first one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Failures {
    /// How many.
    pub count: u64,
    /// Why, the first time.
    pub first: Option<String>,
}

impl Failures {
    fn add(&mut self, reason: impl FnOnce() -> String) {
        self.count += 1;
        self.first.get_or_insert_with(reason);
    }
}

impl Journal {
    /// Notes an acknowledged request. Gives the id of the visitor's profile, which the next request has to carry.
    pub fn acknowledge(&mut self, request: &Request, answer: &Answer, retries: u64) -> Option<String> {
        self.requests += 1;
        self.retries += retries;
        for kind in &request.events {
            *self.events.entry(kind).or_default() += 1;
        }
        let visitor = self.visitors.entry(request.visitor).or_default();
        visitor.events += request.events.len() as u64;
        visitor.identified |= request.meaning.identifies;
        visitor.bought |= request.meaning.buys;
        visitor.sessions.insert(request.session.clone());
        if let Some(profile) = profile_id(&answer.body) {
            visitor.profile = Some(profile);
        }
        visitor.profile.clone()
    }

    /// Notes a request that was refused.
    pub fn refuse(&mut self, answer: &Answer, retries: u64) {
        self.retries += retries;
        self.refused.add(|| format!("{} {}", answer.status, answer.detail()));
    }

    /// Notes a request without an answer.
    pub fn lose(&mut self, reason: &str, attempts: u64) {
        self.retries += attempts.saturating_sub(1);
        self.lost.add(|| reason.to_owned());
    }

    /// Acknowledged events.
    #[must_use]
    pub fn event_count(&self) -> u64 {
        self.events.values().sum()
    }

    /// The profile that is worth a look: the identified buyer with the most events; without one, the most active
    /// identified visitor; without one, the most active visitor.
    #[must_use]
    pub fn profile_to_look_at(&self) -> Option<&str> {
        let rank = |visitor: &Visitor| (visitor.identified, visitor.identified && visitor.bought, visitor.events);
        let best =
            self.visitors.values().filter(|visitor| visitor.profile.is_some()).max_by_key(|visitor| rank(visitor));
        best.and_then(|visitor| visitor.profile.as_deref())
    }
}

/// `profile.id` of an answer's body.
#[must_use]
pub fn profile_id(body: &[u8]) -> Option<String> {
    let answer: Value = serde_json::from_slice(body).ok()?;
    answer.get("profile")?.get("id")?.as_str().map(ToOwned::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn identified_buyers_come_first() {
        let visitor = |profile: &str, identified, bought, events| Visitor {
            profile: Some(profile.to_owned()),
            identified,
            bought,
            events,
            ..Visitor::default()
        };
        let mut journal = Journal::default();
        assert_eq!(journal.profile_to_look_at(), None);
        journal.visitors.insert(1, visitor("stranger", false, true, 90));
        assert_eq!(journal.profile_to_look_at(), Some("stranger"));
        journal.visitors.insert(2, visitor("known", true, false, 50));
        assert_eq!(journal.profile_to_look_at(), Some("known"));
        journal.visitors.insert(3, visitor("buyer", true, true, 20));
        journal.visitors.insert(4, Visitor { profile: None, ..visitor("", true, true, 99) });
        assert_eq!(journal.profile_to_look_at(), Some("buyer"));
    }

    #[test]
    fn answers_without_a_profile() {
        assert_eq!(profile_id(b"null"), None);
        assert_eq!(profile_id(b"{\"profile\":{\"id\":null}}"), None);
        assert_eq!(profile_id(b"{\"profile\":{\"id\":\"p\"}}"), Some("p".to_owned()));
    }
}
