//! A batch as one durable transaction, and the size of the log it goes to.

use std::sync::LazyLock;
use std::time::Duration;

use sqlx::sqlite::SqliteConnection;
use tracardi_model::{Context, Delayed, Delivery, Original, Profile};

use super::failure::{exists_already, failed};
use super::history::{TrailRow, insert_trails};
use super::script::{Inserts, Script, Values};
use super::{Sqlite, Writer, delayed, merge, outbox, quarantine};
use crate::columns::{micros, number};
use crate::documents::APPLIED_LIFE;
use crate::{Applied, Batch, Committed, Document, StoreError, Written};

/// A repeated event fails the whole transaction, so no statement needs to be undone by itself.
pub(super) static EVENTS: LazyLock<Inserts> = LazyLock::new(|| {
    Inserts::new(
        "INSERT OR ROLLBACK INTO event (context, id, type, source_id, session_id, profile_id, inserted, document)",
        8,
        "",
    )
});
static APPLIED: LazyLock<Inserts> = LazyLock::new(|| {
    Inserts::new(
        "INSERT OR ROLLBACK INTO applied_event (context, id, source_id, session_id, profile_id, applied)",
        6,
        "",
    )
});
/// `inserted` is left alone on replacement: the first contact does not change, and its index need not be touched.
static SESSIONS: LazyLock<Inserts> = LazyLock::new(|| {
    Inserts::new(
        "INSERT INTO session (context, id, profile_id, inserted, document)",
        5,
        "ON CONFLICT (context, id) DO UPDATE SET profile_id = excluded.profile_id, document = excluded.document",
    )
});
static PROFILES: LazyLock<Inserts> = LazyLock::new(|| {
    Inserts::new(
        "INSERT INTO profile (context, id, inserted, document)",
        4,
        "ON CONFLICT (context, id) DO UPDATE SET document = excluded.document",
    )
});
/// An id belongs to the profile that had it first; only a profile's own id always leads to itself.
static IDENTITIES: LazyLock<Inserts> = LazyLock::new(|| {
    Inserts::new(
        "INSERT INTO profile_identity (context, alias, profile_id)",
        3,
        "ON CONFLICT (context, alias) DO UPDATE SET profile_id = excluded.profile_id \
         WHERE excluded.alias = excluded.profile_id AND profile_identity.profile_id <> excluded.profile_id",
    )
});

struct EventRow {
    context: i64,
    id: String,
    kind: String,
    source_id: String,
    session_id: Option<String>,
    profile_id: Option<String>,
    inserted: i64,
    document: String,
}

struct AppliedRow {
    context: i64,
    id: String,
    source_id: String,
    session_id: Option<String>,
    profile_id: Option<String>,
    applied: i64,
}

struct SessionRow {
    context: i64,
    id: String,
    profile_id: Option<String>,
    inserted: i64,
    document: String,
}

pub(super) struct ProfileRow {
    context: i64,
    id: String,
    inserted: i64,
    document: String,
}

/// An id and whom it leads to.
pub(super) struct IdentityRow {
    pub(super) context: i64,
    pub(super) alias: String,
    pub(super) profile_id: String,
}

impl From<(Context, Document<Profile>)> for ProfileRow {
    fn from((context, Document { value: profile, text, .. }): (Context, Document<Profile>)) -> Self {
        let inserted = micros(profile.insert());
        Self { context: number(context), id: profile.id().to_owned(), inserted, document: text }
    }
}

/// A batch as rows; made before the writer is locked.
struct Rows {
    events: Vec<EventRow>,
    applied: Vec<AppliedRow>,
    sessions: Vec<SessionRow>,
    profiles: Vec<ProfileRow>,
    identities: Vec<IdentityRow>,
    /// Profiles that await a merge.
    waiting: Vec<(i64, String)>,
    trails: Vec<TrailRow>,
    deliveries: Vec<(Context, Delivery)>,
    delayed: Vec<(Context, Document<Delayed>)>,
    quarantined: Vec<(Context, Document<Original>)>,
    released: Vec<(Context, String)>,
}

