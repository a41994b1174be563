//! The properties of an event from a request that is not written for us: a query, a form or any JSON object.

use std::borrow::Cow;
use std::convert::Infallible;

use axum::http::{HeaderMap, header};
use bytes::Bytes;
use multer::Multipart;
use serde_json::Value;
use tracardi_model::payload::{guard, tree};
use tracardi_model::{Limits, Map, weight};

use crate::body::{is_json_type, media_type};
use crate::errors::Refusal;

const FORM: &str = "application/x-www-form-urlencoded";
const PARTS: &str = "multipart/form-data";

/// The parameters of a query; those without a value are left out.
pub fn of_query(query: &str, limits: &Limits) -> Result<Map, Refusal> {
    let mut form = Form::new(limits);
    for (name, value) in form_urlencoded::parse(query.as_bytes()).filter(|(_, value)| !value.trim().is_empty()) {
        form.add(name, value)?;
    }
    Ok(form.fields)
}

/// Bytes of memory that the properties of a body take at most; 422 for JSON that exceeds the limits.
pub fn memory(headers: &HeaderMap, body: &[u8], limits: &Limits) -> Result<usize, Refusal> {
    /// A field of a form at most: a list of one text under a name of its own.
    const FIELD: usize = 2 * (weight::ENTRY + weight::TEXT) + 4 * weight::SLOT;
    match media_type(headers).as_deref() {
        Some(FORM | PARTS) => {
            // Each field but the last ends with one of these.
            let fields = 1 + body.iter().filter(|byte| matches!(byte, b'&' | b'\n')).count();
            // A byte that is no UTF-8 becomes a mark of three.
            Ok(3 * body.len() + FIELD * fields.min(limits.values / 2))
        }
        _ => guard::check(body, limits).map_err(|error| Refusal::Fields(vec![*error])),
    }
}

/// The fields of a form as texts, or a JSON object.
///
/// What is said to be JSON and is not, or is empty, has no properties. 422 for JSON that is no object or exceeds the limits,
/// for a form that cannot be read, and for anything else.
pub async fn of_body(headers: &HeaderMap, body: &Bytes, limits: &Limits) -> Result<Map, Refusal> {
    let kind = media_type(headers);
    match kind.as_deref() {
        Some(FORM) => {
            let mut form = Form::new(limits);
            for (name, value) in form_urlencoded::parse(body) {
                form.add(name, value)?;
            }
            Ok(form.fields)
        }
        Some(PARTS) => multipart(headers, body, limits).await,
        kind => json(body, limits, kind.is_none_or(is_json_type)),
    }
}

fn json(body: &[u8], limits: &Limits, declared: bool) -> Result<Map, Refusal> {
    guard::check(body, limits).map_err(|error| Refusal::Fields(vec![*error]))?;
    match tree::parse(body) {
        Ok(Value::Object(map)) => Ok(map),
        Ok(_) => Err(Refusal::field("dict_type", vec!["body".into()], "Input should be a valid dictionary")),
        Err(error) if matches!(error.kind, "json_invalid" | "missing") => {
            // As the original: the event counts, whatever became of its properties.
            if declared || body.trim_ascii().is_empty() { Ok(Map::new()) } else { Err(no_properties()) }
        }
        Err(error) => Err(Refusal::Fields(vec![*error])),
    }
}

fn no_properties() -> Refusal {
    let message =
        "Input should be a JSON object, or a form sent as application/x-www-form-urlencoded or multipart/form-data";
    Refusal::field("dict_type", vec!["body".into()], message)
}

async fn multipart(headers: &HeaderMap, body: &Bytes, limits: &Limits) -> Result<Map, Refusal> {
    let wrong = |error: multer::Error| {
        Refusal::field("value_error", vec!["body".into()], format!("Value error, the form cannot be read: {error}"))
    };
    let kind = headers.get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    let boundary = multer::parse_boundary(kind).map_err(wrong)?;
    let body = body.clone();
    let mut parts = Multipart::new(futures::stream::once(async move { Ok::<_, Infallible>(body) }), boundary);
    let mut form = Form::new(limits);
    while let Some(part) = parts.next_field().await.map_err(wrong)? {
        // Files are no properties.
        let Some(name) = part.name().filter(|_| part.file_name().is_none()).map(str::to_owned) else { continue };
        let value = part.bytes().await.map_err(wrong)?;
        form.add(Cow::Owned(name), String::from_utf8_lossy(&value))?;
    }
    Ok(form.fields)
}

/// Named texts; those of one name become a list.
struct Form<'l> {
    fields: Map,
    count: usize,
    limits: &'l Limits,
}

impl<'l> Form<'l> {
    fn new(limits: &'l Limits) -> Self {
        Self { fields: Map::new(), count: 0, limits }
    }

