//! Reading: documents by id, pages, counts, histograms. Values are always bound; text is made of constants and of the
//! conditions of [`super::condition`], which bind as well.

use std::collections::HashMap;

use jiff::Timestamp;
use serde_json::value::RawValue;
use sqlx::{AssertSqlSafe, Row, SqliteConnection};
use tracardi_model::Context;

use super::condition::{Condition, Statement};
use super::failure::failed;
use super::{MAX_PAGE, Sqlite};
use crate::columns::{fitting, micros, number, unreadable, unsigned};
use crate::documents::TOP_VALUES;
use crate::interval::Bars;
use crate::{Counts, Histogram, Index, Matching, Page, Select, StoreError};

/// The table of an index.
pub(super) const fn table(index: Index) -> &'static str {
    match index {
        Index::Event => "event",
        Index::Session => "session",
        Index::Profile => "profile",
    }
}

/// The `WHERE` of a query: context, time, condition. Bounds of time are left out where there are none: any number of
/// documents may be spared by the index of another column.
pub(super) fn restriction(
    context: Context,
    index: Index,
    from: Option<Timestamp>,
    to: Option<Timestamp>,
    matching: &Matching,
) -> Result<Condition, StoreError> {
    let mut condition = Condition::new(index);
    condition.push("d.context = ");
    condition.bind(number(context));
    for (operator, bound) in [(" AND d.inserted >= ", from), (" AND d.inserted <= ", to)] {
        if let Some(bound) = bound {
            condition.push(operator);
            condition.bind(micros(bound));
        }
    }
    condition.push(" AND ");
    condition.matching(matching)?;
    Ok(condition)
}

/// The rows of a page with the lengths of their documents, and the count of all that match. The lengths come first, so
/// that no more documents are read than a page may hold; SQLite knows them without reading the documents.
pub(super) fn page_statement(
    context: Context,
    index: Index,
    select: &Select,
) -> Result<(Statement, Statement), StoreError> {
    let mut page = restriction(context, index, select.from, select.to, &select.matching)?;
    let count = restriction(context, index, select.from, select.to, &select.matching)?;
    page.push(" ORDER BY d.inserted DESC, d.rowid DESC LIMIT ");
    page.bind(i64::try_from(select.limit.min(MAX_PAGE)).unwrap_or(i64::MAX));
    page.push(" OFFSET ");
    page.bind(i64::try_from(select.start).unwrap_or(i64::MAX));
    let name = table(index);
    Ok((
        page.into_statement(&format!("SELECT d.rowid, octet_length(d.document) FROM {name} AS d WHERE "))?,
        count.into_statement(&format!("SELECT count(*) FROM {name} AS d WHERE "))?,
    ))
}

/// Documents, in no order, of the rows that a JSON list of their numbers names.
pub(super) const fn documents_by_row(index: Index) -> &'static str {
    match index {
        Index::Event => "SELECT rowid, document FROM event WHERE rowid IN (SELECT value FROM json_each(?))",
        Index::Session => "SELECT rowid, document FROM session WHERE rowid IN (SELECT value FROM json_each(?))",
        Index::Profile => "SELECT rowid, document FROM profile WHERE rowid IN (SELECT value FROM json_each(?))",
    }
}

fn raw(kind: Index, document: String) -> Result<Box<RawValue>, StoreError> {
    RawValue::from_string(document).map_err(|error| unreadable(table(kind), "document", error))
}

/// Values of a field that are longer are not told by a histogram: all of them are held in memory while they are counted.
const VALUE_BYTES: usize = 512;

/// The types of a context's events: each found by one look into the index behind the one before. ?1 context, ?2 number.
pub(super) const TYPES: &str = "\
WITH RECURSIVE found (type) AS (
    SELECT (SELECT min(type) FROM event WHERE context = ?1)
    UNION ALL
    SELECT (SELECT min(type) FROM event WHERE context = ?1 AND event.type > found.type) FROM found WHERE found.type IS NOT NULL
    LIMIT ?2
)
SELECT type FROM found WHERE type IS NOT NULL";

