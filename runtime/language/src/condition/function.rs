//! The functions: their names, what they take, what they give.

use std::borrow::Cow;

use jiff::{SignedDuration, Timestamp};
use serde_json::Value;
use tracardi_model::time;

use super::moment::{self, Moment};
use super::offset;
use super::operand::{Operand, Shape};

/// A function; see the names in its table of signatures.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Function {
    /// `now()`: the local time, without zone. Local is UTC.
    Now,
    /// `utcnow()`: the time in UTC, without zone.
    UtcNow,
    /// `now("Europe/Berlin")`: the time with a zone.
    NowIn,
    /// `now.timezone("Europe/Berlin")`: the same.
    NowTimezone,
    /// `now.offset("-15m")`: the local time earlier or later, without zone.
    NowOffset,
    /// `now.timezone.offset("Europe/Berlin", "1h")`: the time earlier or later, with a zone.
    NowTimezoneOffset,
    /// `datetime("2021-01-10")`: the time of a text; with a zone, if the text names one.
    Datetime,
    /// `datetime.offset(event@metadata.time.insert, "+1d")`: the time of a text, earlier or later.
    DatetimeOffset,
    /// `datetime.timezone("2021-01-10", "Europe/Berlin")`: the time of a text, which is UTC if it says nothing else, with a zone.
    DatetimeTimezone,
    /// `datetime.from_timestamp(1610236800)`: the time of unix seconds, without zone.
    FromTimestamp,
    /// `lowercase(event@type)`: a text in lower case; other values as they are.
    Lowercase,
    /// `uppercase(event@type)`: a text in upper case; other values as they are.
    Uppercase,
}

/// What an argument must be.
#[derive(Clone, Copy)]
enum Kind {
    Anything,
    /// A time, or a text that says one.
    Time,
    /// Unix seconds.
    Seconds,
    /// A name such as `Europe/Berlin`.
    Zone,
    /// A distance such as `-1d 2h`.
    Offset,
}

const SIGNATURES: [(Function, &str, &[Kind]); 12] = [
    (Function::Now, "now", &[]),
    (Function::UtcNow, "utcnow", &[]),
    (Function::NowIn, "now", &[Kind::Zone]),
    (Function::NowTimezone, "now.timezone", &[Kind::Zone]),
    (Function::NowOffset, "now.offset", &[Kind::Offset]),
    (Function::NowTimezoneOffset, "now.timezone.offset", &[Kind::Zone, Kind::Offset]),
    (Function::Datetime, "datetime", &[Kind::Time]),
    (Function::DatetimeOffset, "datetime.offset", &[Kind::Time, Kind::Offset]),
    (Function::DatetimeTimezone, "datetime.timezone", &[Kind::Time, Kind::Zone]),
    (Function::FromTimestamp, "datetime.from_timestamp", &[Kind::Seconds]),
    (Function::Lowercase, "lowercase", &[Kind::Anything]),
    (Function::Uppercase, "uppercase", &[Kind::Anything]),
];

impl Function {
    /// As many arguments as any function takes.
    pub(super) const MOST_ARGUMENTS: usize = 2;

