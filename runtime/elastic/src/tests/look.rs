//! A look at servers as they are, and as they should not be.

use std::time::Duration;

use elasticsearch::http::Method;
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
    let client = Client::new(&endpoint, PATIENCE).unwrap();
    let put = async |path: &str, body: Value| {
        client.send(Method::Put, path, Body::from(&body)).await.unwrap();
    };
    let indices = async || client.send(Method::Get, "_cat/indices?h=index", Body::Nothing).await.unwrap();
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
    client.send(Method::Delete, "lost", Body::Nothing).await.unwrap();

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
