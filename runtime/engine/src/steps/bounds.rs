//! Bounds on what one request may make the store grow by. A body is bounded where it is read; but parts of it are kept with
//! every event, and parts of every request are kept in the session, so small bodies could make large documents.

use serde_json::Value;
use tracardi_model::{Map, weight};

use crate::Rejected;
use crate::pipeline::{Flow, Run};

/// Most bytes that headers and `request` may take in all events of a request together.
const MAX_COPIES: usize = 16 << 20;
/// Most bytes of a session's context, and of its properties.
const MAX_CONTEXT: usize = 256 << 10;
/// Longest text of a client that is kept with every event or in a session's typed part.
const MAX_WORD: usize = 512;

pub(crate) fn step(run: &mut Run<'_>) -> Result<Flow, Rejected> {
    let events = run.command.payload.events.len();
    // One copy is never larger than the body.
    if events > 1 && weight::map(&run.command.request).saturating_mul(events) > MAX_COPIES {
        return Err(Rejected::TooLarge { events });
    }
    Ok(Flow::Next)
}

/// Takes the entries over as long as there is room; known keys may be replaced.
pub(crate) fn extend(known: &mut Map, new: &Map) {
    if new.is_empty() {
        return;
    }
    let mut room = MAX_CONTEXT.saturating_sub(weight::map(known));
    for (key, value) in new {
        let size = key.len() + weight::value(value);
        if size <= room {
            room -= size;
            known.insert(key.clone(), value.clone());
        }
    }
}

/// A text that is short enough to be kept with every event.
pub(crate) fn word(value: Option<&Value>) -> Option<&str> {
    value?.as_str().filter(|text| text.len() <= MAX_WORD)
}
