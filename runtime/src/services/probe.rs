//! `tracardi probe`: one GET request, for scripts in images that have no other program.

use std::io::Write as _;
use std::time::Duration;

use anyhow::{Context as _, bail};
use tracardi_simulate::client::{Client, Target};

/// What `tracardi probe` is told.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// What to ask for, beginning with http://
    #[arg(long, value_name = "URL")]
    url: String,
    /// How long to wait for connection and answer
    #[arg(long, value_name = "MILLISECONDS", default_value_t = 3000)]
    timeout_ms: u64,
}

/// Prints `HTTP <status>` when there is an answer, whatever it is; fails with the reason when there is none.
pub(crate) async fn run(Arguments { url, timeout_ms }: Arguments) -> anyhow::Result<()> {
    let (origin, path) = split(&url)?;
    let target: Target = origin.parse().map_err(|error| anyhow::anyhow!("{url}: {error}"))?;
    let patience = Duration::from_millis(timeout_ms);
    let mut client = Client::new(target, patience);
    let answer = match tokio::time::timeout(patience, client.request("GET", &path, &[], b"")).await {
        Err(_) => bail!("{url}: no answer within {timeout_ms} ms"),
        Ok(answer) => answer.with_context(|| format!("{url}: no answer"))?,
    };
    writeln!(std::io::stdout(), "HTTP {}", answer.status).context("cannot print")
}

/// A URL as the address of the server and the path with its query.
fn split(url: &str) -> anyhow::Result<(String, String)> {
    let Some(rest) = url.strip_prefix("http://") else { bail!("`{url}` does not begin with http://") };
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let (server, path) = rest.split_at(end);
    let path = path.split('#').next().unwrap_or_default();
    let path = if path.starts_with('/') { path.to_owned() } else { format!("/{path}") };
    Ok((format!("http://{server}"), path))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls() {
        for (url, server, path) in [
            ("http://a:1", "http://a:1", "/"),
            ("http://a:1/b?c=/d#e", "http://a:1", "/b?c=/d"),
            ("http://a?b", "http://a", "/?b"),
        ] {
            assert_eq!(split(url).unwrap(), (server.to_owned(), path.to_owned()));
        }
        assert!(split("https://a").is_err());
    }
}
