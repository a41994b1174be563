//! Points in time in conditions: with a zone, so that they are instants, or without, as a calendar and a clock show them.
//!
//! [`parse`] reads, without regard to case:
//!
//! | text | gives |
//! |---|---|
//! | `2021-01-10`, `2021/01/10`, `01/10/2021` (month first), `10 Jan 2021`, `January 10, 2021`, `Jan 10 2021` | midnight, without zone |
//! | a date as above and `10:30`, `10:30:15`, `10:30 PM`, `10:30:15 pm` | that time, without zone |
//! | ISO 8601 without zone: `2021-01-10T10:30:15.25`, `2021-01-10 10:30` | that time, without zone |
//! | ISO 8601 with zone: `2021-01-10T10:30:15Z`, `2021-01-10 10:30:15+02:00` | an instant |
//! | RFC 2822: `Sun, 10 Jan 2021 10:30:15 +0000` | an instant |
//! | `now`, `today`, `yesterday`, `tomorrow` | this time of that day, without zone |
//! | `3 days ago`, `1 month 2 weeks ago`, `an hour ago`, `in 2 hours` (year to second, largest first) | without zone |

use std::cmp::Ordering;
use std::sync::LazyLock;

use jiff::civil::{Date, DateTime, Time};
use jiff::fmt::{friendly, rfc2822, temporal};
use jiff::tz::{TimeZone, TimeZoneDatabase};
use jiff::{SignedDuration, Span, Timestamp, ToSpan as _};

static ISO: temporal::DateTimeParser = temporal::DateTimeParser::new();
static MAIL: rfc2822::DateTimeParser = rfc2822::DateTimeParser::new();
static SPANS: friendly::SpanParser = friendly::SpanParser::new();
/// The zones that are compiled in; those of the machine would be read from files.
static ZONES: LazyLock<TimeZoneDatabase> = LazyLock::new(TimeZoneDatabase::bundled);

/// Longer texts are no times.
const MAX_TEXT: usize = 100;
const DATES: [&str; 8] =
    ["%d %B %Y", "%d %b %Y", "%B %d, %Y", "%b %d, %Y", "%B %d %Y", "%b %d %Y", "%Y/%m/%d", "%m/%d/%Y"];
const CLOCKS: [&str; 4] = ["%H:%M", "%H:%M:%S", "%I:%M %p", "%I:%M:%S %p"];

/// A point in time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Moment {
    /// Calendar and clock, without zone.
    Local(DateTime),
    /// An instant. Its zone does not matter to any comparison, so it is not kept.
    Instant(Timestamp),
}

impl Moment {
    /// Which is first; none when only one of them has a zone.
    #[must_use]
    pub fn order(self, other: Self) -> Option<Ordering> {
        match (self, other) {
            (Self::Local(one), Self::Local(other)) => Some(one.cmp(&other)),
            (Self::Instant(one), Self::Instant(other)) => Some(one.cmp(&other)),
            _ => None,
        }
    }

    /// That much later; none when no calendar goes that far.
    #[must_use]
    pub fn plus(self, duration: SignedDuration) -> Option<Self> {
        match self {
            Self::Local(time) => time.checked_add(duration).ok().map(Self::Local),
            Self::Instant(time) => time.checked_add(duration).ok().map(Self::Instant),
        }
    }

    /// The instant, a time without zone being taken as UTC; none at the very ends of the calendar.
    #[must_use]
    pub fn instant(self) -> Option<Timestamp> {
        match self {
            Self::Local(time) => TimeZone::UTC.to_timestamp(time).ok(),
            Self::Instant(time) => Some(time),
        }
    }
}

/// What the clock on the wall shows; the wall is in UTC.
#[must_use]
pub fn local(time: Timestamp) -> Moment {
    Moment::Local(TimeZone::UTC.to_datetime(time))
}

/// Whether a zone has this name, without regard to case.
#[must_use]
pub fn is_zone(name: &str) -> bool {
    ZONES.get(name).is_ok()
}

/// Reads a time in one of the forms above; none in every other.
#[must_use]
pub fn parse(text: &str, now: Timestamp) -> Option<Moment> {
    let text = text.trim();
    if text.len() > MAX_TEXT {
        return None;
    }
    if let Ok(time) = ISO.parse_timestamp(text).or_else(|_| MAIL.parse_timestamp(text)) {
        return Some(Moment::Instant(time));
    }
    let civil = ISO
        .parse_datetime(text)
        .or_else(|_| ISO.parse_date(text).map(Date::into))
        .ok()
        .or_else(|| calendar(text))
        .or_else(|| relative(&text.to_lowercase(), TimeZone::UTC.to_datetime(now)));
    civil.map(Moment::Local)
}

