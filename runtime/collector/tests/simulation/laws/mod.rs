//! What holds: after every transaction, at every acknowledgement, and (`end`) when all is over.

mod end;

use std::collections::{BTreeMap, BTreeSet};

use tracardi_collector::Merged;
use tracardi_model::{Context, Profile, TrackAnswer};
use tracardi_store::Index;
use tracardi_store::conformance::memory::{Disk, Tables};

pub(crate) use end::finally;

use crate::configured::{BUYERS, MARKS};
use crate::journal::{Journal, mark};
use crate::request::Act;

type Law = Result<(), String>;

/// A law is broken unless this is so.
macro_rules! holds {
    ($so:expr, $($what:tt)*) => {
        if !$so {
            return Err(format!($($what)*));
        }
    };
}
use holds;

const CONTEXTS: [Context; 2] = [Context::Production, Context::Staging];

/// What is durable is sound at any moment: the effect of every stored event is there once, and nothing else is. What was
/// deleted does not come back.
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
            let gone = named.is_some_and(|id| journal.record.lost.is_gone(context, id));
            holds!(leads.is_some() || gone, "event {} names the profile {named:?}, which is lost", event.id);
            if let Some(mark) = journal.marks.get(&(context, event.id)) {
                let gone = journal.record.lost.marks.contains(mark);
                let known = if gone { None } else { leads.as_ref() };
                let effect = owners.get(mark);
                holds!(effect == known, "r{mark} is stored for {leads:?}, its effect: {effect:?}");
                holds!(marks.insert(*mark), "r{mark} is stored twice");
            }
        }
        for mark in owners.keys() {
            holds!(marks.contains(mark), "r{mark} has had its effect and is not stored");
        }
        for (mark, fact) in journal.record.facts.iter().filter(|(_, fact)| fact.context == context) {
            let there = tables.events.contains_key(&fact.event) || tables.applied.contains_key(&fact.event);
            holds!(there, "r{mark} was stored and is not there");
        }
        identities(disk, journal, context)?;
        deliveries(disk, journal, context)?;
        later(tables, journal, context)?;
    }
    versions(journal)
}

/// A destination is told of every mark that is kept while it is configured, once, in the order in which they were stored; of
/// nobody who was deleted.
fn deliveries(disk: &Disk, journal: &Journal, context: Context) -> Law {
    let record = &journal.record;
    let kept = record.in_order(context).into_iter().filter(|fact| record.records(fact).marks);
    let kept: Vec<&str> = kept.map(|fact| fact.event.as_str()).collect();
    let marks = disk.deliveries(context).filter(|(_, delivery)| delivery.destination == MARKS);
    let told: Vec<&str> = marks.filter_map(|(_, delivery)| delivery.event_id.as_deref()).collect();
    holds!(kept == told, "deliveries {told:?} of the events {kept:?}");
    let mut ids = disk.deliveries(context).filter_map(|(_, delivery)| delivery.profile_id.as_deref());
    let gone = ids.find(|id| record.lost.is_gone(context, id));
    holds!(gone.is_none(), "a delivery names {gone:?}, which was deleted");
    Ok(())
}

/// Every workflow that asked to be continued is to be, once.
fn later(tables: &Tables, journal: &Journal, context: Context) -> Law {
    let asked = journal.record.in_order(context).into_iter().filter(|fact| fact.flows > 0);
    let asked: BTreeSet<&str> = asked.map(|fact| fact.event.as_str()).collect();
    let to_be: Vec<&str> = tables.delayed.values().map(|row| row.document.value.event.as_str()).collect();
    let same = asked.len() == to_be.len() && to_be.iter().all(|event| asked.contains(event));
    holds!(same, "workflows of {asked:?} are to be continued: {to_be:?}");
    Ok(())
}

