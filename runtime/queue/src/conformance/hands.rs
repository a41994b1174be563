//! Several consumers, and changes of hands between them.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;
use std::time::Duration;

use super::{PATIENT, by_key, ids, message, send, settle, take, until_figures};
use crate::{Consumer, Queue, Take};

const KEYS: usize = 5;
const EACH: usize = 4;

fn sent() -> impl Iterator<Item = crate::Message> {
    (0..EACH).flat_map(|number| (0..KEYS).map(move |key| message(&format!("key {key}"), &number.to_string())))
}

/// What somebody who left had not acknowledged comes to the next one: first, and in order.
pub(super) async fn left(queue: &dyn Queue) {
    let mut first = queue.consumer("leaves").await.unwrap();
    go_and_follow(queue, &mut *first).await;
    first.leave().await;
    rest(queue).await;
}

/// The same of somebody who vanished.
pub(super) async fn abandoned(queue: &dyn Queue) {
    let mut first = queue.consumer("vanishes").await.unwrap();
    go_and_follow(queue, &mut *first).await;
    drop(first);
    rest(queue).await;
}

/// Takes all, acknowledges the first message of each key, and more is sent then.
async fn go_and_follow(queue: &dyn Queue, first: &mut dyn Consumer) {
    send(queue, sent()).await;
    let received = take(first, KEYS * EACH).await;
    let firsts: Vec<_> = received.iter().filter(|it| it.message.payload == "0").cloned().collect();
    first.acknowledge(&ids(&firsts)).await.unwrap();
    let waiting = u64::try_from(KEYS * (EACH - 1)).unwrap();
    until_figures(queue, (waiting, 0), "what was received and is not acknowledged still waits").await;
    send(queue, (0..KEYS).map(|key| message(&format!("key {key}"), "later"))).await;
}

async fn rest(queue: &dyn Queue) {
    let mut next = queue.consumer("follows").await.unwrap();
    let received = settle(&mut *next, KEYS * EACH).await;
    let expected: Vec<String> = (1..EACH).map(|number| number.to_string()).chain(["later".to_owned()]).collect();
    let keys = by_key(&received);
    assert_eq!(keys.len(), KEYS);
    for (key, texts) in keys {
        assert_eq!(texts, expected, "{key}");
    }
    until_figures(queue, (0, 0), "what the next one acknowledged does not wait").await;
    next.leave().await;
}

/// While three work, one of whom leaves early, no key is in two hands, none is lost, and order stays.
pub(super) async fn one_at_a_time(queue: &dyn Queue) {
    const KEYS: usize = 40;
    const EACH: usize = 12;
    let work = Work { seen: Mutex::default(), all: KEYS * EACH };
    let sent =
        (0..EACH).flat_map(|number| (0..KEYS).map(move |key| message(&format!("key {key}"), &number.to_string())));
    let (one, two, three) = (queue.consumer("one"), queue.consumer("two"), queue.consumer("three"));
    let (one, two) = (one.await.unwrap(), two.await.unwrap());
    tokio::join!(send(queue, sent), work.carry_out(one, usize::MAX), work.carry_out(two, 100), async {
        work.carry_out(three.await.unwrap(), usize::MAX).await;
    },);
    let numbers: Vec<usize> = (0..EACH).collect();
    let seen = work.seen.into_inner().unwrap();
    assert_eq!(seen.done.len(), KEYS);
    for (key, done) in seen.done {
        assert_eq!(done, numbers, "{key}");
    }
}

struct Work {
    seen: Mutex<Seen>,
    all: usize,
}

#[derive(Default)]
struct Seen {
    held: BTreeSet<String>,
    done: BTreeMap<String, Vec<usize>>,
    number: usize,
}

impl Work {
    /// Receives and acknowledges until all is done or this one has done `share`; then it leaves.
    async fn carry_out(&self, mut consumer: Box<dyn Consumer>, share: usize) {
        let (mut own, mut vain) = (0, 0);
        while own < share && self.seen.lock().unwrap().number < self.all {
            let received =
                consumer.receive(Take { messages: 10, wait: Duration::from_millis(200), ..PATIENT }).await.unwrap();
            vain = if received.is_empty() { vain + 1 } else { 0 };
            assert!(vain < 5 * super::PATIENCE, "nothing comes, and not all is done");
            let keys: BTreeSet<String> = received.iter().map(|it| it.message.key.clone()).collect();
            for key in &keys {
                assert!(self.seen.lock().unwrap().held.insert(key.clone()), "{key} is in two hands");
            }
            // The others have their turn while this one is at work.
            tokio::time::sleep(Duration::from_millis(1)).await;
            {
                let mut seen = self.seen.lock().unwrap();
                for it in &received {
                    let number = String::from_utf8_lossy(&it.message.payload).parse().unwrap();
                    seen.done.entry(it.message.key.clone()).or_default().push(number);
                }
                seen.number += received.len();
                seen.held.retain(|key| !keys.contains(key));
            }
            consumer.acknowledge(&ids(&received)).await.unwrap();
            own += received.len();
        }
        consumer.leave().await;
    }
}
