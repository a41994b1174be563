//! Removing documents, with what is kept of them elsewhere. What is removed last is the document itself, so a removal that was
//! cut off is carried on by asking again.

use serde_json::json;
use tracardi_model::Context;
use tracardi_store::{Index, StoreError};

use crate::bulk::{Mode, Op, Outcome, Place};
use crate::document::{Envelope, Source};
use crate::elastic::Inner;
use crate::get::{Held, Known};
use crate::names::{Kind, key, key_of_term, term};
use crate::schema;

impl Inner {
    pub(crate) async fn delete_document(&self, context: Context, index: Index, id: &str) -> Result<bool, StoreError> {
        match index {
            Index::Event => self.delete_event(context, id).await,
            Index::Session => self.delete_session(context, id).await,
            Index::Profile => self.delete_profile(context, id).await,
        }
    }

    /// Its id stays known, as that of an event that was never kept.
    async fn delete_event(&self, context: Context, id: &str) -> Result<bool, StoreError> {
        let key = key(context, id);
        let all = schema::indices(&self.client, &self.names).await?;
        let places = all.get(&Kind::Event).into_iter().flatten();
        let places: Vec<Place> =
            places.map(|generation| Place { kind: Kind::Event, generation: *generation }).collect();
        let mut known = Known::default();
        self.look_up(&mut known, places.iter().map(|place| ((*place, key.clone()), true))).await?;
        let Some((place, held)) = places.iter().find_map(|place| Some((*place, known.get(*place, &key)?))) else {
            return Ok(false);
        };
        let envelope = held.envelope()?;
        // Whoever finds it pending would store it anew.
        for (kind, id) in [(Kind::Profile, &envelope.profile), (Kind::Session, &envelope.session)] {
            if let Some(id) = id {
                self.settle(Place::of(kind), &key_of_term(context, id)).await?;
            }
        }
        let text = held.text()?.get().to_owned();
        let mark = Envelope { kind: None, source: None, valid: None, stored: 0, ..envelope };
        let mark = Op::write(Place::of(Kind::Applied), Mode::Create, Source::kept(mark, brief(&text)?));
        self.bulk(&[&mark]).await?;
        let also = [
            Op::delete(Place { kind: Kind::Trail, ..place }, key.clone()),
            Op::delete(Place::of(Kind::Quarantine), key.clone()),
        ];
        self.bulk(&also.iter().collect::<Vec<_>>()).await?;
        self.remove(place, key).await
    }

    async fn delete_session(&self, context: Context, id: &str) -> Result<bool, StoreError> {
        let (place, key) = (Place::of(Kind::Session), key(context, id));
        let mut known = Known::default();
        self.look_up(&mut known, [((place, key.clone()), true)]).await?;
        let Some(held) = known.get(place, &key) else { return Ok(false) };
        self.settle(place, &key).await?;
        if let Some(profile) = held.envelope()?.profile {
            self.settle(Place::of(Kind::Profile), &key_of_term(context, &profile)).await?;
        }
        self.remove(place, key).await
    }

    async fn delete_profile(&self, context: Context, id: &str) -> Result<bool, StoreError> {
        let (place, key) = (Place::of(Kind::Profile), key(context, id));
        let mut known = Known::default();
        self.look_up(&mut known, [((place, key.clone()), false)]).await?;
        if known.get(place, &key).is_none() {
            return Ok(false);
        }
        self.settle(place, &key).await?;
        let mut ids = self.aliases(context, &term(id)).await?;
        ids.push(id.to_owned());
        self.deposit.forget(context, &ids).await?;
        let terms: Vec<_> = ids.iter().map(|id| term(id)).collect();
        let theirs = json!({"bool": {"filter": [
            {"term": {"context": context.as_str()}}, {"terms": {"profile": terms}},
        ]}});
        for kind in [Kind::Delayed, Kind::Quarantine, Kind::Trail, Kind::Merge, Kind::Identity] {
            self.remove_found(kind, &theirs).await?;
        }
        // What was accepted before and is carried out later brings nothing back.
        let at = self.clock.now().as_microsecond();
        let marks: Vec<Op> = ids.iter().map(|id| nobodys(context, id, at)).collect();
        for (op, outcome) in marks.iter().zip(self.bulk(&marks.iter().collect::<Vec<_>>()).await?) {
            if let Outcome::Refused(reason) = outcome {
                return Err(op.refused(reason));
            }
        }
        self.remove(place, key).await
    }

    /// All ids that lead to a profile, given as a term, besides its own.
    pub(crate) async fn aliases(&self, context: Context, profile: &str) -> Result<Vec<String>, StoreError> {
        self.refresh_kinds(&[Kind::Identity]).await?;
        let query = json!({"bool": {"filter": [
            {"term": {"context": context.as_str()}}, {"term": {"profile": profile}},
        ]}});
        let (_, hits) = self.search(Kind::Identity, &json!({"query": query, "size": 10_000})).await?;
        let alias = |held: &Held| crate::document::parse(held.text()?.get(), "id of a profile");
        hits.iter().map(|hit| alias(&hit.held)).collect()
    }

    async fn remove(&self, place: Place, key: String) -> Result<bool, StoreError> {
        let outcomes = self.bulk(&[&Op::delete(place, key)]).await?;
        Ok(matches!(outcomes.first(), Some(Outcome::Done(_))))
    }
}

/// The id of a profile that was deleted then leads to nobody.
fn nobodys(context: Context, id: &str, at: i64) -> Op {
    let text = serde_json::Value::from(id).to_string();
    Op::write(Place::of(Kind::Identity), Mode::Put, Source::kept(Envelope::new(context, id, at), text))
}

/// What is remembered of an event.
fn brief(text: &str) -> Result<String, StoreError> {
    let event: serde_json::Value = crate::document::parse(text, "event")?;
    let named = |part: &str| event.get(part).filter(|part| part.is_object()).map(|part| json!({"id": part.get("id")}));
    let brief = json!({
        "id": event.get("id"), "source": named("source"), "session": named("session"), "profile": named("profile"),
    });
    Ok(brief.to_string())
}