/// A request meets one version of the configuration: not an older one than was in force when it was sent, nor than the one
/// before it met; and all of it.
fn versions(journal: &Journal) -> Law {
    let record = &journal.record;
    let mut places: Vec<_> = record.facts.iter().collect();
    places.sort_by_key(|(_, fact)| fact.place);
    let mut before = 0;
    for (mark, fact) in places {
        let version = fact.version;
        let sent = journal.sent.values().filter(|sent| sent.carries.contains(mark)).map(|sent| sent.version).min();
        holds!(version >= sent.unwrap_or_default(), "r{mark} met version {version} and was sent at {sent:?}");
        holds!(version >= before, "r{mark} met version {version} after {before}");
        let counts = usize::from(record.records(fact).counts);
        holds!(fact.flows == counts, "r{mark} met version {version} and started {} workflows", fact.flows);
        before = version;
    }
    Ok(())
}

/// The marks of all profiles, and whose they are.
fn effects<'t>(tables: &'t Tables, journal: &Journal, context: Context) -> Result<BTreeMap<usize, &'t str>, String> {
    let mut owners = BTreeMap::new();
    for row in tables.profiles.values() {
        let profile = &row.document.value;
        let (mut checkouts, mut values, mut counted, mut buys) = (0, 0.0, 0, false);
        for (interest, times) in &profile.interests {
            let number = mark(interest).filter(|number| journal.plan.context(*number) == context);
            let Some(number) = number else { return Err(format!("{interest} in {context:?} is from elsewhere")) };
            holds!(times.as_f64() == Some(1.0), "{interest} has had its effect {times} times");
            if let Some(other) = owners.insert(number, profile.id.as_str()) {
                return Err(format!("{interest} has had its effect on {other} and {}", profile.id));
            }
            let fact = journal.record.facts.get(&number);
            counted += fact.map_or(0, |fact| i64::from(fact.flows > 0));
            for act in &journal.plan.requests[number].acts {
                if let Act::Checkout(value) = act {
                    checkouts += 1;
                    values += f64::from(*value);
                    buys |= fact.is_some_and(|fact| journal.record.records(fact).buyers);
                }
            }
        }
        let metrics = &profile.data.metrics;
        let known = (metrics.ltcosc, metrics.ltcosv, profile.stats.visits);
        let right = (checkouts, values, counted);
        holds!(known == right, "{}: checkouts and workflows {known:?} instead of {right:?}", profile.id);
        let joined = profile.segments.0.iter().any(|segment| segment == BUYERS);
        holds!(joined || !buys, "{} has checked out and is not of the segment", profile.id);
        holds!(!joined || checkouts > 0, "{} is of the segment and never checked out", profile.id);
    }
    Ok(owners)
}

/// Every id leads to a profile that exists and knows of it, and two profiles share an id only until they are merged.
fn identities(disk: &Disk, journal: &Journal, context: Context) -> Law {
    let tables = disk.tables(context);
    let lost = &journal.record.lost;
    for (alias, own) in &tables.identity {
        let Some(row) = tables.profiles.get(own) else { return Err(format!("{alias} leads to {own}, which is gone")) };
        let listed = row.document.value.ids().contains(alias) || alias == own;
        holds!(listed, "{alias} leads to {own}, which does not know of it");
    }
    for row in tables.profiles.values() {
        let profile = &row.document.value;
        let deleted = lost.profiles.contains(&(context, profile.id.clone()));
        holds!(!deleted, "{} was deleted and is there again", profile.id);
        let waits = |profile: &Profile| profile.awaits_merge();
        holds!(
            !waits(profile) || disk.awaits(context, &profile.id),
            "{} awaits a merge that nobody knows of",
            profile.id
        );
        holds!(tables.identity.get(&profile.id) == Some(&profile.id), "{} does not lead to itself", profile.id);
        for id in profile.ids() {
            let Some(owner) = tables.profile(id) else {
                // Whoever it led to was deleted before the two were merged.
                holds!(waits(profile) && lost.is_gone(context, id), "{id} leads nowhere");
                continue;
            };
            let owner = &owner.document.value;
            let shared = owner.id != profile.id;
            let known = waits(profile) || waits(owner);
            holds!(!shared || known, "{} and {} share {id}, and nobody merges them", profile.id, owner.id);
        }
    }
    for (id, row) in &tables.sessions {
        let named = row.document.value.profile_id();
        let leads = named.and_then(|id| tables.profile(id));
        let gone = named.is_some_and(|id| lost.is_gone(context, id));
        holds!(leads.is_some() || gone, "session {id} names the profile {named:?}, which is lost");
    }
    Ok(())
}

