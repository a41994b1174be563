//! Reading Kubernetes objects as JSON.

use anyhow::{Context, Result};
use base64::Engine as _;

/// A Kubernetes object, or a part of one.
pub type Json = serde_json::Value;

/// The part of an object at a dotted path such as `status.conditions.0.reason`; null when it is not there.
#[must_use]
pub fn field<'a>(object: &'a Json, path: &str) -> &'a Json {
    path.split('.').fold(object, |at, name| match name.parse::<usize>() {
        Ok(index) if at.is_array() => &at[index],
        _ => &at[name],
    })
}

/// The text at a dotted path; empty when there is none.
#[must_use]
pub fn text<'a>(object: &'a Json, path: &str) -> &'a str {
    field(object, path).as_str().unwrap_or_default()
}

/// Status and reason of a condition of an object, as in `("True", "Serving")`; `None` before it is reported.
#[must_use]
pub fn condition<'a>(object: &'a Json, kind: &str) -> Option<(&'a str, &'a str)> {
    let conditions = field(object, "status.conditions").as_array()?;
    let found = conditions.iter().find(|condition| condition["type"] == kind)?;
    Some((text(found, "status"), text(found, "reason")))
}

/// A value of a Secret's `data`, decoded.
pub fn decode(secret: &Json, key: &str) -> Result<String> {
    let name = text(secret, "metadata.name");
    let encoded = secret["data"][key].as_str().with_context(|| format!("Secret {name} has no key {key}"))?;
    let bytes = base64::engine::general_purpose::STANDARD
        .decode(encoded)
        .with_context(|| format!("Secret {name}, key {key} is not base64"))?;
    String::from_utf8(bytes).with_context(|| format!("Secret {name}, key {key} is not text"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn paths_reach_into_objects_and_lists() {
        let object = json!({"status": {"conditions": [{"type": "Ready", "status": "True", "reason": "Serving"}]}});
        assert_eq!(text(&object, "status.conditions.0.reason"), "Serving");
        assert_eq!(text(&object, "status.nothing.here"), "");
        assert_eq!(condition(&object, "Ready"), Some(("True", "Serving")));
        assert_eq!(condition(&object, "Degraded"), None);
        assert_eq!(condition(&json!({}), "Ready"), None);
    }

    #[test]
    fn secrets_are_decoded() {
        let secret = json!({"metadata": {"name": "s"}, "data": {"password": "c2VjcmV0"}});
        assert_eq!(decode(&secret, "password").unwrap(), "secret");
        assert_eq!(decode(&secret, "other").unwrap_err().to_string(), "Secret s has no key other");
    }
}
