//! What a process is told about a server that it depends on, and which of it an error is about.
//!
//! The clients of the servers say in their errors which setting is wrong, in words such as `url` or `password`. What holds that setting
//! has another name in each program: an environment variable, a field of a resource.

use crate::Endpoint;

/// A part of an [`Endpoint`], or what belongs to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Setting {
    /// Where the server is.
    Url,
    /// Where its administration is, if that is elsewhere.
    AdminUrl,
    /// Who we are there.
    Username,
    /// What proves it.
    Password,
    /// What proves it instead of name and password.
    Token,
    /// Whom we believe.
    Authority,
    /// The database there.
    Database,
    /// The part of the server that is ours.
    Namespace,
}

/// What errors call the settings.
const WORDS: [(&str, Setting); 11] = [
    ("url", Setting::Url),
    ("address", Setting::Url),
    ("admin api", Setting::AdminUrl),
    ("user", Setting::Username),
    ("username", Setting::Username),
    ("password", Setting::Password),
    ("token", Setting::Token),
    ("authority", Setting::Authority),
    ("database", Setting::Database),
    ("namespace", Setting::Namespace),
    ("tenant", Setting::Namespace),
];

/// What an error of a server's client is about, by the names that `name` has for settings; what has no name is left out. When nothing is
/// left it is the URL. `endpoints`: how the server was reached, the administration last.
#[must_use]
pub fn concerned<N: PartialEq>(error: &str, endpoints: &[&Endpoint], name: impl Fn(Setting) -> Option<N>) -> Vec<N> {
    let mut text = error.to_owned();
    for endpoint in endpoints.iter().filter(|endpoint| !endpoint.url.is_empty()) {
        text = text.replace(&endpoint.url, " ");
    }
    let text = text.to_lowercase();
    let named = WORDS.into_iter().filter(|(word, _)| has_word(&text, word));
    let mut named: Vec<Setting> = named.map(|(_, setting)| meant(setting, endpoints)).collect();
    if named.contains(&Setting::AdminUrl) {
        // It is the admin API's address, or only its token or authority.
        let alone = named.len() == 1;
        let needless = if named.contains(&Setting::Url) { Setting::Url } else { Setting::AdminUrl };
        named.retain(|setting| alone || *setting != needless);
    }
    let mut found: Vec<N> = named.into_iter().filter_map(&name).collect();
    found.dedup();
    if found.is_empty() {
        found.extend(name(Setting::Url));
    }
    found
}

/// Which credentials are meant where there are two kinds: those that were given.
fn meant(setting: Setting, endpoints: &[&Endpoint]) -> Setting {
    let given = |of: fn(&Endpoint) -> bool| endpoints.iter().any(|endpoint| of(endpoint));
    match setting {
        Setting::Username | Setting::Password if given(|endpoint| endpoint.token.is_some()) => Setting::Token,
        Setting::Token if given(|endpoint| endpoint.password.is_some()) => Setting::Password,
        setting => setting,
    }
}

/// Whether a text has a word that is no part of a longer one.
fn has_word(text: &str, word: &str) -> bool {
    let inside = |letter: Option<char>| letter.is_some_and(char::is_alphanumeric);
    text.match_indices(word).any(|(at, _)| {
        let (before, after) = (text.get(..at), text.get(at + word.len()..));
        !inside(before.and_then(|text| text.chars().next_back())) && !inside(after.and_then(|text| text.chars().next()))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Secret;

    #[test]
    fn what_an_error_names_is_found() {
        let plain = Endpoint::new("https://url.token:1");
        let keyed = Endpoint { token: Some(Secret::new("k")), ..plain.clone() };
        let named = |endpoint: &Endpoint, error: &str| concerned(error, &[endpoint], Some);
        let both = "correct username and password, or the token";
        assert_eq!(named(&plain, both), [Setting::Username, Setting::Password, Setting::Token]);
        assert_eq!(named(&keyed, both), [Setting::Token]);
        assert_eq!(named(&plain, "https://url.token:1 is away"), [Setting::Url], "its own words do not count");
        assert_eq!(named(&plain, "correct the curls"), [Setting::Url], "nor does a part of a word");
        let nameless =
            concerned("look at the database", &[&plain], |setting| (setting == Setting::Url).then_some("URL"));
        assert_eq!(nameless, ["URL"], "what has no name is left out");
    }
}
