//! What is to happen later.

use std::sync::LazyLock;

use tracardi_model::{Context, Delayed};

use super::Sqlite;
use super::query::Listing;
use super::script::{Inserts, Script};
use crate::columns::{micros, number};
use crate::{Document, Page, StoreError};

static DELAYED: LazyLock<Inserts> = LazyLock::new(|| {
    Inserts::new(
        "INSERT INTO delayed (context, id, due, profile_id, document)",
        5,
        "ON CONFLICT (context, id) DO NOTHING",
    )
});

const COUNT: &str = "SELECT count(*) FROM delayed WHERE context = ?1";
/// ?1 context, ?2 number, ?3 how many to skip.
pub(super) const ROWS: &str = "\
SELECT rowid, octet_length(document) FROM delayed WHERE context = ?1 ORDER BY due, rowid LIMIT ?2 OFFSET ?3";
/// Those of a JSON list of rows.
const BY_ROW: &str = "\
SELECT document FROM delayed WHERE rowid IN (SELECT value FROM json_each(?)) ORDER BY due, rowid";

/// Adds what is not there yet.
pub(super) async fn insert_delayed(
    script: &mut Script<'_>,
    delayed: Vec<(Context, Document<Delayed>)>,
) -> Result<(), sqlx::Error> {
    DELAYED
        .run(script, delayed, |values, (context, Document { value: delayed, text, .. })| {
            let Delayed { id, due, profile, .. } = &*delayed;
            values.bind(number(context)).bind(id.clone()).bind(micros(*due)).bind(profile.clone()).bind(text);
        })
        .await
}

impl Sqlite {
    pub(super) async fn delayed_page(&self, context: Context, start: u64, limit: u64) -> Result<Page, StoreError> {
        self.listed(context, &Listing { count: COUNT, rows: ROWS, by_row: BY_ROW, kind: "delayed" }, start, limit).await
    }
}
