//! Queries over events, sessions and profiles: `POST /{index}/select`, `…/select/range[/page/{n}]`, `…/select/histogram`,
//! `…/select/condition`.

use axum::Json;
use axum::extract::State;
use axum::http::Uri;
use axum::response::Response;
use serde::Deserialize;
use serde_json::{Map, Value, json};
use tracardi_language::{condition, filter};
use tracardi_store::interval::Interval;
use tracardi_store::{Histogram, Holding, Index, Matching, Select};

use crate::app::App;
use crate::auth::{Allowed, Everyone};
use crate::body::{JsonObject, OptionalJsonObject};
use crate::context::InContext;
use crate::errors::Refusal;
use crate::page;
use crate::params::{Path, Query};
use crate::range::{MAX_LIMIT, RangeQuery, resolve};

/// Rows of a page, where the client asks for a page by number.
const PAGE_ROWS: u64 = 25;
/// Rows of a plain select when the client names no number.
const SELECT_ROWS: u64 = 20;

/// The indices that can be asked for, by the first part of the path.
pub(crate) fn index(name: &str) -> Result<Index, Refusal> {
    match name {
        "event" => Ok(Index::Event),
        "session" => Ok(Index::Session),
        "profile" => Ok(Index::Profile),
        _ => {
            let at = vec!["path".into(), "index".into()];
            Err(Refusal::field("enum", at, "Input should be 'session', 'profile' or 'event'"))
        }
    }
}

/// What `where` asks for: a condition of the search language; a text that is none is looked for word by word.
fn matching(text: &str) -> Matching {
    if text.trim().is_empty() {
        return Matching::Everything;
    }
    filter::parse(text).map_or_else(|_| Matching::Words(text.trim().to_owned()), Matching::Filter)
}

/// `POST /{index}/select` with `{"where"?, "limit"?}`: `{"total", "result"}`, over all time.
///
/// A `where` that is not in the search language is 422 here, with the place of the error.
pub async fn select(
    _: Allowed<Everyone>,
    InContext(context): InContext,
    State(app): State<App>,
    uri: Uri,
    OptionalJsonObject(body): OptionalJsonObject,
) -> Result<Response, Refusal> {
    // Some indices have a route of their own here, because `/event/{id}` would catch `/event/select`.
    let index = index(uri.path().split('/').nth(1).unwrap_or_default())?;
    let condition = match body.get("where") {
        None | Some(Value::Null) => "",
        Some(Value::String(condition)) => condition,
        Some(_) => return Err(Refusal::field("string_type", at("where"), "Input should be a valid string")),
    };
    let limit = count(&body, "limit", SELECT_ROWS, MAX_LIMIT)?;
    let matching = if condition.trim().is_empty() {
        Matching::Everything
    } else {
        let parsed = filter::parse(condition);
        Matching::Filter(parsed.map_err(|error| Refusal::field("value_error", at("where"), error.to_string()))?)
    };
    let page = page::read(&app, context, index, &Select { matching, limit, ..Select::default() }).await?;
    Ok(page.answer("]}"))
}

/// `POST /{index}/select/condition` with `{"condition", "start"?, "limit"?}`: `{"total", "result"}`, the documents for which
/// a condition such as a segment's is true now, newest first.
///
/// It may read nothing but the document: `profile@…` of profiles, `session@…` of sessions, `event@…` of events. What is wrong
/// with it is 422 with the place.
pub async fn condition(
    _: Allowed<Everyone>,
    InContext(context): InContext,
    State(app): State<App>,
    Path(of): Path<String>,
    JsonObject(body): JsonObject,
) -> Result<Response, Refusal> {
    let index = index(&of)?;
    let text = body.get("condition").and_then(Value::as_str).ok_or_else(|| {
        Refusal::field(
            "string_type",
            at("condition"),
            "Input should be a valid string, for example profile@stats.visits > 5",
        )
    })?;
    let condition =
        condition::parse(text).map_err(|error| Refusal::field("value_error", at("condition"), error.to_string()))?;
    let start = count(&body, "start", 0, u64::MAX)?;
    let limit = count(&body, "limit", SELECT_ROWS, MAX_LIMIT)?;
    let holding = Holding { condition, now: app.clock.now(), start, limit };
    let page = page::hold(&app, start, app.documents.holding(context, index, &holding)).await?;
    Ok(page.answer("]}"))
}

/// A number that counts, at most `most`, as a number or as a text.
fn count(body: &Value, field: &'static str, default: u64, most: u64) -> Result<u64, Refusal> {
    match body.get(field) {
        None | Some(Value::Null) => Ok(default),
        Some(number) => number
            .as_u64()
            .or_else(|| number.as_str()?.trim().parse().ok())
            .filter(|number| *number <= most)
            .ok_or_else(|| {
                Refusal::field("int_parsing", at(field), format!("Input should be an integer from 0 to {most}"))
            }),
    }
}

