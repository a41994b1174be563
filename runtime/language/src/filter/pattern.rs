//! Texts with `*` and `?`.

/// A form that a text can have: `*` stands for any characters, `?` for one; everything else for itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pattern(String);

impl Pattern {
    /// A pattern from its text.
    #[must_use]
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The text as written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The same form for an operator such as SQLite's `GLOB`, which also gives `[` a meaning.
    #[must_use]
    pub fn glob(&self) -> String {
        self.0.replace('[', "[[]")
    }

    /// Whether the text has this form. Time grows with the product of both lengths at worst; nothing is allocated.
    #[must_use]
    pub fn matches(&self, text: &str) -> bool {
        // The usual two pointers: on a mismatch, go back to the last star and let it take one character more.
        let (mut pattern, mut rest) = (self.0.as_str(), text);
        let mut star: Option<(&str, &str)> = None;
        loop {
            let mut wanted = pattern.chars();
            let mut given = rest.chars();
            match (wanted.next(), given.next()) {
                (Some('*'), _) => {
                    pattern = wanted.as_str();
                    star = Some((pattern, rest));
                }
                (None, None) => return true,
                (Some(w), Some(g)) if w == '?' || w == g => (pattern, rest) = (wanted.as_str(), given.as_str()),
                _ => {
                    let Some((after_star, taken)) = star else { return false };
                    let mut taken = taken.chars();
                    if taken.next().is_none() {
                        return false;
                    }
                    (pattern, rest) = (after_star, taken.as_str());
                    star = Some((pattern, rest));
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stars_and_question_marks() {
        let cases = [
            ("*", "", true),
            ("a*", "abc", true),
            ("a*", "ba", false),
            ("*c", "abc", true),
            ("a*c*e", "abcde", true),
            ("a*c*e", "abcd", false),
            ("*ab*ab", "abxab", true),
            ("*ab", "abaab", true),
            ("ż?ł*", "żół", true),
            ("a?*", "a", false),
            ("a[b]*", "a[b]c", true),
            ("**", "x", true),
        ];
        for (pattern, text, expected) in cases {
            assert_eq!(Pattern::new(pattern).matches(text), expected, "{pattern} ~ {text}");
        }
        assert_eq!(Pattern::new("a[b]*").glob(), "a[[]b]*");
    }
}
