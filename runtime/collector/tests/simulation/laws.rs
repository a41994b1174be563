//! What holds: after every transaction, at every acknowledgement, and when all is over.

use std::collections::{BTreeMap, BTreeSet};

use tracardi_collector::Merged;
use tracardi_model::{Context, Profile, TrackAnswer};
use tracardi_store::conformance::memory::{Disk, Tables};

use crate::journal::{Journal, mark};
use crate::plan::Act;
use crate::storage::short;

type Law = Result<(), String>;

/// A law is broken unless this is so.
macro_rules! holds {
    ($so:expr, $($what:tt)*) => {
        if !$so {
            return Err(format!($($what)*));
        }
    };
}

const CONTEXTS: [Context; 2] = [Context::Production, Context::Staging];

/// What is durable is sound at any moment: the effect of every stored event is there once, and nothing else is.
pub(crate) fn always(disk: &Disk, journal: &Journal) -> Law {
    for context in CONTEXTS {
        let tables = disk.tables(context);
        let owners = effects(tables, journal, context)?;
        let stored = tables.events.values().map(|row| row.document.value.stored());
        let stored = stored.chain(tables.applied.values().map(|applied| applied.event.clone()));
        let mut marks = BTreeSet::new();
        for event in stored {
            let named = event.profile_id.as_deref();
            let leads = named.and_then(|id| tables.profile(id)).map(|row| row.document.value.id.as_str());
            holds!(leads.is_some(), "event {} names the profile {named:?}, which is lost", event.id);
            if let Some(mark) = journal.marks.get(&(context, event.id)) {
                holds!(
                    owners.get(mark) == leads.as_ref(),
                    "r{mark} is stored for {leads:?}, its effect: {:?}",
                    owners.get(mark)
                );
                holds!(marks.insert(*mark), "r{mark} is stored twice");
            }
        }
        for mark in owners.keys() {
            holds!(marks.contains(mark), "r{mark} has had its effect and is not stored");
        }
        identities(disk, context)?;
        deliveries(disk, journal, context)?;
    }
    Ok(())
}

/// A destination is told of every mark that is kept, once, in the order in which they were stored.
fn deliveries(disk: &Disk, journal: &Journal, context: Context) -> Law {
    let mark = |id: &str| journal.marks.get(&(context, id.to_owned()));
    let mut kept: Vec<(u64, &str)> = Vec::new();
    if journal.plan.delivers {
        let events = disk.tables(context).events.iter().filter(|(id, _)| mark(id).is_some());
        kept.extend(events.map(|(id, row)| (row.number, id.as_str())));
        kept.sort_unstable();
    }
    let told = disk.deliveries(context).map(|delivery| delivery.event_id.as_deref().unwrap_or_default());
    let told: Vec<&str> = told.collect();
    let same = kept.iter().map(|(_, id)| *id).eq(told.iter().copied());
    holds!(same, "deliveries {told:?} of the events {kept:?}");
    Ok(())
}

/// The marks of all profiles, and whose they are.
fn effects<'t>(tables: &'t Tables, journal: &Journal, context: Context) -> Result<BTreeMap<usize, &'t str>, String> {
    let mut owners = BTreeMap::new();
    for row in tables.profiles.values() {
        let profile = &row.document.value;
        let (mut checkouts, mut values) = (0, 0.0);
        for (interest, times) in &profile.interests {
            let number = mark(interest).filter(|number| journal.plan.context(*number) == context);
            let Some(number) = number else { return Err(format!("{interest} in {context:?} is from elsewhere")) };
            holds!(times.as_f64() == Some(1.0), "{interest} has had its effect {times} times");
            if let Some(other) = owners.insert(number, profile.id.as_str()) {
                return Err(format!("{interest} has had its effect on {other} and {}", profile.id));
            }
            for act in &journal.plan.requests[number].acts {
                if let Act::Checkout(value) = act {
                    checkouts += 1;
                    values += f64::from(*value);
                }
            }
        }
        let metrics = &profile.data.metrics;
        let known = (metrics.ltcosc, metrics.ltcosv);
        holds!(
            known == (checkouts, values),
            "{}: checkouts {known:?} instead of {:?}",
            profile.id,
            (checkouts, values)
        );
    }
    Ok(owners)
}

/// Every id leads to a profile that exists, and two profiles share an id only until they are merged.
fn identities(disk: &Disk, context: Context) -> Law {
    let tables = disk.tables(context);
    for (alias, own) in &tables.identity {
        holds!(tables.profiles.contains_key(own), "{alias} leads to {own}, which is gone");
    }
    for row in tables.profiles.values() {
        let profile = &row.document.value;
        let waits = |profile: &Profile| profile.awaits_merge();
        holds!(
            !waits(profile) || disk.awaits(context, &profile.id),
            "{} awaits a merge that nobody knows of",
            profile.id
        );
        holds!(tables.identity.get(&profile.id) == Some(&profile.id), "{} does not lead to itself", profile.id);
        for id in profile.ids() {
            let Some(owner) = tables.profile(id) else { return Err(format!("{id} leads nowhere")) };
            let owner = &owner.document.value;
            let shared = owner.id != profile.id;
            let known = waits(profile) || waits(owner);
            holds!(!shared || known, "{} and {} share {id}, and nobody merges them", profile.id, owner.id);
        }
    }
    for (id, row) in &tables.sessions {
        let named = row.document.value.profile_id();
        let leads = named.and_then(|id| tables.profile(id));
        holds!(leads.is_some(), "session {id} names the profile {named:?}, which is lost");
    }
    Ok(())
}

