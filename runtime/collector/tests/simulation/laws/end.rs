//! What holds when all has been sent and nothing is under way any more.

use std::collections::{BTreeMap, BTreeSet};

use tracardi_engine::{DEFAULT_MERGING_KEY, hashed_ids};
use tracardi_model::{Context, Profile};
use tracardi_store::State;
use tracardi_store::conformance::memory::{Disk, Tables};

use super::{CONTEXTS, Law, holds};
use crate::courier::Destinations;
use crate::journal::{Choice, Choosing, Journal};
use crate::plan::CONSENTS;
use crate::storage::short;

pub(crate) fn finally(disk: &Disk, journal: &Journal, destinations: &Destinations) -> Law {
    holds!(disk.is_settled(), "a merge is left");
    let lost = &journal.record.lost;
    for context in CONTEXTS {
        let tables = disk.tables(context);
        for row in tables.profiles.values() {
            let profile = &row.document.value;
            holds!(!profile.awaits_merge(), "{} still awaits a merge", profile.id);
            for id in profile.ids() {
                holds!(tables.identity.get(id) == Some(&profile.id), "{id} of {} leads to somebody else", profile.id);
            }
            consents(tables, journal, context, profile)?;
        }
        let events = tables.events.values().map(|row| (&row.document.value.id, row.document.value.profile_id()));
        let sessions = tables.sessions.values().map(|row| (&row.document.value.id, row.document.value.profile_id()));
        for (id, named) in events.chain(sessions) {
            let there = named.is_some_and(|id| tables.profiles.contains_key(id) || lost.is_gone(context, id));
            holds!(there, "{id} names {named:?}, which is gone");
        }
        for (state, delivery) in disk.deliveries(context) {
            let done = state == State::Delivered && destinations.has(&delivery.id);
            holds!(done, "{} for {} is {state:?}", delivery.id, delivery.destination);
        }
        visits(tables, journal)?;
    }
    order(disk, journal)?;
    who_is_one(disk, journal)?;
    who_is_not(disk, journal)
}

/// A consent is as the last acknowledged decision left it. One that nobody knows of may have come last, too; not one that was
/// over before another one was sent that was acknowledged. Of several profiles that became one the clock says what was last.
fn consents(tables: &Tables, journal: &Journal, context: Context, profile: &Profile) -> Law {
    let alone = !profile.metadata.system.aux.contains_key("merged");
    if !alone && journal.plan.set_back() > 0 {
        return Ok(());
    }
    let own = |choice: &&Choice| {
        choice.context == context
            && choice.outcome != Choosing::Refused
            && tables.identity.get(&choice.profile) == Some(&profile.id)
    };
    let follows = |later: &Choice, one: &Choice| {
        let Some(over) = one.over else { return false };
        if alone { later.sent.number > over.number } else { later.sent.time > over.time }
    };
    for consent in CONSENTS {
        let choices: Vec<&Choice> =
            journal.choices.iter().filter(own).filter(|choice| choice.consent == consent).collect();
        let acknowledged = || choices.iter().filter(|choice| choice.outcome == Choosing::Acknowledged);
        let may_be_last = |choice: &&&Choice| !acknowledged().any(|later| follows(later, choice));
        let given = profile.consents.contains_key(consent);
        let lawful = choices.iter().filter(may_be_last).any(|choice| choice.given == given)
            || (!given && acknowledged().next().is_none());
        holds!(lawful, "{} has the consent {consent}: {given}, and decided {choices:?}", profile.id);
    }
    Ok(())
}

/// A visit is counted once, a session opened once, a profile created once.
fn visits(tables: &Tables, journal: &Journal) -> Law {
    if !journal.plan.tells_visits() || !journal.record.lost.is_empty() {
        return Ok(());
    }
    let mut opened: BTreeMap<&str, i64> = BTreeMap::new();
    let mut created: BTreeMap<&str, usize> = BTreeMap::new();
    let mut sessions = BTreeSet::new();
    for row in tables.events.values() {
        let event = &row.document.value;
        let profile = event.profile_id().unwrap_or_default();
        match event.kind() {
            "session-opened" => {
                *opened.entry(profile).or_default() += 1;
                let session = event.session_id();
                holds!(sessions.insert(session), "session {session:?} was opened twice");
            }
            "profile-created" => *created.entry(profile).or_default() += 1,
            _ => {}
        }
    }
    for (id, row) in &tables.profiles {
        let profile = &row.document.value;
        let count = profile.metadata.time.visit.count;
        let told = opened.get(id.as_str()).copied().unwrap_or_default();
        holds!(count == told, "{id} has {count} visits, and {told} sessions were opened");
        let merged = profile.metadata.system.aux.get("merged").and_then(|list| list.as_array()).map_or(0, Vec::len);
        let told = created.get(id.as_str()).copied().unwrap_or_default();
        holds!(told == merged + 1, "{id} was made of {} profiles, and {told} were created", merged + 1);
    }
    Ok(())
}

