//! What a new session tells of its visitor: program, system, device, screen, place, languages (spec/pipeline.md 3.5). Looked at
//! once per session; reading a user agent is the dearest part of a request.

use std::sync::Arc;

use serde_json::{Value, json};
use tracardi_model::Map;
use tracardi_model::leaf::{Leaf, scalar_text};
use tracardi_model::session::{App, Device, Geo, Session};
use tracardi_model::trail::{By, Deed};

use crate::geoip::first_public;
use crate::pipeline::{Flow, Run};
use crate::steps::{bounds, places};
use crate::{Command, Rejected, Settings, agent};

/// The header by which Google's robot gives itself away even under another user agent.
const GOOGLEBOT_FROM: &str = "googlebot(at)googlebot.com";

pub(crate) fn step(run: &mut Run<'_>) -> Result<Flow, Rejected> {
    if run.session_new {
        let (command, settings) = (run.command, run.settings);
        if let Some(session) = run.session.as_mut().map(Arc::make_mut) {
            merge(session, &run.said, command);
            describe(session, &run.said, command);
            let located = locate(session, &run.said, command, settings);
            languages(session, command, settings);
            if let Some((by, did)) = located {
                run.note_first(by, did);
            }
        }
    }
    Ok(Flow::Next)
}

/// Notes in the session what the client says now.
pub(crate) fn merge(session: &mut Session, said: &Map, command: &Command) {
    bounds::extend(&mut session.context, said);
    bounds::extend(&mut session.properties, &command.payload.properties);
}

fn describe(session: &mut Session, context: &Map, command: &Command) {
    if let Some(agent) = command.user_agent().and_then(agent::parse) {
        session.os = agent.os.clone();
        session.app = App {
            language: session.app.language.take(),
            resolution: session.app.resolution.take(),
            ..agent.app.clone()
        };
        let known = &mut session.device;
        known.name.clone_from(&agent.device.name);
        known.brand.clone_from(&agent.device.brand);
        known.model.clone_from(&agent.device.model);
        known.r#type.clone_from(&agent.device.kind);
        known.touch = agent.device.touch;
    }
    if let Some(Value::Object(device)) = context.get("device") {
        own_words(&mut session.device, device);
    }
    screen(&mut session.device, context);
    session.metadata.channel = Some(command.source.channel.clone());
    if let Some(forwarded) = command.header("x-forwarded-for") {
        session.device.ip = Some(forwarded.chars().take(512).collect());
    }
    session.context.insert("ip".to_owned(), Value::String(command.client_ip.clone()));
    if let Some(language) = command.browser().and_then(|browser| bounds::word(browser.get("language"))) {
        session.app.language = Some(language.to_owned());
    }
    if command.header("from") == Some(GOOGLEBOT_FROM) {
        session.app.bot = true;
    }
}

/// Where the visitor's address is. What the client itself says of its place outweighs that; a later step writes it down.
fn locate(session: &mut Session, said: &Map, command: &Command, settings: &Settings) -> Option<(By, Deed)> {
    let geoip = settings.geoip.as_ref()?;
    if session.device.geo.country.name.is_some() || places::stated(said).is_some() {
        return None;
    }
    let forwarded = session.device.ip.as_deref().and_then(first_public);
    let address = forwarded.or_else(|| first_public(&command.client_ip))?;
    session.device.geo = geoip.place(address)?;
    let Geo { city, country, .. } = &session.device.geo;
    let place = [city, &country.name].into_iter().flatten().map(String::as_str).collect::<Vec<_>>().join(", ");
    Some((By::geoip(geoip.kind()), Deed::Located { place }))
}

/// What the client says of its device outweighs what its user agent says.
fn own_words(device: &mut Device, said: &Map) {
    let places = [
        ("name", &mut device.name),
        ("brand", &mut device.brand),
        ("model", &mut device.model),
        ("type", &mut device.r#type),
    ];
    for (name, place) in places {
        if let Some(text) = bounds::word(said.get(name)) {
            *place = Some(text.to_owned());
        }
    }
}

fn screen(device: &mut Device, context: &Map) {
    let Some(screen) = context.get("screen").and_then(|screen| screen.get("local")) else { return };
    let size = |name: &str| screen.get(name).filter(|value| !value.is_boolean()).and_then(scalar_text);
    let size = |name: &str| size(name).filter(|text| text.len() <= 16);
    if let (Some(width), Some(height)) = (size("width"), size("height")) {
        device.resolution = Some(format!("{width}x{height}"));
    }
    if let Some(Ok(depth)) = screen.get("colorDepth").map(i64::read) {
        device.color_depth = Some(depth);
    }
    if let Some(orientation) = bounds::word(screen.get("orientation")) {
        device.orientation = Some(orientation.to_owned());
    }
}

fn languages(session: &mut Session, command: &Command, settings: &Settings) {
    let accepted = command.header("accept-language").unwrap_or_default();
    let spoken = settings.languages.spoken(accepted, session.device.geo.country.code.as_deref());
    if !spoken.codes.is_empty() {
        session.context.insert("language".to_owned(), json!(spoken.names));
        session.context.insert("language_codes".to_owned(), json!(spoken.codes));
    }
}
