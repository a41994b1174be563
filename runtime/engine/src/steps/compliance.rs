//! Fields of events that need consents (spec/pipeline.md 5.7): without all of them the field is taken out of the event, or a
//! hash stands in its place, before anything is made of it. A consent that has ended is none; without a profile there is none.
//!
//! The hash is `hmac-sha256:` and the 64 hexadecimal digits of HMAC-SHA256 under the installation's merging key, of a text's
//! bytes, of any other value's JSON. An installation without that key has no such hash: the field is taken out.

use std::sync::Arc;

use hmac::{Hmac, KeyInit, Mac};
use jiff::Timestamp;
use serde_json::Value;
use sha2::Sha256;
use tracardi_model::configuration::Kind;
use tracardi_model::path::{self, Segment};
use tracardi_model::trail::{By, Deed};
use tracardi_model::{EventPayload, Map, Profile};

use crate::configuration::ProtectedField;
use crate::pipeline::{Item, Run};

/// Whether something was taken out or hashed.
pub(crate) fn protect(run: &mut Run<'_>, item: &mut Item<'_>, fields: &[Arc<ProtectedField>]) -> bool {
    let mut altered = false;
    for ProtectedField { record, field, consents, hash } in fields.iter().map(AsRef::as_ref) {
        let profile = run.profile.as_deref();
        if consents.iter().all(|consent| profile.is_some_and(|profile| consented(profile, consent, run.now))) {
            continue;
        }
        let path = field.segments();
        let Some(value) = find(&item.payload, path).filter(|value| !value.is_null()) else { continue };
        if run.command.is_altered() && value.as_str().is_some_and(is_hash) {
            continue;
        }
        let key = run.settings.merging_key.as_deref().filter(|_| *hash);
        let hashed = key.and_then(|key| hashed(value, key));
        let Some((map, rest)) = part(item.payload.to_mut(), path) else { continue };
        let told = field.as_str().to_owned();
        let did = if let Some(hashed) = hashed {
            // A place that was found can be written.
            let _ = path::set_in(map, rest, Value::String(hashed));
            Deed::Hashed { field: told }
        } else {
            path::remove_in(map, rest);
            Deed::Erased { field: told }
        };
        run.trails.note(&item.id, By::record(Kind::DataCompliance, record.as_ref()), did);
        altered = true;
    }
    altered
}

/// Whether the profile has given a consent that has not ended.
pub(crate) fn consented(profile: &Profile, consent: &str, now: Timestamp) -> bool {
    profile.consents.get(consent).is_some_and(|consent| consent.revoke.as_ref().is_none_or(|end| end.0 > now))
}

fn find<'p>(payload: &'p EventPayload, path: &[Segment]) -> Option<&'p Value> {
    let (first, rest) = path.split_first()?;
    match &*first.name {
        "properties" => path::get_in(payload.properties.as_ref()?, rest),
        "context" => path::get_in(&payload.context, rest),
        _ => None,
    }
}

fn part<'p, 's>(payload: &'p mut EventPayload, path: &'s [Segment]) -> Option<(&'p mut Map, &'s [Segment])> {
    let (first, rest) = path.split_first()?;
    match &*first.name {
        "properties" => Some((Arc::make_mut(payload.properties.as_mut()?), rest)),
        "context" => Some((Arc::make_mut(&mut payload.context), rest)),
        _ => None,
    }
}

fn hashed(value: &Value, key: &str) -> Option<String> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key.as_bytes()).ok()?;
    match value {
        Value::String(text) => mac.update(text.as_bytes()),
        other => mac.update(other.to_string().as_bytes()),
    }
    Some(format!("{HASHED}{}", hex::encode(mac.finalize().into_bytes())))
}

/// What a hash begins with.
const HASHED: &str = "hmac-sha256:";

/// What was kept of an event for a replay is not hashed once more.
fn is_hash(text: &str) -> bool {
    text.strip_prefix(HASHED)
        .is_some_and(|digits| digits.len() == 64 && digits.bytes().all(|byte| byte.is_ascii_hexdigit()))
}
