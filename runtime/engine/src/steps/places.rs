//! Place and campaign, completed by any request of a session (spec/pipeline.md 3.5, points 9 and 10).

use serde_json::Value;
use tracardi_model::leaf::Numbers;
use tracardi_model::record::Node;
use tracardi_model::session::{Geo, Utm};
use tracardi_model::{Map, weight};

use crate::Rejected;
use crate::pipeline::{Flow, Run};

/// Longest JSON of a place or a campaign that is looked at.
const MAX_WEIGHT: usize = 4_096;

pub(crate) fn step(run: &mut Run<'_>) -> Result<Flow, Rejected> {
    let context = &*run.said;
    let Some(session) = run.session.as_deref() else { return Ok(Flow::Next) };
    let geo = if session.device.geo.country.name.is_none() { stated(context) } else { None };
    let utm = if session.utm.source.is_none() {
        context.get("utm").filter(|value| short(value)).and_then(campaign)
    } else {
        None
    };
    if geo.is_none() && utm.is_none() {
        return Ok(Flow::Next);
    }
    if let Some(session) = run.session_mut() {
        if let Some(geo) = geo {
            session.device.geo = geo;
        }
        if let Some(utm) = utm {
            session.utm = utm;
        }
    }
    run.session_changed = true;
    Ok(Flow::Next)
}

/// The place that the client states, if it is one.
pub(crate) fn stated(context: &Map) -> Option<Geo> {
    context.get("location").filter(|value| short(value)).and_then(place)
}

/// Place and campaign are kept with every event.
fn short(value: &Value) -> bool {
    weight::value(value) <= MAX_WEIGHT
}

/// A place, if it is one in all its parts.
fn place(value: &Value) -> Option<Geo> {
    let mut geo = Geo::default();
    geo.set(&[], value).ok()?;
    if let Some(latitude) = geo.latitude {
        geo.location = geo.longitude.map(|longitude| Numbers(vec![longitude, latitude]));
    }
    (geo != Geo::default()).then_some(geo)
}

/// A campaign, if its parts are texts.
fn campaign(value: &Value) -> Option<Utm> {
    let mut utm = Utm::default();
    utm.set(&[], value).ok()?;
    (utm != Utm::default()).then_some(utm)
}
