//! What is told to all who listen at the moment. Nobody keeps it: who does not listen misses it.

use std::time::Duration;

use futures::StreamExt as _;
use redis::aio::{PubSubSink, PubSubStream};
use tokio::time::timeout;

use crate::{Failure, Link, Server};

/// How long the server may take to begin, and to say that it is still there.
const PATIENCE: Duration = Duration::from_secs(5);

/// Some channels that are listened to.
pub struct Channel {
    server: Server,
    sink: PubSubSink,
    messages: PubSubStream,
}

impl std::fmt::Debug for Channel {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Channel").field("place", &self.server.place()).finish_non_exhaustive()
    }
}

impl Channel {
    /// Listens to the channels of these names.
    pub async fn listen(server: Server, names: &[String]) -> Result<Self, Failure> {
        let began = async {
            let (mut sink, messages) = server.client().get_async_pubsub().await?.split();
            sink.subscribe(names).await?;
            Ok((sink, messages))
        };
        let began = timeout(PATIENCE, began).await.map_err(|_| server.silent(PATIENCE))?;
        let (sink, messages) = began.map_err(|error| server.failure(&error))?;
        Ok(Self { server, sink, messages })
    }

    /// The next message, with the name of its channel. When none comes within this time the server is asked whether it is still
    /// there, and there is none. After a failure the channels have to be listened to anew.
    pub async fn next(&mut self, within: Duration) -> Result<Option<(String, Vec<u8>)>, Failure> {
        match timeout(within, self.messages.next()).await {
            Ok(Some(message)) => {
                Ok(Some((message.get_channel_name().to_owned(), message.get_payload_bytes().to_vec())))
            }
            Ok(None) => Err(Failure::Unavailable(format!(
                "Redis at {} has ended the connection over which it told what happens",
                self.server.place()
            ))),
            Err(_) => {
                let there = timeout(PATIENCE, self.sink.ping::<redis::Value>()).await;
                there.map_err(|_| self.server.silent(PATIENCE))?.map_err(|error| self.server.failure(&error))?;
                Ok(None)
            }
        }
    }
}

/// Tells each channel its message, all in one round trip.
pub async fn tell(link: &Link, messages: &[(String, Vec<u8>)]) -> Result<(), Failure> {
    let mut commands = redis::pipe();
    for (name, message) in messages {
        commands.cmd("PUBLISH").arg(name).arg(message).ignore();
    }
    link.ask_all(&commands).await
}

/// Whether anybody listens to one of these channels.
pub async fn is_heard(link: &Link, names: &[String]) -> Result<bool, Failure> {
    let listeners: Vec<(String, u64)> = link.ask(redis::cmd("PUBSUB").arg("NUMSUB").arg(names)).await?;
    Ok(listeners.iter().any(|(_, number)| *number > 0))
}

#[cfg(test)]
mod tests {
    use tracardi_process::Endpoint;
    use tracardi_servers::Kind;

    use super::*;

    #[tokio::test]
    async fn who_listens_is_told_in_order_and_nobody_else() {
        let mut redis = Kind::Redis.start().unwrap();
        let server = Server::at(&Endpoint::new(format!("redis://{}", redis.address()))).unwrap();
        let link = Link::new(server.clone(), &[], Duration::from_secs(5));
        let names = ["one", "two"].map(str::to_owned);
        let message = |name: &str, text: &str| (name.to_owned(), text.as_bytes().to_vec());
        assert!(!is_heard(&link, &names).await.unwrap());
        tell(&link, &[message("one", "missed")]).await.unwrap();
        let mut channel = Channel::listen(server.clone(), &names).await.unwrap();
        assert!(is_heard(&link, &names[1..]).await.unwrap());
        let told = [message("one", "a"), message("two", "b"), message("one", "c")];
        tell(&link, &[&told[..], &[message("three", "d")]].concat()).await.unwrap();
        for expected in told {
            assert_eq!(channel.next(PATIENCE).await.unwrap(), Some(expected));
        }
        assert_eq!(channel.next(Duration::from_millis(10)).await.unwrap(), None);
        redis.kill();
        assert!(matches!(channel.next(PATIENCE).await, Err(Failure::Unavailable(_))));
        assert!(Channel::listen(server, &names).await.is_err());
    }
}
