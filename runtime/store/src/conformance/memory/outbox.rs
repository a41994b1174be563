//! The outbox in memory. See [`crate::outbox`].

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use async_trait::async_trait;
use jiff::Timestamp;
use tracardi_model::{Context, Delivery};

use super::query::fitting;
use super::{Disk, Memory};
use crate::outbox::DELIVERED_LIFE;
use crate::{Chosen, Deliveries, DeliveryPage, Due, Outbox, Queue, Settled, State, StoreError, StoredDelivery};

/// All deliveries, by a number that is never used again.
#[derive(Debug, Default)]
pub(super) struct Deposit {
    last: i64,
    parcels: BTreeMap<i64, Parcel>,
}

#[derive(Debug)]
struct Parcel {
    context: Context,
    delivery: Delivery,
    state: State,
    /// Whether another one stands before it in its line.
    held: bool,
    attempts: u32,
    due: Timestamp,
    settled: Option<Timestamp>,
    error: Option<String>,
}

impl Parcel {
    fn is_due(&self, context: Context, destination: &str, now: Timestamp) -> bool {
        let waits = self.state == State::Waiting && !self.held && self.due <= now;
        waits && self.context == context && self.delivery.destination == destination
    }

    /// `of`: the ids of the profile that is wanted, if one is.
    fn matches(&self, context: Context, wanted: &Deliveries, of: Option<&BTreeSet<String>>) -> bool {
        let Deliveries { destination, event, state, ids, .. } = wanted;
        let Delivery { event_id, profile_id, .. } = &self.delivery;
        self.context == context
            && destination.as_ref().is_none_or(|wanted| *wanted == self.delivery.destination)
            && event.as_ref().is_none_or(|wanted| event_id.as_ref() == Some(wanted))
            && of.is_none_or(|of| profile_id.as_ref().is_some_and(|id| of.contains(id)))
            && state.is_none_or(|wanted| wanted == self.state)
            && ids.as_ref().is_none_or(|wanted| wanted.contains(&self.delivery.id))
    }

    fn told(&self) -> StoredDelivery {
        let Delivery { id, destination, event_id, profile_id, body, at, .. } = self.delivery.clone();
        StoredDelivery {
            id,
            destination,
            event: event_id,
            profile: profile_id,
            state: self.state,
            attempts: self.attempts,
            error: self.error.clone(),
            at,
            due: self.due,
            settled_at: self.settled,
            body: (self.state != State::Delivered).then_some(body),
        }
    }
}

impl Deposit {
    pub(super) fn join(&mut self, context: Context, delivery: Delivery) {
        let known = |parcel: &Parcel| parcel.context == context && parcel.delivery.id == delivery.id;
        if self.parcels.values().any(known) {
            return;
        }
        self.last += 1;
        let due = delivery.at;
        let state = State::Waiting;
        let parcel = Parcel { context, delivery, state, held: false, attempts: 0, due, settled: None, error: None };
        self.parcels.insert(self.last, parcel);
        self.stand_in_line(self.last);
    }

    /// The numbers of those that wait in the line of this one, itself included.
    fn line(&self, seq: i64) -> Vec<i64> {
        let place = |parcel: &Parcel| {
            let Delivery { destination, profile_id, .. } = &parcel.delivery;
            profile_id.clone().map(|profile| (parcel.context, destination.clone(), profile))
        };
        let Some(own) = place(&self.parcels[&seq]) else { return Vec::new() };
        let others = self.parcels.iter().filter(|(_, other)| other.state == State::Waiting);
        others.filter(|(_, other)| place(other).as_ref() == Some(&own)).map(|(seq, _)| *seq).collect()
    }

    fn stand_in_line(&mut self, seq: i64) {
        let held = self.line(seq).len() > 1;
        self.parcels.get_mut(&seq).unwrap().held = held;
    }

