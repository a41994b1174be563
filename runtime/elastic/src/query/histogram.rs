//! Counts over time.

use std::collections::{BTreeMap, HashMap};

use futures::future::try_join_all;
use serde_json::{Value, json};
use tracardi_language::dot::Path;
use tracardi_language::elastic::Values;
use tracardi_model::Context;
use tracardi_store::documents::TOP_VALUES;
use tracardi_store::interval::Bars;
use tracardi_store::{Counts, Histogram, Index, StoreError};

use super::every;
use super::question::Question;
use super::search::{Aggregation, Counted};
use super::settle::Ask;
use crate::elastic::Inner;
use crate::names::Kind;

/// Facts that are counted to find the most frequent values: `5`, `"5"` and each as an element of a list are one value.
const MAX_VALUES: usize = 1_000;
/// Bytes of a regular expression that a server takes.
const MAX_EXPRESSION: usize = 1_000;

/// A field to group by.
fn values(field: &str) -> Result<Values, StoreError> {
    let bad = || StoreError::BadField(field.to_owned());
    if field.chars().any(|letter| letter == '"' || letter == '\\' || letter.is_control()) {
        return Err(bad());
    }
    // How Elasticsearch calls the exact twin of a text field.
    let path = field.strip_suffix(".keyword").unwrap_or(field);
    let values = Values::of(&Path::parse(path).map_err(|_| bad())?);
    if values.include().len() > MAX_EXPRESSION { Err(bad()) } else { Ok(values) }
}

impl Inner {
    pub(super) async fn histogram(
        &self,
        context: Context,
        index: Index,
        histogram: &Histogram,
    ) -> Result<Counts, StoreError> {
        let bars = Bars::of(histogram);
        let mut counts = bars.empty();
        let values = histogram.group_by.as_deref().map(values).transpose()?;
        let question = Question::of(&histogram.matching)?;
        if bars.number == 0 {
            return Ok(counts);
        }
        let ask = Ask { context, index, from: Some(bars.first), to: Some(bars.last), question };
        let (kind, query) = (Kind::from(index), self.settled(&ask).await?);

        let mut wanted = json!({"bars": in_bars(&bars)});
        if let Some(values) = &values {
            // One pass over the values of the documents found; the other way would number all facts of the index first.
            wanted["values"] = json!({"terms": {
                "field": "facts", "include": values.include(), "exclude": values.exclude(), "size": MAX_VALUES,
                "execution_hint": "map", "order": [{"_count": "desc"}, {"_key": "asc"}],
            }});
        }
        let mut answer = self.aggregate(kind, &query, &wanted).await?;
        counts.total = answer.hits.total();
        let mut taken = |name: &str| answer.aggregations.remove(name).unwrap_or_default();
        for (bar, number) in numbered(&bars, taken("bars")) {
            if let Some(bucket) = counts.buckets.get_mut(bar) {
                bucket.count = number;
            }
        }
        let Some(values) = values else { return Ok(counts) };

        let groups = most_frequent(&values, taken("values"));
        let split = groups.iter().map(async |(_, facts)| {
            let of_group = every([query.clone(), json!({"terms": {"facts": facts}})]);
            self.aggregate(kind, &of_group, &json!({"bars": in_bars(&bars)})).await
        });
        let split = try_join_all(split).await?;
        for bucket in &mut counts.buckets {
            bucket.by_group = vec![0; groups.len()];
        }
        for (place, answer) in split.into_iter().enumerate() {
            for (bar, number) in numbered(&bars, answer.of("bars")) {
                let bucket = counts.buckets.get_mut(bar);
                if let Some(count) = bucket.and_then(|bucket| bucket.by_group.get_mut(place)) {
                    *count = number;
                }
            }
        }
        counts.groups = groups.into_iter().map(|(value, _)| value).collect();
        Ok(counts)
    }
}

/// Documents by the bar in which they were inserted.
fn in_bars(bars: &Bars) -> Value {
    let offset = bars.first.as_microsecond().rem_euclid(bars.width);
    json!({"histogram": {"field": "inserted", "interval": bars.width, "offset": offset, "min_doc_count": 1}})
}

/// The number of the bar and of the documents in it.
fn numbered(bars: &Bars, found: Aggregation) -> impl Iterator<Item = (usize, u64)> {
    let (first, width) = (bars.first.as_microsecond(), bars.width);
    found.buckets.into_iter().filter_map(move |Counted { key, doc_count }| {
        // The server counts in floats; a bar begins nearly where it should.
        #[allow(clippy::cast_possible_truncation, reason = "within the range that was asked for")]
        let since = key.as_f64()? as i64 - first + width / 2;
        Some((usize::try_from(since.div_euclid(width)).ok()?, doc_count))
    })
}

/// The most frequent values, each with the facts that say it.
fn most_frequent(values: &Values, found: Aggregation) -> Vec<(String, Vec<String>)> {
    let mut groups: HashMap<String, (u64, Vec<String>)> = HashMap::new();
    for bucket in found.buckets {
        let number = bucket.doc_count;
        let Some(fact) = bucket.text() else { continue };
        let Some(value) = values.read(&fact).map(str::to_owned) else { continue };
        let (count, facts) = groups.entry(value).or_default();
        *count += number;
        facts.push(fact);
    }
    let ranked = groups.into_iter().map(|(value, (count, facts))| ((std::cmp::Reverse(count), value), facts));
    let ranked: BTreeMap<_, _> = ranked.collect();
    ranked.into_iter().take(TOP_VALUES).map(|((_, value), facts)| (value, facts)).collect()
}
