//! A look at a server that changes nothing on it.

use std::time::Duration;

use reqwest::Method;
use serde::Deserialize;
use serde_json::Value;
use tokio::time::{Instant, timeout_at};
use tracardi_process::{Endpoint, Sighting};

use crate::client::{Body, Client};
use crate::dialect::Dialect;
use crate::error::ElasticError;

/// Bounds that the operators of a server have set, or its own.
const SETTINGS: &str = "_cluster/settings?include_defaults=true&filter_path=*.cluster.max_shards_per_node,*.cluster.routing.allocation.disk";
/// What takes no writes.
const BLOCKS: &str = "_cluster/state/blocks?filter_path=blocks";
/// How full the disks are.
const DISKS: &str = "_cat/allocation?format=json&h=node,disk.percent";

/// Bytes of an answer: none of these is long, and whoever may name a server to be looked at may name any.
const LARGEST: usize = 256 << 10;

/// The block that a server puts on an index when a disk is full.
const DISK_FULL: &str = "12";
/// Blocks on the whole cluster: read-only, no new indices, disk full.
const CLUSTER_BLOCKS: [&str; 3] = ["6", "10", "13"];

/// Logs in as [`Elastic::open`](crate::Elastic::open) does and looks whether the server will do; makes no index. Takes no longer
/// than `patience`. The error names the setting that is wrong and the remedy; before a server has said that it is one of these, nothing
/// of what it says is in it, so that nobody learns by a look what stands behind an address.
pub async fn look(endpoint: &Endpoint, patience: Duration) -> Result<Sighting, ElasticError> {
    let client = Client::new(endpoint, patience, LARGEST)?;
    let end = Instant::now() + patience;
    let met = timeout_at(end, async { Ok((Dialect::of(&client).await?, health(&client).await?)) }).await;
    let (dialect, health) = met.unwrap_or_else(|_| {
        let reason = format!("no answer within {} s", patience.as_secs_f64());
        Err(ElasticError::Unreachable { url: endpoint.url.clone(), reason, connected: false })
    })?;
    // What would only be warned of may stay unknown: not every user may ask, and a server that works may be too busy to tell.
    let warnings = timeout_at(end, warnings(&client, health.as_ref())).await.unwrap_or_default();
    Ok(Sighting { product: format!("{:?}", dialect.product), version: dialect.version, warnings })
}

/// How the cluster is.
#[derive(Debug, Deserialize)]
struct Health {
    status: String,
    number_of_data_nodes: u64,
    active_shards: u64,
    initializing_shards: u64,
    unassigned_shards: u64,
}

/// Fails when a part of the data is out of reach; None when the user may not ask.
async fn health(client: &Client) -> Result<Option<Health>, ElasticError> {
    match client.json::<Health>(Method::GET, "_cluster/health", Body::Nothing).await {
        Ok(health) if health.status == "red" => Err(ElasticError::Red { url: client.url().to_owned() }),
        Ok(health) => Ok(Some(health)),
        Err(ElasticError::Privilege { .. }) => Ok(None),
        Err(error) => Err(error),
    }
}

async fn warnings(client: &Client, health: Option<&Health>) -> Vec<String> {
    let Some(health) = health else {
        return vec!["the user may not ask how the cluster is; grant the cluster privilege `monitor`".to_owned()];
    };
    let ask = async |path| client.json::<Value>(Method::GET, path, Body::Nothing).await.unwrap_or_default();
    let (settings, blocks, disks) = tokio::join!(ask(SETTINGS), ask(BLOCKS), ask(DISKS));
    [crowded(health, &settings), blocked(&blocks), barred(&blocks), filling(&disks, &settings)]
        .into_iter()
        .flatten()
        .collect()
}

/// A setting of the cluster: what was set stands above the server's own.
fn setting<'a>(settings: &'a Value, path: &str) -> Option<&'a str> {
    let of = |layer| settings.pointer(&format!("/{layer}/cluster/{path}"))?.as_str();
    ["transient", "persistent", "defaults"].into_iter().find_map(of)
}

