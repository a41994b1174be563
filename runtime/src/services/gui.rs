//! `tracardi gui`: the web application, embedded in this program, in front of the private API.
//!
//! `/api/…` is passed on to the private API as it is, answers stream back as they come (the live stream of events too).
//! `/shop/…` is the demo shop. Every other path is a file of the application or one of its pages.

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::Context as _;
use axum::Router;
use axum::body::Body;
use axum::extract::rejection::PathRejection;
use axum::extract::{ConnectInfo, Path, Request, State};
use axum::http::uri::{Authority, PathAndQuery, Scheme};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Uri, header};
use axum::response::{IntoResponse as _, Response};
use axum::routing::any;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use tracardi_api::errors::Refusal;
use tracardi_api::tracker::serve;
use tracardi_crds::contract::env;
use tracardi_gui::WEB_SECURITY_POLICY;
use tracardi_process::Supervisor;
use tracardi_process::health::{self, Health};
use tracardi_process::listen::{self, Limits};
use tracardi_process::shutdown::Signals;

use super::{given, metrics, run_until_signalled};

/// How long a connection to the private API may take.
const CONNECT: Duration = Duration::from_secs(3);
/// How long the head of its answer may take.
const ANSWER: Duration = Duration::from_mins(1);
/// Headers that speak of one connection and are not passed on (RFC 9110, 7.6.1).
const HOP_BY_HOP: [HeaderName; 7] = [
    header::CONNECTION,
    header::PROXY_AUTHENTICATE,
    header::PROXY_AUTHORIZATION,
    header::TE,
    header::TRAILER,
    header::TRANSFER_ENCODING,
    header::UPGRADE,
];

/// What `tracardi gui` is told.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// Address of the web application
    #[arg(long, value_name = "HOST:PORT", default_value = "127.0.0.1:8787", env = env::GUI_LISTEN)]
    listen: String,
    /// Where the private API is, beginning with http://
    #[arg(long, value_name = "URL", default_value = "http://127.0.0.1:8686", env = env::API_URL)]
    api_url: ApiUrl,
    /// Address of health and metrics; none when absent
    #[arg(long, value_name = "HOST:PORT", env = env::MANAGEMENT_LISTEN)]
    management_listen: Option<String>,
}

/// Serves the web application until it is told to stop.
pub(crate) async fn run(arguments: Arguments) -> anyhow::Result<()> {
    let signals = Signals::new().context("signals cannot be caught")?;
    let supervisor = Supervisor::new();
    let gui = listen::bind("web application", &arguments.listen).await?;
    if let Some(address) = given(arguments.management_listen.as_ref()) {
        let management = listen::bind("health and metrics", address).await?;
        listen::serve(&supervisor, management, health::router(Health::new(), metrics()), Limits::default());
    }
    listen::serve(&supervisor, gui, router(arguments.api_url), Limits::default());
    run_until_signalled(&supervisor, signals).await
}

/// Address of the private API.
#[derive(Clone, Debug)]
pub(crate) struct ApiUrl {
    authority: Authority,
    /// Path in front of every path, without slash at its end.
    prefix: String,
}

impl std::str::FromStr for ApiUrl {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let uri: Uri = text.parse().map_err(|error| format!("`{text}` is no URL: {error}"))?;
        match (uri.scheme_str(), uri.authority()) {
            (Some("http"), Some(authority)) => {
                Ok(Self { authority: authority.clone(), prefix: uri.path().trim_end_matches('/').to_owned() })
            }
            _ => Err(format!("`{text}` is not of the form http://host:port")),
        }
    }
}

impl From<SocketAddr> for ApiUrl {
    /// The API of this process; a listener on every address is reached over loopback.
    fn from(mut address: SocketAddr) -> Self {
        if address.ip().is_unspecified() {
            address.set_ip(if address.is_ipv4() {
                std::net::Ipv4Addr::LOCALHOST.into()
            } else {
                std::net::Ipv6Addr::LOCALHOST.into()
            });
        }
        let authority = address.to_string().parse().unwrap_or_else(|_| Authority::from_static("127.0.0.1:8686"));
        Self { authority, prefix: String::new() }
    }
}

/// The way to the private API.
#[derive(Clone)]
struct Proxy {
    api: ApiUrl,
    client: Client<HttpConnector, Body>,
}

/// The web application's router.
pub(crate) fn router(api: ApiUrl) -> Router {
    let mut connector = HttpConnector::new();
    connector.set_connect_timeout(Some(CONNECT));
    connector.set_nodelay(true);
    let client = Client::builder(TokioExecutor::new())
        .pool_timer(TokioTimer::new())
        .pool_idle_timeout(Duration::from_secs(15))
        .build(connector);
    Router::new()
        .route("/api", any(pass_on))
        .route("/api/{*path}", any(pass_on))
        .route("/shop", any(shop_redirect))
        .route("/shop/", any(shop_start))
        .route("/shop/{*path}", any(shop))
        .fallback(any(web))
        .with_state(Proxy { api, client })
}

async fn web(method: Method, uri: Uri, headers: HeaderMap) -> Response {
    let Some(asset) = tracardi_gui::web(uri.path()).filter(|_| is_read(&method)) else { return missing(&method) };
    let mut response = serve(&asset, &headers);
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(WEB_SECURITY_POLICY));
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("same-origin"));
    response
}

async fn shop_redirect(uri: Uri) -> Response {
    let query = uri.query().map(|query| format!("?{query}")).unwrap_or_default();
    (StatusCode::PERMANENT_REDIRECT, [(header::LOCATION, format!("/shop/{query}"))]).into_response()
}

async fn shop_start(method: Method, headers: HeaderMap) -> Response {
    shop_file("", &method, &headers)
}