/// A date in words or with slashes, and a time of day if there is a colon.
fn calendar(text: &str) -> Option<DateTime> {
    let (date, clock) = match text.split_once(':') {
        None => (text, None),
        Some((before, _)) => {
            let space = before.rfind(' ')?;
            (text.get(..space)?.trim_end_matches([' ', ',']), text.get(space + 1..))
        }
    };
    let date = DATES.iter().find_map(|form| Date::strptime(form, date).ok())?;
    let clock = match clock {
        None => Time::midnight(),
        Some(clock) => CLOCKS.iter().find_map(|form| Time::strptime(form, clock).ok())?,
    };
    Some(date.to_datetime(clock))
}

/// A time told by its distance from now.
fn relative(text: &str, now: DateTime) -> Option<DateTime> {
    let span = match text {
        "now" | "today" => Span::new(),
        "yesterday" => (-1).days(),
        "tomorrow" => 1.day(),
        _ => match (text.strip_prefix("in "), text.strip_suffix(" ago")) {
            (Some(distance), None) => distance_of(distance)?,
            (None, Some(distance)) => -distance_of(distance)?,
            _ => return None,
        },
    };
    now.checked_add(span).ok()
}

/// `2 hours`, `a week`.
fn distance_of(text: &str) -> Option<Span> {
    let text = text.trim();
    let one = text.strip_prefix("an ").or_else(|| text.strip_prefix("a "));
    let span = match one {
        Some(unit) => SPANS.parse_span(format!("1 {unit}")),
        None => SPANS.parse_span(text),
    };
    // A sign, or a second "ago", would turn the direction round.
    span.ok().filter(|span| !span.is_negative())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms() {
        let now = Timestamp::from_second(1_610_274_600).unwrap();
        let cases = [
            ("2021-01-10", "2021-01-10T00:00:00"),
            (" 2021/01/10 ", "2021-01-10T00:00:00"),
            ("01/10/2021", "2021-01-10T00:00:00"),
            ("10 Jan 2021", "2021-01-10T00:00:00"),
            ("10 january 2021", "2021-01-10T00:00:00"),
            ("January 10, 2021", "2021-01-10T00:00:00"),
            ("Jan 10 2021", "2021-01-10T00:00:00"),
            ("10 Jan 2021 10:30", "2021-01-10T10:30:00"),
            ("Jan 10, 2021, 10:30:15 PM", "2021-01-10T22:30:15"),
            ("2021/01/10 8:05 am", "2021-01-10T08:05:00"),
            ("2021-01-10T10:30:15.25", "2021-01-10T10:30:15.25"),
            ("2021-01-10 10:30", "2021-01-10T10:30:00"),
            ("2021-01-10T10:30:15Z", "2021-01-10T10:30:15Z"),
            ("2021-01-10 10:30:15+02:00", "2021-01-10T08:30:15Z"),
            ("Sun, 10 Jan 2021 10:30:15 +0100", "2021-01-10T09:30:15Z"),
            ("now", "2021-01-10T10:30:00"),
            ("Today", "2021-01-10T10:30:00"),
            ("yesterday", "2021-01-09T10:30:00"),
            ("tomorrow", "2021-01-11T10:30:00"),
            ("3 days ago", "2021-01-07T10:30:00"),
            ("1 month 2 weeks ago", "2020-11-26T10:30:00"),
            ("an hour ago", "2021-01-10T09:30:00"),
            ("in 2 hours", "2021-01-10T12:30:00"),
            ("in a year", "2022-01-10T10:30:00"),
        ];
        for (text, expected) in cases {
            let shown = parse(text, now).map(|time| match time {
                Moment::Local(time) => time.to_string(),
                Moment::Instant(time) => time.to_string(),
            });
            assert_eq!(shown.as_deref(), Some(expected), "{text}");
        }
        for text in [
            "",
            "soon",
            "2021-13-01",
            "10 Foo 2021",
            "3 days",
            "in -2 hours",
            "in 2 hours ago",
            "ago",
            "10:30",
            "99999999 years ago",
        ] {
            assert_eq!(parse(text, now), None, "{text}");
        }
    }

    #[test]
    fn zones() {
        for name in ["Europe/Berlin", "europe/berlin", "UTC", "utc", "America/New_York"] {
            assert!(is_zone(name), "{name}");
        }
        for name in ["", "Berlin", "Europe/Berlin ", "+02:00"] {
            assert!(!is_zone(name), "{name}");
        }
    }
}