impl Rows {
    fn of(batch: Batch) -> Self {
        let mut identities = Vec::with_capacity(batch.profiles.len());
        for (context, Document { value: profile, .. }) in &batch.profiles {
            let own = profile.id();
            // Its own id belongs to a profile even if a foreign document forgot to list it.
            let others = profile.ids().iter().map(String::as_str).filter(|id| *id != own);
            identities.extend(std::iter::once(own).chain(others).map(|alias| IdentityRow {
                context: number(*context),
                alias: alias.to_owned(),
                profile_id: own.to_owned(),
            }));
        }
        let waiting = batch.profiles.iter().filter(|(_, profile)| profile.value.awaits_merge());
        let waiting = waiting.map(|(context, profile)| (number(*context), profile.value.id().to_owned())).collect();
        let events = batch.events.into_iter().map(|(context, Document { value: event, text, .. })| EventRow {
            context: number(context),
            id: event.id().to_owned(),
            kind: event.kind().to_owned(),
            source_id: event.source_id().to_owned(),
            session_id: event.session_id().map(str::to_owned),
            profile_id: event.profile_id().map(str::to_owned),
            inserted: micros(event.insert()),
            document: text,
        });
        let applied = batch.applied.into_iter().map(|(context, Applied { event, at })| AppliedRow {
            context: number(context),
            id: event.id,
            source_id: event.source_id,
            session_id: event.session_id,
            profile_id: event.profile_id,
            applied: micros(at),
        });
        let sessions = batch.sessions.into_iter().map(|(context, Document { value: session, text, .. })| SessionRow {
            context: number(context),
            id: session.id().to_owned(),
            profile_id: session.profile_id().map(str::to_owned),
            inserted: micros(session.insert()),
            document: text,
        });
        Self {
            events: events.collect(),
            applied: applied.collect(),
            sessions: sessions.collect(),
            profiles: batch.profiles.into_iter().map(ProfileRow::from).collect(),
            identities,
            waiting,
            trails: batch.trails.into_iter().map(TrailRow::from).collect(),
            deliveries: batch.deliveries,
            delayed: batch.delayed,
            quarantined: batch.quarantined,
            released: batch.released,
        }
    }
}

impl Rows {
    /// Whether they take few statements of few shapes: those of a lone request always do.
    fn fit_one_script(&self) -> bool {
        let no_quarantine = self.quarantined.is_empty() && self.released.is_empty();
        let nothing_later = self.waiting.is_empty() && self.deliveries.is_empty() && self.delayed.is_empty();
        let seldom = no_quarantine && nothing_later && self.applied.is_empty();
        let often =
            [self.events.len(), self.sessions.len(), self.profiles.len(), self.identities.len(), self.trails.len()];
        seldom && often.into_iter().all(Inserts::at_once)
    }
}

impl Sqlite {
    pub(super) async fn commit_batch(&self, batch: Batch) -> Result<Committed, StoreError> {
        if batch.is_empty() {
            return Ok(Committed::Stored(Written::default()));
        }
        let rows = Rows::of(batch);
        let mut writer = self.writer().await;
        writer.unfinished = true;
        if let Err(error) = store(&mut writer.connection, rows).await {
            writer.roll_back().await;
            return if exists_already(&error) { Ok(Committed::EventExists) } else { Err(failed(error)) };
        }
        writer.unfinished = false;
        self.cut_log(&mut writer).await;
        Ok(Committed::Stored(Written::default()))
    }

    pub(super) async fn write_probe(&self) -> Result<(), StoreError> {
        let mut writer = self.writer().await;
        sqlx::query(
            "INSERT INTO meta (name, value) VALUES ('probe', 0) ON CONFLICT (name) DO UPDATE SET value = (value + 1) & 1",
        )
        .execute(&mut writer.connection)
        .await
        .map_err(failed)?;
        Ok(())
    }

    /// Keeps the log from growing without bound. SQLite carries it over into the database by itself every 32 MiB, but starts
    /// it anew only in a moment when nobody reads. When it has grown to its limit, such a moment is made: new reads wait,
    /// those under way are given 2 seconds to end. If one takes longer, the log may grow by its limit again; then twice the
    /// time is given, and so on. No read is longer than [`READ_SECONDS`], so the fifth attempt succeeds at the latest.
    pub(super) async fn cut_log(&self, writer: &mut Writer) {
        let size = self.log_bytes();
        if size < self.0.log_bytes.saturating_mul(u64::from(writer.failed_cuts) + 1) {
            return;
        }
        let patience = FIRST_PATIENCE.saturating_mul(1 << writer.failed_cuts.min(8));
        let reason = match tokio::time::timeout(patience, self.0.reading.write()).await {
            Err(_) => "a read takes long".to_owned(),
            Ok(_alone) => {
                let checkpoint: Result<(i64, i64, i64), _> =
                    sqlx::query_as("PRAGMA wal_checkpoint(TRUNCATE)").fetch_one(&mut writer.connection).await;
                match checkpoint {
                    Ok((0, ..)) => {
                        writer.failed_cuts = 0;
                        return;
                    }
                    Ok(_) => "another program reads the file".to_owned(),
                    // The batch itself is safe in the log.
                    Err(error) => error.to_string(),
                }
            }
        };
        writer.failed_cuts += 1;
        tracing::warn!(bytes = size, %reason, "the write-ahead log could not be cut back; trying again when it has grown");
    }
}

