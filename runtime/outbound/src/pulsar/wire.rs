//! One connection to one broker of Pulsar: commands and answers, one after the other.

use super::protocol::{BaseCommand, CommandConnect, CommandSend, Empty, Kind, MessageMetadata, refused};
use crate::dial::{Failure, Wire, framed};
use crate::settings::Secret;

/// What of a message is not its body: a little more than brokers grant.
const METADATA_BYTES: usize = 10 << 10;
/// The version of the protocol in which all is known that is used here.
const VERSION: i32 = 15;

/// A broker that has let us in.
pub(super) struct Broker {
    wire: Wire,
    /// Larger messages are refused, and are not answered.
    message_bytes: usize,
    /// Numbers requests and producers.
    number: u64,
}

impl Broker {
    /// `behind`: the broker that a proxy is to lead to.
    pub(super) async fn enter(wire: Wire, token: Option<&Secret>, behind: Option<String>) -> Result<Self, Failure> {
        let mut broker = Self { wire, message_bytes: 0, number: 0 };
        let mut connect = BaseCommand::of(Kind::Connect);
        connect.connect = Some(CommandConnect {
            client_version: concat!("tracardi-", env!("CARGO_PKG_VERSION")).to_owned(),
            auth_data: token.map(|token| token.0.clone().into_bytes()),
            auth_method_name: token.map(|_| "token".to_owned()),
            protocol_version: Some(VERSION),
            proxy_to_broker_url: behind,
        });
        let connected = broker.ask(&connect).await?.connected;
        let connected = connected.ok_or_else(|| Failure::Broken("Pulsar does not let us in".to_owned()))?;
        let most = connected.max_message_size.and_then(|most| usize::try_from(most).ok()).filter(|most| *most > 0);
        broker.message_bytes = most.unwrap_or(5 << 20);
        Ok(broker)
    }

    /// A number that was not given yet.
    pub(super) fn next(&mut self) -> u64 {
        self.number += 1;
        self.number
    }

    /// A command, and what the broker answers.
    pub(super) async fn ask(&mut self, command: &BaseCommand) -> Result<BaseCommand, Failure> {
        self.wire.write(&command.written(None)).await?;
        self.answer().await
    }

    /// Sends a message and waits for its receipt.
    pub(super) async fn publish(
        &mut self,
        send: CommandSend,
        metadata: &MessageMetadata,
        body: &[u8],
    ) -> Result<(), Failure> {
        if body.len().saturating_add(METADATA_BYTES) > self.message_bytes {
            let (bytes, most) = (body.len(), self.message_bytes);
            return Err(Failure::Dead(format!(
                "Pulsar takes at most {most} bytes, a part of them not for the body of {bytes}"
            )));
        }
        let sequence = send.sequence_id;
        let mut command = BaseCommand::of(Kind::Send);
        command.send = Some(send);
        self.wire.write(&command.written(Some((metadata, body)))).await?;
        match self.answer().await?.send_receipt {
            Some(receipt) if receipt.sequence_id == sequence => Ok(()),
            _ => Err(Failure::Broken("Pulsar says something else than a receipt".to_owned())),
        }
    }

    /// The next command that is meant for us: a broker asks now and then whether we are there.
    async fn answer(&mut self) -> Result<BaseCommand, Failure> {
        loop {
            let read = |bytes: &mut _| framed(bytes)?.map(BaseCommand::read).transpose();
            let command = self.wire.read(read).await?;
            match command.kind() {
                Kind::Ping => {
                    let mut pong = BaseCommand::of(Kind::Pong);
                    pong.pong = Some(Empty {});
                    self.wire.write(&pong.written(None)).await?;
                }
                Kind::Error => {
                    let error = command.error.unwrap_or_default();
                    return Err(refused(Some(error.error), Some(&error.message)));
                }
                Kind::SendError => {
                    let error = command.send_error.unwrap_or_default();
                    return Err(refused(Some(error.error), Some(&error.message)));
                }
                Kind::CloseProducer => {
                    return Err(Failure::Broken("Pulsar moves the topic to another broker".to_owned()));
                }
                _ => return Ok(command),
            }
        }
    }
}
