//! `GET /tracker/…`: the browser tracker, embedded, with its compressed copies and entity tags.

use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use tracardi_gui::Asset;

use crate::errors::Refusal;
use crate::params::Path;

/// A file of the tracker; 404 when there is none.
pub async fn tracker(Path(path): Path<String>, headers: HeaderMap) -> Response {
    match tracardi_gui::tracker(&path) {
        Some(asset) => serve(&asset, &headers),
        None => Refusal::detail(StatusCode::NOT_FOUND, "Not Found").into_response(),
    }
}

/// An embedded file in the encoding that suits the client; 304 when the client has it already.
#[must_use]
pub fn serve(asset: &Asset, asked: &HeaderMap) -> Response {
    let text = |name: header::HeaderName| asked.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let known = text(header::IF_NONE_MATCH)
        .split(',')
        .any(|tag| tag.trim() == "*" || tag.trim().trim_start_matches("W/") == asset.etag);
    let (bytes, encoding) = asset.encoded(text(header::ACCEPT_ENCODING));
    let mut response = if known { StatusCode::NOT_MODIFIED.into_response() } else { bytes.into_response() };
    let headers = response.headers_mut();
    // The same tag stands for all encodings, so it is a weak one.
    if let Ok(tag) = HeaderValue::from_str(&format!("W/{}", asset.etag)) {
        headers.insert(header::ETAG, tag);
    }
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static(asset.cache_control));
    headers.insert(header::VARY, HeaderValue::from_static("Accept-Encoding"));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    if !known {
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(asset.content_type));
        if let Some(encoding) = encoding {
            headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static(encoding));
        }
    }
    response
}
