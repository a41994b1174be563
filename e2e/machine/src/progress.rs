//! Saying what is done and how long it took, one plain line at a time (readable in a terminal and in a CI log alike).

use std::io::Write as _;
use std::time::{Duration, Instant};

/// Receives what happens while a cluster is brought up.
pub trait Progress {
    /// A step begins.
    fn step(&mut self, what: &str);
    /// The step that began last has ended well after `took`.
    fn done(&mut self, took: Duration);
    /// Something worth knowing that is not a step.
    fn note(&mut self, what: &str);
}

/// `==> building kubelet` and `    done in 23.1 s` on standard error, which leaves standard output to results.
#[derive(Debug, Default)]
pub struct Plain;

impl Progress for Plain {
    fn step(&mut self, what: &str) {
        line(&format!("==> {what}"));
    }
    fn done(&mut self, took: Duration) {
        line(&format!("    done in {}", seconds(took)));
    }
    fn note(&mut self, what: &str) {
        line(&format!("    {what}"));
    }
}

/// Says nothing; for callers that only want the result.
#[derive(Debug, Default)]
pub struct Silent;

impl Progress for Silent {
    fn step(&mut self, _what: &str) {}
    fn done(&mut self, _took: Duration) {}
    fn note(&mut self, _what: &str) {}
}

/// Runs `work` as one step. A failed step says nothing here: the error does.
pub fn step<T, E>(
    progress: &mut dyn Progress,
    what: &str,
    work: impl FnOnce(&mut dyn Progress) -> Result<T, E>,
) -> Result<T, E> {
    progress.step(what);
    let start = Instant::now();
    let result = work(progress)?;
    progress.done(start.elapsed());
    Ok(result)
}

fn line(text: &str) {
    // A closed standard error must not stop the work.
    let _ = writeln!(std::io::stderr(), "{text}");
}

/// `0.4 s`, `23.1 s`, `3 min 5 s`.
#[must_use]
pub fn seconds(took: Duration) -> String {
    let whole = took.as_secs();
    if whole >= 120 { format!("{} min {} s", whole / 60, whole % 60) } else { format!("{:.1} s", took.as_secs_f64()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_read_well() {
        assert_eq!(seconds(Duration::from_millis(420)), "0.4 s");
        assert_eq!(seconds(Duration::from_millis(23_060)), "23.1 s");
        assert_eq!(seconds(Duration::from_secs(185)), "3 min 5 s");
    }
}
