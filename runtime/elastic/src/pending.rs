//! What follows from the write of one document, kept with it until its next write: so whoever comes after can finish what the
//! writer could not.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use tracardi_model::{Context, Delivery};
use tracardi_store::{APPLIED_LIFE, StoreError};

use crate::bulk::{Mode, Op, Outcome};
use crate::elastic::Inner;
use crate::get::{Known, Spot};
use crate::names::Kind;

/// Operations on other documents, and deliveries. All of it may be repeated.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct Rest {
    pub(crate) ops: Vec<Op>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    deliveries: Vec<Parcel>,
    /// Profiles that were merged, and the one that they are now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) lead: Option<(Context, Vec<String>, String)>,
}

#[derive(Debug, Serialize, Deserialize)]
struct Parcel {
    context: Context,
    id: String,
    destination: String,
    event: Option<String>,
    profile: Option<String>,
    debug: bool,
    body: Box<RawValue>,
    at: Timestamp,
}

#[allow(clippy::needless_pass_by_value, reason = "as `map_err` has it")]
fn unreadable(error: impl std::error::Error) -> StoreError {
    StoreError::Corrupt { what: "what follows from a document".to_owned(), reason: error.to_string() }
}

impl Rest {
    /// Adds a delivery.
    pub(crate) fn deliver(&mut self, context: Context, delivery: Delivery) {
        let Delivery { id, destination, event_id: event, profile_id: profile, debug, body, at } = delivery;
        self.deliveries.push(Parcel { context, id, destination, event, profile, debug, body, at });
    }

    /// Adds all of another one.
    pub(crate) fn append(&mut self, other: Self) {
        self.ops.extend(other.ops);
        self.deliveries.extend(other.deliveries);
    }

    /// Whether nothing follows.
    pub(crate) fn is_empty(&self) -> bool {
        self.ops.is_empty() && self.deliveries.is_empty() && self.lead.is_none()
    }

    /// As JSON: a text, compressed, since most of it stands in the index a second time.
    pub(crate) fn text(&self) -> Result<Option<String>, StoreError> {
        if self.is_empty() {
            return Ok(None);
        }
        let plain = serde_json::to_vec(self).map_err(unreadable)?;
        Ok(Some(format!("\"{}\"", STANDARD.encode(lz4_flex::compress_prepend_size(&plain)))))
    }

    pub(crate) fn read(text: &str) -> Result<Self, StoreError> {
        let text: String = serde_json::from_str(text).map_err(unreadable)?;
        let packed = STANDARD.decode(text).map_err(unreadable)?;
        let plain = lz4_flex::decompress_size_prepended(&packed).map_err(unreadable)?;
        serde_json::from_slice(&plain).map_err(unreadable)
    }

    /// The documents that tell whether it is done: events and sessions, and profiles that go; ids of applied events and of profiles
    /// where there is nothing else. The rest (what is to happen later, say) may have come and gone since.
    pub(crate) fn markers(&self) -> impl Iterator<Item = &Op> {
        let telling = |op: &&Op| match op.place.kind {
            Kind::Event | Kind::Session => !op.mode.deletes(),
            Kind::Profile => op.mode.deletes(),
            _ => false,
        };
        let alone = !self.ops.iter().any(|op| telling(&op));
        let also = |op: &&Op| matches!(op.place.kind, Kind::Applied | Kind::Identity) && !op.mode.deletes();
        self.ops.iter().filter(move |op| telling(op) || alone && also(op))
    }

    /// Where to look.
    pub(crate) fn spots(&self) -> impl Iterator<Item = Spot> {
        self.markers().map(|op| (op.place, op.key.clone()))
    }

    /// Whether all of it was done, as far as the markers tell. An applied event that may have been forgotten by now says nothing any
    /// more: what was not done for so long is not done twice for it.
    pub(crate) fn is_done(&self, known: &Known, now: Timestamp) -> bool {
        let is_forgotten = |op: &Op| {
            let applied = op.source.as_ref().filter(|_| op.place.kind == Kind::Applied);
            let at = applied.and_then(|source| Timestamp::from_microsecond(source.envelope.inserted).ok());
            at.is_some_and(|at| now.duration_since(at) > APPLIED_LIFE)
        };
        self.markers().all(|op| {
            if is_forgotten(op) {
                return true;
            }
            let held = known.get(op.place, &op.key);
            match op.mode {
                Mode::Delete => held.is_none(),
                Mode::DeleteSeen(seq_no, _) | Mode::Replace(seq_no, _) => {
                    held.is_none_or(|held| held.version.seq_no > seq_no)
                }
                Mode::Create | Mode::Put => held.is_some() || known.lacks(op.place),
            }
        })
    }
}

impl Inner {
    /// Does what follows: deliveries first, then documents, then what goes. Tells what became of each operation.
    pub(crate) async fn complete(&self, rest: &Rest) -> Result<Vec<Outcome>, StoreError> {
        let deliveries = rest.deliveries.iter().map(|parcel| {
            let Parcel { context, id, destination, event, profile, debug, body, at } = parcel;
            let delivery = Delivery {
                id: id.clone(),
                destination: destination.clone(),
                event_id: event.clone(),
                profile_id: profile.clone(),
                debug: *debug,
                body: body.clone(),
                at: *at,
            };
            (*context, delivery)
        });
        let deliveries: Vec<_> = deliveries.collect();
        if !deliveries.is_empty() {
            self.deposit.deposit(deliveries).await?;
        }
        if let Some((context, gone, survivor)) = &rest.lead {
            self.deposit.lead(*context, gone, survivor).await?;
        }
        self.in_order(&rest.ops).await
    }

    /// Carries out operations. Whose the ids are comes first: a stored event tells that this is settled. What removes something
    /// comes last.
    async fn in_order(&self, ops: &[Op]) -> Result<Vec<Outcome>, StoreError> {
        let turn = |op: &Op| match (op.mode.deletes(), op.place.kind) {
            (false, Kind::Identity) => 0,
            (false, _) => 1,
            (true, _) => 2,
        };
        let mut outcomes = vec![Outcome::Absent; ops.len()];
        for now in 0..3 {
            let part = ops.iter().zip(&mut outcomes).filter(|(op, _)| turn(op) == now && !self.is_past(op));
            let (part, slots): (Vec<&Op>, Vec<&mut Outcome>) = part.unzip();
            for ((op, slot), outcome) in part.iter().zip(slots).zip(self.bulk(&part).await?) {
                if now == 0 && matches!(outcome, Outcome::Conflict) {
                    self.contested(op).await?;
                }
                *slot = outcome;
            }
        }
        Ok(outcomes)
    }

    /// Whether it concerns a generation that may have been removed: a write would make it anew.
    fn is_past(&self, op: &Op) -> bool {
        op.place.kind.rolls() && op.place.generation.saturating_add(1) < self.generation()
    }

    /// Does what somebody else should have done.
    pub(crate) async fn complete_for(&self, rest: &Rest) -> Result<(), StoreError> {
        for (op, outcome) in rest.ops.iter().zip(self.complete(rest).await?) {
            if let Outcome::Refused(reason) = outcome {
                return Err(held_up(op, &reason));
            }
        }
        Ok(())
    }
}

/// What follows from a document that is written must come: whatever builds on it waits until the index takes it.
pub(crate) fn held_up(op: &Op, reason: &str) -> StoreError {
    let (kind, key) = (op.place.kind.name(), &op.key);
    StoreError::Unavailable(format!(
        "the search server refuses {kind} {key} in whatever form: {reason}; mend its index"
    ))
}
