//! Points in time: always UTC, written as `2026-11-21T08:15:00.000000+00:00`, read leniently.

use jiff::civil::{Date, DateTime};
use jiff::tz::TimeZone;
use jiff::{Timestamp, fmt::temporal::DateTimeParser};

static PARSER: DateTimeParser = DateTimeParser::new();

/// Unix seconds above which a number is taken as milliseconds (the year 2603 in seconds).
const MILLISECONDS_FROM: f64 = 2e10;

/// `YYYY-MM-DDTHH:MM:SS.ffffff+00:00`; fixed width, so that texts of the same era sort like the times.
#[must_use]
pub fn format(time: Timestamp) -> String {
    format_with(time, 'T')
}

/// As [`format`] with a blank instead of `T`: the form of `metadata.fields` of a profile.
#[must_use]
pub fn format_spaced(time: Timestamp) -> String {
    format_with(time, ' ')
}

fn format_with(time: Timestamp, separator: char) -> String {
    let mut buffer = [0_u8; LENGTH];
    let text = write(time, separator, &mut buffer);
    text.to_owned()
}

const LENGTH: usize = 32;

/// Writes the digits by hand: this runs several times per stored document, and the general formatter costs ten times as much.
fn write(time: Timestamp, separator: char, buffer: &mut [u8; LENGTH]) -> &str {
    let civil = TimeZone::UTC.to_datetime(time);
    *buffer = *b"0000-00-00T00:00:00.000000+00:00";
    let year = u32::from(civil.year().unsigned_abs());
    digits(&mut buffer[0..4], year);
    digits(&mut buffer[5..7], u32::from(civil.month().unsigned_abs()));
    digits(&mut buffer[8..10], u32::from(civil.day().unsigned_abs()));
    if separator == ' ' {
        buffer[10] = b' ';
    }
    digits(&mut buffer[11..13], u32::from(civil.hour().unsigned_abs()));
    digits(&mut buffer[14..16], u32::from(civil.minute().unsigned_abs()));
    digits(&mut buffer[17..19], u32::from(civil.second().unsigned_abs()));
    digits(&mut buffer[20..26], civil.subsec_nanosecond().unsigned_abs() / 1000);
    std::str::from_utf8(buffer).unwrap_or_default()
}

fn digits(place: &mut [u8], mut number: u32) {
    for byte in place.iter_mut().rev() {
        *byte = b'0' + u8::try_from(number % 10).unwrap_or(0);
        number /= 10;
    }
}

/// Why a text or number is no point in time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TimeError {
    /// Not one of the accepted forms.
    Form,
    /// Before the year 1, or after [`Timestamp::MAX`] at the end of 9999.
    Range,
}

impl TimeError {
    /// The reason in words.
    #[must_use]
    pub const fn reason(self) -> &'static str {
        match self {
            Self::Form => "expected ISO 8601, for example 2026-11-21T08:15:00Z, or unix seconds",
            Self::Range => "the time must lie between 0001-01-01T00:00:00Z and 9999-12-30T22:00:00Z",
        }
    }
}

impl std::fmt::Display for TimeError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.reason())
    }
}

impl std::error::Error for TimeError {}

/// Reads ISO 8601 / RFC 3339 with `T` or blank, with or without zone (then UTC) and fraction, a bare date (midnight UTC),
/// or digits (unix seconds). The result is cut to microseconds, the resolution in which times are kept.
pub fn parse(text: &str) -> Result<Timestamp, TimeError> {
    let text = text.trim();
    if text.is_empty() {
        return Err(TimeError::Form);
    }
    if text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.') && text.bytes().filter(|b| *b == b'.').count() < 2
    {
        return text.parse::<f64>().map_err(|_| TimeError::Form).and_then(from_number);
    }
    if !text.as_bytes().first().is_some_and(u8::is_ascii_digit) {
        return Err(TimeError::Form);
    }
    // Five digits before the first dash: a year that no store and no other tool reads.
    if text.find('-').is_some_and(|at| at > 4 && text.as_bytes()[..at].iter().all(u8::is_ascii_digit)) {
        return Err(TimeError::Range);
    }
    if let Ok(time) = PARSER.parse_timestamp(text) {
        return checked(time);
    }
    let civil = PARSER
        .parse_datetime(text)
        .or_else(|_| PARSER.parse_date(text).map(|date: Date| date.at(0, 0, 0, 0)))
        .map_err(|_| TimeError::Form)?;
    from_civil(civil)
}

fn from_civil(civil: DateTime) -> Result<Timestamp, TimeError> {
    TimeZone::UTC.to_timestamp(civil).map_err(|_| TimeError::Range).and_then(checked)
}

/// Unix seconds, or milliseconds when the number is too large for seconds.
pub fn from_number(number: f64) -> Result<Timestamp, TimeError> {
    let seconds = if number.abs() > MILLISECONDS_FROM { number / 1000.0 } else { number };
    if !seconds.is_finite() || seconds.abs() > 1e12 {
        return Err(TimeError::Range);
    }
    #[allow(clippy::cast_possible_truncation, reason = "bounded above")]
    let micros = (seconds * 1e6).round() as i64;
    Timestamp::from_microsecond(micros).map_err(|_| TimeError::Range).and_then(checked)
}

fn checked(time: Timestamp) -> Result<Timestamp, TimeError> {
    let time = Timestamp::from_microsecond(time.as_microsecond()).map_err(|_| TimeError::Range)?;
    let year = TimeZone::UTC.to_datetime(time).year();
    if (1..=9999).contains(&year) { Ok(time) } else { Err(TimeError::Range) }
}