    fn settle(&mut self, now: Timestamp, outcomes: Vec<(i64, Settled)>) {
        // For each that ends, at most two go whose time is over.
        let forget = outcomes.len() * 2;
        for (seq, outcome) in outcomes {
            let Some(parcel) = self.parcels.get_mut(&seq).filter(|parcel| parcel.state == State::Waiting) else {
                continue;
            };
            parcel.attempts += 1;
            (parcel.state, parcel.error) = match outcome {
                Settled::Delivered => (State::Delivered, None),
                Settled::Dead { error } => (State::Dead, Some(error)),
                Settled::Later { due, error } => {
                    parcel.due = due;
                    parcel.error = Some(error);
                    continue;
                }
            };
            parcel.settled = Some(now);
            if let Some(next) = self.line(seq).first() {
                self.parcels.get_mut(next).unwrap().held = false;
            }
        }
        let mut old: Vec<(Timestamp, i64)> = self
            .parcels
            .iter()
            .filter_map(|(seq, parcel)| {
                let settled = parcel.settled.filter(|_| parcel.state == State::Delivered)?;
                (now.duration_since(settled) > DELIVERED_LIFE).then_some((settled, *seq))
            })
            .collect();
        old.sort_unstable();
        for (_, seq) in old.into_iter().take(forget) {
            self.parcels.remove(&seq);
        }
    }

    fn waiting(&self) -> Vec<Queue> {
        let mut queues: BTreeMap<(Context, &str), (u64, Option<Timestamp>)> = BTreeMap::new();
        for parcel in self.parcels.values().filter(|parcel| parcel.state == State::Waiting) {
            let (waiting, due) = queues.entry((parcel.context, &parcel.delivery.destination)).or_default();
            *waiting += 1;
            if !parcel.held {
                *due = Some(due.map_or(parcel.due, |due| due.min(parcel.due)));
            }
        }
        let queue = |((context, destination), (waiting, due)): ((Context, &str), (u64, Option<Timestamp>))| Queue {
            context,
            destination: destination.to_owned(),
            waiting,
            due: due.unwrap(),
        };
        queues.into_iter().map(queue).collect()
    }

    fn due(&self, context: Context, destination: &str, now: Timestamp, limit: u32) -> Vec<Due> {
        let parcels = self.parcels.iter().filter(|(_, parcel)| parcel.is_due(context, destination, now));
        let mut due: Vec<Due> = parcels
            .map(|(seq, parcel)| Due { seq: *seq, delivery: parcel.delivery.clone(), attempts: parcel.attempts })
            .collect();
        due.sort_by_key(|due| (self.parcels[&due.seq].due, due.seq));
        due.truncate(limit as usize);
        fitting(due, |due| due.delivery.body.get().len())
    }

    /// The deliveries of a profile go, whatever their state; one that waited makes room for the next in its line.
    pub(super) fn forget_profile(&mut self, context: Context, ids: &BTreeSet<String>) {
        // All of a line go together.
        self.parcels.retain(|_, parcel| {
            let theirs = parcel.delivery.profile_id.as_ref().is_some_and(|profile| ids.contains(profile));
            parcel.context != context || !theirs
        });
    }

    fn page(&self, context: Context, wanted: &Deliveries, ids: Option<&BTreeSet<String>>) -> DeliveryPage {
        let mut all: Vec<_> = self.parcels.iter().filter(|(_, parcel)| parcel.matches(context, wanted, ids)).collect();
        all.sort_by_key(|(seq, _)| Reverse(**seq));
        let total = all.len() as u64;
        let (start, limit) = (usize::try_from(wanted.start).unwrap(), usize::try_from(wanted.limit).unwrap());
        let page = all.into_iter().skip(start).take(limit).map(|(_, parcel)| parcel.told());
        DeliveryPage { total, result: fitting(page, |told| told.body.as_ref().map_or(0, |body| body.get().len())) }
    }

    /// The oldest of the dead that were chosen.
    fn dead(&self, context: Context, chosen: &Chosen, limit: u32) -> Vec<i64> {
        let of = |parcel: &Parcel| match chosen {
            Chosen::Ids(ids) => ids.contains(&parcel.delivery.id),
            Chosen::Destination(destination) => parcel.delivery.destination == *destination,
        };
        let dead = |parcel: &Parcel| parcel.state == State::Dead && parcel.context == context && of(parcel);
        self.parcels.iter().filter(|(_, parcel)| dead(parcel)).map(|(seq, _)| *seq).take(limit as usize).collect()
    }

