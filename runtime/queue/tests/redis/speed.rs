//! No assertion: what sending costs beside raw `XADD` over the same client. `cargo test … speed -- --ignored --nocapture`.

use std::time::Instant;

use bytes::Bytes;
use futures::StreamExt;
use tracardi_queue::{Message, Queue};
use tracardi_servers::Kind;

use super::{ask, queue, settings, url};

const AT_ONCE: usize = 256;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "a measurement"]
async fn sending_beside_raw_xadd() {
    let server = Kind::Redis.start().unwrap();
    let url = url(&server);
    let queue = queue(&url, "one", settings());
    let producer = queue.producer().await.unwrap();
    let payload = Bytes::from(vec![b'x'; 1000]);
    for (fsync, messages) in [("everysec", 100_000), ("always", 20_000)] {
        ask::<()>(&url, &["CONFIG", "SET", "appendfsync", fsync]).await;
        ask::<()>(&url, &["FLUSHALL"]).await;
        let patient = redis::AsyncConnectionConfig::new().set_response_timeout(None);
        let client = redis::Client::open(&*url).unwrap();
        let connection = client.get_multiplexed_async_connection_with_config(&patient).await.unwrap();
        let begin = Instant::now();
        let raw = (0..messages).map(|number| {
            let (mut connection, payload) = (connection.clone(), payload.clone());
            async move {
                let mut add = redis::cmd("XADD");
                add.arg(format!("raw{}", number % 16)).arg("*").arg("k").arg(number).arg("p").arg(&*payload);
                add.query_async::<String>(&mut connection).await.unwrap()
            }
        });
        futures::stream::iter(raw).buffer_unordered(AT_ONCE).for_each(|_| async {}).await;
        let raw = begin.elapsed();
        ask::<()>(&url, &["FLUSHALL"]).await;
        let begin = Instant::now();
        let ours =
            (0..messages).map(|number| producer.send(Message { key: number.to_string(), payload: payload.clone() }));
        futures::stream::iter(ours).buffer_unordered(AT_ONCE).for_each(|sent| async { sent.unwrap() }).await;
        let ours = begin.elapsed();
        println!(
            "appendfsync {fsync}: raw {raw:?}, ours {ours:?}, ratio of rates {:.2}",
            raw.as_secs_f64() / ours.as_secs_f64()
        );
    }
}