/// A table whose documents are listed as they are. Each text has ?1 context where it needs one; `rows` has ?2 number and ?3 how
/// many to skip, and `by_row` a JSON list of rows.
pub(super) struct Listing {
    pub(super) count: &'static str,
    pub(super) rows: &'static str,
    pub(super) by_row: &'static str,
    /// What an error calls a document of it.
    pub(super) kind: &'static str,
}

impl Sqlite {
    pub(super) async fn listed(
        &self,
        context: Context,
        listing: &Listing,
        start: u64,
        limit: u64,
    ) -> Result<Page, StoreError> {
        let mut reader = self.reader().await?;
        let count = sqlx::query_scalar(listing.count).bind(number(context));
        let total: i64 = count.fetch_one(&mut *reader).await.map_err(failed)?;
        let rows = sqlx::query_as(listing.rows)
            .bind(number(context))
            .bind(i64::try_from(limit.min(MAX_PAGE)).unwrap_or(i64::MAX))
            .bind(i64::try_from(start).unwrap_or(i64::MAX));
        let rows = fitting(rows.fetch_all(&mut *reader).await.map_err(failed)?);
        let documents = sqlx::query_scalar(listing.by_row).bind(serde_json::json!(rows).to_string());
        let documents: Vec<String> = documents.fetch_all(&mut *reader).await.map_err(failed)?;
        let raw = |text| RawValue::from_string(text).map_err(|error| unreadable(listing.kind, "an event", error));
        Ok(Page { total: unsigned(total), result: documents.into_iter().map(raw).collect::<Result<_, _>>()? })
    }

    pub(super) async fn types_of_events(&self, context: Context, limit: u32) -> Result<Vec<String>, StoreError> {
        let mut reader = self.reader().await?;
        let types = sqlx::query_scalar(TYPES).bind(number(context)).bind(limit);
        types.fetch_all(&mut *reader).await.map_err(failed)
    }

    pub(super) async fn document(
        &self,
        context: Context,
        index: Index,
        id: &str,
    ) -> Result<Option<Box<RawValue>>, StoreError> {
        let text = match index {
            Index::Event => "SELECT document FROM event WHERE context = ? AND id = ?",
            Index::Session => "SELECT document FROM session WHERE context = ? AND id = ?",
            Index::Profile => {
                "SELECT p.document FROM profile_identity AS i \
                 CROSS JOIN profile AS p ON p.context = i.context AND p.id = i.profile_id WHERE i.context = ? AND i.alias = ?"
            }
        };
        let mut reader = self.reader().await?;
        let document: Option<String> = sqlx::query_scalar(text)
            .bind(number(context))
            .bind(id)
            .fetch_optional(&mut *reader)
            .await
            .map_err(failed)?;
        document.map(|document| raw(index, document)).transpose()
    }

    pub(super) async fn count_all(&self, context: Context, index: Index) -> Result<u64, StoreError> {
        let text = match index {
            Index::Event => "SELECT count(*) FROM event WHERE context = ?",
            Index::Session => "SELECT count(*) FROM session WHERE context = ?",
            Index::Profile => "SELECT count(*) FROM profile WHERE context = ?",
        };
        let mut reader = self.reader().await?;
        let count: i64 =
            sqlx::query_scalar(text).bind(number(context)).fetch_one(&mut *reader).await.map_err(failed)?;
        Ok(unsigned(count))
    }

    pub(super) async fn page(&self, context: Context, index: Index, select: &Select) -> Result<Page, StoreError> {
        let (page, count) = page_statement(context, index, select)?;
        let mut reader = self.reader().await?;
        let total: i64 = sqlx::query_scalar_with(AssertSqlSafe(count.text), count.arguments)
            .persistent(false)
            .fetch_one(&mut *reader)
            .await
            .map_err(failed)?;
        let rows = if select.limit == 0 || unsigned(total) <= select.start {
            Vec::new()
        } else {
            sqlx::query_as_with(AssertSqlSafe(page.text), page.arguments)
                .persistent(false)
                .fetch_all(&mut *reader)
                .await
                .map_err(failed)?
        };
        Ok(Page { total: unsigned(total), result: self.documents(&mut reader, index, rows).await? })
    }

