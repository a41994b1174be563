//! The lines of the outbox, whatever happens to their deliveries. A backend's tests make the acts, at random.

use std::collections::BTreeMap;

use jiff::Timestamp;
use tracardi_model::Context;

use super::outbox::delivery;
use super::samples::at;
use crate::{Batch, Chosen, Documents, Due, Outbox, Settled, State};

const CONTEXT: Context = Context::Production;

/// What happens to the deliveries of a destination.
#[derive(Clone, Debug)]
pub enum Act {
    /// Deliveries for these profiles join; none: for nobody.
    Join(Vec<Option<u8>>),
    /// What is due at this place meets this.
    Settle(usize, State),
    /// Of the dead, so many wait again, the oldest first.
    Replay(usize),
    /// Of the dead, so many go, the oldest first.
    Discard(usize),
}

/// What there should be, in the order of joining: for whom, and where it stands.
type Model = BTreeMap<String, (Option<u8>, State)>;

fn dead(model: &Model, most: usize) -> Vec<String> {
    let dead = model.iter().filter(|(_, (_, state))| *state == State::Dead);
    dead.map(|(id, _)| id.clone()).take(most).collect()
}

/// Does all of it at one destination; checks after each act who is due: of each line exactly one.
pub async fn live(store: &(impl Documents + Outbox), destination: &str, acts: Vec<Act>) {
    let (mut model, mut made, mut in_order) = (Model::new(), 0, true);
    for act in acts {
        let due = check(store, destination, &model, in_order).await;
        match act {
            Act::Join(profiles) => {
                let mut batch = Batch::default();
                for profile in profiles {
                    made += 1;
                    let id = format!("{destination}-{made:04}");
                    let name = profile.map(|profile| format!("{destination}-p{profile}"));
                    batch.deliveries.push((CONTEXT, delivery(&id, destination, name.as_deref(), 0)));
                    model.insert(id, (profile, State::Waiting));
                }
                store.commit(batch).await.unwrap();
            }
            Act::Settle(place, state) => {
                let Some(Due { seq, delivery, .. }) = due.into_iter().nth(place) else { continue };
                let outcome = match state {
                    State::Delivered => Settled::Delivered,
                    State::Waiting => Settled::Later { due: at(60), error: "later".to_owned() },
                    State::Dead => Settled::Dead { error: "never".to_owned() },
                };
                store.settle(at(1), vec![(seq, outcome)]).await.unwrap();
                model.get_mut(&delivery.id).unwrap().1 = state;
            }
            Act::Replay(most) => {
                let ids = dead(&model, most);
                let limit = u32::try_from(most).unwrap();
                let chosen = Chosen::Destination(destination.to_owned());
                assert_eq!(
                    store.replay(CONTEXT, &chosen, at(2), limit).await.unwrap().values().sum::<u64>(),
                    ids.len() as u64
                );
                in_order &= ids.is_empty();
                for id in ids {
                    model.get_mut(&id).unwrap().1 = State::Waiting;
                }
            }
            Act::Discard(most) => {
                let ids = dead(&model, most);
                let number = store.discard(CONTEXT, &Chosen::Ids(ids.clone()), 100).await.unwrap();
                assert_eq!(number, ids.len() as u64);
                model.retain(|id, _| !ids.contains(id));
            }
        }
    }
    check(store, destination, &model, in_order).await;
}

/// Of each line exactly one is due, sooner or later, and as long as nothing was replayed it is the first; of what is for nobody
/// all are. And their number is known.
async fn check(store: &impl Outbox, destination: &str, model: &Model, in_order: bool) -> Vec<Due> {
    let due = store.due(CONTEXT, destination, Timestamp::MAX, 1_000).await.unwrap();
    let mut lines: BTreeMap<(Option<u8>, &str), Vec<&str>> = BTreeMap::new();
    for (id, (profile, state)) in model {
        if *state == State::Waiting {
            lines.entry((*profile, if profile.is_none() { id } else { "" })).or_default().push(id);
        }
    }
    assert_eq!(due.len(), lines.len(), "{model:?}");
    for line in lines.values() {
        let of_line: Vec<_> = due.iter().filter(|due| line.contains(&due.delivery.id.as_str())).collect();
        assert_eq!(of_line.len(), 1, "{line:?}");
        assert!(!in_order || of_line[0].delivery.id == line[0], "{line:?}");
    }
    let queues = store.waiting().await.unwrap();
    let waiting = queues.iter().find(|queue| queue.destination == destination).map_or(0, |queue| queue.waiting);
    assert_eq!(waiting, lines.values().map(Vec::len).sum::<usize>() as u64);
    due
}
