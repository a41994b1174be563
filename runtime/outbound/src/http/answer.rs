//! What becomes of a delivery after an answer. Pure.

use std::time::Duration;

use jiff::Timestamp;
use jiff::fmt::rfc2822;
use reqwest::StatusCode;
use reqwest::header::{HeaderMap, RETRY_AFTER};

use crate::retry::until;
use crate::sent::Sent;

/// What is shown of the body of a refusal, in characters.
const SHOWN: usize = 200;

/// 2xx: delivered. 408, 425, 429, 5xx: later, with the pause that is asked for. Anything else: dead, with what was said.
#[must_use]
pub fn judge(status: StatusCode, headers: &HeaderMap, body: &[u8], now: Timestamp) -> Sent {
    if status.is_success() {
        return Sent::Delivered;
    }
    let said = beginning(body);
    let error = if said.is_empty() { format!("answered {status}") } else { format!("answered {status}: {said}") };
    let passes = [StatusCode::REQUEST_TIMEOUT, StatusCode::TOO_EARLY, StatusCode::TOO_MANY_REQUESTS].contains(&status);
    if passes || status.is_server_error() {
        Sent::Later { error, asked: headers.get(RETRY_AFTER).and_then(|value| pause(value.to_str().ok()?, now)) }
    } else {
        Sent::Dead(error)
    }
}

/// `Retry-After`: seconds, or a date.
fn pause(text: &str, now: Timestamp) -> Option<Duration> {
    let text = text.trim();
    let seconds = text.parse().map(Duration::from_secs).ok();
    seconds.or_else(|| rfc2822::parse(text).ok().map(|then| until(now, then.timestamp())))
}

/// The first words of a text, in one line.
fn beginning(body: &[u8]) -> String {
    let text = String::from_utf8_lossy(body);
    let words = text.split(|c: char| c.is_whitespace() || c.is_control()).filter(|word| !word.is_empty());
    words.collect::<Vec<_>>().join(" ").chars().take(SHOWN).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judged(status: u16, retry_after: Option<&'static str>, body: &str) -> Sent {
        let headers = retry_after.map(|text| (RETRY_AFTER, text.parse().unwrap()));
        let now = "2026-11-21T08:00:00Z".parse().unwrap();
        judge(StatusCode::from_u16(status).unwrap(), &HeaderMap::from_iter(headers), body.as_bytes(), now)
    }

    #[test]
    fn statuses() {
        for status in [200, 201, 204, 299] {
            assert_eq!(judged(status, None, "whatever"), Sent::Delivered);
        }
        for status in [408, 425, 429, 500, 502, 503, 599] {
            assert!(matches!(judged(status, None, ""), Sent::Later { asked: None, .. }), "{status}");
        }
        for status in [300, 304, 400, 401, 404, 410, 413, 422, 451] {
            assert!(matches!(judged(status, Some("5"), ""), Sent::Dead(_)), "{status}");
        }
        let refused = judged(400, None, "no\r\n\x1b[1m  such \0field");
        assert_eq!(refused, Sent::Dead("answered 400 Bad Request: no [1m such field".to_owned()));
        let Sent::Dead(long) = judged(400, None, &"ü".repeat(999)) else { panic!() };
        assert_eq!(long.chars().filter(|c| *c == 'ü').count(), SHOWN);
    }

    #[test]
    fn pauses() {
        let table = [
            ("7", Some(Duration::from_secs(7))),
            (" 7 ", Some(Duration::from_secs(7))),
            ("Sat, 21 Nov 2026 08:01:00 GMT", Some(Duration::from_mins(1))),
            ("Sat, 21 Nov 2026 07:00:00 GMT", Some(Duration::ZERO)),
            ("soon", None),
            ("-1", None),
        ];
        for (text, expected) in table {
            let Sent::Later { asked, .. } = judged(503, Some(text), "") else { panic!() };
            assert_eq!(asked, expected, "{text}");
        }
    }
}