/// How long reads under way may hold up the first attempt at cutting the log back; doubles with each further one.
const FIRST_PATIENCE: Duration = Duration::from_secs(2);

/// One transaction. The only constraint that it can violate is that no event exists twice: all else is replaced or left.
async fn store(writer: &mut SqliteConnection, rows: Rows) -> Result<(), sqlx::Error> {
    let together = rows.fit_one_script();
    let Rows { events, applied, sessions, profiles, identities, waiting, trails, deliveries, delayed: later, .. } =
        rows;
    let mut script = if together { Script::together(writer) } else { Script::stepwise(writer) };
    script.run("BEGIN IMMEDIATE", |_| ()).await?;
    quarantine::release(&mut script, rows.released).await?;
    insert_events(&mut script, events, applied).await?;
    SESSIONS
        .run(&mut script, sessions, |values, row| {
            values.bind(row.context).bind(row.id).bind(row.profile_id).bind(row.inserted).bind(row.document);
        })
        .await?;
    replace_profiles(&mut script, profiles, identities).await?;
    for (context, profile_id) in waiting {
        merge::note_waiting(&mut script, context, &profile_id).await?;
    }
    insert_trails(&mut script, trails).await?;
    outbox::insert_deliveries(&mut script, deliveries).await?;
    delayed::insert_delayed(&mut script, later).await?;
    quarantine::insert_originals(&mut script, rows.quarantined).await?;
    script.run("COMMIT", |_| ()).await?;
    script.end().await
}

async fn insert_events(
    script: &mut Script<'_>,
    events: Vec<EventRow>,
    applied: Vec<AppliedRow>,
) -> Result<(), sqlx::Error> {
    EVENTS
        .run(script, events, |values, row| {
            values
                .bind(row.context)
                .bind(row.id)
                .bind(row.kind)
                .bind(row.source_id)
                .bind(row.session_id)
                .bind(row.profile_id)
                .bind(row.inserted)
                .bind(row.document);
        })
        .await?;
    forget_applied(script, &applied).await?;
    APPLIED
        .run(script, applied, |values, row| {
            values
                .bind(row.context)
                .bind(row.id)
                .bind(row.source_id)
                .bind(row.session_id)
                .bind(row.profile_id)
                .bind(row.applied);
        })
        .await
}

/// Instant, number.
pub(super) const FORGET: &str = "DELETE FROM applied_event WHERE (context, id) IN \
    (SELECT context, id FROM applied_event WHERE applied < ? ORDER BY applied LIMIT ?)";

/// For each id that comes, at most two go whose time is over: so the table shrinks to what is young, and no commit pays for
/// more than it brings.
async fn forget_applied(script: &mut Script<'_>, coming: &[AppliedRow]) -> Result<(), sqlx::Error> {
    let Some(newest) = coming.iter().map(|row| row.applied).max() else { return Ok(()) };
    let life = i64::try_from(APPLIED_LIFE.as_micros()).unwrap_or(i64::MAX);
    let number = i64::try_from(coming.len().saturating_mul(2)).unwrap_or(i64::MAX);
    let bind = |values: &mut Values| {
        values.bind(newest.saturating_sub(life)).bind(number);
    };
    script.run(FORGET, bind).await
}

/// Writes profiles and leads ids to them.
pub(super) async fn replace_profiles(
    script: &mut Script<'_>,
    profiles: Vec<ProfileRow>,
    identities: Vec<IdentityRow>,
) -> Result<(), sqlx::Error> {
    PROFILES
        .run(script, profiles, |values, row| {
            values.bind(row.context).bind(row.id).bind(row.inserted).bind(row.document);
        })
        .await?;
    IDENTITIES
        .run(script, identities, |values, row| {
            values.bind(row.context).bind(row.alias).bind(row.profile_id);
        })
        .await
}
