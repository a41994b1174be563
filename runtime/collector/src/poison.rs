//! Requests on which the engine panics: a defect of the program, which one event of one client must not turn into a defect of
//! the service. What is at fault is found by leaving events out, and put into quarantine with what was sent for it; everything
//! else happens as if it had not come.

use std::any::Any;
use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind};

use tracardi_engine::{Command, Outcome, Rejected};
use tracardi_process::supervisor::panic_text;

/// What the engine says of an order; an error is a panic, in words.
pub(crate) type Tried = Result<Result<Outcome, Rejected>, String>;

/// How often a request is tried at most. What is not known to be harmless by then is left out.
const MAX_ATTEMPTS: usize = 256;

/// Catches a panic. Values that it leaves behind are dropped.
pub(crate) fn caught<R>(work: impl FnOnce() -> R) -> Result<R, String> {
    catch_unwind(AssertUnwindSafe(work)).map_err(|panic| {
        let text = panic_text(panic.as_ref());
        discard(panic);
        text
    })
}

/// What a program panics with may panic when it is dropped.
fn discard(panic: Box<dyn Any + Send>) {
    if let Err(another) = catch_unwind(AssertUnwindSafe(|| drop(panic))) {
        std::mem::forget(another);
    }
}

/// Finds the events without which a command does not panic and gives what becomes of it with these in quarantine; None when
/// it panics whatever is left out.
pub(crate) fn isolate(
    command: &Command,
    why: &str,
    mut run: impl FnMut(&Command) -> Tried,
) -> Option<Result<Outcome, Rejected>> {
    let ids = command.event_ids();
    let mut search = Search { ids, why, left: MAX_ATTEMPTS, command: command.clone(), culprits: Vec::new() };
    // Were it kept in quarantine, what is not to be kept would be.
    if !command.save_events() {
        return None;
    }
    let without_any = search.with(0..0, &mut run).ok()?;
    if ids.len() == 1 {
        return Some(without_any);
    }
    search.look(0..ids.len(), &mut run);
    let culprits = std::mem::take(&mut search.culprits);
    if culprits.len() == ids.len() {
        return Some(without_any);
    }
    search.command.suspect(culprits, why);
    Some(run(&search.command).unwrap_or(without_any))
}

struct Search<'a> {
    ids: &'a [String],
    why: &'a str,
    /// How many attempts are left.
    left: usize,
    command: Command,
    culprits: Vec<String>,
}

