//! Pages and counts in memory: every document is looked at.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde_json::Value;
use serde_json::value::RawValue;
use tracardi_language::dot::Path;
use tracardi_language::filter::Filter;
use tracardi_model::{Context, path};

use super::{Disk, Row};
use crate::documents::{MAX_WILDCARDS, PAGE_BYTES, TOP_VALUES};
use crate::interval::Bars;
use crate::{Counts, Histogram, Holding, Index, Matching, Page, Select, StoreError};

/// Values of a field that are longer are not told by a histogram.
const VALUE_BYTES: usize = 512;

/// What a list knows of a document.
pub(super) struct Line<'a> {
    inserted: Timestamp,
    number: u64,
    text: &'a str,
}

impl<'a, T> From<&'a Row<T>> for Line<'a> {
    fn from(row: &'a Row<T>) -> Self {
        Self { inserted: row.inserted, number: row.number, text: &row.document.text }
    }
}

impl Disk {
    /// All documents of an index, in no particular order.
    pub(super) fn rows(&self, context: Context, index: Index) -> Vec<Line<'_>> {
        let tables = &self.contexts[context];
        match index {
            Index::Event => tables.events.values().map(Line::from).collect(),
            Index::Session => tables.sessions.values().map(Line::from).collect(),
            Index::Profile => tables.profiles.values().map(Line::from).collect(),
        }
    }
}

pub(super) fn page(mut rows: Vec<Line<'_>>, select: &Select) -> Result<Page, StoreError> {
    matching(&mut rows, select.from, select.to, &select.matching)?;
    Ok(newest(rows, select.start, select.limit))
}

pub(super) fn holding(mut rows: Vec<Line<'_>>, index: Index, holding: &Holding) -> Result<Page, StoreError> {
    holding.check(index)?;
    rows.retain(|row| {
        let document: Value = serde_json::from_str(row.text).unwrap();
        let scope = serde_json::json!({ index.source().name(): document });
        holding.condition.evaluate(&scope, holding.now) == Ok(true)
    });
    Ok(newest(rows, holding.start, holding.limit))
}

pub(super) fn newest(mut rows: Vec<Line<'_>>, start: u64, limit: u64) -> Page {
    rows.sort_by_key(|row| Reverse((row.inserted, row.number)));
    part(rows, start, limit)
}

/// A page of rows whose time is when they are due.
pub(super) fn soonest(mut rows: Vec<Line<'_>>, start: u64, limit: u64) -> Page {
    rows.sort_by_key(|row| (row.inserted, row.number));
    part(rows, start, limit)
}

fn part(rows: Vec<Line<'_>>, start: u64, limit: u64) -> Page {
    let total = rows.len() as u64;
    let (start, limit) = (usize::try_from(start).unwrap(), usize::try_from(limit).unwrap());
    let page = fitting(rows.into_iter().skip(start).take(limit), |row| row.text.len());
    let result = page.into_iter().map(|row| RawValue::from_string(row.text.to_owned()).unwrap()).collect();
    Page { total, result }
}

/// The first, and those after it as long as a page has room for their texts.
pub(super) fn fitting<T>(list: impl IntoIterator<Item = T>, length: impl Fn(&T) -> usize) -> Vec<T> {
    let mut room = PAGE_BYTES;
    let fits = |(at, one): (usize, T)| {
        let rest = room.checked_sub(length(&one) as u64);
        room = rest.unwrap_or(0);
        (at == 0 || rest.is_some()).then_some(one)
    };
    list.into_iter().enumerate().map_while(fits).collect()
}

