//! Bridges: the ways in that an event source may name, with the settings that each of them knows (spec/pipeline.md 2.1, 2.4).
//! They are part of the program; nobody makes or changes one.
//!
//! A bridge is `{"id", "name", "description", "type", "config", "form", "manual"}`: `type` is that of the sources, `config` what their
//! settings begin with, `form` describes a form for them (spec/api-surface.md 3.8), null when there are none.

use axum::routing::get;
use axum::{Json, Router};
use serde_json::{Value, json};
use tracardi_model::SourceType;

use crate::app::App;
use crate::auth::{Allowed, Builders};
use crate::params::Path;

/// A way in.
struct Bridge {
    id: &'static str,
    name: &'static str,
    description: &'static str,
    kind: SourceType,
    config: Value,
    settings: Vec<Setting>,
}

/// A setting that its sources have.
struct Setting {
    id: &'static str,
    name: &'static str,
    description: &'static str,
    /// The kind of input: `bool`, `text`.
    input: &'static str,
}

/// The routes.
pub(crate) fn routes() -> Router<App> {
    Router::new()
        .route("/bridges", get(bridges))
        .route("/bridges/entity", get(entities))
        .route("/bridge/{id}", get(bridge))
}

/// `GET /bridges`: `{"total", "result": [bridge, …]}`.
async fn bridges(_: Allowed<Builders>) -> Json<Value> {
    let result: Vec<Value> = all().iter().map(Bridge::shown).collect();
    Json(json!({"total": result.len(), "result": result}))
}

/// `GET /bridges/entity`: `{"total", "result": [{"id", "name", "type", "manual"}]}`, by name.
async fn entities(_: Allowed<Builders>) -> Json<Value> {
    let mut known = all();
    known.sort_by_key(|bridge| bridge.name);
    let entity = |Bridge { id, name, kind, .. }: &Bridge| json!({"id": id, "name": name, "type": kind, "manual": null});
    let result: Vec<Value> = known.iter().map(entity).collect();
    Json(json!({"total": result.len(), "result": result}))
}

/// `GET /bridge/{id}`: the bridge, or `null`.
async fn bridge(_: Allowed<Builders>, Path(id): Path<String>) -> Json<Option<Value>> {
    Json(all().iter().find(|bridge| bridge.id == id.to_lowercase()).map(Bridge::shown))
}

fn all() -> Vec<Bridge> {
    let setting = |id, name, description, input| Setting { id, name, description, input };
    vec![
        Bridge {
            id: "778ded05-4ff3-4e08-9a86-72c0195fa95d",
            name: "REST",
            description: "Events that trackers and programs send to /track.",
            kind: SourceType::Rest,
            config: json!({"static_profile_id": false}),
            settings: vec![
                setting(
                    "static_profile_id",
                    "Static profile id",
                    "The client's profile id is used as it is, for new profiles too. Every event has to name one.",
                    "bool",
                ),
                setting(
                    "device_fingerprint_ttl",
                    "Seconds for which a device is remembered",
                    "A visitor without session is recognised by the device for so long, at most a day. Empty: not at all.",
                    "text",
                ),
            ],
        },
        Bridge {
            id: "3d8bb87e-28d1-4a38-b19c-d0c1fbb71e22",
            name: "Webhook",
            description: "Calls of other systems to /collect; what they carry becomes the properties of an event.",
            kind: SourceType::Webhook,
            config: json!({"sticky_session": true}),
            settings: vec![
                setting(
                    "generate_profile",
                    "Make profiles",
                    "Events belong to a profile: the one that an e-mail address, a phone number or a key in them identifies, \
                     else a new one.",
                    "bool",
                ),
                setting(
                    "sticky_session",
                    "One session for each profile",
                    "A profile that is identified by an event has the same session each time.",
                    "bool",
                ),
                setting(
                    "replace_profile_id",
                    "Property with the profile id",
                    "Where the id of the profile stands among the properties, such as user.id. Counts only where it is not \
                     said whether profiles are made.",
                    "text",
                ),
            ],
        },
        Bridge {
            id: "a495159f-91be-476d-a4e5-1b2d7e005403",
            name: "Redirect",
            description: "Links to /redirect that lead on to an address; each click is an event.",
            kind: SourceType::Redirect,
            config: json!({}),
            settings: Vec::new(),
        },
    ]
}

impl Bridge {
    fn shown(&self) -> Value {
        let Self { id, name, description, kind, config, settings } = self;
        let form = (!settings.is_empty()).then(|| {
            let fields: Vec<Value> = settings.iter().map(Setting::shown).collect();
            let group = json!({"name": "Settings", "description": description, "fields": fields});
            json!({"submit": null, "default": {}, "title": null, "groups": [group]})
        });
        json!({"id": id, "name": name, "description": description, "type": kind, "config": config, "form": form, "manual": null})
    }
}

impl Setting {
    fn shown(&self) -> Value {
        let Self { id, name, description, input } = self;
        json!({"id": id, "name": name, "description": description, "validation": null, "required": false,
            "component": {"type": input, "props": {"label": name}}})
    }
}
