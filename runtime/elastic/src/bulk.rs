//! Writing: many operations in few requests, and what became of each.
//!
//! A request that the server has no time for (429, 502, 503, 504, as a whole or for one operation) is repeated after a pause that
//! grows and is drawn, smaller and with fewer beside it; when it has time again, both grow. After
//! [`patience`](crate::ElasticSettings::patience) the server counts as unavailable.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use bytes::Bytes;
use futures::StreamExt as _;
use reqwest::Method;
use serde::{Deserialize, Serialize};
use serde_json::json;
use tracardi_process::random;
use tracardi_store::{StoreError, Version};

use crate::client::Body;
use crate::document::{Form, Source};
use crate::elastic::Inner;
use crate::error::{ElasticError, Said};
use crate::names::Kind;

/// An index.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub(crate) struct Place {
    pub(crate) kind: Kind,
    pub(crate) generation: u32,
}

impl Place {
    /// Of a kind that does not roll.
    pub(crate) const fn of(kind: Kind) -> Self {
        Self { kind, generation: 1 }
    }
}

/// What is to be done to a document.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Mode {
    /// It must not exist.
    Create,
    /// It must be of this version: sequence number and primary term.
    Replace(u64, u64),
    /// Whatever there is.
    Put,
    /// It goes, whatever it is.
    Delete,
    /// It goes if it is of this version.
    DeleteSeen(u64, u64),
}

impl Mode {
    /// In place of what somebody has seen.
    pub(crate) fn replacing(seen: Option<Version>) -> Self {
        seen.map_or(Self::Create, |version| Self::Replace(version.seq_no, version.primary_term))
    }

    pub(crate) const fn deletes(self) -> bool {
        matches!(self, Self::Delete | Self::DeleteSeen(..))
    }
}

/// One operation.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Op {
    pub(crate) place: Place,
    /// The `_id`.
    pub(crate) key: String,
    pub(crate) mode: Mode,
    /// None: it goes.
    pub(crate) source: Option<Source>,
    /// What is to follow it, as JSON.
    #[serde(skip)]
    pub(crate) pending: Option<String>,
}

impl Op {
    /// Writes a document.
    pub(crate) fn write(place: Place, mode: Mode, source: Source) -> Self {
        Self { place, key: source.envelope.key.clone(), mode, source: Some(source), pending: None }
    }

    /// Removes one.
    pub(crate) const fn delete(place: Place, key: String) -> Self {
        Self { place, key, mode: Mode::Delete, source: None, pending: None }
    }

    /// That the server does not take it, whatever its form.
    pub(crate) fn refused(&self, reason: String) -> StoreError {
        StoreError::Corrupt { what: format!("{} {}", self.place.kind.name(), self.key), reason }
    }
}

/// What became of an operation.
#[derive(Clone, Debug)]
pub(crate) enum Outcome {
    /// It is done.
    Done(Version),
    /// The document is not in the state that it should be in.
    Conflict,
    /// There was nothing to remove.
    Absent,
    /// It is refused, in whatever form.
    Refused(String),
}

/// How much is sent at a time.
#[derive(Debug)]
pub(crate) struct Pace {
    requests: AtomicUsize,
    bytes: AtomicUsize,
}

/// Requests of one call at a time, at most.
const WIDEST: usize = 4;
/// A request does not get smaller than this.
const SMALLEST: usize = 64 << 10;
/// The first pause; doubles.
const PAUSE: Duration = Duration::from_millis(50);
/// The longest pause.
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

impl Pace {
    pub(crate) const fn new(bytes: usize) -> Self {
        Self { requests: AtomicUsize::new(2), bytes: AtomicUsize::new(bytes) }
    }

    fn slower(&self) {
        let half = |known: usize| Some((known / 2).max(1));
        let _ = self.requests.fetch_update(Ordering::Relaxed, Ordering::Relaxed, half);
        let half = |known: usize| Some((known / 2).max(SMALLEST));
        let _ = self.bytes.fetch_update(Ordering::Relaxed, Ordering::Relaxed, half);
    }

    fn faster(&self, most: usize) {
        let more = |known: usize| (known < WIDEST).then(|| known + 1);
        let _ = self.requests.fetch_update(Ordering::Relaxed, Ordering::Relaxed, more);
        let more = |known: usize| (known < most).then(|| (known + known / 4).min(most));
        let _ = self.bytes.fetch_update(Ordering::Relaxed, Ordering::Relaxed, more);
    }
}

#[derive(Deserialize)]
struct Answer {
    #[serde(default)]
    items: Vec<Wrapped>,
}

#[derive(Deserialize)]
struct Wrapped {
    create: Option<Item>,
    index: Option<Item>,
    delete: Option<Item>,
}

#[derive(Deserialize)]
struct Item {
    status: u16,
    #[serde(rename = "_seq_no")]
    seq_no: Option<u64>,
    #[serde(rename = "_primary_term")]
    primary_term: Option<u64>,
    #[serde(default)]
    error: Said,
}

const BULK: &str = "_bulk?filter_path=items.*.status,items.*._seq_no,items.*._primary_term,items.*.error.type,\
                    items.*.error.reason,items.*.error.caused_by.type,items.*.error.caused_by.reason";

/// What is to be done about an item next.
enum Next {
    Ends(Outcome),
    /// The server has no time.
    Again(ElasticError),
    /// Without what the index is to take of it.
    AsKept,
    Fails(ElasticError),
}