/// What was acknowledged is durable now, with its effect; and it is answered as it was the first time.
pub(crate) fn acknowledged(disk: &Disk, journal: &Journal, number: usize, answer: &TrackAnswer) -> Law {
    let context = journal.plan.context(number);
    let tables = disk.tables(context);
    let (sent, lost) = (&journal.sent[&number], &journal.record.lost);
    for id in &sent.event_ids {
        let stored = tables.events.contains_key(id) || tables.applied.contains_key(id);
        holds!(stored, "r{number} is acknowledged, and its event {id} is not on disk");
    }
    let Some(named) = answer.profile.id.as_deref() else { return Err(format!("r{number} is answered with nobody")) };
    if lost.is_gone(context, named) {
        return Ok(());
    }
    let profile = tables.profile(named).map(|row| &row.document.value);
    let Some(profile) = profile else { return Err(format!("r{number} is answered with {named}, which is nobody")) };
    for mark in journal.effects(number) {
        let there = profile.interests.contains_key(&format!("r{mark}"));
        holds!(there, "r{number} is acknowledged, and r{mark} has no effect on {}", profile.id);
    }
    let session = journal.session(number).filter(|session| !lost.sessions.contains(&(context, session.clone())));
    if let Some(session) = session {
        holds!(answer.session.id.as_ref() == Some(&session), "r{number} is answered with another session");
        let row = tables.sessions.get(&session);
        let whose = row.and_then(|row| tables.profile(row.document.value.profile_id()?));
        let whose = whose.map(|row| row.document.value.id.as_str());
        holds!(whose == Some(&profile.id), "r{number} is answered with {}, its session is of {whose:?}", profile.id);
    }
    if let Some((_, before)) = &sent.acknowledged
        && !journal.is_parted(number)
    {
        let leads = before.profile.id.as_deref().and_then(|id| tables.profile(id));
        let leads = leads.map(|row| &row.document.value.id);
        holds!(leads == Some(&profile.id), "r{number} is answered with {}, and was with {leads:?}", profile.id);
        holds!(before.session == answer.session, "r{number} is answered with two sessions");
    }
    Ok(())
}

/// Those who were to be merged are one, as far as they are there; perhaps with others by the time this is heard.
pub(crate) fn merged(disk: &Disk, journal: &Journal, context: Context, ids: &[String; 2], merged: &Merged) -> Law {
    let tables = disk.tables(context);
    let there = ids.iter().filter(|id| !journal.record.lost.is_gone(context, id));
    let there: Vec<&String> = there.collect();
    let survivor = merged.profile.as_ref().and_then(|id| tables.identity.get(id));
    let gone = merged.profile.as_ref().is_some_and(|id| journal.record.lost.is_gone(context, id));
    holds!(survivor.is_some() || gone || there.is_empty(), "{ids:?} were merged into nobody");
    for id in there {
        let leads = tables.identity.get(id);
        holds!(leads.is_some() && leads == survivor, "{id} was merged into {survivor:?} and leads to {leads:?}");
    }
    Ok(())
}

/// What was to be deleted is not there.
pub(crate) fn deleted(disk: &Disk, journal: &Journal, context: Context, what: Index, id: &str) -> Law {
    let (tables, lost) = (disk.tables(context), &journal.record.lost);
    let key = (context, id.to_owned());
    let there = match what {
        Index::Profile => tables.profiles.contains_key(id),
        Index::Event => tables.events.contains_key(id),
        // Whoever came since may have opened it again.
        Index::Session => tables.sessions.contains_key(id) && !lost.sessions.contains(&key),
    };
    holds!(!there, "the {what:?} {id} was deleted and is there");
    Ok(())
}
