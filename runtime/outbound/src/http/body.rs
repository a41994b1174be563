//! What a request carries: the document as its body, or, where a request has none, as parameters of the query. Pure.

use reqwest::Method;
use serde_json::Value;
use serde_json::value::RawValue;
use url::Url;

use super::Target;

/// Longer URLs are no use: servers refuse far shorter ones.
const URL_BYTES: usize = 32 << 10;

/// URL and body of the first request. JSON goes into the body, of a GET into the query; for any other content type the
/// JSON text is the body, whatever the method.
pub(super) fn carried(target: &Target, content: &RawValue) -> Result<(Url, Option<Vec<u8>>), String> {
    let mut url = target.url.clone();
    if target.method != Method::GET || !target.is_json() {
        return Ok((url, Some(content.get().as_bytes().to_vec())));
    }
    let content: Value =
        serde_json::from_str(content.get()).map_err(|error| format!("the body is no JSON: {error}"))?;
    url.query_pairs_mut().extend_pairs(flattened(&content));
    let length = url.as_str().len();
    if length > URL_BYTES {
        return Err(format!("as parameters this would be a URL of {length} bytes; let the destination use POST"));
    }
    Ok((url, None))
}

/// `{"a": {"b": [true, null, "x"]}}` as `a.b.0=1`, `a.b.2=x`. Null and what is empty has no parameter.
fn flattened(content: &Value) -> Vec<(String, String)> {
    let mut pairs = Vec::new();
    flatten(content, &mut String::new(), &mut pairs);
    pairs
}

fn flatten(value: &Value, path: &mut String, pairs: &mut Vec<(String, String)>) {
    let mut below = |key: &str, value: &Value| {
        let length = path.len();
        if length > 0 {
            path.push('.');
        }
        path.push_str(key);
        flatten(value, path, pairs);
        path.truncate(length);
    };
    let text = match value {
        Value::Null => return,
        Value::Object(fields) => return fields.iter().for_each(|(key, value)| below(key, value)),
        Value::Array(items) => {
            return items.iter().enumerate().for_each(|(at, item)| below(&at.to_string(), item));
        }
        Value::Bool(yes) => u8::from(*yes).to_string(),
        Value::Number(number) => number.to_string(),
        Value::String(text) => text.clone(),
    };
    pairs.push((path.clone(), text));
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn target(init: &Value) -> Target {
        Target::read(&json!({"url": "https://a.example/x?k=1"}), init).unwrap()
    }

    fn content(value: &Value) -> Box<RawValue> {
        serde_json::value::to_raw_value(value).unwrap()
    }

    #[test]
    fn a_get_carries_parameters() {
        let content = content(
            &json!({"data": {"a": {"b c": [true, null, "x&y"]}, "n": 1.5, "no": false, "e": {}}, "changes": []}),
        );
        let (url, body) = carried(&target(&json!({})), &content).unwrap();
        assert_eq!(url.as_str(), "https://a.example/x?k=1&data.a.b+c.0=1&data.a.b+c.2=x%26y&data.n=1.5&data.no=0");
        assert_eq!(body, None);
    }

    #[test]
    fn everything_else_carries_the_text() {
        let content = content(&json!({"data": {}, "changes": []}));
        for init in [
            json!({"method": "POST"}),
            json!({"method": "delete"}),
            json!({"method": "get", "headers": {"Content-Type": "text/plain"}}),
        ] {
            let (url, body) = carried(&target(&init), &content).unwrap();
            assert_eq!(url.as_str(), "https://a.example/x?k=1");
            assert_eq!(body.unwrap(), br#"{"data":{},"changes":[]}"#);
        }
    }

    #[test]
    fn a_url_has_an_end() {
        let content = content(&json!({"data": "x".repeat(URL_BYTES)}));
        assert!(carried(&target(&json!({})), &content).unwrap_err().contains("POST"));
    }
}