/// Unix seconds with fraction, as `metadata.time.timestamp` of a session has it.
#[must_use]
pub fn seconds(time: Timestamp) -> f64 {
    #[allow(clippy::cast_precision_loss, reason = "microseconds of our era fit into 53 bits")]
    let micros = time.as_microsecond() as f64;
    micros / 1e6
}

/// Monday 0 to Sunday 6, in UTC.
#[must_use]
pub fn weekday(time: Timestamp) -> u8 {
    u8::try_from(TimeZone::UTC.to_datetime(time).weekday().to_monday_zero_offset()).unwrap_or(0)
}

/// `#[serde(with = "time::stamp")]` for a required point in time.
pub mod stamp {
    use jiff::Timestamp;
    use serde::{Deserializer, Serializer};

    use super::LENGTH;

    /// Writes the stored form.
    pub fn serialize<S: Serializer>(time: &Timestamp, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(super::write(*time, 'T', &mut [0; LENGTH]))
    }

    /// Reads every accepted form.
    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Timestamp, D::Error> {
        deserializer.deserialize_any(super::Reader)
    }
}

/// `#[serde(with = "time::optional")]` for a point in time or null.
pub mod optional {
    use jiff::Timestamp;
    use serde::{Deserialize, Deserializer, Serializer};

    use super::LENGTH;

    struct Stamp(Timestamp);

    impl<'de> Deserialize<'de> for Stamp {
        fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
            super::stamp::deserialize(deserializer).map(Self)
        }
    }

    /// Writes the stored form or null.
    #[allow(clippy::ref_option, reason = "the signature is serde's")]
    pub fn serialize<S: Serializer>(time: &Option<Timestamp>, serializer: S) -> Result<S::Ok, S::Error> {
        match time {
            Some(time) => serializer.serialize_str(super::write(*time, 'T', &mut [0; LENGTH])),
            None => serializer.serialize_none(),
        }
    }

    /// Reads every accepted form; null is none.
    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Timestamp>, D::Error> {
        Ok(Option::<Stamp>::deserialize(deserializer)?.map(|stamp| stamp.0))
    }
}

struct Reader;

impl serde::de::Visitor<'_> for Reader {
    type Value = Timestamp;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a point in time (ISO 8601 or unix seconds)")
    }

    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Timestamp, E> {
        parse(text).map_err(E::custom)
    }

    fn visit_f64<E: serde::de::Error>(self, number: f64) -> Result<Timestamp, E> {
        from_number(number).map_err(E::custom)
    }

    fn visit_i64<E: serde::de::Error>(self, number: i64) -> Result<Timestamp, E> {
        #[allow(clippy::cast_precision_loss, reason = "beyond 53 bits it is out of range anyway")]
        from_number(number as f64).map_err(E::custom)
    }

    fn visit_u64<E: serde::de::Error>(self, number: u64) -> Result<Timestamp, E> {
        #[allow(clippy::cast_precision_loss, reason = "beyond 53 bits it is out of range anyway")]
        from_number(number as f64).map_err(E::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn writes_the_stored_form() {
        let time = Timestamp::from_microsecond(1_709_287_200_000_123).unwrap();
        assert_eq!(format(time), "2024-03-01T10:00:00.000123+00:00");
        assert_eq!(format_spaced(time), "2024-03-01 10:00:00.000123+00:00");
        assert_eq!(parse(&format(time)), Ok(time));
        assert_eq!(weekday(time), 4, "1 March 2024 was a Friday");
        assert!((seconds(time) - 1_709_287_200.000_123).abs() < 1e-6);
    }

    #[test]
    fn reads_what_clients_send() {
        let expected = "2024-03-01T10:00:00.000000+00:00";
        for text in [
            "2024-03-01T10:00:00Z",
            "2024-03-01 10:00:00+00:00",
            "2024-03-01T10:00:00",
            "2024-03-01T12:00:00+02:00",
            "2024-03-01T10:00:00.000Z",
            "2024-03-01T10:00",
            "1709287200",
            "1709287200000",
            "2024-03-01 10:00:00",
        ] {
            assert_eq!(parse(text).map(format).as_deref(), Ok(expected), "{text}");
        }
        assert_eq!(parse("2024-03-01").map(format).as_deref(), Ok("2024-03-01T00:00:00.000000+00:00"));
        assert_eq!(from_number(1_709_287_200.5).map(format).as_deref(), Ok("2024-03-01T10:00:00.500000+00:00"));
    }

    #[test]
    fn refuses_the_rest() {
        for (text, error) in [
            ("", TimeError::Form),
            ("yesterday", TimeError::Form),
            ("2024-13-01T00:00:00Z", TimeError::Form),
            ("99999-01-01T00:00:00Z", TimeError::Range),
            ("0000-01-01T00:00:00Z", TimeError::Range),
            ("-2024-01-01T00:00:00Z", TimeError::Form),
            ("99999999999999999999", TimeError::Range),
            ("1.2.3", TimeError::Form),
            ("+999999-01-01T00:00:00Z", TimeError::Form),
            ("é024-01-01", TimeError::Form),
        ] {
            assert_eq!(parse(text), Err(error), "{text}");
        }
        assert_eq!(from_number(f64::NAN), Err(TimeError::Range));
        assert_eq!(from_number(f64::INFINITY), Err(TimeError::Range));
    }
}
