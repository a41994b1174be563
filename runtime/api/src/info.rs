//! What the installation is: `/`, `/info/version`, `/info/version/details`, `/healthcheck`, `/settings/public-url`.

use axum::Json;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse as _, Response};
use serde_json::{Map, Value, json};
use tracardi_model::Context;

use crate::app::App;
use crate::auth::{Allowed, Everyone};
use crate::body::{PRIVATE_BODY_BYTES, read};
use crate::context::InContext;
use crate::errors::Refusal;

/// The version of the original whose HTTP contract is kept; its GUI compares it with its own.
pub const CONTRACT_VERSION: &str = "0.8.2";
/// The version of this program.
pub const RUNTIME_VERSION: &str = env!("CARGO_PKG_VERSION");

/// `"0.8.2"`.
pub async fn version() -> Json<&'static str> {
    Json(CONTRACT_VERSION)
}

/// The long form. `installed` has the keys of both generations of the original.
pub async fn details(InContext(context): InContext, State(app): State<App>) -> Result<Json<Value>, Refusal> {
    let admin = app.configuration.installed().await?;
    Ok(Json(json!({
        "version": CONTRACT_VERSION,
        "runtime": RUNTIME_VERSION,
        "name": "tracardi",
        "upgrades": [],
        "production": context == Context::Production,
        "config": {},
        "db_version": "0820",
        "mysql_version": 1,
        "instance": app.options.instance,
        "installed": {
            "schema": true, "users": admin, "form": true,
            "schema_ok": true, "admin_ok": admin, "form_ok": true, "warning": null
        },
        "owner": "Tracardi",
        "expires": "Never",
        "licenses": ["Apache-2.0"]
    })))
}

/// Sends back what came: `{"headers", "json", "body"}` for a JSON body, otherwise the body as a text.
pub async fn healthcheck(State(app): State<App>, request: Request) -> Result<Response, Refusal> {
    let (parts, body) = request.into_parts();
    let read = read(&parts.headers, body, PRIVATE_BODY_BYTES, &app.bodies).await?;
    let bytes = read.bytes.clone();
    let text = String::from_utf8_lossy(&bytes);
    Ok(match read.json() {
        Ok(parsed) => Json(json!({ "headers": clean(&parts.headers), "json": parsed, "body": text })).into_response(),
        Err(_) => Json(text).into_response(),
    })
}

/// Headers as an object: lower-case names, without credentials; several of a name are joined by commas.
#[must_use]
pub fn clean(headers: &HeaderMap) -> Map<String, Value> {
    let mut cleaned = Map::with_capacity(headers.keys_len());
    for name in headers.keys().filter(|name| **name != header::AUTHORIZATION && **name != header::COOKIE) {
        let mut values = headers.get_all(name).iter().map(|value| String::from_utf8_lossy(value.as_bytes()));
        let mut joined = values.next().unwrap_or_default().into_owned();
        for value in values {
            joined.push_str(", ");
            joined.push_str(&value);
        }
        cleaned.insert(name.as_str().to_owned(), Value::String(joined));
    }
    cleaned
}

/// `{"public_url", "public_port"}`: where visitors' browsers reach the public API, for tracker snippets. Without a URL
/// (null) it is the host by which the reader came here, at that port.
pub async fn public_url(_: Allowed<Everyone>, State(app): State<App>) -> Json<Value> {
    Json(json!({ "public_url": app.options.public_url, "public_port": app.options.public_port }))
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    #[test]
    fn credentials_are_left_out() {
        let mut headers = HeaderMap::new();
        headers.insert(header::AUTHORIZATION, HeaderValue::from_static("Bearer x"));
        headers.insert(header::COOKIE, HeaderValue::from_static("a=b"));
        headers.append(header::ACCEPT_LANGUAGE, HeaderValue::from_static("de"));
        headers.append(header::ACCEPT_LANGUAGE, HeaderValue::from_static("en"));
        assert_eq!(Value::Object(clean(&headers)), json!({"accept-language": "de, en"}));
    }
}
