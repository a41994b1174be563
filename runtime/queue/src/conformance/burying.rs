//! Dead letters: listed, replayed, discarded.

use bytes::Bytes;

use super::{BRIEF, ids, message, send, settle, take, texts, until_figures};
use crate::{Buried, Chosen, LISTED, Message, MessageId, Queue};

pub(super) async fn list_replay_discard(queue: &dyn Queue) {
    send(queue, (0..6).map(|number| message("key", &number.to_string()))).await;
    let mut consumer = queue.consumer("gravedigger").await.unwrap();
    let received = take(&mut *consumer, 6).await;
    for (number, it) in received.iter().take(4).enumerate() {
        consumer.bury(it, &format!("reason {number}: \"ż\"")).await.unwrap();
    }
    consumer.acknowledge(&ids(received.get(4..).unwrap())).await.unwrap();
    until_figures(queue, (0, 4), "what is buried does not wait").await;

    let buried = queue.buried(0, 10).await.unwrap();
    assert_eq!(payloads(&buried), ["0", "1", "2", "3"]);
    let last = buried.last().unwrap();
    assert_eq!((last.message.key.as_str(), last.reason.as_str()), ("key", "reason 3: \"ż\""));
    assert!(buried.is_sorted_by_key(|it| it.at));
    assert_eq!(payloads(&queue.buried(1, 2).await.unwrap()), ["1", "2"]);
    assert!(queue.buried(4, 10).await.unwrap().is_empty());

    let (first, second) = (chosen(&buried, 0), chosen(&buried, 1));
    assert_eq!(queue.replay(&first, 10).await.unwrap(), 1);
    assert_eq!(queue.replay(&first, 10).await.unwrap(), 0, "what was replayed is not there any more");
    assert_eq!(texts(&settle(&mut *consumer, 1).await), ["0"]);
    assert_eq!(queue.discard(&second, 10).await.unwrap(), 1);
    assert_eq!(queue.discard(&second, 10).await.unwrap(), 0);
    let unknown = Chosen::Ids(vec![MessageId("x".to_owned()), MessageId(String::new())]);
    assert_eq!(queue.replay(&unknown, 10).await.unwrap(), 0);
    assert_eq!(queue.discard(&unknown, 10).await.unwrap(), 0);
    until_figures(queue, (0, 2), "one was replayed, one discarded").await;

    assert_eq!(queue.replay(&Chosen::All, 1).await.unwrap(), 1, "no more than the limit");
    assert_eq!(texts(&settle(&mut *consumer, 1).await), ["2"]);
    assert_eq!(queue.discard(&Chosen::All, 10).await.unwrap(), 1);
    until_figures(queue, (0, 0), "the last was discarded").await;
    assert!(queue.buried(0, 10).await.unwrap().is_empty());
    assert!(consumer.receive(BRIEF).await.unwrap().is_empty());
    consumer.leave().await;
}

/// Large letters come on several pages, each whole.
pub(super) async fn bounds_of_a_list(queue: &dyn Queue) {
    let producer = queue.producer().await.unwrap();
    let large = producer.largest().min(LISTED / 2);
    let number = LISTED / large + 1;
    for key in 0..number {
        let payload = Bytes::from(vec![b'x'; large]);
        producer.send(Message { key: key.to_string(), payload }).await.unwrap();
    }
    let mut consumer = queue.consumer("gravedigger").await.unwrap();
    for received in take(&mut *consumer, number).await {
        consumer.bury(&received, "too heavy").await.unwrap();
    }
    let (mut listed, mut pages) = (0, 0);
    while listed < number {
        let page = queue.buried(listed as u64, 100).await.unwrap();
        assert!(!page.is_empty(), "{listed} of {number} letters, then no more");
        assert!(page.iter().all(|it| it.message.payload.len() == large && it.reason == "too heavy"));
        assert!(page.len() * large <= LISTED, "{} letters of {large} bytes at once", page.len());
        listed += page.len();
        pages += 1;
    }
    assert_eq!((listed, pages > 1), (number, true));
    assert_eq!(queue.discard(&Chosen::All, 1_000).await.unwrap(), number as u64);
    until_figures(queue, (0, 0), "all were discarded").await;
    consumer.leave().await;
}

fn chosen(buried: &[Buried], number: usize) -> Chosen {
    Chosen::Ids(buried.get(number).map(|it| it.id.clone()).into_iter().collect())
}

fn payloads(buried: &[Buried]) -> Vec<String> {
    buried.iter().map(|it| String::from_utf8_lossy(&it.message.payload).into_owned()).collect()
}