async fn shop(path: Result<Path<String>, PathRejection>, method: Method, headers: HeaderMap) -> Response {
    match path {
        Ok(Path(path)) => shop_file(&path, &method, &headers),
        // No file has a name that is no text.
        Err(_) => missing(&method),
    }
}

fn shop_file(path: &str, method: &Method, headers: &HeaderMap) -> Response {
    match tracardi_gui::shop(path).filter(|_| is_read(method)) {
        Some(asset) => serve(&asset, headers),
        None => missing(method),
    }
}

fn is_read(method: &Method) -> bool {
    matches!(*method, Method::GET | Method::HEAD)
}

fn missing(method: &Method) -> Response {
    if is_read(method) {
        Refusal::detail(StatusCode::NOT_FOUND, "Not Found").into_response()
    } else {
        let refusal = Refusal::detail(StatusCode::METHOD_NOT_ALLOWED, "Method Not Allowed");
        ([(header::ALLOW, "GET, HEAD")], refusal).into_response()
    }
}

/// Passes a request on to the private API, body and answer as streams.
async fn pass_on(
    State(proxy): State<Proxy>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    mut request: Request,
) -> Response {
    let path = request.uri().path_and_query().map_or("/", PathAndQuery::as_str);
    let path = path.strip_prefix("/api").unwrap_or(path);
    let path = if path.starts_with('/') { path.to_owned() } else { format!("/{path}") };
    let uri = Uri::builder()
        .scheme(Scheme::HTTP)
        .authority(proxy.api.authority.clone())
        .path_and_query(format!("{}{path}", proxy.api.prefix))
        .build();
    let Ok(uri) = uri else {
        return Refusal::detail(StatusCode::BAD_REQUEST, "The path is not well formed").into_response();
    };
    *request.uri_mut() = uri;
    *request.version_mut() = axum::http::Version::HTTP_11;
    let headers = request.headers_mut();
    strip(headers);
    headers.remove(header::HOST);
    if let Ok(client) = HeaderValue::from_str(&peer.ip().to_canonical().to_string()) {
        headers.append(HeaderName::from_static("x-forwarded-for"), client);
    }
    match tokio::time::timeout(ANSWER, proxy.client.request(request)).await {
        Ok(Ok(answer)) => {
            let mut answer = answer.map(Body::new);
            strip(answer.headers_mut());
            relocate(answer.headers_mut(), &proxy.api.prefix);
            answer
        }
        Ok(Err(error)) => {
            tracing::warn!(%error, "the private API does not answer");
            later(format!("The private API at {} cannot be reached; try again in a moment", proxy.api.authority))
        }
        Err(_) => later(format!("The private API at {} did not answer in time", proxy.api.authority)),
    }
}

fn later(reason: String) -> Response {
    Refusal::Later { reason, retry_after_s: 2 }.into_response()
}

/// Takes away what speaks of one connection, also what `Connection` names.
fn strip(headers: &mut HeaderMap) {
    let named: Vec<HeaderName> = headers
        .get_all(header::CONNECTION)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .filter_map(|name| name.trim().parse().ok())
        .collect();
    for name in HOP_BY_HOP.iter().chain(&named) {
        headers.remove(name);
    }
    headers.remove("keep-alive");
}

/// A redirect within the private API, as the browser must see it: below `/api`. Others stay as they are.
fn relocate(headers: &mut HeaderMap, prefix: &str) {
    let location = headers.get(header::LOCATION).and_then(|location| location.to_str().ok());
    let within = location.and_then(|location| location.strip_prefix(prefix));
    // Two slashes at the start would name another host.
    let Some(path) = within.filter(|path| path.starts_with('/') && !path.starts_with("//")) else { return };
    if let Ok(location) = HeaderValue::from_str(&format!("/api{path}")) {
        headers.insert(header::LOCATION, location);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_of_the_api() {
        let url: ApiUrl = "http://api.local:8686/base/".parse().unwrap();
        assert_eq!((url.authority.as_str(), url.prefix.as_str()), ("api.local:8686", "/base"));
        for wrong in ["", "api:8686", "https://api", "http://"] {
            assert!(wrong.parse::<ApiUrl>().is_err(), "{wrong}");
        }
        let own = |address: &str| ApiUrl::from(address.parse::<SocketAddr>().unwrap()).authority.to_string();
        assert_eq!(own("0.0.0.0:8686"), "127.0.0.1:8686");
        assert_eq!(own("[::]:8686"), "[::1]:8686");
        assert_eq!(own("10.0.0.1:1"), "10.0.0.1:1");
    }

    #[test]
    fn headers_of_one_connection_are_not_passed_on() {
        let mut headers = HeaderMap::new();
        headers.insert(header::CONNECTION, HeaderValue::from_static("close, X-Private"));
        headers.insert("x-private", HeaderValue::from_static("1"));
        headers.insert("keep-alive", HeaderValue::from_static("1"));
        headers.insert(header::AUTHORIZATION, HeaderValue::from_static("Bearer t"));
        strip(&mut headers);
        assert_eq!(headers.keys().map(HeaderName::as_str).collect::<Vec<_>>(), ["authorization"]);
    }

    #[test]
    fn redirects_of_the_api_stay_below_its_path() {
        let table = [
            ("", "/event/count?x=1", "/api/event/count?x=1"),
            ("/base", "/base/event", "/api/event"),
            ("/base", "/elsewhere", "/elsewhere"),
            ("", "//host/x", "//host/x"),
            ("", "https://host/x", "https://host/x"),
        ];
        for (prefix, location, expected) in table {
            let mut headers = HeaderMap::from_iter([(header::LOCATION, HeaderValue::from_static(location))]);
            relocate(&mut headers, prefix);
            assert_eq!(headers[header::LOCATION], expected, "{prefix} {location}");
        }
    }
}
