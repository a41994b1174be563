//! A server that a process depends on: where it is, who we are there, whom we believe.

use std::fmt;

/// A text that is never printed.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Keeps a text from being printed.
    #[must_use]
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The text, for the one place that sends it.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

/// How a server is reached. What may stand in the URL besides scheme, host and port, and which kinds of credentials there are,
/// depends on the server; its client says what it does not take.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Endpoint {
    /// The URL, without credentials.
    pub url: String,
    /// Name to log in with.
    pub username: Option<String>,
    /// Password that belongs to it.
    pub password: Option<Secret>,
    /// A token or an API key, instead of name and password.
    pub token: Option<Secret>,
    /// Certificates (PEM) of the only authorities that are believed; without any, those of the web.
    pub authority: Option<String>,
}

impl Endpoint {
    /// Without credentials.
    #[must_use]
    pub fn new(url: impl Into<String>) -> Self {
        Self { url: url.into(), ..Self::default() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credentials_are_not_printed() {
        let endpoint = Endpoint {
            username: Some("shop".to_owned()),
            password: Some(Secret::new("geheim")),
            token: Some(Secret::new("geheim")),
            ..Endpoint::new("https://search:9200")
        };
        assert!(!format!("{endpoint:?}").contains("geheim"));
        assert_eq!(endpoint.token.map(|token| token.reveal().to_owned()).as_deref(), Some("geheim"));
    }
}
