//! Which stretch of time a query speaks of: the body of `POST /{index}/select/range` and `…/histogram`, resolved against
//! a clock that is passed in.
//!
//! Read leniently, as clients write it: numbers as numbers or as texts with leading zeros; unknown keys are ignored.

use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Map, Value};
use tracardi_model::{FieldError, Loc};

/// Most documents in one answer.
pub const MAX_LIMIT: u64 = 1_000;
/// Documents in one answer when the client names no number.
const DEFAULT_LIMIT: u64 = 20;

/// A query over time, resolved: `from` lies before `to`.
#[derive(Clone, Debug, PartialEq)]
pub struct RangeQuery {
    /// Beginning, included.
    pub from: Timestamp,
    /// End, included.
    pub to: Timestamp,
    /// Condition in the search language; blank for none.
    pub filter: String,
    /// Zone in which dates are written; UTC when none, or an unknown one, was named.
    pub zone: TimeZone,
    /// Documents to skip.
    pub start: u64,
    /// Documents to give.
    pub limit: u64,
}

/// One end of the range as the client wrote it.
#[derive(Clone, Copy, Debug, PartialEq)]
enum End {
    /// Nothing given.
    Now,
    Absolute(Timestamp),
    Relative(SignedDuration),
}

/// Reads and resolves the body. All complaints at once, each with the place of the field.
pub fn resolve(body: &Value, now: Timestamp) -> Result<RangeQuery, Vec<FieldError>> {
    let mut reader = Reader::default();
    let Value::Object(body) = body else {
        reader.complain("model_attributes_type", &[], "Input should be a valid dictionary", body);
        return Err(reader.errors);
    };
    let min = reader.end(body, "minDate");
    let max = reader.end(body, "maxDate");
    let filter = reader.text(body, "where").unwrap_or_default();
    let zone = reader.text(body, "timeZone");
    let start = reader.count(body, "start").unwrap_or(0);
    let limit = reader.count(body, "limit").unwrap_or(DEFAULT_LIMIT);
    if limit > MAX_LIMIT {
        let message = format!("Input should be less than or equal to {MAX_LIMIT}; use pages for more");
        reader.complain("less_than_equal", &["limit".into()], message, &Value::from(limit));
    }
    let (Some(min), Some(max)) = (min, max) else { return Err(reader.errors) };
    let resolved = match (min, max) {
        (End::Relative(min), End::Absolute(max)) => shift(max, min).map(|min| (min, max)),
        (End::Absolute(min), End::Relative(max)) => shift(min, max).map(|max| (min, max)),
        (min, max) => anchored(min, now).and_then(|min| Some((min, anchored(max, now)?))),
    };
    match resolved {
        None => reader.complain(
            "value_error",
            &["minDate".into()],
            format!("The time lies outside of what can be told: {} to {}", Timestamp::MIN, Timestamp::MAX),
            &Value::Null,
        ),
        Some((from, to)) if from >= to => {
            let message = format!("Incorrect time range. From date {from} is not before to date {to}");
            reader.complain("value_error", &["minDate".into()], message, &Value::Null);
        }
        Some((from, to)) if reader.errors.is_empty() => {
            let zone = zone.and_then(|zone| TimeZone::get(zone.trim()).ok()).unwrap_or(TimeZone::UTC);
            return Ok(RangeQuery { from, to, filter, zone, start, limit });
        }
        Some(_) => {}
    }
    Err(reader.errors)
}

fn anchored(end: End, anchor: Timestamp) -> Option<Timestamp> {
    match end {
        End::Now => Some(anchor),
        End::Absolute(at) => Some(at),
        End::Relative(by) => shift(anchor, by),
    }
}

fn shift(at: Timestamp, by: SignedDuration) -> Option<Timestamp> {
    at.checked_add(by).ok()
}

/// Reads values and collects complaints.
#[derive(Debug, Default)]
struct Reader {
    errors: Vec<FieldError>,
}

impl Reader {
    fn complain(&mut self, kind: &'static str, at: &[Loc], message: impl Into<String>, input: &Value) {
        let loc = std::iter::once("body".into()).chain(at.iter().cloned()).collect();
        self.errors.push(FieldError::new(kind, loc, message).with_input(input));
    }