/// More than nine tenths of the shards that there may be.
fn crowded(health: &Health, settings: &Value) -> Option<String> {
    let each: u64 = setting(settings, "max_shards_per_node")?.parse().ok()?;
    let most = each.saturating_mul(health.number_of_data_nodes);
    let shards = health.active_shards + health.initializing_shards + health.unassigned_shards;
    (shards.saturating_mul(10) > most.saturating_mul(9)).then(|| {
        format!(
            "more than 90 % of the {most} shards that the cluster may have are in use, and without a free one no index can be made; remove indices, add a data node, or raise cluster.max_shards_per_node ({each})"
        )
    })
}

/// Indices that a full disk has closed for writes.
fn blocked(state: &Value) -> Option<String> {
    let indices = state.pointer("/blocks/indices")?.as_object()?;
    let (index, _) = indices.iter().find(|(_, blocks)| blocks.get(DISK_FULL).is_some())?;
    Some(format!(
        "a disk was full, and indices take no writes since then ({index:?} for one); make space, then set index.blocks.read_only_allow_delete of them to null unless the server does so by itself"
    ))
}

/// The cluster takes no writes, or makes no indices.
fn barred(state: &Value) -> Option<String> {
    let blocks = state.pointer("/blocks/global")?.as_object()?;
    let block = CLUSTER_BLOCKS.into_iter().find_map(|id| blocks.get(id))?;
    let what = block.get("description").and_then(Value::as_str).unwrap_or("a block");
    Some(format!(
        "the cluster refuses writes ({what}); take the block off (cluster.blocks.* in `PUT _cluster/settings`)"
    ))
}

/// A disk above the high watermark, where that is a share of the disk.
fn filling(disks: &Value, settings: &Value) -> Option<String> {
    let threshold = |name: &str| setting(settings, &format!("routing/allocation/disk/{name}"));
    if threshold("threshold_enabled") == Some("false") {
        return None;
    }
    let told = threshold("watermark/high")?;
    let most = match told.strip_suffix('%') {
        Some(percent) => percent.parse::<f64>().ok()?,
        None => told.parse::<f64>().ok()? * 100.0,
    };
    let used = |disk: &Value| disk.get("disk.percent")?.as_str()?.parse::<f64>().ok();
    let full = disks.as_array()?.iter().find(|disk| used(disk).is_some_and(|used| used >= most))?;
    let node = full.get("node").and_then(Value::as_str).unwrap_or_default();
    Some(format!(
        "the disk of node {node:?} is above the high watermark ({told}), and soon its indices take no writes; make space or enlarge it"
    ))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn limits(high: &str, enabled: bool) -> Value {
        let disk = json!({"threshold_enabled": enabled.to_string(), "watermark": {"high": high}});
        json!({"transient": {}, "defaults": {"cluster": {"routing": {"allocation": {"disk": disk}}}}})
    }

    #[test]
    fn a_disk_is_filling_up_when_it_is_above_the_watermark() {
        let disks = json!([{"node": "UNASSIGNED", "disk.percent": null}, {"node": "one", "disk.percent": "90"}]);
        for (high, warned) in [("90%", true), ("0.9", true), ("0.95", false), ("91%", false), ("20gb", false)] {
            let told = filling(&disks, &limits(high, true));
            assert_eq!(told.is_some(), warned, "{high}: {told:?}");
        }
        assert_eq!(filling(&disks, &limits("1%", false)), None, "nobody looks at disks there");
        assert_eq!(filling(&Value::Null, &Value::Null), None);
    }

    #[test]
    fn what_was_set_stands_above_what_is_usual() {
        let shards = |number: u64| Health {
            status: "yellow".to_owned(),
            number_of_data_nodes: 2,
            active_shards: number,
            initializing_shards: 1,
            unassigned_shards: 2,
        };
        let layer = |number: &str| json!({"cluster": {"max_shards_per_node": number}});
        let settings = json!({"defaults": layer("1000"), "persistent": layer("100")});
        assert_eq!(crowded(&shards(177), &settings), None);
        assert!(crowded(&shards(178), &settings).is_some_and(|told| told.contains("200 shards")));
    }

    #[test]
    fn only_blocks_that_nobody_wanted_are_told() {
        let blocks =
            |id: &str| json!({"blocks": {"indices": {"i": {(id): {}}}, "global": {(id): {"description": "d"}}}});
        assert!(blocked(&blocks("12")).is_some() && blocked(&blocks("4")).is_none());
        assert!(barred(&blocks("13")).is_some() && barred(&blocks("1")).is_none());
        assert_eq!((blocked(&json!({})), barred(&json!({}))), (None, None));
    }
}
