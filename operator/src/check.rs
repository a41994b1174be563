//! `tracardi-operator check URL`: a GET that must answer 200. The image has no shell and no curl, so `helm test` uses it.

use std::time::Duration;

use http_body_util::{BodyExt as _, Empty, Limited};
use hyper::body::Bytes;
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;

/// Longest answer that is read.
const LONGEST: usize = 64 * 1024;

/// Asks `url` (http only) until it answers 200, for at most `patience`. Gives the answer's first line.
pub async fn check(url: &str, patience: Duration) -> Result<String, String> {
    let uri: http::Uri = url.parse().map_err(|error| format!("{url} is no URL: {error}"))?;
    let client: Client<_, Empty<Bytes>> = Client::builder(TokioExecutor::new()).build_http();
    let deadline = tokio::time::Instant::now() + patience;
    loop {
        let attempt = tokio::time::timeout(Duration::from_secs(5), ask(&client, uri.clone())).await;
        let problem = match attempt {
            Ok(Ok(answer)) => return Ok(answer),
            Ok(Err(problem)) => problem,
            Err(_) => "no answer within 5 seconds".to_owned(),
        };
        if tokio::time::Instant::now() >= deadline {
            return Err(format!("{url}: {problem}"));
        }
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
}

async fn ask(
    client: &Client<hyper_util::client::legacy::connect::HttpConnector, Empty<Bytes>>,
    uri: http::Uri,
) -> Result<String, String> {
    let answer = client.get(uri).await.map_err(|error| {
        let cause = std::error::Error::source(&error).map(ToString::to_string);
        cause.map_or_else(|| error.to_string(), |cause| format!("{error}: {cause}"))
    })?;
    let status = answer.status();
    let body = Limited::new(answer.into_body(), LONGEST).collect().await.map_err(|error| error.to_string())?.to_bytes();
    let text = String::from_utf8_lossy(&body);
    if status == http::StatusCode::OK {
        Ok(text.lines().next().unwrap_or_default().to_owned())
    } else {
        Err(format!("answered {status}: {}", text.trim()))
    }
}
