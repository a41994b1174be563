//! The values of a field, for counting: which facts are about it, and what they say.

use tracardi_model::Path;

use super::facts::{self, CUT, MAX_TEXT};

/// The facts about one field: about its value, and about each element of its list. Only texts, numbers and booleans count.
pub struct Values(String);

impl Values {
    /// The values of a field.
    #[must_use]
    pub fn of(field: &Path) -> Self {
        let mut path = String::new();
        for segment in field.segments() {
            facts::push_name(&mut path, &segment.name);
        }
        Self(path)
    }

    /// The regular expression of these facts, as Lucene reads it.
    #[must_use]
    pub fn include(&self) -> String {
        let escape = |letter: char| {
            let means = letter.is_ascii() && !letter.is_ascii_alphanumeric();
            means.then_some('\\').into_iter().chain([letter])
        };
        let path: String = self.0.chars().flat_map(escape).collect();
        format!("{path}(\\=|\\~)(\\&|\\+|\\@).*")
    }

    /// The regular expression of those that are too long to be counted by.
    #[must_use]
    pub fn exclude(&self) -> String {
        format!(".*{CUT}")
    }

    /// The value of which a fact speaks, as text.
    #[must_use]
    pub fn read<'a>(&self, fact: &'a str) -> Option<&'a str> {
        let value = fact.strip_prefix(&*self.0)?.strip_prefix(['=', '~'])?;
        match value.split_at_checked(1)? {
            ("&", boolean) => Some(boolean),
            ("+", number) => number.split_once(':').map(|(_, number)| number),
            ("@", text) => (text.len() <= MAX_TEXT).then_some(text),
            _ => None,
        }
    }
}

#[cfg(test)]
mod unit {
    use serde_json::json;

    use super::*;

    #[test]
    fn values_are_read_from_facts() {
        let document = json!({"a": {"b": [1, 1.5, "x", true, null, [2], "y".repeat(600)], "bc": "other"}});
        let values = Values::of(&Path::parse("a.b").unwrap());
        let facts = super::super::facts(&document).unwrap();
        let mut read: Vec<&str> = facts.iter().filter_map(|fact| values.read(fact)).collect();
        read.sort_unstable();
        assert_eq!(read, ["1", "1.5", "true", "x"]);
        assert_eq!(values.include(), "a\\.b(\\=|\\~)(\\&|\\+|\\@).*");
    }
}
