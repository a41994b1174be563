//! Templates and mappings, made at the start of each process: two at once do no harm, nor does one that is killed in between.

use std::collections::{BTreeMap, BTreeSet};

use futures::future::try_join_all;
use reqwest::Method;
use serde::Deserialize;
use serde_json::{Value, json};
use tracardi_model::Context;

use crate::client::{Body, Client, read};
use crate::error::ElasticError;
use crate::names::{Kind, Names};
use crate::settings::ElasticSettings;

/// Grows whenever the mapping does; a mapping only ever gets more fields.
pub(crate) const REVISION: i64 = 1;

/// The mapping of all indices. See the crate's documentation for what the fields mean.
fn mapping() -> Value {
    let keyword = json!({"type": "keyword"});
    let long = json!({"type": "long"});
    let boolean = json!({"type": "boolean"});
    let unindexed = json!({"type": "object", "enabled": false});
    json!({
        "dynamic": "strict",
        "_meta": {"schema_revision": REVISION},
        "properties": {
            "context": keyword, "id": keyword, "key": keyword, "inserted": long, "stored": long,
            "type": keyword, "source": keyword, "session": keyword, "profile": keyword,
            "valid": boolean, "bytes": long, "facts": keyword, "waiting": long, "survivor": keyword,
            "done": boolean, "events": long,
            "document": unindexed, "text": unindexed, "pending": unindexed,
        },
    })
}

/// The composable template of a kind.
fn template(kind: Kind, names: &Names, settings: &ElasticSettings) -> Value {
    json!({
        "index_patterns": [names.pattern(kind)],
        "priority": 500,
        "_meta": {"schema_revision": REVISION},
        "template": {
            "settings": {
                "number_of_shards": settings.shards,
                "number_of_replicas": settings.replicas,
                // What is acknowledged is on disk.
                "index.translog.durability": "request",
            },
            "mappings": mapping(),
            "aliases": {names.alias(kind): {}},
        },
    })
}

#[derive(Deserialize)]
struct Templates {
    index_templates: Vec<Named>,
}

#[derive(Deserialize)]
struct Named {
    index_template: Template,
}

#[derive(Deserialize)]
struct Template {
    #[serde(default, rename = "_meta")]
    meta: Meta,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Meta {
    schema_revision: i64,
}

/// The indices there are, and for rolling kinds the generations.
pub(crate) async fn indices(client: &Client, names: &Names) -> Result<BTreeMap<Kind, BTreeSet<u32>>, ElasticError> {
    let patterns: Vec<String> = Kind::ALL.iter().map(|kind| names.pattern(*kind)).collect();
    let path = format!("{}/_alias?ignore_unavailable=true", patterns.join(","));
    let found: BTreeMap<String, Value> = client.json(Method::GET, &path, Body::Nothing).await?;
    let mut indices: BTreeMap<Kind, BTreeSet<u32>> = BTreeMap::new();
    for kind in Kind::ALL {
        indices.insert(kind, found.keys().filter_map(|index| names.generation(kind, index)).collect());
    }
    Ok(indices)
}

/// Makes what is missing and brings the rest up to date.
pub(crate) async fn install(client: &Client, names: &Names, settings: &ElasticSettings) -> Result<(), ElasticError> {
    let path = |kind: Kind| format!("_index_template/{}", names.alias(kind));
    // All are put with the same revision, the profile's last.
    let (status, body) = client.answer(Method::GET, &path(Kind::Profile), Body::Nothing).await?;
    match status {
        404 => {}
        200 => {
            let known: Templates = read(&body)?;
            let found = known.index_templates.iter().map(|one| one.index_template.meta.schema_revision).max();
            if let Some(found) = found.filter(|found| *found > REVISION) {
                return Err(ElasticError::NewerSchema { found, known: REVISION });
            }
        }
        status => return Err(client.refusal(status, &body)),
    }
    try_join_all(Kind::ALL.iter().map(async |kind| {
        let template = template(*kind, names, settings);
        client.send(Method::PUT, &path(*kind), (&template).into()).await
    }))
    .await?;
    let found = indices(client, names).await?;
    let mapping = mapping();
    try_join_all(found.iter().map(async |(kind, generations)| {
        if generations.is_empty() {
            return create(client, &names.index(*kind, 1)).await;
        }
        client.send(Method::PUT, &format!("{}/_mapping", names.alias(*kind)), (&mapping).into()).await.map(drop)
    }))
    .await?;
    Ok(())
}

/// Makes an index out of its template, unless it is there.
pub(crate) async fn create(client: &Client, index: &str) -> Result<(), ElasticError> {
    match client.send(Method::PUT, index, Body::Nothing).await {
        Err(ElasticError::Refused { kind, .. }) if kind == "resource_already_exists_exception" => Ok(()),
        other => other.map(drop),
    }
}

/// The query for everything of a context, for use as a filter: without profiles that are being merged into another one.
pub(crate) fn scope(context: Context) -> Value {
    json!({"bool": {
        "filter": [{"term": {"context": context.as_str()}}],
        "must_not": [{"exists": {"field": "survivor"}}],
    }})
}

/// The order of lists: newest first, then as they were stored, the last first.
pub(crate) fn newest_first() -> Value {
    json!([{"inserted": "desc"}, {"stored": "desc"}, {"key": "desc"}])
}
