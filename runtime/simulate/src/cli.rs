//! `tracardi simulate`: makes the traffic of a [`Plan`], sends it, and says what became of it.

use std::io::{IsTerminal as _, Write as _};
use std::str::FromStr;
use std::time::Duration;

use futures::future::join_all;
use jiff::{SignedDuration, Timestamp};
use tracardi_process::SharedClock;

use crate::client::{Client, Target};
use crate::delivery::{Delivery, Patience};
use crate::journal::Journal;
use crate::report;
use crate::run::Run;
use crate::traffic::{Plan, Share};

/// How long a server may take to accept the first connection.
const GREETING: Duration = Duration::from_secs(5);
/// How long it may take to answer one request.
const ANSWER: Duration = Duration::from_secs(15);

/// Send the traffic of a simulated shop to an installation.
///
/// The same seed and start make the same requests. Events carry simulated times, so that an hour of the shop can be sent
/// in seconds.
#[derive(Clone, Debug, clap::Args)]
pub struct Arguments {
    /// Address of the public API
    #[arg(long, value_name = "URL", default_value = "http://127.0.0.1:8585", env = "TRACARDI_SIMULATE_URL")]
    pub url: Target,
    /// Id of the event source (type rest) to send as
    #[arg(long, value_name = "ID", env = "TRACARDI_SIMULATE_SOURCE")]
    pub source: String,
    /// Decides about the people and what they do
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
    /// How many people come
    #[arg(long, default_value_t = 60, value_parser = clap::value_parser!(u64).range(1..=10_000_000))]
    pub visitors: u64,
    /// How long people keep coming, in hours of simulated time
    #[arg(long, default_value_t = Hours::ONE)]
    pub hours: Hours,
    /// `max`, `realtime`, or how many times faster than the clock
    #[arg(long, default_value_t = Speed(f64::INFINITY))]
    pub speed: Speed,
    /// Connections at a time
    #[arg(long, default_value_t = 8, value_parser = clap::value_parser!(u64).range(1..=1024))]
    pub concurrency: u64,
    /// When the simulated shop opens, as 2026-03-01T10:00:00Z [default: so that the traffic ends now]
    #[arg(long, value_name = "TIME")]
    pub start: Option<Timestamp>,
}

/// A span in hours, with fractions.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Hours(f64);

impl Hours {
    const ONE: Self = Self(1.0);

    fn span(self) -> SignedDuration {
        SignedDuration::from_secs_f64(self.0 * 3600.0)
    }
}

impl FromStr for Hours {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text.parse() {
            Ok(hours) if (0.0..=8784.0).contains(&hours) => Ok(Self(hours)),
            _ => Err("write a number of hours from 0 to 8784"),
        }
    }
}

impl std::fmt::Display for Hours {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

/// How many simulated seconds pass in one second; infinite: as fast as the server answers.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Speed(f64);

impl FromStr for Speed {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "max" => Ok(Self(f64::INFINITY)),
            "realtime" => Ok(Self(1.0)),
            number => match number.parse::<f64>() {
                Ok(speed) if speed.is_finite() && speed >= 0.001 => Ok(Self(speed)),
                _ => Err("write `max`, `realtime` or a number of at least 0.001"),
            },
        }
    }
}

impl std::fmt::Display for Speed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.0.is_infinite() { f.write_str("max") } else { self.0.fmt(f) }
    }
}

/// Why a run did not succeed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Failure {
    /// Nobody answers at the address.
    #[error("{target} cannot be reached: {reason}; is the public API running there?")]
    Unreachable {
        /// The address.
        target: String,
        /// What the system said.
        reason: String,
    },
    /// The server wants none of it.
    #[error(
        "{target} refused event source `{source_id}`: {reason}; create it (type rest) or name another with --source"
    )]
    Refused {
        /// The address.
        target: String,
        /// The source that was given.
        source_id: String,
        /// Status and detail.
        reason: String,
    },
    /// Something was not acknowledged.
    #[error("{count} requests were not acknowledged; the first: {first}")]
    Unacknowledged {
        /// How many.
        count: u64,
        /// Why, the first time.
        first: String,
    },
    /// The result could not be printed.
    #[error("the result could not be printed: {0}")]
    Output(String),
}

impl Arguments {
    /// What to simulate, seen from `now`: without a start the last visitor comes now, at whatever speed.
    #[must_use]
    pub fn plan(&self, now: Timestamp) -> Plan {
        let span = self.hours.span();
        let lasts =
            SignedDuration::try_from_secs_f64(span.as_secs_f64() / self.speed.0).unwrap_or(SignedDuration::ZERO);
        let from = self.start.unwrap_or_else(|| now.checked_add(lasts - span).unwrap_or(now));
        let backdate = self.start.is_some() || lasts != span;
        Plan { seed: self.seed, visitors: self.visitors, from, span, source: self.source.clone(), backdate }
    }
}

