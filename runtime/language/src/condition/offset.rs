//! Distances in time as people write them: `1w 2d 3h4m5s`, `1 day, 2 hours`, `-15m`, `1:30:00`, `1:30`, `:30`.
//!
//! A sign, then numbers (with fraction) and units from the largest to the smallest, each at most once, separated by nothing,
//! blanks, `,` or `/`; or hours, minutes and seconds with colons, before which weeks and days may stand; or minutes and
//! seconds, seconds, or days to seconds with colons. This is the grammar of Python's pytimeparse.

use jiff::SignedDuration;

/// Names of a unit and its seconds, from the largest to the smallest.
const UNITS: [(&[&str], f64); 5] = [
    (&["w", "wk", "wks", "week", "weeks"], 604_800.0),
    (&["d", "dy", "dys", "day", "days"], DAY),
    (&["h", "hr", "hrs", "hour", "hours"], 3_600.0),
    (&["m", "min", "mins", "minute", "minutes"], 60.0),
    (&["s", "sec", "secs", "second", "seconds"], 1.0),
];
const DAY: f64 = 86_400.0;
/// Position in [`UNITS`] of the hours: a clock can follow only what is larger.
const HOURS: usize = 2;

/// The distance; none when the text is of another form, and for zero.
pub(super) fn parse(text: &str) -> Option<SignedDuration> {
    let text = text.trim();
    let (sign, text) = match text.strip_prefix('-') {
        Some(rest) => (-1.0, rest),
        None => (1.0, text.strip_prefix('+').unwrap_or(text)),
    };
    let seconds = sign * unsigned(text.trim_start())?;
    SignedDuration::try_from_secs_f64(seconds).ok().filter(|duration| !duration.is_zero())
}

fn unsigned(text: &str) -> Option<f64> {
    let (mut rest, mut next_unit, mut seconds) = (text, 0, 0.0);
    while !rest.is_empty() {
        let end = rest.find(|c: char| !(c.is_ascii_digit() || c == '.' || c == ':')).unwrap_or(rest.len());
        let (number, after) = rest.split_at(end);
        if number.contains(':') {
            let alone = rest.len() == text.len();
            return (after.is_empty() && next_unit <= HOURS)
                .then(|| clock(number, alone))?
                .map(|clock| seconds + clock);
        }
        let after = after.trim_start();
        let end = after.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(after.len());
        let (name, after) = after.split_at(end);
        let unit = UNITS.iter().position(|(names, _)| names.iter().any(|known| known.eq_ignore_ascii_case(name)))?;
        if unit < next_unit {
            return None;
        }
        seconds += number.parse::<f64>().ok()? * UNITS.get(unit)?.1;
        next_unit = unit + 1;
        let after = after.trim_start();
        rest = after.strip_prefix([',', '/']).unwrap_or(after).trim_start();
    }
    (next_unit > 0).then_some(seconds)
}

/// `days:hh:mm:ss`, `hours:mm:ss`, `m:ss`, `:ss`; only the second form where something stands before.
fn clock(text: &str, alone: bool) -> Option<f64> {
    let parts: Vec<&str> = text.split(':').collect();
    let whole = |text: &str| text.bytes().all(|b| b.is_ascii_digit()).then(|| text.parse::<f64>().ok())?;
    let two = |text: &str| if text.len() == 2 { whole(text) } else { None };
    let last = |text: &str| match text.split_once('.') {
        None => two(text),
        Some((seconds, fraction)) => {
            two(seconds)?;
            whole(fraction)?;
            text.parse().ok()
        }
    };
    match *parts.as_slice() {
        ["", seconds] if alone => last(seconds),
        [minutes, seconds] if alone && minutes.len() <= 2 => Some(whole(minutes)? * 60.0 + last(seconds)?),
        [hours, minutes, seconds] => Some(whole(hours)? * 3_600.0 + two(minutes)? * 60.0 + last(seconds)?),
        [days, hours, minutes, seconds] if alone => {
            Some(whole(days)? * DAY + two(hours)? * 3_600.0 + two(minutes)? * 60.0 + last(seconds)?)
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn forms() {
        let cases = [
            ("1w 2d 3h4m5s", 604_800 + 172_800 + 3 * 3_600 + 245),
            ("1 day, 2 hours", 93_600),
            ("5hr2min", 18_120),
            ("1.5 minutes", 90),
            ("-15m", -900),
            ("- 15 M", -900),
            ("+1d", 86_400),
            ("1:30:00", 5_400),
            ("1:30", 90),
            (":30", 30),
            ("2:04:13:02", 2 * 86_400 + 4 * 3_600 + 782),
            ("2 days, 4:13:02", 2 * 86_400 + 4 * 3_600 + 782),
            ("1w/1d", 691_200),
        ];
        for (text, seconds) in cases {
            assert_eq!(parse(text), Some(SignedDuration::from_secs(seconds)), "{text}");
        }
        for text in [
            "",
            "0s",
            "-",
            "5",
            "5 parsecs",
            "1s 2m",
            "1m 1m",
            "1:3",
            "1:2:3",
            "1h 1:30:00",
            "1d 1:30",
            "1.2.3s",
            "1d:",
            "1:30:00 1s",
            ":",
            "::",
        ] {
            assert_eq!(parse(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text in "[ 0-9.:,/+wdhmsż-]{0,30}") {
            let _ = parse(&text);
        }
    }
}