fn at(field: &'static str) -> Vec<tracardi_model::Loc> {
    vec!["body".into(), field.into()]
}

/// `?page=`
#[derive(Debug, Deserialize)]
pub struct PageQuery {
    page: Option<u64>,
}

/// `POST /{index}/select/range`: `{"total", "result", "buckets": []}`, newest first.
pub async fn range(
    _: Allowed<Everyone>,
    InContext(context): InContext,
    State(app): State<App>,
    Path(of): Path<String>,
    Query(query): Query<PageQuery>,
    JsonObject(body): JsonObject,
) -> Result<Response, Refusal> {
    rows(&app, context, index(&of)?, &body, query.page).await
}

/// `POST /{index}/select/range/page/{n}`: the nth page of 25 rows, counted from 0.
pub async fn range_page(
    _: Allowed<Everyone>,
    InContext(context): InContext,
    State(app): State<App>,
    Path((of, page)): Path<(String, String)>,
    JsonObject(body): JsonObject,
) -> Result<Response, Refusal> {
    let index = index(&of)?;
    let page = page.parse().map_err(|_| {
        Refusal::field("int_parsing", vec!["path".into(), "page".into()], "Input should be a valid integer, 0 or more")
    })?;
    rows(&app, context, index, &body, Some(page)).await
}

async fn rows(
    app: &App,
    context: tracardi_model::Context,
    index: Index,
    body: &Value,
    page: Option<u64>,
) -> Result<Response, Refusal> {
    let query = resolve(body, app.clock.now()).map_err(Refusal::Fields)?;
    let (start, limit) = match page {
        Some(page) => (page.saturating_mul(PAGE_ROWS), PAGE_ROWS),
        None => (query.start, query.limit),
    };
    let select = Select { from: Some(query.from), to: Some(query.to), matching: matching(&query.filter), start, limit };
    let page = page::read(app, context, index, &select).await?;
    Ok(page.answer(r#"],"buckets":[]}"#))
}

/// `?group_by=`
#[derive(Debug, Deserialize)]
pub struct GroupQuery {
    group_by: Option<String>,
}

/// `POST /{index}/select/histogram[?group_by=field]`: counts over time,
/// `{"total", "result": [{"date", "interval", "count"}], "buckets": ["count"]}`; grouped, each row has a count for each of
/// the most frequent values, and `buckets` names them.
pub async fn histogram(
    _: Allowed<Everyone>,
    InContext(context): InContext,
    State(app): State<App>,
    Path(of): Path<String>,
    Query(group): Query<GroupQuery>,
    JsonObject(body): JsonObject,
) -> Result<Json<Value>, Refusal> {
    let index = index(&of)?;
    let RangeQuery { from, to, filter, zone, .. } = resolve(&body, app.clock.now()).map_err(Refusal::Fields)?;
    let interval = Interval::for_span(from, to);
    // Fields of the original's index have a variant for whole texts; here every field is one.
    let group_by = group.group_by.filter(|field| !field.trim().is_empty());
    let group_by = group_by.map(|field| field.trim().trim_end_matches(".keyword").to_owned());
    if let Some(field) = &group_by {
        tracardi_model::Path::parse(field).map_err(|error| {
            Refusal::field(
                "value_error",
                vec!["query".into(), "group_by".into()],
                format!("{field:?} is no field: {error}"),
            )
        })?;
    }
    let grouped = group_by.is_some();
    let histogram = Histogram {
        from: interval.first(from, &zone),
        to,
        matching: matching(&filter),
        width_seconds: interval.seconds(),
        group_by,
    };
    let counts = app.documents.histogram(context, index, &histogram).await?;
    let names: Vec<String> = counts.groups.iter().map(|group| group.to_lowercase()).collect();
    let interval_name = interval.name();
    let result: Vec<Map<String, Value>> = counts
        .buckets
        .iter()
        .map(|bucket| {
            let mut row = Map::new();
            row.insert("date".to_owned(), interval.label(bucket.start, &zone).into());
            row.insert("interval".to_owned(), interval_name.clone().into());
            if grouped {
                for (name, count) in names.iter().zip(&bucket.by_group) {
                    // Values that differ in case only share a column.
                    let before = row.get(name).and_then(Value::as_u64).unwrap_or(0);
                    row.insert(name.clone(), (before + count).into());
                }
            } else {
                row.insert("count".to_owned(), bucket.count.into());
            }
            row
        })
        .collect();
    let mut buckets = if grouped { names } else { vec!["count".to_owned()] };
    let mut seen = std::collections::HashSet::new();
    buckets.retain(|name| seen.insert(name.clone()));
    Ok(Json(json!({"total": counts.total, "result": result, "buckets": buckets})))
}