pub(super) fn counts(mut rows: Vec<Line<'_>>, histogram: &Histogram) -> Result<Counts, StoreError> {
    let bars = Bars::of(histogram);
    let mut counts = bars.empty();
    let field = histogram.group_by.as_deref().map(group_field).transpose()?;
    matching(&mut rows, Some(histogram.from), Some(bars.last), &histogram.matching)?;
    if bars.number == 0 {
        return Ok(counts);
    }
    let bar = |row: &Line<'_>| {
        let bar = (row.inserted.as_microsecond() - bars.first.as_microsecond()) / bars.width;
        usize::try_from(bar).unwrap()
    };
    for row in &rows {
        counts.total += 1;
        counts.buckets[bar(row)].count += 1;
    }
    let Some(field) = field else { return Ok(counts) };
    let values: Vec<(usize, Vec<String>)> = rows.iter().map(|row| (bar(row), texts(row.text, &field))).collect();
    let mut groups: BTreeMap<&str, u64> = BTreeMap::new();
    for value in values.iter().flat_map(|(_, values)| values) {
        *groups.entry(value).or_default() += 1;
    }
    let mut groups: Vec<(&str, u64)> = groups.into_iter().collect();
    groups.sort_by_key(|(_, count)| Reverse(*count));
    counts.groups = groups.into_iter().take(TOP_VALUES).map(|(value, _)| value.to_owned()).collect();
    for bucket in &mut counts.buckets {
        bucket.by_group = vec![0; counts.groups.len()];
    }
    for (bar, value) in values.iter().flat_map(|(bar, values)| values.iter().map(move |value| (*bar, value))) {
        if let Some(place) = counts.groups.iter().position(|group| group == value) {
            counts.buckets[bar].by_group[place] += 1;
        }
    }
    Ok(counts)
}

pub(super) fn types(rows: Vec<Line<'_>>, limit: u32) -> Vec<String> {
    let kind = |row: Line<'_>| serde_json::from_str::<Value>(row.text).unwrap()["type"].as_str().map(str::to_owned);
    let found: BTreeSet<String> = rows.into_iter().filter_map(kind).collect();
    found.into_iter().take(limit as usize).collect()
}

/// Keeps what was inserted in this span and matches.
fn matching(
    rows: &mut Vec<Line<'_>>,
    from: Option<Timestamp>,
    to: Option<Timestamp>,
    matching: &Matching,
) -> Result<(), StoreError> {
    rows.retain(|row| from.is_none_or(|from| row.inserted >= from) && to.is_none_or(|to| row.inserted <= to));
    match matching {
        Matching::Everything => {}
        Matching::Filter(filter) => {
            check(filter)?;
            rows.retain(|row| filter.matches(&serde_json::from_str(row.text).unwrap()));
        }
        Matching::Words(words) => {
            let words: Vec<String> = words.split_whitespace().map(|word| escaped(&word.to_ascii_lowercase())).collect();
            rows.retain(|row| {
                let text = row.text.to_ascii_lowercase();
                words.iter().all(|word| text.contains(word))
            });
        }
    }
    Ok(())
}

/// As it stands in JSON text, without the quotes around it.
fn escaped(word: &str) -> String {
    let text = Value::from(word).to_string();
    text[1..text.len() - 1].to_owned()
}

fn check(filter: &Filter) -> Result<(), StoreError> {
    match filter {
        Filter::All(parts) | Filter::Any(parts) => parts.iter().try_for_each(check),
        Filter::Not(part) => check(part),
        Filter::Like { pattern, .. } if pattern.as_str().matches('*').count() > MAX_WILDCARDS => {
            Err(StoreError::BadPattern(pattern.as_str().to_owned()))
        }
        _ => Ok(()),
    }
}

fn group_field(field: &str) -> Result<Path, StoreError> {
    let bad = || StoreError::BadField(field.to_owned());
    // How Elasticsearch calls the exact twin of a text field.
    let name = field.strip_suffix(".keyword").unwrap_or(field);
    let odd = |letter: char| letter == '"' || letter == '\\' || letter.is_control();
    if name.contains(odd) { Err(bad()) } else { Path::parse(name).map_err(|_| bad()) }
}

/// The values of a field as texts: of a list each element, of an object nothing.
fn texts(document: &str, field: &Path) -> Vec<String> {
    let document: Value = serde_json::from_str(document).unwrap();
    let values = match path::get(&document, field.segments()) {
        Some(Value::Array(elements)) => elements.as_slice(),
        Some(value) => std::slice::from_ref(value),
        None => &[],
    };
    let text = |value: &Value| match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(_) | Value::Bool(_) => Some(value.to_string()),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    };
    values.iter().filter_map(text).filter(|text| text.len() <= VALUE_BYTES).collect()
}
