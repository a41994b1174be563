//! What session and request tell of the person, before the events are looked at (spec/pipeline.md 4.5). Only what is marked
//! as a change makes the profile be stored; the rest rides along.

use std::sync::Arc;

use serde_json::Value;
use tracardi_model::leaf::{Leaf, OneOrMany};
use tracardi_model::{Map, Profile};

use crate::Rejected;
use crate::pipeline::{Flow, Run};

pub(crate) fn step(run: &mut Run<'_>) -> Result<Flow, Rejected> {
    // Taken out while it is compared with the rest of the run; put back below.
    let Some(mut profile) = run.profile.take() else { return Ok(Flow::Next) };
    languages(run, &mut profile);
    continent(run, &mut profile);
    let mut changed = place(run, &mut profile);
    changed |= free_mail(run, &mut profile);
    if run.session_new {
        visit(run, &mut profile);
        changed = true;
    }
    time_zone(run, &mut profile);
    run.profile = Some(profile);
    run.profile_changed |= changed;
    Ok(Flow::Next)
}

fn languages(run: &Run<'_>, profile: &mut Arc<Profile>) {
    // This runs for every request: known values are compared before anything is copied.
    if let Some(said) = run.context("language")
        && !same(profile.data.pii.language.spoken.as_ref(), said)
        && let Ok(spoken) = OneOrMany::read(said)
    {
        Arc::make_mut(profile).data.pii.language.spoken = Some(spoken);
    }
    let Some(Value::Array(codes)) = run.context("language_codes") else { return };
    let markets = || run.settings.languages.markets(codes.iter().take(32).filter_map(Value::as_str));
    let known = geo(profile, "markets").and_then(Value::as_array);
    let unchanged = known.is_some_and(|known| known.iter().map(Value::as_str).eq(markets().map(Some)));
    if !unchanged && markets().next().is_some() {
        set_geo(profile, "markets", markets().map(str::to_owned).collect());
    }
}

fn continent(run: &Run<'_>, profile: &mut Arc<Profile>) {
    let Some(time) = run.said.get("time") else { return };
    let zone = time.get("tz").and_then(Value::as_str).unwrap_or("utc");
    let continent = if zone.eq_ignore_ascii_case("utc") { "n/a" } else { zone.split('/').next().unwrap_or_default() };
    if geo(profile, "continent").and_then(Value::as_str) != Some(continent) {
        set_geo(profile, "continent", Value::String(continent.chars().take(64).collect()));
    }
}

/// Whether the known languages are those of the JSON value.
fn same(known: Option<&OneOrMany>, said: &Value) -> bool {
    match (known, said) {
        (Some(OneOrMany::One(known)), Value::String(said)) => known == said,
        (Some(OneOrMany::Many(known)), Value::Array(said)) => {
            known.iter().map(String::as_str).map(Some).eq(said.iter().map(Value::as_str))
        }
        _ => false,
    }
}

/// `aux.geo.<name>`.
fn geo<'p>(profile: &'p Profile, name: &str) -> Option<&'p Value> {
    profile.aux.get("geo")?.get(name)
}

/// Writes `aux.geo.<name>`.
fn set_geo(profile: &mut Arc<Profile>, name: &str, value: Value) {
    let geo = Arc::make_mut(profile).aux.entry("geo").or_insert_with(|| Value::Object(Map::new()));
    if !geo.is_object() {
        *geo = Value::Object(Map::new());
    }
    if let Value::Object(geo) = geo {
        geo.insert(name.to_owned(), value);
    }
}

/// The last place of a device is that of the session.
fn place(run: &Run<'_>, profile: &mut Arc<Profile>) -> bool {
    let Some(session) = run.session.as_deref() else { return false };
    let geo = &session.device.geo;
    if geo.country.name.is_none() || profile.data.devices.last.geo == *geo {
        return false;
    }
    Arc::make_mut(profile).data.devices.last.geo = geo.clone();
    true
}

/// Runs before the events: so it shows on the request after the one that brought the address.
fn free_mail(run: &Run<'_>, profile: &mut Arc<Profile>) -> bool {
    let Some(address) = profile.data.contact.email.main.as_deref() else { return false };
    let known = profile.aux.get("email").is_some_and(|email| email.get("free").is_some() || !email.is_object());
    if known {
        return false;
    }
    let free = run.settings.free_mail.contains(address);
    let email = Arc::make_mut(profile).aux.entry("email").or_insert_with(|| Value::Object(Map::new()));
    if let Value::Object(email) = email {
        email.insert("free".to_owned(), Value::Bool(free));
    }
    true
}

fn visit(run: &Run<'_>, profile: &mut Arc<Profile>) {
    let visit = &mut Arc::make_mut(profile).metadata.time.visit;
    if visit.current.is_some() {
        visit.last = visit.current;
    }
    visit.current = Some(run.now.into());
    visit.count = visit.count.saturating_add(1);
}

fn time_zone(run: &Run<'_>, profile: &mut Arc<Profile>) {
    let Some(zone) = run.time_zone() else { return };
    if profile.metadata.time.visit.tz.as_deref() != Some(zone) {
        Arc::make_mut(profile).metadata.time.visit.tz = Some(zone.to_owned());
    }
}
