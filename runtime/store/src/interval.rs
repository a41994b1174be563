//! How wide the bars of a histogram are, where they lie, and how their dates read.

use jiff::{SignedDuration, Timestamp, tz::TimeZone};

use crate::documents::MAX_BUCKETS;
use crate::{Bucket, Counts, Histogram};

const DAY: i64 = 86_400;
const HOUR: i64 = 3_600;
const MINUTE: i64 = 60;

/// Unit in which the width of a bar is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// `d`
    Day,
    /// `h`
    Hour,
    /// `m`
    Minute,
}

/// Width of a bar: a whole number of units.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Interval {
    /// How many units, at least 1.
    pub amount: i64,
    /// Which unit.
    pub unit: Unit,
}

impl Interval {
    /// The width for a range, by the rule of the wire format: more than 50 days are cut into 50 bars of whole days, 20 to
    /// 50 days into days, less into about 50 bars of hours, or of minutes where an hour is too much; at least a minute.
    /// The rule counts whole days for the number of bars of days and the exact span below that.
    #[must_use]
    pub fn for_span(from: Timestamp, to: Timestamp) -> Self {
        let seconds = to.duration_since(from).as_secs().max(0);
        let days = seconds / DAY;
        if days > 50 {
            return Self { amount: days / 50, unit: Unit::Day };
        }
        if days >= 20 {
            return Self { amount: 1, unit: Unit::Day };
        }
        let hours = seconds / HOUR / 50;
        if hours > 0 {
            return Self { amount: hours, unit: Unit::Hour };
        }
        Self { amount: (seconds / MINUTE / 50).max(1), unit: Unit::Minute }
    }

    /// The width in seconds.
    #[must_use]
    pub fn seconds(self) -> i64 {
        let unit = match self.unit {
            Unit::Day => DAY,
            Unit::Hour => HOUR,
            Unit::Minute => MINUTE,
        };
        self.amount.saturating_mul(unit)
    }

    /// The width as the wire format writes it: `+1d`, `+3h`, `+5m`.
    #[must_use]
    pub fn name(self) -> String {
        let unit = match self.unit {
            Unit::Day => 'd',
            Unit::Hour => 'h',
            Unit::Minute => 'm',
        };
        format!("+{}{unit}", self.amount)
    }

    /// Where the first bar begins: the last whole unit (day, hour, minute in `zone`) that is not after `from`.
    #[must_use]
    pub fn first(self, from: Timestamp, zone: &TimeZone) -> Timestamp {
        let local = from.to_zoned(zone.clone());
        let offset = i64::from(local.offset().seconds());
        let unit = self.seconds() / self.amount.max(1);
        let since = (from.as_second() + offset).rem_euclid(unit);
        let whole = Timestamp::from_second(from.as_second()).unwrap_or(from);
        whole.checked_sub(SignedDuration::from_secs(since)).unwrap_or(from)
    }

    /// The date of a bar as the wire format writes it: `yy-mm-dd`, `dd/mm HH:MM` or `HH:MM`, by the unit.
    #[must_use]
    pub fn label(self, start: Timestamp, zone: &TimeZone) -> String {
        let local = start.to_zoned(zone.clone()).datetime();
        let (month, day, hour, minute) = (local.month(), local.day(), local.hour(), local.minute());
        match self.unit {
            // By hand: the formatter knows two-digit years of our time only.
            Unit::Day => format!("{:02}-{month:02}-{day:02}", local.year().rem_euclid(100)),
            Unit::Hour => format!("{day:02}/{month:02} {hour:02}:{minute:02}"),
            Unit::Minute => format!("{hour:02}:{minute:02}"),
        }
    }
}

/// The bars of a histogram, the same in every store.
#[derive(Clone, Copy, Debug)]
pub struct Bars {
    /// Beginning of the first one.
    pub first: Timestamp,
    /// The last instant that is in one.
    pub last: Timestamp,
    /// Microseconds of each, at least 1.
    pub width: i64,
    /// How many there are.
    pub number: usize,
}

impl Bars {
    /// The bars that a histogram asks for.
    #[must_use]
    pub fn of(histogram: &Histogram) -> Self {
        let width = histogram.width_seconds.clamp(1, i64::MAX / 1_000_000) * 1_000_000;
        let span = histogram.to.as_microsecond().saturating_sub(histogram.from.as_microsecond());
        let number = if span < 0 { 0 } else { (span / width + 1).min(MAX_BUCKETS) };
        // The end of the last bar that is told, if that comes before the end of the range.
        let end = histogram.from.as_microsecond().saturating_add(number.saturating_mul(width)).saturating_sub(1);
        let last = Timestamp::from_microsecond(end.min(histogram.to.as_microsecond())).unwrap_or(histogram.to);
        Self { first: histogram.from, last, width, number: usize::try_from(number).unwrap_or(0) }
    }

    /// No document in any of them.
    #[must_use]
    pub fn empty(&self) -> Counts {
        let buckets = (0..).take(self.number).filter_map(|bar: i64| {
            let start = self.first.checked_add(SignedDuration::from_micros(bar.checked_mul(self.width)?)).ok()?;
            Some(Bucket { start, count: 0, by_group: Vec::new() })
        });
        Counts { total: 0, groups: Vec::new(), buckets: buckets.collect() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn span(seconds: i64) -> String {
        let from: Timestamp = "2026-10-20T00:00:00Z".parse().unwrap();
        Interval::for_span(from, from + SignedDuration::from_secs(seconds)).name()
    }

    #[test]
    fn widths() {
        let table = [
            (0, "+1m"),
            (HOUR, "+1m"),
            (DAY, "+28m"),
            (3 * DAY, "+1h"),
            (19 * DAY, "+9h"),
            (20 * DAY, "+1d"),
            (50 * DAY, "+1d"),
            (100 * DAY, "+2d"),
            (356 * DAY, "+7d"),
        ];
        for (seconds, name) in table {
            assert_eq!(span(seconds), name, "{seconds} s");
        }
    }

    #[test]
    fn bars_begin_at_whole_units_of_the_zone() {
        let zone = TimeZone::get("Asia/Kolkata").unwrap();
        let from: Timestamp = "2026-10-20T13:47:12.5Z".parse().unwrap();
        let day = Interval { amount: 2, unit: Unit::Day };
        assert_eq!(day.first(from, &zone).to_string(), "2026-10-19T18:30:00Z");
        assert_eq!(day.label(day.first(from, &zone), &zone), "26-10-20");
        let hour = Interval { amount: 3, unit: Unit::Hour };
        assert_eq!(hour.label(hour.first(from, &TimeZone::UTC), &TimeZone::UTC), "20/10 13:00");
        let minute = Interval { amount: 5, unit: Unit::Minute };
        assert_eq!(minute.label(minute.first(from, &TimeZone::UTC), &TimeZone::UTC), "13:47");
    }

    #[test]
    fn dates_of_every_year_can_be_told() {
        let days = Interval { amount: 1, unit: Unit::Day };
        assert_eq!(days.label(Timestamp::MAX, &TimeZone::UTC), "99-12-30");
        assert_eq!(days.label(Timestamp::UNIX_EPOCH, &TimeZone::UTC), "70-01-01");
        assert_eq!(days.label("0005-02-03T00:00:00Z".parse().unwrap(), &TimeZone::UTC), "05-02-03");
        assert_eq!(days.label(Timestamp::MIN, &TimeZone::UTC).len(), 8);
    }
}
