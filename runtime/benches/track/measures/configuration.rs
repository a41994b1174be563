//! What the configurations of many tenants weigh in memory: the records as they are kept at hand, and compiled.

use std::sync::Arc;

use serde_json::{Value, json};
use tracardi_engine::Configuration;
use tracardi_model::configuration::{HTTP_CONNECTOR, Kind};

use crate::load;

/// How many installations' worth.
const TENANTS: usize = 1_000;
const BYTES_PER_MIB: f64 = 1_048_576.0;

type Records = Vec<(Kind, String, Arc<Value>)>;

pub(crate) fn measure() {
    // The first one brings in what all have in common.
    drop(compiled(&typical(0)));
    let rss = || load::memory(std::process::id(), "VmRSS");
    let empty = rss();
    let records: Vec<Records> = (0..TENANTS).map(typical).collect();
    let with_records = rss();
    let configurations: Vec<Configuration> = records.iter().map(compiled).collect();
    let with_all = rss();
    #[expect(clippy::cast_precision_loss, reason = "a thousand")]
    let each = |mib: f64| mib * BYTES_PER_MIB / configurations.len() as f64 / 1e3;
    println!("{TENANTS} configurations of {} records each", records[0].len());
    println!("{:>24} {:>10} {:>10}", "", "MiB", "kB each");
    for (name, mib) in
        [("records", with_records - empty), ("compiled", with_all - with_records), ("together", with_all - empty)]
    {
        println!("{name:>24} {mib:>10.1} {:>10.1}", each(mib));
    }
}

fn compiled(records: &Records) -> Configuration {
    let stored = records.iter().map(|(kind, id, document)| (*kind, id.as_str(), document));
    let configuration = Configuration::default().followed_by(stored);
    assert_eq!(configuration.problems(), []);
    configuration
}

/// What a shop of middling size configures: 20 mappings, 10 mappings onto the profile, 5 checks, 5 reshapings, 20 segments,
/// 20 rules, 5 destinations. No two tenants have a text in common by chance.
fn typical(tenant: usize) -> Records {
    let mut records = Records::new();
    let mut add = |kind: Kind, number: usize, document: Value| {
        let id = format!("{kind}-{tenant}-{number}");
        let mut record = json!({"id": id, "name": format!("Record {number}"), "description": "What it is for", "enabled": true, "tags": ["shop"]});
        for (name, value) in document.as_object().into_iter().flatten() {
            record[name] = value.clone();
        }
        records.push((kind, id, Arc::new(record)));
    };
    let value = |path: &str| json!({"value": path, "ref": true});
    let named = |id: String| json!({"id": id, "name": id});
    let kind = |number: usize| format!("order-{number}");
    for number in 0..20 {
        let schema = json!({"traits.size": "properties.size", "traits.colour": "properties.variant.colour",
            "data.ec.order.id": "properties.order.id", "data.ec.product.price": "properties.price", "traits.shop": "context.shop"});
        let mapping =
            json!({"event_type": kind(number), "index_schema": schema, "tags": ["order"], "journey": "purchase"});
        add(Kind::EventTypeMapping, number, mapping);
        let segment = json!({"name": format!("Segment {tenant} {number}"), "condition": format!(
            "profile@stats.visits > {number} AND profile@traits.city = \"City {tenant}\" AND profile@data.contact.email.main EXISTS")});
        add(Kind::Segment, number, segment);
        let rule = json!({"event_type": named(kind(number)), "flow": named(format!("flow-{tenant}-{number}")), "source": named(format!("source-{tenant}"))});
        add(Kind::Rule, number, rule);
    }
    for number in 0..10 {
        let assignments: Vec<Value> = ["traits.size", "traits.city", "data.pii.firstname"]
            .iter()
            .map(|field| json!({"event": value("properties.size"), "op": 0, "profile": value(field)}))
            .collect();
        let mapping = json!({"event_type": named(kind(number)), "event_to_profile": assignments,
            "config": {"condition": format!("event@properties.size = \"{tenant}\"")}});
        add(Kind::EventToProfile, number, mapping);
    }
    for number in 0..5 {
        let schema = json!({"type": "object", "required": ["id"], "properties": {"id": {"type": "string", "maxLength": 40},
            "email": {"type": "string", "pattern": "^[^@]+@[^@]+$"}, "sum": {"type": "number", "minimum": 0}}});
        let check = json!({"event_type": named(kind(number)), "validation": {"json_schema": {"event@properties": schema},
            "condition": format!("event@properties.shop = \"{tenant}\"")}});
        add(Kind::EventValidator, number, check);
        let shape = json!({"event_type": named(kind(number)), "reshaping": {"reshape_schema": {"properties": {
            "id": "event@properties.order.id", "sum": "event@properties.total", "items": ["event@properties.first"], "shop": format!("shop {tenant}")}}}});
        add(Kind::EventReshaping, number, shape);
        let destination = json!({"event_type": named(kind(number)), "on_profile_change_only": false, "resource": {"id": format!("crm-{tenant}")},
            "destination": {"package": HTTP_CONNECTOR, "init": {"method": "post", "timeout": 30}},
            "mapping": {"email": "profile@data.contact.email.main", "order": {"id": "event@properties.order.id", "sum": "event@properties.sum"}}});
        add(Kind::Destination, number, destination);
    }
    records
}