/// Runs the command: progress on standard error, the result on standard output.
pub async fn run(arguments: Arguments, clock: SharedClock) -> Result<(), Failure> {
    let terminal = std::io::stderr().is_terminal();
    // On a terminal each line replaces the one before. Nobody to read it is no reason to stop.
    let show = |line: &str| {
        let (before, after) = if terminal { ("\r", "\x1b[K") } else { ("", "\n") };
        let _ = write!(std::io::stderr(), "{before}{line}{after}");
    };
    let (journal, elapsed) = send(&arguments, &clock, show).await?;
    if terminal {
        let _ = writeln!(std::io::stderr());
    }
    if journal.requests == 0 {
        // A table of zeros would only push the reason off the screen.
        return verdict(&journal, &arguments);
    }
    let table = report::table(&journal, elapsed);
    let mut out = std::io::stdout().lock();
    out.write_all(table.as_bytes()).and_then(|()| out.flush()).map_err(|error| Failure::Output(error.to_string()))?;
    verdict(&journal, &arguments)
}

/// Sends the traffic; gives what became of it and how long it took. `show` is given a line a second.
///
/// Fails only when nobody answers at the address; everything else stands in the journal.
pub async fn send(
    arguments: &Arguments,
    clock: &SharedClock,
    show: impl Fn(&str),
) -> Result<(Journal, Duration), Failure> {
    let mut greeting = Client::new(arguments.url.clone(), GREETING);
    greeting
        .connect()
        .await
        .map_err(|error| Failure::Unreachable { target: arguments.url.to_string(), reason: error.to_string() })?;
    let run = Run::new(arguments.plan(clock.now()), arguments.speed.0);
    let senders = join_all((0..arguments.concurrency).map(|index| {
        let client = Client::new(arguments.url.clone(), ANSWER);
        let delivery = Delivery::new(client, Patience::default(), arguments.seed.wrapping_add(index));
        run.send(delivery, Share { index, of: arguments.concurrency })
    }));
    let progress = async {
        loop {
            tokio::time::sleep(Duration::from_secs(1)).await;
            show(&run.progress());
        }
    };
    tokio::select! {
        _ = senders => {}
        () = progress => {}
    }
    Ok(run.finish())
}

/// Whether everything was acknowledged.
pub fn verdict(journal: &Journal, arguments: &Arguments) -> Result<(), Failure> {
    let count = journal.refused.count + journal.lost.count;
    let refused = journal.refused.first.clone();
    match refused.clone().or_else(|| journal.lost.first.clone()) {
        None => Ok(()),
        Some(reason) if refused.is_some() && reason.starts_with("401") => {
            let (target, source_id) = (arguments.url.to_string(), arguments.source.clone());
            Err(Failure::Refused { target, source_id, reason: reason.trim_end_matches('.').to_owned() })
        }
        Some(first) => Err(Failure::Unacknowledged { count, first }),
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Command {
        #[command(flatten)]
        arguments: Arguments,
    }

    fn parse(words: &str) -> Result<Arguments, String> {
        let words = std::iter::once("simulate").chain(words.split_whitespace());
        Command::try_parse_from(words).map(|command| command.arguments).map_err(|error| error.to_string())
    }

    #[test]
    fn traffic_ends_now_at_any_speed() {
        let now: Timestamp = "2026-03-01T12:00:00Z".parse().unwrap();
        let from = |words: &str| {
            let plan = parse(&format!("--source s {words}")).unwrap().plan(now);
            (plan.from.to_string(), plan.backdate)
        };
        assert_eq!(from(""), ("2026-03-01T11:00:00Z".to_owned(), true));
        assert_eq!(from("--hours 0.5"), ("2026-03-01T11:30:00Z".to_owned(), true));
        assert_eq!(from("--speed realtime"), ("2026-03-01T12:00:00Z".to_owned(), false));
        assert_eq!(from("--speed 60"), ("2026-03-01T11:01:00Z".to_owned(), true));
        assert_eq!(from("--start 2020-01-01T00:00:00Z"), ("2020-01-01T00:00:00Z".to_owned(), true));
    }

    #[test]
    fn wrong_words_are_explained() {
        for (words, explained) in [
            ("", "--source <ID>"),
            ("--source s --url shop", "write it as http://host:port"),
            ("--source s --speed fast", "write `max`, `realtime` or a number of at least 0.001"),
            ("--source s --hours=-1", "write a number of hours from 0 to 8784"),
            ("--source s --visitors 0", "not in 1..=10000000"),
            ("--source s --start yesterday", "--start"),
        ] {
            let error = parse(words).unwrap_err();
            assert!(error.contains(explained), "{words}: {error}");
        }
    }

    #[test]
    fn verdicts() {
        let arguments = parse("--url http://t:1 --source s").unwrap();
        let judge = |journal: &Journal| verdict(journal, &arguments).map_err(|error| error.to_string());
        let mut journal = Journal::default();
        assert_eq!(judge(&journal), Ok(()));
        journal.lose("no acknowledgement after 3 attempts: connection refused", 3);
        assert!(judge(&journal).unwrap_err().starts_with("1 requests were not acknowledged; the first: no ack"));
        let body = br#"{"detail":"Event source disabled."}"#.to_vec();
        journal.refuse(&crate::client::Answer { status: 401, body, ..Default::default() }, 0);
        assert_eq!(
            judge(&journal).unwrap_err(),
            "http://t:1 refused event source `s`: 401 Event source disabled; create it (type rest) or name another with --source"
        );
    }
}
