//! Everything a group of requests must know, in one statement per context.

use std::collections::HashMap;
use std::sync::Arc;

use sqlx::Row;
use sqlx::sqlite::SqliteRow;
use tracardi_model::{Context, Profile, Session, StoredEvent};

use super::failure::{failed, unreadable};
use super::{Sqlite, number};
use crate::{Found, Loaded, StoreError, Wanted};

/// ?1 context; ?2, ?3, ?4: JSON lists of session ids, of ids of profiles, of event ids. `CROSS JOIN` keeps SQLite from
/// reading a table through in order to look its rows up in the list.
pub(super) const LOAD: &str = "\
SELECT 'session' AS kind, s.id AS asked, s.document AS document, s.profile_id AS profile_alias, p.id AS profile_id, \
       p.document AS profile, NULL AS source_id, NULL AS session_id \
FROM json_each(?2) AS wanted \
CROSS JOIN session AS s ON s.context = ?1 AND s.id = wanted.value \
LEFT JOIN profile_identity AS i ON i.context = s.context AND i.alias = s.profile_id \
LEFT JOIN profile AS p ON p.context = i.context AND p.id = i.profile_id \
UNION ALL \
SELECT 'profile', wanted.value, NULL, wanted.value, p.id, p.document, NULL, NULL \
FROM json_each(?3) AS wanted \
CROSS JOIN profile_identity AS i ON i.context = ?1 AND i.alias = wanted.value \
CROSS JOIN profile AS p ON p.context = i.context AND p.id = i.profile_id \
UNION ALL \
SELECT 'event', e.id, NULL, NULL, COALESCE(i.profile_id, e.profile_id), NULL, e.source_id, e.session_id \
FROM json_each(?4) AS wanted CROSS JOIN event AS e ON e.context = ?1 AND e.id = wanted.value \
LEFT JOIN profile_identity AS i ON i.context = e.context AND i.alias = e.profile_id \
UNION ALL \
SELECT 'event', e.id, NULL, NULL, COALESCE(i.profile_id, e.profile_id), NULL, e.source_id, e.session_id \
FROM json_each(?4) AS wanted CROSS JOIN applied_event AS e ON e.context = ?1 AND e.id = wanted.value \
LEFT JOIN profile_identity AS i ON i.context = e.context AND i.alias = e.profile_id";

impl Sqlite {
    pub(super) async fn load_wanted(&self, wanted: &Wanted<'_>) -> Result<Found, StoreError> {
        let mut found = Found::default();
        for context in [Context::Production, Context::Staging] {
            let ids = |list: &[(Context, &str)]| -> Option<String> {
                let mut ids: Vec<&str> = list.iter().filter(|(of, _)| *of == context).map(|(_, id)| *id).collect();
                ids.sort_unstable();
                ids.dedup();
                (!ids.is_empty()).then(|| serde_json::json!(ids).to_string())
            };
            let (sessions, profiles, events) = (ids(&wanted.sessions), ids(&wanted.profiles), ids(&wanted.events));
            if sessions.is_none() && profiles.is_none() && events.is_none() {
                continue;
            }
            let list = |ids: Option<String>| ids.unwrap_or_else(|| "[]".to_owned());
            let query =
                sqlx::query(LOAD).bind(number(context)).bind(list(sessions)).bind(list(profiles)).bind(list(events));
            // The writing connection sees every commit, and its page cache holds what was written last.
            let rows = {
                let mut writer = self.writer().await;
                query.fetch_all(&mut writer.connection).await.map_err(failed)?
            };
            let mut reading = Reading { context, profiles: HashMap::new(), found: &mut found };
            for row in &rows {
                reading.row(row)?;
            }
        }
        Ok(found)
    }
}

struct Reading<'a> {
    context: Context,
    /// Profiles read so far, by their own id: many rows may carry the same one.
    profiles: HashMap<String, Loaded<Profile>>,
    found: &'a mut Found,
}

impl Reading<'_> {
    fn row(&mut self, row: &SqliteRow) -> Result<(), StoreError> {
        let kind: &str = row.try_get("kind").map_err(failed)?;
        let asked: String = row.try_get("asked").map_err(failed)?;
        if kind == "event" {
            let event = StoredEvent {
                id: asked.clone(),
                source_id: row.try_get("source_id").map_err(failed)?,
                session_id: row.try_get("session_id").map_err(failed)?,
                profile_id: row.try_get("profile_id").map_err(failed)?,
            };
            self.found.events.insert((self.context, asked), event);
            return Ok(());
        }
        if let Some(document) = row.try_get::<Option<&str>, _>("document").map_err(failed)? {
            let session: Session =
                serde_json::from_str(document).map_err(|error| unreadable("session", &asked, error))?;
            let bytes = session.memory(document.len());
            self.found.sessions.insert((self.context, asked), Loaded { value: Arc::new(session), bytes });
        }
        let alias: Option<String> = row.try_get("profile_alias").map_err(failed)?;
        let id: Option<String> = row.try_get("profile_id").map_err(failed)?;
        if let (Some(alias), Some(id)) = (alias, id) {
            let profile = if let Some(profile) = self.profiles.get(&id) {
                profile.clone()
            } else {
                let document: &str = row.try_get("profile").map_err(failed)?;
                let profile: Profile =
                    serde_json::from_str(document).map_err(|error| unreadable("profile", &id, error))?;
                let bytes = profile.memory(document.len());
                let profile = Loaded { value: Arc::new(profile), bytes };
                self.profiles.insert(id, profile.clone());
                profile
            };
            self.found.profiles.insert((self.context, alias), profile);
        }
        Ok(())
    }
}