    /// The documents of these rows (given with their lengths), as many as a page holds.
    pub(super) async fn documents(
        &self,
        reader: &mut SqliteConnection,
        index: Index,
        rows: Vec<(i64, i64)>,
    ) -> Result<Vec<Box<RawValue>>, StoreError> {
        let rows = fitting(rows);
        let documents: Vec<(i64, String)> = sqlx::query_as(documents_by_row(index))
            .bind(serde_json::json!(rows).to_string())
            .fetch_all(reader)
            .await
            .map_err(failed)?;
        let mut documents: HashMap<i64, String> = documents.into_iter().collect();
        let found = rows.iter().filter_map(|row| documents.remove(row));
        found.map(|document| raw(index, document)).collect()
    }

    pub(super) async fn counts(
        &self,
        context: Context,
        index: Index,
        histogram: &Histogram,
    ) -> Result<Counts, StoreError> {
        let bars = Bars::of(histogram);
        let mut counts = bars.empty();
        if bars.number == 0 {
            return Ok(counts);
        }
        let part = || restriction(context, index, Some(histogram.from), Some(bars.last), &histogram.matching);
        let mut reader = self.reader().await?;

        let name = table(index);
        let mut all = Condition::new(index);
        all.argument(micros(bars.first));
        all.argument(bars.width);
        all.append(part()?);
        all.push(" GROUP BY 1");
        let head = format!("SELECT (d.inserted - ?) / ?, count(*) FROM {name} AS d WHERE ");
        for row in all.into_statement(&head)?.rows(&mut reader).await? {
            let (bar, count): (i64, i64) = (row.try_get(0).map_err(failed)?, row.try_get(1).map_err(failed)?);
            counts.total += unsigned(count);
            if let Some(bucket) = usize::try_from(bar).ok().and_then(|bar| counts.buckets.get_mut(bar)) {
                bucket.count = unsigned(count);
            }
        }

        let Some(field) = &histogram.group_by else { return Ok(counts) };
        let mut top = Condition::new(index);
        let (tables, value) = top.values_of(name, field)?;
        top.append(part()?);
        top.push(&format!(
            " AND octet_length({value}) <= {VALUE_BYTES} GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT {TOP_VALUES}"
        ));
        let head = format!("SELECT {value}, count(*) FROM {tables} WHERE ");
        for row in top.into_statement(&head)?.rows(&mut reader).await? {
            counts.groups.push(row.try_get(0).map_err(failed)?);
        }
        let places: HashMap<String, usize> = counts.groups.iter().cloned().zip(0..).collect();
        for bucket in &mut counts.buckets {
            bucket.by_group = vec![0; places.len()];
        }

        let mut split = Condition::new(index);
        split.argument(micros(bars.first));
        split.argument(bars.width);
        let (tables, value) = split.values_of(name, field)?;
        split.append(part()?);
        split.push(&format!(" AND {value} IN (SELECT told.value FROM json_each("));
        split.bind(serde_json::json!(counts.groups).to_string());
        split.push(") AS told) GROUP BY 1, 2");
        let head = format!("SELECT (d.inserted - ?) / ?, {value}, count(*) FROM {tables} WHERE ");
        for row in split.into_statement(&head)?.rows(&mut reader).await? {
            let bar: i64 = row.try_get(0).map_err(failed)?;
            let value: &str = row.try_get(1).map_err(failed)?;
            let count: i64 = row.try_get(2).map_err(failed)?;
            let bucket = usize::try_from(bar).ok().and_then(|bar| counts.buckets.get_mut(bar));
            if let Some((bucket, place)) = bucket.zip(places.get(value)) {
                bucket.by_group[*place] = unsigned(count);
            }
        }
        Ok(counts)
    }
}
