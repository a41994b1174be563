//! Whether a source may send events through an endpoint (spec/pipeline.md 2.2).

use tracardi_model::source::INTERNAL_PREFIX;
use tracardi_model::{EventSource, SourceType};

use crate::Rejected;

/// Checks the source of a request that came in from outside. `source` is what is stored under `source_id` in the request's
/// context.
pub fn admit(source_id: &str, source: Option<&EventSource>, endpoint: SourceType) -> Result<(), Rejected> {
    if source_id.starts_with(INTERNAL_PREFIX) {
        return Err(Rejected::InternalSource);
    }
    let Some(source) = source else { return Err(Rejected::UnknownSource { id: source_id.to_owned() }) };
    if !source.enabled {
        return Err(Rejected::Disabled);
    }
    if !source.admits(endpoint) {
        return Err(Rejected::WrongType {
            endpoint: endpoint.as_str().to_owned(),
            id: source.id.clone(),
            name: source.name.clone(),
            admits: source.kind.iter().map(|kind| kind.as_str()).collect::<Vec<_>>().join(", "),
        });
    }
    Ok(())
}
