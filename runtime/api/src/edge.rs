//! What every request passes on its way in and every answer on its way out: CORS, time taken, echo of the context, counts,
//! JSON bodies for answers that the router makes itself, and the net under a panic.

use std::time::Instant;

use axum::body::Body;
use axum::extract::{MatchedPath, Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use tracardi_process::supervisor::catch_panic;

use crate::app::{App, Surface};
use crate::context;
use crate::errors::Refusal;
use crate::figures::{RequestLabels, RouteLabels};

const PROCESS_TIME: HeaderName = HeaderName::from_static("x-process-time");
const METHODS: HeaderValue = HeaderValue::from_static("DELETE, GET, HEAD, OPTIONS, PATCH, POST, PUT");

/// The middleware around both routers.
pub async fn edge(State(app): State<App>, request: Request, next: Next) -> Response {
    let start = Instant::now();
    let route = request.extensions().get::<MatchedPath>().cloned();
    let method = request.method().clone();
    let context = request.headers().get(context::HEADER).cloned();
    let cross = CrossOrigin::of(request.headers());
    let mut response = if is_preflight(&request) {
        preflight(request.headers())
    } else {
        let mut response = match catch_panic(next.run(request)).await {
            Ok(response) => response,
            Err(panic) => {
                app.figures.panics.inc();
                tracing::error!(route = route.as_ref().map_or("other", MatchedPath::as_str), %panic, "handler panicked");
                Refusal::Later { reason: "The request could not be processed.".to_owned(), retry_after_s: 5 }
                    .into_response()
            }
        };
        cross.mark(response.headers_mut());
        response
    };
    if response.status() == StatusCode::METHOD_NOT_ALLOWED {
        method_not_allowed(&mut response);
    }
    if let Some(context) = context {
        response.headers_mut().insert(HeaderName::from_static(context::HEADER), context);
    }
    if app.surface == Surface::Private && !response.headers().contains_key(header::CACHE_CONTROL) {
        // What it answers speaks of persons and of the configuration.
        response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    }
    let seconds = start.elapsed().as_secs_f64();
    if let Ok(value) = HeaderValue::from_str(&format!("{seconds:.6}")) {
        response.headers_mut().insert(PROCESS_TIME, value);
    }
    tracing::debug!(%method, route = route.as_ref().map(MatchedPath::as_str), status = response.status().as_u16(), seconds, "answered");
    count(&app, route.as_ref(), response.status(), seconds);
    response
}

fn count(app: &App, route: Option<&MatchedPath>, status: StatusCode, seconds: f64) {
    let route = route.map_or("other", MatchedPath::as_str).to_owned();
    let port = app.surface.as_str();
    app.figures.requests.get_or_create(&RequestLabels { port, route: route.clone(), status: status.as_u16() }).inc();
    app.figures.seconds.get_or_create(&RouteLabels { port, route }).observe(seconds);
}

/// The router's own answer to a wrong method has an `Allow` header and no body.
fn method_not_allowed(response: &mut Response) {
    let body = r#"{"detail":"Method Not Allowed"}"#;
    *response.body_mut() = Body::from(body);
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(header::CONTENT_LENGTH, HeaderValue::from(body.len()));
}

/// `HEAD` where `GET` leaves a trace: 405. (Without it the router would run the handler of `GET`.)
pub async fn no_head() -> Response {
    (StatusCode::METHOD_NOT_ALLOWED, [(header::ALLOW, "GET,POST")]).into_response()
}

/// Nothing is here: a slash too many is taken away (the query is kept), everything else is 404.
pub async fn not_found(request: Request) -> Response {
    let path = request.uri().path();
    let trimmed = path.trim_end_matches('/');
    if trimmed.len() < path.len() && !trimmed.is_empty() {
        let query = request.uri().query().map(|query| format!("?{query}")).unwrap_or_default();
        // One slash at the start: two would name another host, and to browsers a backslash is one.
        let location = format!("/{}{query}", trimmed.trim_start_matches(['/', '\\']));
        if let Ok(location) = HeaderValue::from_str(&location) {
            return (StatusCode::TEMPORARY_REDIRECT, [(header::LOCATION, location)]).into_response();
        }
    }
    Refusal::detail(StatusCode::NOT_FOUND, "Not Found").into_response()
}

fn is_preflight(request: &Request) -> bool {
    request.method() == Method::OPTIONS
        && request.headers().contains_key(header::ORIGIN)
        && request.headers().contains_key(header::ACCESS_CONTROL_REQUEST_METHOD)
}

/// A browser asks whether a page of another origin may send a request: it may.
fn preflight(asked: &HeaderMap) -> Response {
    let mut response = (StatusCode::OK, "OK").into_response();
    let headers = response.headers_mut();
    if let Some(origin) = asked.get(header::ORIGIN) {
        headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin.clone());
    }
    headers.insert(header::ACCESS_CONTROL_ALLOW_CREDENTIALS, HeaderValue::from_static("true"));
    headers.insert(header::ACCESS_CONTROL_ALLOW_METHODS, METHODS);
    if let Some(wanted) = asked.get(header::ACCESS_CONTROL_REQUEST_HEADERS) {
        headers.insert(header::ACCESS_CONTROL_ALLOW_HEADERS, wanted.clone());
    }
    headers.insert(header::ACCESS_CONTROL_MAX_AGE, HeaderValue::from_static("600"));
    headers.insert(header::VARY, HeaderValue::from_static("Origin"));
    response
}

/// What an answer says about other origins: any may read it. With a cookie the origin must be named.
struct CrossOrigin(Option<HeaderValue>);

impl CrossOrigin {
    fn of(headers: &HeaderMap) -> Self {
        Self(headers.get(header::ORIGIN).filter(|_| headers.contains_key(header::COOKIE)).cloned())
    }

    fn mark(self, headers: &mut HeaderMap) {
        headers.insert(header::ACCESS_CONTROL_ALLOW_CREDENTIALS, HeaderValue::from_static("true"));
        match self.0 {
            None => headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*")),
            Some(origin) => {
                headers.append(header::VARY, HeaderValue::from_static("Origin"));
                headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin)
            }
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_slash_too_many_leads_nowhere_else() {
        for (path, expected) in [
            ("/event/count/?a=b", Some("/event/count?a=b")),
            ("//evil.example/", Some("/evil.example")),
            ("/\\evil.example/", Some("/evil.example")),
            ("/\\/\\evil.example//", Some("/evil.example")),
            ("/nothing", None),
        ] {
            let response = not_found(Request::builder().uri(path).body(Body::empty()).unwrap()).await;
            let location = response.headers().get(header::LOCATION).map(|location| location.to_str().unwrap());
            assert_eq!(location, expected, "{path}");
        }
    }
}