    /// The name as written.
    #[must_use]
    pub fn name(self) -> &'static str {
        SIGNATURES.iter().find(|(function, ..)| *function == self).map_or("", |(_, name, _)| name)
    }

    pub(super) fn is_known(name: &str) -> bool {
        SIGNATURES.iter().any(|(_, known, _)| *known == name)
    }

    pub(super) fn find(name: &str, arguments: usize) -> Option<Self> {
        let mut found = SIGNATURES.iter().filter(|(_, known, kinds)| *known == name && kinds.len() == arguments);
        found.next().map(|(function, ..)| *function)
    }

    /// What to say about a name that no function has.
    pub(super) fn unknown(name: &str) -> String {
        let similarity = |known: &str| strsim::jaro_winkler(&name.to_ascii_lowercase(), known);
        let names = SIGNATURES.iter().map(|(_, known, _)| *known);
        let nearest = names.max_by(|one, other| similarity(one).total_cmp(&similarity(other)));
        match nearest.filter(|nearest| similarity(nearest) > 0.8) {
            Some(nearest) => format!("there is no function {name}; did you mean {}?", usages(nearest)),
            None => format!(
                "there is no function {name}; there are now, utcnow, now.timezone, now.offset, now.timezone.offset, datetime, \
                 datetime.offset, datetime.timezone, datetime.from_timestamp, lowercase and uppercase"
            ),
        }
    }

    /// What to say when the number of arguments is wrong.
    pub(super) fn wrong_arity(name: &str) -> String {
        format!("wrong number of arguments; write {}", usages(name))
    }

    /// What is wrong with a value as the argument at a place, if that can be told without the documents.
    pub(super) fn complaint(self, at: usize, value: &Value) -> Option<String> {
        let kinds = SIGNATURES.iter().find(|(function, ..)| *function == self).map(|(.., kinds)| *kinds)?;
        let value = Operand::from(value);
        match kinds.get(at)? {
            Kind::Anything => None,
            Kind::Time => moment_of(&value, Timestamp::UNIX_EPOCH).err(),
            Kind::Seconds => seconds(&value).err(),
            Kind::Zone => zone(&value).err(),
            Kind::Offset => distance(&value).err(),
        }
    }

    /// The value, or what is wrong. Arguments that the function does not take are not looked at.
    pub(super) fn call<'a>(
        self,
        first: Operand<'a>,
        second: &Operand<'_>,
        now: Timestamp,
    ) -> Result<Operand<'a>, String> {
        let here = moment::local(now);
        let time = match self {
            Self::Now | Self::UtcNow => here,
            Self::NowIn | Self::NowTimezone => {
                zone(&first)?;
                Moment::Instant(now)
            }
            Self::NowOffset => moved(here, &first)?,
            Self::NowTimezoneOffset => {
                zone(&first)?;
                moved(Moment::Instant(now), second)?
            }
            Self::Datetime => moment_of(&first, now)?,
            Self::DatetimeOffset => moved(moment_of(&first, now)?, second)?,
            Self::DatetimeTimezone => {
                zone(second)?;
                let instant = moment_of(&first, now)?.instant();
                Moment::Instant(instant.ok_or("this time is out of range")?)
            }
            Self::FromTimestamp => moment::local(seconds(&first)?),
            Self::Lowercase => return Ok(changed(first, str::to_lowercase)),
            Self::Uppercase => return Ok(changed(first, str::to_uppercase)),
        };
        Ok(Operand::Time(time))
    }
}

/// How the functions of that name are called.
fn usages(name: &str) -> String {
    let usage = |kinds: &[Kind]| {
        let arguments: Vec<&str> = kinds
            .iter()
            .map(|kind| match kind {
                Kind::Anything => "event@type",
                Kind::Time => "event@metadata.time.insert",
                Kind::Seconds => "1610236800",
                Kind::Zone => "\"Europe/Berlin\"",
                Kind::Offset => "\"-15m\"",
            })
            .collect();
        format!("{name}({})", arguments.join(", "))
    };
    let all: Vec<String> =
        SIGNATURES.iter().filter(|(_, known, _)| *known == name).map(|(_, _, kinds)| usage(kinds)).collect();
    all.join(" or ")
}

fn changed(value: Operand<'_>, change: fn(&str) -> String) -> Operand<'_> {
    if let Shape::Text(text) = value.shape() { Operand::Text(Cow::Owned(change(text))) } else { value }
}

fn moved(time: Moment, offset: &Operand<'_>) -> Result<Moment, String> {
    let offset = distance(offset)?;
    time.plus(offset).ok_or_else(|| "the time is out of range after the offset".to_owned())
}

fn moment_of(value: &Operand<'_>, now: Timestamp) -> Result<Moment, String> {
    match value.shape() {
        Shape::Time(time) => Ok(time),
        Shape::Text(text) => moment::parse(text, now).ok_or_else(|| {
            format!("\"{}\" is no time; write for example \"2021-01-10\" or \"3 days ago\"", shortened(text))
        }),
        other => Err(format!("a time is needed, not {}", other.kind())),
    }
}

fn distance(value: &Operand<'_>) -> Result<SignedDuration, String> {
    let Shape::Text(text) = value.shape() else {
        return Err(format!("an offset such as \"-15m\" is needed, not {}", value.shape().kind()));
    };
    offset::parse(text).ok_or_else(|| {
        format!(
            "\"{}\" is no offset; write for example \"-15m\", \"1d 2h\" or \"1:30:00\", but not zero",
            shortened(text)
        )
    })
}

fn zone(value: &Operand<'_>) -> Result<(), String> {
    let Shape::Text(text) = value.shape() else {
        return Err(format!("a time zone such as \"Europe/Berlin\" is needed, not {}", value.shape().kind()));
    };
    if moment::is_zone(text) {
        return Ok(());
    }
    Err(format!("\"{}\" is no time zone; write for example \"Europe/Berlin\" or \"UTC\"", shortened(text)))
}

fn seconds(value: &Operand<'_>) -> Result<Timestamp, String> {
    let Shape::Number(number) = value.shape() else {
        return Err(format!("unix seconds are needed, not {}", value.shape().kind()));
    };
    time::from_number(number.real()).map_err(|error| error.to_string())
}

/// A text from outside in a message is short.
fn shortened(text: &str) -> String {
    text.chars().take(60).collect()
}
