//! A visitor's decision about consents (spec/pipeline.md 1.9).

use std::sync::Arc;

use jiff::{SignedDuration, Span, SpanRelativeTo, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tracardi_model::leaf::MAX_LIST;
use tracardi_model::{Context, profile, time};

use crate::steps::keep::stamp;
use crate::{Outcome, Rejected, State};

/// A decision, and whose it is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Consent {
    /// Production or staging.
    pub context: Context,
    /// The visitor's session.
    pub session_id: String,
    /// The visitor's profile: any of its ids.
    pub profile_id: String,
    /// What the visitor decided.
    pub decision: Decision,
}

/// What a visitor decided.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Decision {
    /// Consents by id, given or withdrawn; others stay as they are.
    Each(Vec<(String, bool)>),
    /// All these consents are given; with the time after which each ends by itself.
    All(Vec<(String, Option<SignedDuration>)>),
}

impl Consent {
    /// Keeps the decision in the profile. Refused unless session and profile exist and the session is nobody else's.
    pub fn carry_out(&self, state: State, now: Timestamp) -> Result<Outcome, Rejected> {
        let State { session: Some(session), profile: Some(mut profile), .. } = state else {
            return Err(Rejected::ConsentDenied);
        };
        let own =
            session.profile_id().is_none_or(|id| id == profile.id || profile.ids().iter().any(|known| known == id));
        if !own {
            return Err(Rejected::ConsentDenied);
        }
        let changed = Arc::make_mut(&mut profile);
        match &self.decision {
            Decision::Each(consents) => {
                for (id, given) in consents {
                    if *given {
                        give(changed, id, None);
                    } else {
                        changed.consents.shift_remove(id);
                    }
                    date(changed, id, now);
                }
            }
            Decision::All(consents) => {
                for (id, life) in consents {
                    // A life beyond the end of time is none.
                    give(changed, id, life.and_then(|life| now.checked_add(life).ok()));
                    date(changed, id, now);
                }
            }
        }
        changed.aux.insert("consents".to_owned(), json!({ "granted": Value::Bool(true) }));
        stamp(changed, now);
        Ok(Outcome { session: Some(session), profile: Some(profile), store_profile: true, ..Outcome::default() })
    }
}

/// How long a consent lasts, from a text such as `15m`, `1h 30m` or `365d`; a day has 24 hours. None when it is no such text.
#[must_use]
pub fn life(text: &str) -> Option<SignedDuration> {
    let span: Span = text.trim().parse().ok()?;
    let life = span.to_duration(SpanRelativeTo::days_are_24_hours()).ok()?;
    life.is_positive().then_some(life)
}

fn give(profile: &mut tracardi_model::Profile, id: &str, until: Option<Timestamp>) {
    // Bounded as every list of a profile.
    if profile.consents.len() < MAX_LIST || profile.consents.contains_key(id) {
        profile.consents.insert(id.to_owned(), profile::Consent { revoke: until.map(Into::into) });
    }
}

/// Notes when a consent was decided about. No event did it. By this a merge knows the last decision, a withdrawal included.
fn date(profile: &mut tracardi_model::Profile, id: &str, now: Timestamp) {
    let fields = &mut profile.metadata.fields.0;
    let field = format!("consents.{id}");
    if fields.len() < MAX_LIST || fields.contains_key(&field) {
        fields.insert(field, (time::format_spaced(now), String::new()));
    }
}
