//! What the command prints: a line while it runs, a table at the end.

use std::fmt::Write as _;
use std::time::Duration;

use crate::journal::Journal;

/// Where the run stands, in one line.
pub(crate) fn progress(journal: &Journal, simulated: &str, elapsed: Duration) -> String {
    let mut line = format!(
        "{simulated}  {} visitors, {} requests, {} events acknowledged ({}/s)",
        journal.visitors.len(),
        journal.requests,
        journal.event_count(),
        rate(journal.event_count(), elapsed)
    );
    if journal.retries > 0 {
        let _ = write!(line, ", {} sent again", journal.retries);
    }
    line
}

/// The result.
pub(crate) fn table(journal: &Journal, elapsed: Duration) -> String {
    let events = journal.event_count();
    let identified = journal.visitors.values().filter(|visitor| visitor.identified).count();
    let buyers = journal.visitors.values().filter(|visitor| visitor.bought).count();
    let sessions: usize = journal.visitors.values().map(|visitor| visitor.sessions.len()).sum();
    let mut table = String::new();
    let mut row = |name: &str, value: &str| {
        // Writing into a String cannot fail.
        let _ = writeln!(table, "{name:<30} {value:>10}");
    };
    row("requests", &(journal.requests + journal.refused.count + journal.lost.count).to_string());
    row("  acknowledged", &journal.requests.to_string());
    row("  refused", &journal.refused.count.to_string());
    row("  without an answer", &journal.lost.count.to_string());
    row("  sent again", &journal.retries.to_string());
    row("events acknowledged", &events.to_string());
    let mut kinds: Vec<_> = journal.events.iter().collect();
    kinds.sort_by_key(|(kind, count)| (std::cmp::Reverse(**count), **kind));
    for (kind, count) in kinds {
        row(&format!("  {kind}"), &count.to_string());
    }
    row("events/s", &rate(events, elapsed).to_string());
    row("visitors", &journal.visitors.len().to_string());
    row("  sessions", &sessions.to_string());
    row("  identified", &identified.to_string());
    row("  bought", &buyers.to_string());
    if let Some(profile) = journal.profile_to_look_at() {
        let _ = writeln!(table, "profile to look at: {profile}");
    }
    table
}

/// Whole events per second.
fn rate(events: u64, elapsed: Duration) -> u64 {
    let millis = u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX).max(1);
    events.saturating_mul(1000) / millis
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::journal::{Failures, Visitor};

    #[test]
    fn looks() {
        let mut journal = Journal { requests: 3, retries: 1, ..Journal::default() };
        journal.events.extend([("page-view", 2), ("sign-in", 1), ("search", 2)]);
        journal.refused = Failures { count: 1, first: Some("422 no".to_owned()) };
        let profile = Some("7d1b2f56-2f1c-4c4e-8b0b-0e0f6f3c1d11".to_owned());
        journal.visitors.insert(7, Visitor { profile, identified: true, events: 5, ..Visitor::default() });
        let elapsed = Duration::from_millis(500);
        insta::assert_snapshot!(format!("{}\n{}", progress(&journal, "10:00:00", elapsed), table(&journal, elapsed)));
    }
}