    /// A text; null counts as absent.
    fn text(&mut self, object: &Map<String, Value>, key: &'static str) -> Option<String> {
        match object.get(key)? {
            Value::Null => None,
            Value::String(text) => Some(text.clone()),
            other => {
                self.complain("string_type", &[key.into()], "Input should be a valid string", other);
                None
            }
        }
    }

    /// A number that counts something; null counts as absent.
    fn count(&mut self, object: &Map<String, Value>, key: &'static str) -> Option<u64> {
        let value = object.get(key).filter(|value| !value.is_null())?;
        let number = self.integer(value, &[key.into()])?;
        let count = u64::try_from(number).ok();
        if count.is_none() {
            self.complain("greater_than_equal", &[key.into()], "Input should be greater than or equal to 0", value);
        }
        count
    }

    /// A whole number, written as number or as text.
    fn integer(&mut self, value: &Value, at: &[Loc]) -> Option<i64> {
        let number = match value {
            Value::Number(number) => number.as_i64().or_else(|| whole(number.as_f64()?)),
            Value::String(text) => text.trim().parse().ok(),
            _ => None,
        };
        if number.is_none() {
            self.complain("int_parsing", at, "Input should be a valid integer", value);
        }
        number
    }

    /// One end of the range; `None` after a complaint.
    fn end(&mut self, body: &Map<String, Value>, key: &'static str) -> Option<End> {
        let date = match body.get(key) {
            None | Some(Value::Null) => return Some(End::Now),
            Some(Value::Object(date)) => date,
            Some(other) => {
                self.complain("model_attributes_type", &[key.into()], "Input should be a valid dictionary", other);
                return None;
            }
        };
        match date.get("absolute") {
            None | Some(Value::Null) => {}
            Some(Value::Object(absolute)) => {
                if let Some(at) = self.absolute(absolute, key)? {
                    return Some(End::Absolute(at));
                }
            }
            Some(other) => {
                let at = [key.into(), "absolute".into()];
                self.complain("model_attributes_type", &at, "Input should be a valid dictionary", other);
                return None;
            }
        }
        match date.get("delta") {
            None | Some(Value::Null) => Some(End::Now),
            Some(Value::Object(delta)) => self.delta(delta, key).map(End::Relative),
            Some(other) => {
                let at = [key.into(), "delta".into()];
                self.complain("model_attributes_type", &at, "Input should be a valid dictionary", other);
                None
            }
        }
    }

    /// A date in parts, read as UTC. `Some(None)`: not filled in. `None`: after a complaint.
    #[expect(clippy::option_option, reason = "absent and wrong are different things")]
    fn absolute(&mut self, parts: &Map<String, Value>, end: &'static str) -> Option<Option<Timestamp>> {
        let mut part = |name: &'static str| match parts.get(name) {
            None | Some(Value::Null) => Some(None),
            Some(value) => self.integer(value, &[end.into(), "absolute".into(), name.into()]).map(Some),
        };
        let (year, month, date) = (part("year")?, part("month")?, part("date")?);
        let (hour, minute, second) = (part("hour")?, part("minute")?, part("second")?);
        let (Some(year), Some(month), Some(date)) = (year, month, date) else { return Some(None) };
        let meridiem = parts.get("meridiem").and_then(Value::as_str).unwrap_or_default();
        let hour = twenty_four(hour.unwrap_or(0), meridiem);
        let civil = (|| {
            let civil = DateTime::new(
                i16::try_from(year).ok()?,
                i8::try_from(month).ok()?,
                i8::try_from(date).ok()?,
                i8::try_from(hour).ok()?,
                i8::try_from(minute.unwrap_or(0)).ok()?,
                i8::try_from(second.unwrap_or(0)).ok()?,
                0,
            );
            civil.ok()
        })();
        let built = civil.and_then(|civil| TimeZone::UTC.to_timestamp(civil).ok());
        if let (Some(civil), None) = (civil, built) {
            let message = format!("{civil} lies outside of what can be told: {} to {}", Timestamp::MIN, Timestamp::MAX);
            self.complain("datetime_parsing", &[end.into(), "absolute".into()], message, &Value::Null);
        } else if built.is_none() {
            let at = [end.into(), "absolute".into()];
            let message = format!(
                "There is no such date: {year}-{month}-{date} {hour}:{}:{}",
                minute.unwrap_or(0),
                second.unwrap_or(0)
            );
            self.complain("datetime_parsing", &at, message, &Value::Null);
        }
        built.map(Some)
    }

    fn delta(&mut self, delta: &Map<String, Value>, end: &'static str) -> Option<SignedDuration> {
        let at = |name: &'static str| [end.into(), "delta".into(), name.into()];
        let null = Value::Null;
        let value = self.integer(delta.get("value").unwrap_or(&null), &at("value"));
        let entity = delta.get("entity").unwrap_or(&null);
        let seconds = match entity.as_str().unwrap_or_default() {
            "second" => 1,
            "minute" => 60,
            "hour" => 3_600,
            "day" => 86_400,
            "week" => 7 * 86_400,
            "month" => 31 * 86_400,
            "year" => 356 * 86_400,
            _ => {
                let message = "Input should be 'second', 'minute', 'hour', 'day', 'week', 'month' or 'year'";
                self.complain("literal_error", &at("entity"), message, entity);
                return None;
            }
        };
        let value = value?;
        let span = value.checked_mul(seconds);
        if span.is_none() {
            self.complain("value_error", &at("value"), "The span is too long", &Value::from(value));
        }
        span.map(SignedDuration::from_secs)
    }
}