/// What was acknowledged is durable now, with its effect; and it is answered as it was the first time.
pub(crate) fn acknowledged(disk: &Disk, journal: &Journal, number: usize, answer: &TrackAnswer) -> Law {
    let tables = disk.tables(journal.plan.context(number));
    let sent = &journal.sent[&number];
    for id in &sent.event_ids {
        let stored = tables.events.contains_key(id) || tables.applied.contains_key(id);
        holds!(stored, "r{number} is acknowledged, and its event {id} is not on disk");
    }
    let named = answer.profile.id.as_deref();
    let profile = named.and_then(|id| tables.profile(id)).map(|row| &row.document.value);
    let Some(profile) = profile else { return Err(format!("r{number} is answered with {named:?}, which is nobody")) };
    for mark in &sent.carries {
        let there = profile.interests.contains_key(&format!("r{mark}"));
        holds!(there, "r{number} is acknowledged, and r{mark} has no effect on {}", profile.id);
    }
    if let Some(session) = journal.session(number) {
        holds!(answer.session.id.as_ref() == Some(&session), "r{number} is answered with another session");
        let row = tables.sessions.get(&session);
        let whose = row.and_then(|row| tables.profile(row.document.value.profile_id()?));
        let whose = whose.map(|row| row.document.value.id.as_str());
        holds!(whose == Some(&profile.id), "r{number} is answered with {}, its session is of {whose:?}", profile.id);
    }
    if let Some((_, before)) = &sent.acknowledged {
        let leads = before.profile.id.as_deref().and_then(|id| tables.profile(id));
        let leads = leads.map(|row| &row.document.value.id);
        holds!(leads == Some(&profile.id), "r{number} is answered with {}, and was with {leads:?}", profile.id);
        holds!(before.session == answer.session, "r{number} is answered with two sessions");
    }
    Ok(())
}

/// Those who were to be merged are one; perhaps with others by the time this is heard.
pub(crate) fn merged(disk: &Disk, context: Context, ids: &[String; 2], merged: &Merged) -> Law {
    let tables = disk.tables(context);
    let Some(survivor) = &merged.profile else { return Err(format!("{ids:?} were merged into nobody")) };
    let survivor = tables.identity.get(survivor);
    for id in ids {
        let leads = tables.identity.get(id);
        holds!(leads.is_some() && leads == survivor, "{id} was merged into {survivor:?} and leads to {leads:?}");
    }
    Ok(())
}

/// When all has been sent and nothing is under way any more.
pub(crate) fn finally(disk: &Disk, journal: &Journal) -> Law {
    holds!(disk.is_settled(), "a merge is left");
    for context in CONTEXTS {
        let tables = disk.tables(context);
        for row in tables.profiles.values() {
            let profile = &row.document.value;
            holds!(!profile.awaits_merge(), "{} still awaits a merge", profile.id);
            for id in profile.ids() {
                holds!(tables.identity.get(id) == Some(&profile.id), "{id} of {} leads to somebody else", profile.id);
            }
        }
        let events = tables.events.values().map(|row| (&row.document.value.id, row.document.value.profile_id()));
        let sessions = tables.sessions.values().map(|row| (&row.document.value.id, row.document.value.profile_id()));
        for (id, named) in events.chain(sessions) {
            holds!(named.is_some_and(|id| tables.profiles.contains_key(id)), "{id} names {named:?}, which is gone");
        }
        visits(tables, journal)?;
    }
    order(disk, journal)?;
    who_is_one(disk, journal)?;
    who_is_not(disk, journal)
}

/// A visit is counted once, a session opened once, a profile created once.
fn visits(tables: &Tables, journal: &Journal) -> Law {
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
    if !journal.plan.tells_visits() {
        return Ok(());
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
    for (number, sent, _, answer) in journal.acknowledged() {
        let context = journal.plan.context(number);
        let id = answer.profile.id.as_deref().unwrap_or_default();
        let Some(own) = disk.tables(context).identity.get(id) else { return Err(format!("{id} was told and is lost")) };
        let keys = journal.emails(sent).into_iter().map(|email| format!("e{email}@example.com"));
        for key in keys.chain(journal.session(number)) {
            let (first, other) = persons.entry((context, key.clone())).or_insert_with(|| (number, own.clone()));
            holds!(own == other, "r{number} is of {own}, r{first} of {other}; both said {key}");
        }
    }
    for (_, context, [one, other]) in journal.merges.iter().filter(|(acknowledged, ..)| *acknowledged) {
        let identity = &disk.tables(*context).identity;
        holds!(identity.get(one) == identity.get(other), "{} and {} were merged and are two", short(one), short(other));
    }
    Ok(())
}

/// Who has nothing in common is not one person.
fn who_is_not(disk: &Disk, journal: &Journal) -> Law {
    let mut kin = Kin::default();
    for (number, sent) in &journal.sent {
        let context = journal.plan.context(*number);
        let own = format!("r{number}");
        let emails = journal.emails(sent).into_iter().map(|email| format!("e{email}@example.com"));
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
