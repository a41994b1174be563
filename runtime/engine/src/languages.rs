//! Spoken languages and markets from the header `accept-language`.
//!
//! Source: spec/pipeline.md 3.5 point 8 and 4.5 point 2; the table is data/languages.yaml (Appendix B).

use std::collections::HashMap;

use serde::Deserialize;

const TABLE: &str = include_str!("../data/languages.yaml");
/// Most tags of a header that are looked at.
const MAX_TAGS: usize = 32;

/// What is known of one code.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq)]
#[serde(deny_unknown_fields)]
pub struct Language {
    /// Names of the spoken language.
    pub names: Vec<String>,
    /// Countries that count as its markets.
    pub markets: Vec<String>,
}

/// All codes of ISO 639-1 that the platform knows.
#[derive(Clone, Debug)]
pub struct Languages(HashMap<String, Language>);

/// What a visitor's headers say, each without repetition and in the order of the header.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Spoken {
    /// Names of languages; for `context.language`.
    pub names: Vec<String>,
    /// Codes; for `context.language_codes`.
    pub codes: Vec<String>,
}

impl Languages {
    /// The built-in table; an error is a defect of the build and names the place.
    pub fn load() -> Result<Self, serde_yaml::Error> {
        serde_yaml::from_str(TABLE).map(Self)
    }

    /// Two-letter tags of the header (`en-US` is skipped, as in the original), then the country code of the device.
    #[must_use]
    pub fn spoken(&self, accept_language: &str, country_code: Option<&str>) -> Spoken {
        let country = country_code.map(str::to_lowercase);
        let tags = accept_language.split([',', ';']).map(str::trim).filter(|tag| !tag.starts_with("q=")).take(MAX_TAGS);
        let mut spoken = Spoken::default();
        for tag in tags.chain(country.as_deref()) {
            let code = tag.to_ascii_lowercase();
            if let Some(language) = Some(&code).filter(|code| code.len() == 2).and_then(|code| self.0.get(code)) {
                add(&mut spoken.codes, &code);
                language.names.iter().for_each(|name| add(&mut spoken.names, name));
            }
        }
        spoken
    }

    /// Countries in which the languages are spoken, concatenated in the order of the codes.
    pub fn markets<'s, 'c: 's>(&'s self, codes: impl Iterator<Item = &'c str> + 's) -> impl Iterator<Item = &'s str> {
        codes.filter_map(|code| self.0.get(code)).flat_map(|language| language.markets.iter().map(String::as_str))
    }
}

fn add(list: &mut Vec<String>, item: &str) {
    if !list.iter().any(|known| known == item) {
        list.push(item.to_owned());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_whole() {
        let languages = Languages::load().unwrap();
        assert_eq!(languages.0.len(), 184);
        assert!(
            languages
                .0
                .iter()
                .all(|(code, language)| code.len() == 2 && !language.names.is_empty() && !language.markets.is_empty())
        );
    }

    #[test]
    fn two_letter_tags_count_once() {
        let languages = Languages::load().unwrap();
        let spoken = languages.spoken("en-US,en;q=0.9, pl;q=0.8,en,xx", Some("DE"));
        assert_eq!(spoken.codes, ["en", "pl", "de"]);
        assert_eq!(spoken.names, ["English", "Polish", "German"]);
        assert_eq!(languages.spoken("no", None).names, ["Norwegian"]);
        assert_eq!(languages.spoken("", None), Spoken::default());
        assert!(languages.markets(["pl", "zz", "et"].into_iter()).eq(["Poland", "Estonia"]));
    }
}
