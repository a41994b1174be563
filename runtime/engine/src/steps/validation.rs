//! Events that do not look as their type must (spec/pipeline.md 5.6): the first complaint is noted. Such an event is kept as
//! it came, and nothing follows from it. The same goes for events on which the program has failed.

use crate::Rejected;
use crate::pipeline::{Complaint, Flow, Run};

pub(crate) fn step(run: &mut Run<'_>) -> Result<Flow, Rejected> {
    for item in &mut run.items {
        if let Some(text) = run.command.failure(&item.id) {
            item.invalid = Some(Complaint::Panic(text.to_owned()));
            continue;
        }
        let Some(configured) = item.configured else { continue };
        let complaint = configured.checks.iter().find_map(|check| {
            let message = check.complaint(&item.received(&run.said), run.now)?;
            Some((check.id.clone(), message))
        });
        item.invalid = match complaint {
            Some((check, message)) if run.command.is_replay() => {
                let why = format!("it does not pass the validation {check}: {message}");
                return Err(Rejected::NotReplayed { why });
            }
            complaint => complaint.map(|(check, message)| Complaint::Check { check, message }),
        };
    }
    Ok(Flow::Next)
}