    /// Gives the number of each destination.
    fn replay(&mut self, dead: &[i64], now: Timestamp) -> BTreeMap<String, u64> {
        let mut by_destination = BTreeMap::new();
        for seq in dead {
            let parcel = self.parcels.get_mut(seq).unwrap();
            *by_destination.entry(parcel.delivery.destination.clone()).or_default() += 1;
            let Parcel { state, attempts, due, settled, error, .. } = parcel;
            (*state, *attempts, *due, *settled, *error) = (State::Waiting, 0, now, None, None);
            self.stand_in_line(*seq);
        }
        by_destination
    }
}

impl Disk {
    /// All deliveries of a context and where they stand, in the order in which they joined the outbox.
    pub fn deliveries(&self, context: Context) -> impl Iterator<Item = (State, &Delivery)> {
        let parcels = self.outbox.parcels.values().filter(move |parcel| parcel.context == context);
        parcels.map(|parcel| (parcel.state, &parcel.delivery))
    }
}

#[async_trait]
impl Outbox for Memory {
    async fn waiting(&self) -> Result<Vec<Queue>, StoreError> {
        Ok(self.look(|disk| disk.outbox.waiting()))
    }

    async fn due(
        &self,
        context: Context,
        destination: &str,
        now: Timestamp,
        limit: u32,
    ) -> Result<Vec<Due>, StoreError> {
        Ok(self.look(|disk| disk.outbox.due(context, destination, now, limit)))
    }

    async fn settle(&self, now: Timestamp, outcomes: Vec<(i64, Settled)>) -> Result<(), StoreError> {
        self.change(|disk| disk.outbox.settle(now, outcomes));
        Ok(())
    }

    async fn deliveries(&self, context: Context, wanted: &Deliveries) -> Result<DeliveryPage, StoreError> {
        Ok(self.look(|disk| {
            let ids = wanted.profile.as_ref().map(|id| disk.tables(context).ids_of(id));
            disk.outbox.page(context, wanted, ids.as_ref())
        }))
    }

    async fn replay(
        &self,
        context: Context,
        chosen: &Chosen,
        now: Timestamp,
        limit: u32,
    ) -> Result<BTreeMap<String, u64>, StoreError> {
        Ok(self.change(|disk| {
            let dead = disk.outbox.dead(context, chosen, limit);
            disk.outbox.replay(&dead, now)
        }))
    }

    async fn discard(&self, context: Context, chosen: &Chosen, limit: u32) -> Result<u64, StoreError> {
        Ok(self.change(|disk| {
            let dead = disk.outbox.dead(context, chosen, limit);
            for seq in &dead {
                disk.outbox.parcels.remove(seq);
            }
            dead.len() as u64
        }))
    }
}

#[async_trait]
impl crate::Deposit for Memory {
    async fn deposit(&self, deliveries: Vec<(Context, Delivery)>) -> Result<(), StoreError> {
        self.change(|disk| deliveries.into_iter().for_each(|(context, delivery)| disk.outbox.join(context, delivery)));
        Ok(())
    }

    async fn lead(&self, context: Context, gone: &[String], survivor: &str) -> Result<(), StoreError> {
        self.change(|disk| {
            let identity = &mut disk.contexts[context].identity;
            identity.values_mut().filter(|own| gone.contains(own)).for_each(|own| survivor.clone_into(own));
            identity.extend(gone.iter().chain([&survivor.to_owned()]).map(|id| (id.clone(), survivor.to_owned())));
        });
        Ok(())
    }

    async fn forget(&self, context: Context, profiles: &[String]) -> Result<(), StoreError> {
        self.change(|disk| {
            disk.outbox.forget_profile(context, &profiles.iter().cloned().collect());
            disk.contexts[context].identity.retain(|id, own| !profiles.contains(id) && !profiles.contains(own));
        });
        Ok(())
    }
}
