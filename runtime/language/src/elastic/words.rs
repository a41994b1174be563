//! Words as queries: each of them stands somewhere in the JSON text of a document.
//!
//! A word of letters stands in a name, in a text or number, or in `null`, `true` and `false`, and all of these are in the facts:
//! one pass over the different facts of the index finds it, whatever the number of documents. What facts do not show is
//! asked in memory: words that may be a part of how facts are written, texts that JSON writes differently, long texts.

use serde_json::json;

use super::facts::HIDDEN;
use super::{Known, Mapping, Queries, Query};

/// Words after these are ignored.
pub const MAX_WORDS: usize = 16;
/// Longer words are asked in memory.
const MAX_LENGTH: usize = 200;

/// The queries for blank-separated words; the case of ASCII letters does not matter.
#[must_use]
pub fn to_queries(words: &str, mapping: Mapping<'_>) -> Queries {
    let hidden = Query::one_of(mapping.facts, vec![HIDDEN.into()]);
    let words = words.split_whitespace().take(MAX_WORDS).map(|word| {
        let plain = |letter: char| letter.is_alphanumeric() || matches!(letter, '-' | '_');
        if word.len() > MAX_LENGTH || !word.chars().all(plain) {
            return Known::at_most(Query::Everything);
        }
        let body = json!({"value": format!("*{word}*"), "case_insensitive": true});
        let found = Query::on("wildcard", mapping.facts, body);
        let possible = Query::any([found.clone(), hidden.clone()]);
        // It may stand in the order of a number or be a position in a list.
        if word.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Known::at_most(possible);
        }
        Known { possible, certain: found }
    });
    Known::every(words).into_queries()
}
