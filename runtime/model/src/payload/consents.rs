//! What a consent bar sends: whose decision it is, and the decision.

use serde_json::Value;

use super::reader::{At, Fields, Report};
use super::{Limits, entity, guard, tree};
use crate::event::Entity;
use crate::field::FieldError;
use crate::leaf::{MAX_LIST, MAX_NAME, truth};

/// A body of `POST /customer/consent`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConsentPayload {
    /// The event source of the page.
    pub source: Entity,
    /// The visitor's session.
    pub session: Entity,
    /// The visitor's profile.
    pub profile: Entity,
    /// Consents by id, given or withdrawn.
    pub consents: Vec<(String, bool)>,
}

impl ConsentPayload {
    /// Parses and checks a body. All complaints are returned at once, each naming its field.
    pub fn parse(body: &[u8], limits: &Limits) -> Result<Self, Vec<FieldError>> {
        guard::check(body, limits).map_err(|error| vec![*error])?;
        let tree = tree::parse(body).map_err(|error| vec![*error])?;
        let mut report = Report::default();
        let at = At::Body;
        let payload = Fields::of(tree, &at, &mut report).map(|mut fields| {
            let mut named = |name| {
                let value = fields.required(name, &at, &mut report)?;
                entity(value, name, limits, &mut report)
            };
            let (source, session, profile) = (named("source"), named("session"), named("profile"));
            let consents = fields.required("consents", &at, &mut report);
            Self {
                source: source.unwrap_or_default(),
                session: session.unwrap_or_default(),
                profile: profile.unwrap_or_default(),
                consents: consents.map(|value| read(value, &mut report)).unwrap_or_default(),
            }
        });
        report.conclude(payload)
    }
}

fn read(value: Value, report: &mut Report) -> Vec<(String, bool)> {
    let at = At::Key(&At::Body, "consents");
    let map = match value {
        Value::Object(map) => map,
        other => {
            report.push(&at, "dict_type", "Input should be a valid dictionary", Some(&other));
            return Vec::new();
        }
    };
    if map.len() > MAX_LIST {
        let msg = format!("Dictionary should have at most {MAX_LIST} items, it has {}", map.len());
        report.push(&at, "too_long", &msg, None);
        return Vec::new();
    }
    let mut consents = Vec::with_capacity(map.len());
    for (id, value) in map {
        if id.len() > MAX_NAME || id.contains('\0') {
            let msg = format!("Value error, an id of a consent has at most {MAX_NAME} bytes and no NUL characters");
            report.push(&at, "value_error", &msg, None);
        } else if let Some(given) = truth(&value) {
            consents.push((id, given));
        } else {
            report.push(&At::Entry(&at, &id), "bool_type", "Input should be a valid boolean", Some(&value));
        }
    }
    consents
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn parse(body: &Value) -> Result<ConsentPayload, Vec<FieldError>> {
        ConsentPayload::parse(body.to_string().as_bytes(), &Limits::default())
    }

    fn body() -> Value {
        json!({"source": {"id": " s "}, "session": {"id": "v"}, "profile": {"id": "p"}, "consents": {"a": true, "b": "no"}})
    }

    #[test]
    fn reads() {
        let payload = parse(&body()).unwrap();
        assert_eq!(payload.source.id, "s");
        assert_eq!(payload.consents, [("a".to_owned(), true), ("b".to_owned(), false)]);
    }

    #[test]
    fn names_what_is_wrong() {
        let many: serde_json::Map<_, _> = (0..1_001).map(|number| (number.to_string(), json!(true))).collect();
        for (field, value, place) in [
            ("source", json!(null), "body.source"),
            ("session", json!({}), "body.session.id"),
            ("profile", json!({"id": 5}), "body.profile.id"),
            ("consents", json!(null), "body.consents"),
            ("consents", json!(["a"]), "body.consents"),
            ("consents", json!({"a": {}}), "body.consents.a"),
            ("consents", json!({"x".repeat(300): true}), "body.consents"),
            ("consents", json!(many), "body.consents"),
        ] {
            let mut wrong = body();
            wrong[field] = value;
            let text = parse(&wrong).unwrap_err()[0].to_string();
            assert!(text.starts_with(&format!("{place}:")), "{text}");
        }
        let Value::Object(mut none) = body() else { unreachable!() };
        none.clear();
        assert_eq!(parse(&Value::Object(none)).unwrap_err().len(), 4);
    }
}