/// What was acknowledged before something else was sent, is stored before it.
fn order(disk: &Disk, journal: &Journal) -> Law {
    let moments = journal.moments();
    let mut rows: BTreeMap<usize, u64> = BTreeMap::new();
    for context in CONTEXTS {
        for (id, row) in &disk.tables(context).events {
            if let Some(mark) = journal.marks.get(&(context, id.clone())) {
                rows.insert(*mark, row.number);
            }
        }
    }
    for (before, row) in &rows {
        let Some(done) = moments[before].1 else { continue };
        for (after, later) in &rows {
            let wrong = moments[after].0 > done && later < row;
            holds!(!wrong, "r{after} was sent after r{before} was acknowledged, and is stored before it");
        }
    }
    Ok(())
}

/// Who named the same address or came in the same session is one person; so are those whom somebody merged.
fn who_is_one(disk: &Disk, journal: &Journal) -> Law {
    let mut persons: BTreeMap<(Context, String), (usize, String)> = BTreeMap::new();
    for (number, answer) in journal.acknowledged() {
        let context = journal.plan.context(number);
        let id = answer.profile.id.as_deref().unwrap_or_default();
        let (identity, lost) = (&disk.tables(context).identity, &journal.record.lost);
        if lost.is_gone(context, id) {
            continue;
        }
        let Some(own) = identity.get(id) else { return Err(format!("{id} was told and is lost")) };
        let emails: Vec<String> = journal.emails(number).into_iter().map(|n| format!("e{n}@example.com")).collect();
        for email in &emails {
            let hashed = hashed_ids::hash(email, "emm-", DEFAULT_MERGING_KEY).unwrap_or_default();
            let leads = identity.get(&hashed);
            holds!(leads == Some(own), "r{number} said {email}, which leads to {leads:?} instead of {own}");
        }
        let session = journal.session(number).filter(|id| !lost.sessions.contains(&(context, id.clone())));
        for key in emails.into_iter().chain(session) {
            let (first, other) = persons.entry((context, key.clone())).or_insert_with(|| (number, own.clone()));
            holds!(own == other, "r{number} is of {own}, r{first} of {other}; both said {key}");
        }
    }
    for (_, context, [one, other]) in journal.merges.iter().filter(|(acknowledged, ..)| *acknowledged) {
        let identity = &disk.tables(*context).identity;
        let gone = [one, other].into_iter().any(|id| journal.record.lost.is_gone(*context, id));
        let same = gone || identity.get(one) == identity.get(other);
        holds!(same, "{} and {} were merged and are two", short(one), short(other));
    }
    Ok(())
}

/// Who has nothing in common is not one person.
fn who_is_not(disk: &Disk, journal: &Journal) -> Law {
    let mut kin = Kin::default();
    for (number, sent) in &journal.sent {
        let context = journal.plan.context(*number);
        let own = format!("r{number}");
        let emails = journal.named_emails(*number).into_iter().map(|email| format!("e{email}@example.com"));
        let told = sent.acknowledged.as_ref().and_then(|(_, answer)| answer.profile.id.clone());
        let ids = emails.chain(journal.session(*number)).chain(sent.named.clone()).chain(told);
        for key in ids.chain(sent.carries.iter().map(|mark| format!("r{mark}"))) {
            kin.unite(&(context, own.clone()), &(context, key));
        }
    }
    for (_, context, [one, other]) in &journal.merges {
        kin.unite(&(*context, one.clone()), &(*context, other.clone()));
    }
    for context in CONTEXTS {
        for row in disk.tables(context).profiles.values() {
            let mut marks = row.document.value.interests.keys();
            let Some(first) = marks.next() else { continue };
            for other in marks {
                let one = kin.head(&(context, first.clone())) == kin.head(&(context, other.clone()));
                holds!(one, "{first} and {other} have nothing in common, and both are of {}", row.document.value.id);
            }
        }
    }
    Ok(())
}

/// Who has something in common.
#[derive(Default)]
struct Kin(BTreeMap<(Context, String), (Context, String)>);

impl Kin {
    fn head(&self, of: &(Context, String)) -> (Context, String) {
        let mut head = of;
        while let Some(next) = self.0.get(head) {
            head = next;
        }
        head.clone()
    }

    fn unite(&mut self, one: &(Context, String), other: &(Context, String)) {
        let (one, other) = (self.head(one), self.head(other));
        if one != other {
            self.0.insert(one, other);
        }
    }
}