impl Inner {
    /// Carries out operations, in no order; tells what became of each. After an error some may be done.
    pub(crate) async fn bulk(&self, ops: &[&Op]) -> Result<Vec<Outcome>, ElasticError> {
        let mut outcomes: Vec<Option<Outcome>> = vec![None; ops.len()];
        let mut kept: BTreeSet<usize> = BTreeSet::new();
        let mut left: Vec<usize> = (0..ops.len()).collect();
        let (began, mut pause) = (Instant::now(), PAUSE);
        while !left.is_empty() {
            let requests = self.requests(ops, &left, &kept)?;
            let width = self.pace.requests.load(Ordering::Relaxed);
            let answers: Vec<_> = futures::stream::iter(requests)
                .map(async |(numbers, body)| {
                    let answer = self.client.json::<Answer>(Method::POST, BULK, Body::Lines(body)).await;
                    (numbers, answer)
                })
                .buffer_unordered(width)
                .collect()
                .await;
            left.clear();
            let mut busy = None;
            for (numbers, answer) in answers {
                let items = match answer {
                    Ok(answer) => answer.items,
                    Err(error @ ElasticError::Busy { .. }) => {
                        left.extend(numbers);
                        busy = Some(error);
                        continue;
                    }
                    Err(error) => return Err(error),
                };
                if items.len() != numbers.len() {
                    return Err(ElasticError::Garbled("it tells of other operations than were asked for".to_owned()));
                }
                for (number, item) in numbers.into_iter().zip(items) {
                    let may_be_less = !kept.contains(&number)
                        && ops
                            .get(number)
                            .and_then(|op| op.source.as_ref())
                            .is_some_and(|s| s.form == Form::Searchable);
                    match self.next(item, may_be_less)? {
                        Next::Ends(outcome) => outcomes.get_mut(number).map(|slot| slot.replace(outcome)),
                        Next::Fails(error) => return Err(error),
                        Next::AsKept => {
                            kept.insert(number);
                            left.push(number);
                            None
                        }
                        Next::Again(error) => {
                            left.push(number);
                            busy = Some(error);
                            None
                        }
                    };
                }
            }
            let Some(error) = busy else {
                self.pace.faster(self.settings.request_bytes);
                continue;
            };
            self.pace.slower();
            if began.elapsed() + pause > self.settings.patience {
                return Err(error);
            }
            tokio::time::sleep(drawn(pause)).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
        Ok(outcomes.into_iter().flatten().collect())
    }

    /// Operations as bodies of requests, each with the numbers of what is in it.
    fn requests(
        &self,
        ops: &[&Op],
        left: &[usize],
        kept: &BTreeSet<usize>,
    ) -> Result<Vec<(Vec<usize>, Bytes)>, ElasticError> {
        let most = self.pace.bytes.load(Ordering::Relaxed);
        let unwritable = |error: serde_json::Error| ElasticError::Garbled(error.to_string());
        let (mut requests, mut numbers, mut body, mut line) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        for number in left {
            let Some(op) = ops.get(*number) else { continue };
            line.clear();
            let index = self.names.index(op.place.kind, op.place.generation);
            let (action, seen) = match op.mode {
                Mode::Create => ("create", None),
                Mode::Put => ("index", None),
                Mode::Replace(seq_no, term) => ("index", Some((seq_no, term))),
                Mode::Delete => ("delete", None),
                Mode::DeleteSeen(seq_no, term) => ("delete", Some((seq_no, term))),
            };
            let target = match seen {
                None => json!({"_index": index, "_id": op.key}),
                Some((seq_no, term)) => {
                    json!({"_index": index, "_id": op.key, "if_seq_no": seq_no, "if_primary_term": term})
                }
            };
            serde_json::to_writer(&mut line, &json!({action: target})).map_err(unwritable)?;
            line.push(b'\n');
            if let Some(source) = &op.source {
                let form = if kept.contains(number) { Form::Kept } else { source.form };
                source.write(form, op.pending.as_deref(), &mut line).map_err(unwritable)?;
            }
            if !body.is_empty() && body.len() + line.len() > most {
                requests.push((std::mem::take(&mut numbers), Bytes::from(std::mem::take(&mut body))));
            }
            body.extend_from_slice(&line);
            numbers.push(*number);
        }
        if !body.is_empty() {
            requests.push((numbers, Bytes::from(body)));
        }
        Ok(requests)
    }

    fn next(&self, item: Wrapped, may_be_less: bool) -> Result<Next, ElasticError> {
        let Wrapped { create, index, delete } = item;
        let Some(Item { status, seq_no, primary_term, error }) = create.or(index).or(delete) else {
            return Err(ElasticError::Garbled("an operation without an outcome".to_owned()));
        };
        Ok(match status {
            200..300 => match (seq_no, primary_term) {
                (Some(seq_no), Some(primary_term)) => Next::Ends(Outcome::Done(Version { seq_no, primary_term })),
                _ => Next::Fails(ElasticError::Garbled("a write without its version".to_owned())),
            },
            404 => Next::Ends(Outcome::Absent),
            409 => Next::Ends(Outcome::Conflict),
            400 | 413 if may_be_less => Next::AsKept,
            _ => match ElasticError::answered(self.client.url(), status, &error) {
                error @ ElasticError::Busy { .. } => Next::Again(error),
                ElasticError::Refused { reason, .. } => Next::Ends(Outcome::Refused(reason)),
                error => Next::Fails(error),
            },
        })
    }
}

/// Between half of a pause and all of it, so that those who wait do not come back together.
fn drawn(pause: Duration) -> Duration {
    let [byte] = random::bytes::<1>().unwrap_or([255]);
    pause / 2 + pause.mul_f64(f64::from(byte) / 510.0)
}
