//! Providers of free mailboxes: an address there says nothing of an employer.

use std::collections::HashSet;

/// Source: spec/pipeline.md, Appendix C.
const DOMAINS: &str = include_str!("../data/free-mail-domains.txt");

/// The known domains.
#[derive(Clone, Debug)]
pub struct FreeMail(HashSet<&'static str>);

impl FreeMail {
    /// The built-in list.
    #[must_use]
    pub fn load() -> Self {
        Self(DOMAINS.lines().map(str::trim).filter(|line| !line.is_empty()).collect())
    }

    /// Whether the text after the first `@` is one of the domains.
    #[must_use]
    pub fn contains(&self, address: &str) -> bool {
        address.split_once('@').is_some_and(|(_, domain)| self.0.contains(domain.trim().to_ascii_lowercase().as_str()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn domains_match_as_a_whole() {
        let list = FreeMail::load();
        assert_eq!(list.0.len(), 303);
        assert!(list.contains("a@gmail.com") && list.contains("a@GMail.com "));
        assert!(!list.contains("a@example.gmail.com") && !list.contains("gmail.com") && !list.contains(""));
    }
}
