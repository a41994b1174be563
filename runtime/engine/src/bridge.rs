//! What the settings of a source's bridge make of a request (spec/pipeline.md 2.4). They decide which session and profile a
//! request names, so they are applied before anything is loaded.
//!
//! | way in | setting | effect |
//! |---|---|---|
//! | rest | `static_profile_id` | the client's profile id is used as it is, even for a new profile |
//! | webhook | `generate_profile` | the events belong to a profile: the one that their e-mail address, phone number or key identifies, else a new one |
//! | webhook | `sticky_session` (on unless switched off) | such an identified profile has one session for good |
//! | webhook | `replace_profile_id` | the path of the property that is the profile id, used as it is |

use serde_json::Value;
use tracardi_model::event::Entity;
use tracardi_model::leaf::scalar_text;
use tracardi_model::payload::ProfileEntity;
use tracardi_model::{EventPayload, EventSource, Map, Path, SourceType, TrackerPayload, path};

use crate::command::normal_type;
use crate::{Settings, hashed_ids};

/// Settings of bridges.
pub(crate) const STATIC: &str = "static_profile_id";
const GENERATE: &str = "generate_profile";
const REPLACE: &str = "replace_profile_id";

/// Ids from properties are used up to this length, in bytes.
const MAX_ID: usize = 512;

/// What a request is after its bridge has seen it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Bridged {
    /// Whether no profile is wanted.
    pub(crate) profile_less: bool,
    /// Whether the profile id is used as it is.
    pub(crate) keeps_profile_id: bool,
    /// Which setting has given the request its ids.
    pub(crate) named: Option<Named>,
}

/// Ids that do not come from the client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Named {
    /// The setting that made them; of the profile always,
    pub(crate) setting: &'static str,
    /// and of the session?
    pub(crate) session: bool,
}

/// Applies the settings to a payload that came by this way in.
pub(crate) fn apply(
    payload: &mut TrackerPayload,
    source: &EventSource,
    endpoint: SourceType,
    profile_less: bool,
    settings: &Settings,
) -> Bridged {
    let untouched = Bridged { profile_less, keeps_profile_id: false, named: None };
    match (endpoint, &source.config) {
        (SourceType::Rest, _) => Bridged { keeps_profile_id: source.setting(STATIC), ..untouched },
        (SourceType::Webhook, Some(config)) => match (config.get(GENERATE), config.get(REPLACE)) {
            (Some(Value::Bool(true)), _) => {
                let sticky = config.get("sticky_session").is_none() || source.setting("sticky_session");
                let named = generate(payload, sticky, settings).then_some(Named { setting: GENERATE, session: sticky });
                Bridged { profile_less: false, keeps_profile_id: false, named }
            }
            (None, Some(Value::String(property))) => {
                let own_session = payload.session.is_some();
                if !replace(payload, property.trim()) {
                    return untouched;
                }
                let named = Some(Named { setting: REPLACE, session: !own_session });
                Bridged { profile_less: false, keeps_profile_id: true, named }
            }
            // Whatever else stands under `generate_profile`, it switches the other setting off.
            _ => untouched,
        },
        _ => untouched,
    }
}

/// The events belong to a profile. One that nothing in them identifies is made by the pipeline. Tells whether something does.
fn generate(payload: &mut TrackerPayload, sticky: bool, settings: &Settings) -> bool {
    let key = settings.merging_key.as_deref();
    let found =
        key.and_then(|key| Some((key, payload.events.iter().find_map(|event| identify(event, key, settings))?)));
    keep(payload);
    let Some((key, id)) = found else { return false };
    if sticky {
        payload.session = Some(Entity { id: hashed_ids::session(&id, key) });
    }
    payload.profile = Some(ProfileEntity { id, primary_id: None });
    true
}

/// The hashed id of the first property that the event's type takes for an identifying field of the profile. The profile
/// gets the same id when the event is mapped onto it.
fn identify(event: &EventPayload, key: &str, settings: &Settings) -> Option<String> {
    let properties = event.properties.as_ref()?;
    settings.event_types.get(&normal_type(&event.kind))?.copy.iter().find_map(|copy| {
        let prefix = hashed_ids::prefix(copy.destination.as_str())?;
        let found = copy.sources.iter().find_map(|source| match source.head() {
            ("properties", property) => path::get_in(properties, property),
            _ => None,
        });
        hashed_ids::hash(found?.as_str()?, prefix, key)
    })
}

/// Takes profile id, and session id when there is none, from a property; whether there was one.
fn replace(payload: &mut TrackerPayload, property: &str) -> bool {
    let mut maps = payload.events.iter().filter_map(|event| event.properties.as_deref());
    let Some(id) = maps.find_map(|properties| id_at(properties, property)) else { return false };
    payload.session.get_or_insert_with(|| Entity { id: id.clone() });
    payload.profile = Some(ProfileEntity { id, primary_id: None });
    keep(payload);
    true
}

/// The text or number under a key (forms have keys with dots) or at a path.
fn id_at(properties: &Map, property: &str) -> Option<String> {
    let at_path = || path::get_in(properties, Path::parse(property).ok()?.segments());
    let id = scalar_text(properties.get(property).or_else(at_path)?)?;
    let id = id.trim();
    (!id.is_empty() && id.len() <= MAX_ID && !id.contains('\0')).then(|| id.to_owned())
}

/// Session and profile are kept.
fn keep(payload: &mut TrackerPayload) {
    for flag in ["saveSession", "saveProfile"] {
        payload.options.insert(flag.to_owned(), Value::Bool(true));
    }
}