/// The hour of a day of 24, given an hour that may be one of a day of twice 12. An hour above 12 tells by itself that it
/// is not, and then the word is ignored.
fn twenty_four(hour: i64, meridiem: &str) -> i64 {
    match (meridiem.trim().to_ascii_lowercase().as_str(), hour) {
        ("pm", 1..=11) => hour + 12,
        ("am", 12) => 0,
        _ => hour,
    }
}

/// A float without fraction, as an integer.
fn whole(number: f64) -> Option<i64> {
    #[expect(clippy::cast_possible_truncation, reason = "the guard keeps to integers that floats hold exactly")]
    (number.fract() == 0.0 && number.abs() < 9e15).then_some(number as i64)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const NOW: &str = "2026-11-21T12:00:00Z";

    fn ends(body: &Value) -> String {
        match resolve(body, NOW.parse().unwrap()) {
            Ok(query) => format!("{} .. {}", query.from, query.to),
            Err(errors) => errors.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "),
        }
    }

    fn date(hour: &Value, meridiem: &Value) -> Value {
        json!({"absolute": {"year": 2026, "month": "08", "date": "09", "hour": hour, "minute": "05", "second": 0, "meridiem": meridiem, "timeZone": 0}, "delta": null})
    }

    #[test]
    fn ends_of_the_range() {
        let day = json!({"absolute": null, "delta": {"value": -1, "entity": "day", "type": "minus"}});
        let at = date(&json!(10), &json!("AM"));
        let table = [
            (json!({"minDate": day}), "2026-11-20T12:00:00Z .. 2026-11-21T12:00:00Z"),
            (json!({"minDate": day, "maxDate": null}), "2026-11-20T12:00:00Z .. 2026-11-21T12:00:00Z"),
            (json!({"minDate": at}), "2026-08-09T10:05:00Z .. 2026-11-21T12:00:00Z"),
            // The relative end is anchored at the absolute one.
            (json!({"minDate": day, "maxDate": at}), "2026-08-08T10:05:00Z .. 2026-08-09T10:05:00Z"),
            (
                json!({"minDate": at, "maxDate": {"delta": {"value": "03", "entity": "hour"}}}),
                "2026-08-09T10:05:00Z .. 2026-08-09T13:05:00Z",
            ),
            // Both relative: at now.
            (
                json!({"minDate": {"delta": {"value": -1, "entity": "month"}}, "maxDate": {"delta": {"value": 2, "entity": "week"}}}),
                "2026-10-21T12:00:00Z .. 2026-12-05T12:00:00Z",
            ),
            (
                json!({"minDate": {"delta": {"value": -1, "entity": "year"}}}),
                "2025-11-30T12:00:00Z .. 2026-11-21T12:00:00Z",
            ),
        ];
        for (body, expected) in table {
            assert_eq!(ends(&body), expected, "{body}");
        }
    }

    #[test]
    fn hours_of_both_kinds() {
        let table = [
            (json!("01"), json!("PM"), "13"),
            (json!("11"), json!("pm"), "23"),
            (json!("12"), json!("PM"), "12"),
            (json!("12"), json!("AM"), "00"),
            (json!("09"), json!("AM"), "09"),
            // A client that writes 24 hours.
            (json!(15), json!("PM"), "15"),
            (json!(0), json!("AM"), "00"),
            (json!(7), json!(null), "07"),
        ];
        for (hour, meridiem, expected) in table {
            let range = ends(&json!({"minDate": date(&hour, &meridiem)}));
            assert!(range.starts_with(&format!("2026-08-09T{expected}:05:00Z")), "{hour} {meridiem}: {range}");
        }
    }

    #[test]
    fn complaints_name_the_field() {
        let absolute = |part: &str, value: Value| {
            let mut date = date(&json!(1), &json!("AM"));
            date["absolute"][part] = value;
            json!({ "minDate": date })
        };
        let delta = |value: Value, entity: Value| json!({"minDate": {"delta": {"value": value, "entity": entity}}});
        let table = [
            (
                json!({}),
                "body.minDate: Incorrect time range. From date 2026-11-21T12:00:00Z is not before to date 2026-11-21T12:00:00Z",
            ),
            (json!([]), "body: Input should be a valid dictionary"),
            (json!({"minDate": 3}), "body.minDate: Input should be a valid dictionary"),
            (absolute("month", json!("13")), "body.minDate.absolute: There is no such date: 2026-13-9 1:5:0"),
            (absolute("year", json!(99_999)), "body.minDate.absolute: There is no such date: 99999-8-9 1:5:0"),
            (
                json!({"minDate": {"absolute": {"year": 9999, "month": 12, "date": 31}}}),
                "body.minDate.absolute: 9999-12-31T00:00:00 lies outside of what can be told: -009999-01-02T01:59:59Z to 9999-12-30T22:00:00.999999999Z",
            ),
            (absolute("hour", json!("x")), "body.minDate.absolute.hour: Input should be a valid integer"),
            (delta(json!(null), json!("day")), "body.minDate.delta.value: Input should be a valid integer"),
            (delta(json!(1.5), json!("day")), "body.minDate.delta.value: Input should be a valid integer"),
            (
                delta(json!(1), json!("age")),
                "body.minDate.delta.entity: Input should be 'second', 'minute', 'hour', 'day', 'week', 'month' or 'year'",
            ),
            (
                delta(json!(-9_000_000_000_000_i64), json!("day")),
                "body.minDate: The time lies outside of what can be told: -009999-01-02T01:59:59Z to 9999-12-30T22:00:00.999999999Z",
            ),
            (delta(json!(i64::MIN), json!("day")), "body.minDate.delta.value: The span is too long"),
            (
                json!({"minDate": {"delta": {"value": -1, "entity": "day"}}, "limit": 1001, "start": -1}),
                "body.start: Input should be greater than or equal to 0; body.limit: Input should be less than or equal to 1000; use pages for more",
            ),
            (
                json!({"minDate": {"delta": {"value": -1, "entity": "day"}}, "where": 3}),
                "body.where: Input should be a valid string",
            ),
        ];
        for (body, expected) in table {
            assert_eq!(ends(&body), expected, "{body}");
        }
    }

    #[test]
    fn an_absolute_date_without_its_parts_counts_as_none() {
        let body = json!({"minDate": {"absolute": {"year": null, "month": null, "date": null}, "delta": {"value": "-5", "entity": "minute"}}});
        assert_eq!(ends(&body), "2026-11-21T11:55:00Z .. 2026-11-21T12:00:00Z");
    }

    #[test]
    fn the_rest_of_the_body() {
        let body = json!({"minDate": {"delta": {"value": -1, "entity": "day"}}, "where": "type=\"a\"", "timeZone": "Europe/Warsaw", "start": "5", "limit": "30", "rand": "0.3", "now": 1});
        let query = resolve(&body, NOW.parse().unwrap()).unwrap();
        assert_eq!((query.start, query.limit, query.filter.as_str()), (5, 30, "type=\"a\""));
        assert_eq!(query.zone.iana_name(), Some("Europe/Warsaw"));
        let unknown = json!({"minDate": {"delta": {"value": -1, "entity": "day"}}, "timeZone": "Mars/Base", "limit": null, "where": null});
        let query = resolve(&unknown, NOW.parse().unwrap()).unwrap();
        assert_eq!((query.zone, query.limit, query.filter.as_str()), (TimeZone::UTC, 20, ""));
    }
}
