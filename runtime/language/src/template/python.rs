//! Values as Python writes them, since templates were made for that: `None`, `True`, `{'a': [1.0, 'b']}`.

use std::fmt::Write;

use serde_json::{Number, Value};

use super::{MAX_RENDERED_DEPTH, Problem};

/// A text that grows up to a bound.
pub(super) struct Output {
    text: String,
    limit: usize,
}

impl Output {
    pub(super) fn new(limit: usize, capacity: usize) -> Self {
        Self { text: String::with_capacity(capacity.min(limit)), limit }
    }

    pub(super) fn into_text(self) -> String {
        self.text
    }

    pub(super) fn push(&mut self, text: &str) -> Result<(), Problem> {
        if text.len() > self.limit - self.text.len() {
            return Err(Problem::TooLarge(self.limit));
        }
        self.text.push_str(text);
        Ok(())
    }

    /// The value as `str()` gives it: a text as it is, anything else as in [`Output::push_repr`].
    pub(super) fn push_str(&mut self, value: &Value) -> Result<(), Problem> {
        match value {
            Value::String(text) => self.push(text),
            other => self.push_repr(other, 0),
        }
    }

    /// The value as `repr()` gives it.
    fn push_repr(&mut self, value: &Value, depth: usize) -> Result<(), Problem> {
        if depth > MAX_RENDERED_DEPTH {
            return Err(Problem::TooDeep);
        }
        match value {
            Value::Null => self.push("None"),
            Value::Bool(true) => self.push("True"),
            Value::Bool(false) => self.push("False"),
            Value::Number(number) => self.push(&number_repr(number)),
            Value::String(text) => self.push_text_repr(text),
            Value::Array(list) => {
                self.push("[")?;
                for (index, element) in list.iter().enumerate() {
                    self.push(if index == 0 { "" } else { ", " })?;
                    self.push_repr(element, depth + 1)?;
                }
                self.push("]")
            }
            Value::Object(map) => {
                self.push("{")?;
                for (index, (key, value)) in map.iter().enumerate() {
                    self.push(if index == 0 { "" } else { ", " })?;
                    self.push_text_repr(key)?;
                    self.push(": ")?;
                    self.push_repr(value, depth + 1)?;
                }
                self.push("}")
            }
        }
    }

    /// In single quotes; in double quotes when only single ones occur in it.
    fn push_text_repr(&mut self, text: &str) -> Result<(), Problem> {
        let quote = if text.contains('\'') && !text.contains('"') { '"' } else { '\'' };
        let mut buffer = [0; 4];
        self.push(quote.encode_utf8(&mut buffer))?;
        let mut escape = String::new();
        for character in text.chars() {
            escape.clear();
            let code = u32::from(character);
            // Writing into a String cannot fail.
            let _ = match character {
                '\n' => escape.write_str("\\n"),
                '\r' => escape.write_str("\\r"),
                '\t' => escape.write_str("\\t"),
                '\\' => escape.write_str("\\\\"),
                _ if character == quote => write!(escape, "\\{quote}"),
                _ if is_printable(character) => escape.write_char(character),
                _ if code <= 0xff => write!(escape, "\\x{code:02x}"),
                _ if code <= 0xffff => write!(escape, "\\u{code:04x}"),
                _ => write!(escape, "\\U{code:08x}"),
            };
            self.push(&escape)?;
        }
        self.push(quote.encode_utf8(&mut buffer))
    }
}

/// Neither control, format, private, unassigned nor a separator other than the space: the same Unicode categories for
/// Python and for Rust's debug form. That form also escapes a combining mark, but only where it begins a text.
fn is_printable(character: char) -> bool {
    match character {
        ' '..='~' => true,
        '\0'..='\x7f' => false,
        _ => {
            let mut buffer = [b'a'; 5];
            let (_, place) = buffer.split_at_mut(1);
            let end = 1 + character.encode_utf8(place).len();
            let text = buffer.get(..end).and_then(|bytes| std::str::from_utf8(bytes).ok()).unwrap_or_default();
            text.escape_debug().nth(1) == Some(character)
        }
    }
}

/// Whole numbers as they are; others with the fewest digits that mean the same number, always recognisable as no whole
/// number, and with an exponent below 0.0001 and from 10^16.
fn number_repr(number: &Number) -> String {
    match number.as_f64().filter(|_| number.is_f64()) {
        None => number.to_string(),
        // Rust's debug form has Python's thresholds and digits but writes 1e-5 for 1e-05.
        Some(float) => {
            let text = format!("{float:?}");
            match text.split_once('e') {
                None => text,
                Some((digits, exponent)) => match exponent.strip_prefix('-') {
                    Some(negative) => format!("{digits}e-{negative:0>2}"),
                    None => format!("{digits}e+{exponent:0>2}"),
                },
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn text(value: &Value) -> String {
        let mut output = Output::new(1_000, 0);
        output.push_str(value).unwrap();
        output.into_text()
    }

    #[test]
    fn values_as_python_writes_them() {
        let cases = [
            (json!(null), "None"),
            (json!(true), "True"),
            (json!(false), "False"),
            (json!(12), "12"),
            (json!(-12), "-12"),
            (json!(u64::MAX), "18446744073709551615"),
            (json!(1.0), "1.0"),
            (json!(-0.0), "-0.0"),
            (json!(0.1), "0.1"),
            (json!(1.5e15), "1500000000000000.0"),
            (json!(1e16), "1e+16"),
            (json!(1.25e100), "1.25e+100"),
            (json!(0.0001), "0.0001"),
            (json!(0.000_012), "1.2e-05"),
            (json!(5e-324), "5e-324"),
            (json!("it's \"so\"\n"), "it's \"so\"\n"),
            (json!([]), "[]"),
            (json!({}), "{}"),
            (json!([1, "a", null, [true]]), "[1, 'a', None, [True]]"),
            (json!({"a": {"b": 1.0}, "c d": []}), "{'a': {'b': 1.0}, 'c d': []}"),
            (json!(["it's"]), "[\"it's\"]"),
            (json!(["\"so\""]), "['\"so\"']"),
            (json!(["it's \"so\""]), "['it\\'s \"so\"']"),
            (json!(["a\\b\n\r\t\u{0}\u{7f}"]), "['a\\\\b\\n\\r\\t\\x00\\x7f']"),
            (json!(["żółć 日本 🦀 e\u{301}"]), "['żółć 日本 🦀 e\u{301}']"),
            (json!(["\u{a0}\u{ad}\u{2028}\u{200b}\u{feff}"]), "['\\xa0\\xad\\u2028\\u200b\\ufeff']"),
            (json!(["\u{e000}\u{f0000}\u{3000}"]), "['\\ue000\\U000f0000\\u3000']"),
            (json!(["\u{301}"]), "['\u{301}']"),
        ];
        for (value, expected) in cases {
            assert_eq!(text(&value), expected, "{value}");
        }
    }

    #[test]
    fn output_stops_at_its_bounds() {
        let mut output = Output::new(8, 0);
        assert_eq!(output.push_str(&json!("x".repeat(9))), Err(Problem::TooLarge(8)));
        assert_eq!(output.push_str(&json!("x".repeat(8))), Ok(()));
        assert_eq!(output.push_str(&json!([])), Err(Problem::TooLarge(8)));
        let deep = (0..=MAX_RENDERED_DEPTH).fold(json!(1), |inner, _| json!([inner]));
        assert_eq!(Output::new(1_000, 0).push_str(&deep), Err(Problem::TooDeep));
    }
}
