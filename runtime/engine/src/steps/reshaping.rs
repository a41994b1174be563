//! Events and the context of the request in another form (spec/pipeline.md 5.7). Of the records of a type, the first that is
//! for the event's source counts. If its templates fail, the event stays as it came.

use std::borrow::Cow;
use std::sync::Arc;

use tracardi_model::configuration::Kind;
use tracardi_model::trail::{By, Deed};
use tracardi_model::weight;

use crate::Rejected;
use crate::configuration::{MAX_RENDERED, Reshaped};
use crate::pipeline::{Flow, Run};
use crate::steps::trails;

/// What the templates may render for all events of a request together: a small body of many events must not become a large
/// one.
const MAX_REQUEST: usize = 16 << 20;

pub(crate) fn step(run: &mut Run<'_>) -> Result<Flow, Rejected> {
    let source = run.command.source.id.as_str();
    let mut room = MAX_REQUEST;
    for item in &mut run.items {
        let reshapings = item.configured.map_or(&[][..], |configured| configured.reshapings.as_slice());
        let Some(reshaping) = reshapings.iter().find(|reshaping| reshaping.is_for(source)) else { continue };
        if item.invalid.is_some() {
            continue;
        }
        match reshaping.apply(&item.received(&run.said), room.min(MAX_RENDERED)) {
            Ok(Reshaped { properties, context, session }) => {
                let taken = [&properties, &context, &session].into_iter().flatten().map(weight::map).sum();
                room = room.saturating_sub(taken);
                let parts = trails::parts([
                    ("properties", properties.is_some()),
                    ("context", context.is_some()),
                    ("session", session.is_some()),
                ]);
                let by = By::record(Kind::EventReshaping, &reshaping.id);
                run.trails.note(&item.id, by, Deed::Reshaped { parts });
                if let Some(properties) = properties {
                    item.payload.to_mut().properties = Some(Arc::new(properties));
                }
                if let Some(context) = context {
                    item.payload.to_mut().context = Arc::new(context);
                }
                if let Some(context) = session {
                    run.said = Cow::Owned(context);
                }
            }
            Err(why) => item.warnings.push(format!("{} {}: {why}", Kind::EventReshaping, reshaping.id)),
        }
    }
    Ok(Flow::Next)
}
