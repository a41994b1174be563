//! Events that do not look as their type must (spec/pipeline.md 5.6): the first complaint is noted. Such an event is kept as
//! it came, and nothing follows from it.

use crate::Rejected;
use crate::pipeline::{Complaint, Flow, Run};

pub(crate) fn step(run: &mut Run<'_>) -> Result<Flow, Rejected> {
    for item in &mut run.items {
        let Some(configured) = item.configured else { continue };
        item.invalid = configured.checks.iter().find_map(|check| {
            let message = check.complaint(&item.received(&run.said), run.now)?;
            Some(Complaint { check: check.id.clone(), message })
        });
    }
    Ok(Flow::Next)
}
