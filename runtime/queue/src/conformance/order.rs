//! What was sent comes, whole and in the order of its key.

use bytes::Bytes;

use super::{BRIEF, by_key, figures, ids, message, send, settle, take, texts, until_figures};
use crate::{LONGEST_KEY, Message, Queue, QueueError, Take};

/// Keys and payloads may be of any bytes.
pub(super) async fn odd_bytes(queue: &dyn Queue) {
    let all: Vec<u8> = (0..=255).collect();
    let keys = ["", " ", "a:b", "{a}", "a\0b", "ż\n\r\t", "*", "0", "-1", "'\"`\\", &"k".repeat(LONGEST_KEY)]
        .map(str::to_owned);
    let payloads = [Bytes::new(), Bytes::from_static(b"\0"), Bytes::from(all), Bytes::from_static(b"\r\n$3\r\n")];
    let sent: Vec<Message> = keys
        .iter()
        .flat_map(|key| payloads.iter().map(|payload| Message { key: key.clone(), payload: payload.clone() }))
        .collect();
    send(queue, sent.clone()).await;
    assert_eq!(figures(queue).await, (u64::try_from(sent.len()).unwrap(), 0));
    let mut consumer = queue.consumer("odd").await.unwrap();
    let received = take(&mut *consumer, sent.len()).await;
    for key in &keys {
        let of_key =
            |messages: Vec<&Message>| messages.into_iter().filter(|it| it.key == *key).cloned().collect::<Vec<_>>();
        assert_eq!(of_key(received.iter().map(|it| &it.message).collect()), of_key(sent.iter().collect()), "{key:?}");
    }
    consumer.acknowledge(&ids(&received)).await.unwrap();
    consumer.acknowledge(&ids(&received)).await.unwrap();
    until_figures(queue, (0, 0), "what was acknowledged twice is gone once").await;
    assert!(consumer.receive(BRIEF).await.unwrap().is_empty());
    consumer.leave().await;
}

/// Many senders at once; each key keeps the order of its calls.
pub(super) async fn of_each_key(queue: &dyn Queue) {
    const KEYS: usize = 13;
    const EACH: usize = 60;
    let numbers: Vec<String> = (0..EACH).map(|number| number.to_string()).collect();
    let mut consumer = queue.consumer("in order").await.unwrap();
    let sent = numbers.iter().flat_map(|number| (0..KEYS).map(move |key| message(&format!("key {key}"), number)));
    let ((), received) = tokio::join!(send(queue, sent), take(&mut *consumer, KEYS * EACH));
    for (key, texts) in by_key(&received) {
        assert_eq!(texts, numbers, "{key}");
    }
    consumer.acknowledge(&ids(&received)).await.unwrap();
    consumer.leave().await;
}

/// A take gives no more messages and bytes than were asked for, but one message whatever its size.
pub(super) async fn bounds_of_a_take(queue: &dyn Queue) {
    send(queue, (0..20).map(|number| message(&number.to_string(), &"x".repeat(100)))).await;
    let mut consumer = queue.consumer("modest").await.unwrap();
    let mut received = Vec::new();
    for (messages, bytes, most) in [(3, 1 << 20, 3), (100, 250, 2), (100, 1, 1)] {
        for _ in 0..2 {
            let more = take_once(&mut *consumer, Take { messages, bytes, ..super::PATIENT }).await;
            assert!(more.len() <= most, "{} messages where {messages} and {bytes} bytes were asked for", more.len());
            received.extend(more);
        }
    }
    consumer.acknowledge(&ids(&received)).await.unwrap();
    settle(&mut *consumer, 20 - received.len()).await;
    consumer.leave().await;
}

/// What is too large is refused before it is sent, and hinders nobody.
pub(super) async fn too_large(queue: &dyn Queue) {
    let producer = queue.producer().await.unwrap();
    let largest = producer.largest();
    let large = |bytes: usize| Message { key: "large".to_owned(), payload: Bytes::from(vec![7; bytes]) };
    let refusal = producer.send(large(largest + 1)).await;
    assert_eq!(refusal, Err(QueueError::TooLarge { bytes: largest + 1, limit: largest }));
    let refusal = producer.send(message(&"k".repeat(LONGEST_KEY + 1), "")).await;
    assert_eq!(refusal, Err(QueueError::TooLarge { bytes: LONGEST_KEY + 1, limit: LONGEST_KEY }));
    producer.send(large(largest)).await.unwrap();
    producer.send(message("large", "small")).await.unwrap();
    let mut consumer = queue.consumer("large").await.unwrap();
    let received = settle(&mut *consumer, 2).await;
    assert_eq!(received.first().map(|it| it.message.payload.len()), Some(largest));
    assert_eq!(texts(&received).pop().as_deref(), Some("small"));
    consumer.leave().await;
}

async fn take_once(consumer: &mut dyn crate::Consumer, take: Take) -> Vec<crate::Received> {
    for _ in 0..super::PATIENCE {
        let received = consumer.receive(take).await.unwrap();
        if !received.is_empty() {
            return received;
        }
    }
    panic!("nothing comes")
}