impl Search<'_> {
    /// Only these events are looked at.
    fn with(&mut self, part: Range<usize>, run: &mut impl FnMut(&Command) -> Tried) -> Tried {
        self.left = self.left.saturating_sub(1);
        let others = self.ids.iter().enumerate().filter(|(at, _)| !part.contains(at)).map(|(_, id)| id.clone());
        self.command.suspect(others, self.why);
        run(&self.command)
    }

    fn look(&mut self, part: Range<usize>, run: &mut impl FnMut(&Command) -> Tried) {
        if self.left > 0 && self.with(part.clone(), run).is_ok() {
            return;
        }
        if self.left == 0 || part.len() <= 1 {
            self.culprits.extend(self.ids.get(part).unwrap_or_default().iter().cloned());
            return;
        }
        let middle = part.start + part.len() / 2;
        self.look(part.start..middle, run);
        self.look(middle..part.end, run);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, LazyLock};

    use jiff::Timestamp;
    use serde_json::json;
    use tracardi_engine::{Origin, Settings, State, collect};
    use tracardi_model::{Context, EventSource, Limits, SeededEntropy, SourceType, TrackerPayload};

    use super::*;

    static SETTINGS: LazyLock<Settings> = LazyLock::new(|| Settings::new("test").unwrap());

    fn command(kinds: &[&str], save: bool) -> Command {
        let now = Timestamp::UNIX_EPOCH;
        let source = EventSource::new("shop", "Shop", vec![SourceType::Rest], now);
        let events: Vec<_> =
            kinds.iter().enumerate().map(|(id, kind)| json!({"id": id.to_string(), "type": kind})).collect();
        let body = json!({"source": {"id": "shop"}, "session": {"id": "s"}, "events": events, "options": {"saveEvents": save}});
        let body = body.to_string();
        let payload = TrackerPayload::parse(body.as_bytes(), &Limits::default()).unwrap();
        Command::new(Context::Production, Arc::new(source), payload, Origin::default(), false, &SETTINGS)
            .with_body(body.into())
    }

    /// An engine that panics when an event of the type `bad` is looked at, or two of the type `odd`.
    fn frail(command: &Command, runs: &mut usize) -> Tried {
        *runs += 1;
        let mut entropy = SeededEntropy::new([7; 32]);
        let outcome = collect(command, State::default(), &SETTINGS, Timestamp::UNIX_EPOCH, &mut entropy);
        let valid = |kind: &str| {
            let events = outcome.iter().flat_map(|outcome| &outcome.events);
            events.filter(|event| event.metadata.valid && event.kind == kind).count()
        };
        if valid("bad") > 0 || valid("odd") > 1 {
            return Err("it is bad".to_owned());
        }
        Ok(outcome)
    }

    fn found(kinds: &[&str]) -> (Vec<String>, usize) {
        let mut runs = 0;
        let outcome =
            isolate(&command(kinds, true), "it is bad", |command| frail(command, &mut runs)).unwrap().unwrap();
        let stored = outcome.events.iter().filter(|event| event.source.id == "shop").count();
        assert_eq!(stored, kinds.len(), "every event is stored");
        for original in &outcome.quarantined {
            let sent: serde_json::Value = serde_json::from_str(original.event.get()).unwrap();
            assert_eq!((&sent["id"], original.why.as_str()), (&json!(original.id), "it is bad"));
        }
        (outcome.quarantined.into_iter().map(|original| original.id).collect(), runs)
    }

    #[test]
    fn only_what_is_at_fault_is_left_out() {
        assert_eq!(found(&["bad"]), (vec!["0".to_owned()], 1));
        assert_eq!(found(&["a", "bad", "c"]).0, ["1"]);
        assert_eq!(found(&["bad", "b", "c", "bad"]).0, ["0", "3"]);
        assert_eq!(found(&["bad", "bad"]).0, ["0", "1"]);
        let mut many = vec!["good"; 1_000];
        many[617] = "bad";
        let (ids, runs) = found(&many);
        assert_eq!(ids, ["617"]);
        assert!(runs < 25, "{runs}");
    }

    #[test]
    fn what_fails_only_together_is_left_out_together() {
        assert_eq!(found(&["odd", "b", "c", "odd"]).0, ["0", "1", "2", "3"]);
    }

    #[test]
    fn the_number_of_attempts_has_a_bound() {
        let (ids, runs) = found(&["bad"; 300]);
        assert_eq!(ids.len(), 300);
        assert!(runs <= MAX_ATTEMPTS + 1, "{runs}");
    }

    #[test]
    fn what_always_fails_and_what_is_not_to_be_kept_is_given_up() {
        assert!(isolate(&command(&["a"], true), "x", |_| Err("always".to_owned())).is_none());
        assert!(isolate(&command(&["a", "b"], false), "x", |_| panic!("is not tried")).is_none());
    }

    #[test]
    fn a_panic_with_a_panic_is_caught() {
        struct Bomb(u8);
        impl Drop for Bomb {
            fn drop(&mut self) {
                if self.0 > 0 {
                    std::panic::panic_any(Self(self.0 - 1));
                }
            }
        }
        assert_eq!(caught(|| std::panic::panic_any(Bomb(2))), Err::<(), _>("no message".to_owned()));
        assert_eq!(caught(|| 7), Ok(7));
    }
}
