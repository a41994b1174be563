//! Everything a group of requests must know, in one statement per context.

use std::collections::HashMap;
use std::sync::Arc;

use sqlx::Row;
use sqlx::sqlite::SqliteRow;
use tracardi_model::{Context, Profile, Session, StoredEvent};

use super::Sqlite;
use super::failure::failed;
use crate::columns::{number, unreadable};
use crate::{Found, Loaded, StoreError, Wanted};

/// ?1 context; ?2, ?3, ?4: JSON lists of session ids, of ids of profiles, of event ids. `CROSS JOIN` keeps SQLite from
/// reading a table through in order to look its rows up in the list.
///
/// A document comes once, however many ids and sessions lead to it: a profile may have a thousand of them.
pub(super) const LOAD: &str = "\
SELECT 'session' AS kind, s.id AS asked, s.document AS document, s.profile_id AS alias, i.profile_id AS profile_id, \
       NULL AS source_id, NULL AS session_id \
FROM json_each(?2) AS wanted \
CROSS JOIN session AS s ON s.context = ?1 AND s.id = wanted.value \
LEFT JOIN profile_identity AS i ON i.context = s.context AND i.alias = s.profile_id \
UNION ALL \
SELECT 'alias', i.alias, NULL, i.alias, i.profile_id, NULL, NULL \
FROM json_each(?3) AS wanted CROSS JOIN profile_identity AS i ON i.context = ?1 AND i.alias = wanted.value \
UNION ALL \
SELECT 'profile', p.id, p.document, NULL, NULL, NULL, NULL \
FROM (SELECT i.profile_id AS id FROM json_each(?3) AS wanted \
      CROSS JOIN profile_identity AS i ON i.context = ?1 AND i.alias = wanted.value \
      UNION \
      SELECT i.profile_id FROM json_each(?2) AS wanted \
      CROSS JOIN session AS s ON s.context = ?1 AND s.id = wanted.value \
      CROSS JOIN profile_identity AS i ON i.context = s.context AND i.alias = s.profile_id) AS owner \
CROSS JOIN profile AS p ON p.context = ?1 AND p.id = owner.id \
UNION ALL \
SELECT 'event', e.id, NULL, NULL, COALESCE(i.profile_id, e.profile_id), e.source_id, e.session_id \
FROM json_each(?4) AS wanted CROSS JOIN event AS e ON e.context = ?1 AND e.id = wanted.value \
LEFT JOIN profile_identity AS i ON i.context = e.context AND i.alias = e.profile_id \
UNION ALL \
SELECT 'event', e.id, NULL, NULL, COALESCE(i.profile_id, e.profile_id), e.source_id, e.session_id \
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
            let mut reading = Reading { context, profiles: HashMap::new(), aliases: Vec::new(), found: &mut found };
            for row in &rows {
                reading.row(row)?;
            }
            reading.conclude();
        }
        Ok(found)
    }
}

struct Reading<'a> {
    context: Context,
    /// By their own id.
    profiles: HashMap<String, Loaded<Profile>>,
    /// Ids that lead to profiles, and the profiles' own ids.
    aliases: Vec<(String, String)>,
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
        let alias: Option<String> = row.try_get("alias").map_err(failed)?;
        let owner: Option<String> = row.try_get("profile_id").map_err(failed)?;
        self.aliases.extend(alias.zip(owner));
        if let Some(document) = row.try_get::<Option<&str>, _>("document").map_err(failed)? {
            if kind == "session" {
                let session: Session =
                    serde_json::from_str(document).map_err(|error| unreadable("session", &asked, error))?;
                let bytes = session.memory(document.len());
                self.found
                    .sessions
                    .insert((self.context, asked), Loaded { value: Arc::new(session), bytes, version: None });
            } else {
                let profile: Profile =
                    serde_json::from_str(document).map_err(|error| unreadable("profile", &asked, error))?;
                let bytes = profile.memory(document.len());
                self.profiles.insert(asked, Loaded { value: Arc::new(profile), bytes, version: None });
            }
        }
        Ok(())
    }

    /// Every id is answered with its profile.
    fn conclude(self) {
        for (alias, owner) in self.aliases {
            if let Some(profile) = self.profiles.get(&owner) {
                self.found.profiles.insert((self.context, alias), profile.clone());
            }
        }
    }
}
