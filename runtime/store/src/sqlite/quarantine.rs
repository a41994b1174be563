//! What clients sent for events that could not be taken as they came.

use std::sync::LazyLock;

use jiff::Timestamp;
use serde_json::value::RawValue;
use tracardi_model::{Context, Original};

use super::Sqlite;
use super::failure::failed;
use super::query::Listing;
use super::script::{Inserts, Script};
use crate::columns::{micros, number, unreadable};
use crate::documents::ORIGINAL_LIFE;
use crate::{Document, Page, StoreError};

static ORIGINALS: LazyLock<Inserts> = LazyLock::new(|| {
    Inserts::new(
        "INSERT INTO quarantine (context, id, profile_id, at, document)",
        5,
        "ON CONFLICT (context, id) DO NOTHING",
    )
});
/// Context, instant, number.
pub(super) const FORGET: &str = "DELETE FROM quarantine WHERE rowid IN \
    (SELECT rowid FROM quarantine WHERE context = ? AND at < ? ORDER BY at LIMIT ?)";
/// What stands in an event's place while it is in quarantine; context, id.
const RELEASE: [&str; 4] = [
    "DELETE FROM event WHERE context = ? AND id = ? AND json_extract(document, '$.metadata.valid') = 0",
    "DELETE FROM applied_event WHERE context = ? AND id = ?",
    "DELETE FROM quarantine WHERE context = ? AND id = ?",
    "DELETE FROM trail WHERE context = ? AND event_id = ?",
];
/// Of an event that has been stored as it should be, nothing is to be replayed. ?1 context, ?2 id.
pub(super) const ONE: &str = "\
SELECT q.document FROM quarantine AS q WHERE q.context = ?1 AND q.id = ?2 AND NOT EXISTS \
(SELECT 1 FROM event AS e WHERE e.context = ?1 AND e.id = ?2 AND json_extract(e.document, '$.metadata.valid') = 1)";
const COUNT: &str = "SELECT count(*) FROM quarantine WHERE context = ?1";
/// ?1 context, ?2 number, ?3 how many to skip.
pub(super) const ROWS: &str = "\
SELECT rowid, octet_length(document) FROM quarantine WHERE context = ?1 ORDER BY at DESC, rowid DESC LIMIT ?2 OFFSET ?3";
/// Those of a JSON list of rows.
const BY_ROW: &str = "\
SELECT document FROM quarantine WHERE rowid IN (SELECT value FROM json_each(?)) ORDER BY at DESC, rowid DESC";

/// Takes events out of quarantine: they are about to be stored anew.
pub(super) async fn release(script: &mut Script<'_>, events: Vec<(Context, String)>) -> Result<(), sqlx::Error> {
    for (context, id) in events {
        for statement in RELEASE {
            script
                .run(statement, |values| {
                    values.bind(number(context)).bind(id.clone());
                })
                .await?;
        }
    }
    Ok(())
}

/// Adds what is not there yet; for each that comes, at most two go whose time is over.
pub(super) async fn insert_originals(
    script: &mut Script<'_>,
    originals: Vec<(Context, Document<Original>)>,
) -> Result<(), sqlx::Error> {
    for context in [Context::Production, Context::Staging] {
        let coming = originals.iter().filter(|(of, _)| *of == context).map(|(_, original)| original.value.at);
        let (coming, newest) =
            coming.fold((0_i64, None::<Timestamp>), |(number, newest), at| (number + 1, newest.max(Some(at))));
        let Some(newest) = newest else { continue };
        let life = i64::try_from(ORIGINAL_LIFE.as_micros()).unwrap_or(i64::MAX);
        script
            .run(FORGET, |values| {
                values.bind(number(context)).bind(micros(newest).saturating_sub(life)).bind(coming.saturating_mul(2));
            })
            .await?;
    }
    ORIGINALS
        .run(script, originals, |values, (context, Document { value: original, text, .. })| {
            let Original { id, profile, at, .. } = &*original;
            values.bind(number(context)).bind(id.clone()).bind(profile.clone()).bind(micros(*at)).bind(text);
        })
        .await
}

fn raw(document: String) -> Result<Box<RawValue>, StoreError> {
    RawValue::from_string(document).map_err(|error| unreadable("original of", "an event", error))
}

impl Sqlite {
    /// Through the writing connection, as whoever replays is the one who writes.
    pub(super) async fn original_of(&self, context: Context, id: &str) -> Result<Option<Box<RawValue>>, StoreError> {
        let mut writer = self.writer().await;
        let document = sqlx::query_scalar(ONE).bind(number(context)).bind(id);
        let document: Option<String> = document.fetch_optional(&mut writer.connection).await.map_err(failed)?;
        document.map(raw).transpose()
    }

    pub(super) async fn quarantine_page(&self, context: Context, start: u64, limit: u64) -> Result<Page, StoreError> {
        self.listed(context, &Listing { count: COUNT, rows: ROWS, by_row: BY_ROW, kind: "original of" }, start, limit)
            .await
    }
}
