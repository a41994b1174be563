//! A look at servers as they are, and as they should not be.

use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};
use tracardi_process::{Endpoint, Secret};
use tracardi_servers::{Fault, Kind, Login, Options, Proxy};

use super::house;
use crate::client::{Body, Client};
use crate::look;

const PATIENCE: Duration = Duration::from_secs(20);

async fn refused(endpoint: &Endpoint, expected: &str) {
    let error = look(endpoint, PATIENCE).await.unwrap_err().to_string();
    assert!(error.contains(expected) && !error.contains('\n') && !error.contains("geheim"), "{error}");
}

#[tokio::test]
async fn servers_that_will_do() {
    for (kind, product) in [(Kind::OpenSearch, "OpenSearch 2."), (Kind::Elasticsearch, "Elasticsearch 7.17.")] {
        let seen = look(&Endpoint::new(house::url(kind)), PATIENCE).await.unwrap();
        assert!(seen.to_string().starts_with(product) && seen.warnings.is_empty(), "{seen:?}");
    }
}

#[tokio::test]
async fn a_cluster_in_trouble() {
    let server = Kind::OpenSearch.start().unwrap();
    let endpoint = Endpoint::new(format!("http://{}", server.address()));
    let client = Client::new(&endpoint, PATIENCE, usize::MAX).unwrap();
    let put = async |path: &str, body: Value| {
        client.send(Method::PUT, path, Body::from(&body)).await.unwrap();
    };
    let indices = async || client.send(Method::GET, "_cat/indices?h=index", Body::Nothing).await.unwrap();
    let warned = async |expected: &str| {
        let seen = look(&endpoint, PATIENCE).await.unwrap();
        assert!(seen.warnings.iter().any(|warning| warning.contains(expected)), "{expected}: {seen:?}");
    };
    put("theirs", json!({"settings": {"number_of_replicas": 0}})).await;
    let before = indices().await;
    let set = async |settings: Value| put("_cluster/settings", json!({"transient": settings})).await;

    put("theirs/_settings", json!({"index.blocks.read_only_allow_delete": true})).await;
    warned("index.blocks.read_only_allow_delete").await;
    put("theirs/_settings", json!({"index.blocks.read_only_allow_delete": null})).await;
    set(json!({"cluster.blocks.read_only": true})).await;
    warned("cluster.blocks").await;
    set(json!({"cluster.blocks.read_only": null})).await;
    set(json!({"cluster.max_shards_per_node": 1})).await;
    warned("cluster.max_shards_per_node").await;
    set(json!({"cluster.max_shards_per_node": null})).await;
    assert_eq!(indices().await, before, "nothing was made by looking");
    assert_eq!(look(&endpoint, PATIENCE).await.unwrap().warnings, Vec::<String>::new());

    let nowhere = json!({"settings": {"index.routing.allocation.require._name": "nobody"}});
    put("lost?wait_for_active_shards=0", nowhere).await;
    refused(&endpoint, "_cluster/allocation/explain").await;
    client.send(Method::DELETE, "lost", Body::Nothing).await.unwrap();

    // The server may act on it at any time, so this comes last.
    let watermark = json!({"low": "0.01%", "high": "0.01%", "flood_stage": "100%"});
    set(json!({"cluster.routing.allocation.disk": {"threshold_enabled": true, "watermark": watermark}})).await;
    warned("high watermark (0.01%)").await;
}

#[tokio::test]
async fn who_is_not_let_in_and_whom_we_do_not_believe() {
    let login = Some(Login::new("shop", "geheim"));
    let server = Kind::OpenSearchSecured.start_with(&Options { login, tls: true, ..Options::default() }).unwrap();
    let other = Kind::Redis.start_with(&Options { tls: true, ..Options::default() }).unwrap();
    let right = Endpoint {
        username: Some("shop".to_owned()),
        password: Some(Secret::new("geheim")),
        authority: server.authority().map(str::to_owned),
        ..Endpoint::new(format!("https://{}", server.address()))
    };
    assert_eq!(look(&right, PATIENCE).await.unwrap().product, "OpenSearch");
    refused(&Endpoint { password: Some(Secret::new("geheimer")), ..right.clone() }, "username and password").await;
    refused(&Endpoint { authority: other.authority().map(str::to_owned), ..right }, "certificate").await;
}

/// Somebody who answers this over HTTP, whatever he is asked; and how often somebody has come.
fn stranger(status: &str, headers: &str, body: &str) -> (String, Arc<AtomicU64>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let answer = format!("HTTP/1.1 {status}\r\n{headers}content-length: {}\r\n\r\n{body}", body.len());
    let came = Arc::new(AtomicU64::new(0));
    let counter = came.clone();
    std::thread::spawn(move || {
        for mut client in listener.incoming().flatten() {
            counter.fetch_add(1, Ordering::SeqCst);
            let _ = client.read(&mut [0; 4096]);
            // Whoever has enough goes away before the end.
            let _ = client.write_all(answer.as_bytes());
        }
    });
    (url, came)
}

/// Who may only say where to look learns nothing of what is there, and cannot make us read without end.
#[tokio::test]
async fn what_a_stranger_says_is_not_told_and_where_he_leads_nobody_goes() {
    let (inner, came) = stranger("200 OK", "", "{\"version\": {\"number\": \"geheim\"}}");
    let endless = format!("{{\"tagline\": \"{}\"}}", "geheim".repeat(1 << 20));
    let said = "{\"error\": {\"type\": \"t\", \"reason\": \"geheim\"}}";
    let mut table = vec![
        ("302 Found", format!("location: {inner}/\r\n"), "geheim", "it leads elsewhere (status 302)"),
        ("307 Temporary Redirect", format!("location: {inner}/\r\n"), "geheim", "it leads elsewhere (status 307)"),
        ("200 OK", String::new(), "geheim", "status 200 and another greeting"),
        ("200 OK", String::new(), "{\"version\": {\"number\": \"9\"}, \"tagline\": \"geheim\"}", "another product's"),
        ("200 OK", String::new(), &endless, "it has more than 262144 bytes"),
    ];
    let answers = [
        ("400 Bad Request", "status 400 and another greeting"),
        ("404 Not Found", "status 404 and another greeting"),
        ("500 Internal Server Error", "status 500 and another greeting"),
        ("401 Unauthorized", "does not accept the credentials"),
        ("403 Forbidden", "lacks a privilege: it does not say why"),
        ("503 Service Unavailable", "(503): it does not say why"),
    ];
    table.extend(answers.map(|(status, told)| (status, String::new(), said, told)));
    for (status, headers, body, told) in table {
        let (url, _) = stranger(status, &headers, body);
        refused(&Endpoint::new(url), told).await;
    }
    assert_eq!(came.load(Ordering::SeqCst), 0, "a redirect was followed");
}

#[tokio::test]
async fn nobody_somebody_else_and_silence() {
    let redis = Kind::Redis.start().unwrap();
    let way = Proxy::to(redis.address()).unwrap();
    let there = Endpoint::new(format!("http://{}", way.address()));
    refused(&there, "host and port of the URL").await;
    way.close();
    refused(&there, "check its URL").await;
    way.open().unwrap();
    way.set(Fault::Blackhole);
    let error = look(&there, Duration::from_millis(200)).await.unwrap_err().to_string();
    assert!(error.contains("check its URL"), "{error}");
}