    fn add(&mut self, name: Cow<'_, str>, value: Cow<'_, str>) -> Result<(), Refusal> {
        self.count += 2;
        if self.count > self.limits.values {
            let message = format!("Input should hold at most {} keys and values", self.limits.values);
            return Err(Refusal::field("too_many_values", vec!["body".into()], message));
        }
        let value = Value::String(value.into_owned());
        match self.fields.get_mut(&*name) {
            None => {
                self.fields.insert(name.into_owned(), value);
            }
            Some(Value::Array(list)) => list.push(value),
            Some(single) => *single = Value::Array(vec![single.take(), value]),
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;
    use serde_json::json;

    use super::*;

    #[test]
    fn queries() {
        for (query, expected) in [
            ("", json!({})),
            ("a=1&b=x%20y+z", json!({"a": "1", "b": "x y z"})),
            ("a=1&b=&c&d=%20&a=2&a=3", json!({"a": ["1", "2", "3"]})),
            ("%C3%A9=%FF", json!({"é": "\u{fffd}"})),
            ("=x", json!({"": "x"})),
        ] {
            assert_eq!(of_query(query, &Limits::default()).map(Value::Object).ok(), Some(expected), "{query}");
        }
    }

    async fn read(kind: Option<&'static str>, body: &'static str) -> Option<Value> {
        let mut headers = HeaderMap::new();
        if let Some(kind) = kind {
            headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
        }
        of_body(&headers, &Bytes::from_static(body.as_bytes()), &Limits::default()).await.map(Value::Object).ok()
    }

    #[tokio::test]
    async fn bodies() {
        let form = "multipart/form-data; boundary=\"x y\"";
        let parts = "--x y\r\ncontent-disposition: form-data; name=a\r\n\r\n1\r\n\
            --x y\r\ncontent-disposition: form-data; name=f; filename=f.txt\r\n\r\nfile\r\n\
            --x y\r\ncontent-disposition: form-data; name=a\r\ncontent-type: text/plain\r\n\r\n\r\n--x y--\r\n";
        let object = Some(json!({"a": [1]}));
        let table = [
            (Some("application/json"), "{\"a\": [1]}", object.clone()),
            (Some("Application/JSON ; charset=utf-8"), "{\"a\": [1]}", object.clone()),
            (Some("application/cloudevents+json"), "{\"a\": [1]}", object.clone()),
            (Some("text/plain"), "{\"a\": [1]}", object.clone()),
            (None, "{\"a\": [1]}", object),
            (Some("application/json"), "{", Some(json!({}))),
            (Some("application/json"), "", Some(json!({}))),
            (None, "hello", Some(json!({}))),
            (Some("text/plain"), "", Some(json!({}))),
            (Some("text/plain"), "hello", None),
            (Some("application/json"), "[1]", None),
            (Some("application/json"), "null", None),
            (Some("text/plain"), "5", None),
            (Some("application/x-www-form-urlencoded"), "a=1&b=&a=2", Some(json!({"a": ["1", "2"], "b": ""}))),
            (Some("application/x-www-form-urlencoded;charset=utf-8"), "", Some(json!({}))),
            (Some(form), parts, Some(json!({"a": ["1", ""]}))),
            (Some(form), "--x y\r\ncut off", None),
            (Some("multipart/form-data"), parts, None),
        ];
        for (kind, body, expected) in table {
            assert_eq!(read(kind, body).await, expected, "{kind:?} {body}");
        }
    }

    #[tokio::test]
    async fn memory_is_foreseen() {
        let limits = Limits::default();
        for (kind, body) in [
            (FORM, "a&".repeat(1_000)),
            (FORM, "%FF=%FF&a=b&a=".repeat(1_000)),
            (FORM, format!("a={}", "x".repeat(10_000))),
            (
                "multipart/form-data; boundary=b",
                "--b\r\ncontent-disposition: form-data; name=a\r\n\r\n\r\n".repeat(50) + "--b--",
            ),
            ("application/json", format!("{{\"a\":[{}0]}}", "{\"a\":1},".repeat(1_000))),
        ] {
            let headers = HeaderMap::from_iter([(header::CONTENT_TYPE, HeaderValue::from_static(kind))]);
            let properties = of_body(&headers, &Bytes::from(body.clone()), &limits).await.unwrap();
            let foreseen = memory(&headers, body.as_bytes(), &limits).unwrap();
            assert!(foreseen >= weight::behind_map(&properties), "{kind}: {foreseen} foreseen for {}", &body[..20]);
        }
    }

    #[tokio::test]
    async fn forms_have_bounds() {
        let limits = Limits { values: 10, ..Limits::default() };
        let headers = HeaderMap::from_iter([(
            header::CONTENT_TYPE,
            HeaderValue::from_static("application/x-www-form-urlencoded"),
        )]);
        assert!(of_body(&headers, &Bytes::from("a&".repeat(5)), &limits).await.is_ok());
        assert!(of_body(&headers, &Bytes::from("a&".repeat(6)), &limits).await.is_err());
    }
}
