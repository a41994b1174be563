//! Publishes to a topic over MQTT 5, with quality of service 1. The receipt is the broker's `PUBACK`.
//!
//! Version 5, because only it has properties (`Idempotency-Key`, `profile`) and says why something is refused.

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use rumqttc::v5::mqttbytes::v5::{
    ConnAck, Connect, ConnectReturnCode, DisconnectReasonCode, Login, Packet, PubAckReason, Publish, PublishProperties,
};
use rumqttc::v5::mqttbytes::{Error, QoS};
use serde_json::Value;

use crate::access::{Access, Dialect};
use crate::dial::{Dialer, Failure, Wire};
use crate::pool::{self, Destination};
use crate::sent::Message;
use crate::settings::needed;

const DIALECT: Dialect = Dialect { field: "url", plain: ("mqtt", 1883), tls: ("mqtts", 8883) };
/// One is under way at a time.
const PACKET: u16 = 1;

/// A topic and how to get at it.
#[derive(Debug, PartialEq, Eq, Hash)]
pub struct Target {
    pub(crate) access: Access,
    topic: String,
}

impl Target {
    /// `credentials`: `{"url", "port": 1883, "username"?, "password"?, "ca"?}`; `init`: `{"topic", "timeout": 30}`. The error
    /// names the field.
    pub fn read(credentials: &Value, init: &Value) -> Result<Self, String> {
        let access = Access::read(&DIALECT, credentials, init)?;
        let topic = needed(init, "topic", "the name of a topic")?;
        if topic.contains(['#', '+', '\0']) {
            return Err("`topic`: one topic is meant, without # and +".to_owned());
        }
        Ok(Self { access, topic })
    }
}

impl Destination for Target {
    fn timeout(&self) -> Duration {
        self.access.timeout
    }
}

/// A connection that got in.
pub struct Link {
    wire: Wire,
    /// Larger packets are refused.
    packet_bytes: Option<u32>,
}

impl pool::Link for Link {
    type Target = Target;

    async fn open(dialer: &Dialer, target: &Target) -> Result<Self, Failure> {
        let (_, wire) = dialer.dial_any(&target.access.places, &target.access.security).await?;
        let mut link = Self { wire, packet_bytes: None };
        let connect = Connect { keep_alive: 0, client_id: String::new(), clean_start: true, properties: None };
        let login = target.access.login().map(|(user, password)| Login::new(user, password));
        link.write(&Packet::Connect(connect, None, login)).await?;
        let Packet::ConnAck(ConnAck { code, properties, .. }) = link.read().await? else { return Err(unexpected()) };
        let told = || Failure::Dead(format!("the MQTT broker lets nobody in: {code:?}"));
        match code {
            ConnectReturnCode::Success => {}
            ConnectReturnCode::ServerUnavailable
            | ConnectReturnCode::ServiceUnavailable
            | ConnectReturnCode::ServerBusy
            | ConnectReturnCode::UseAnotherServer
            | ConnectReturnCode::QuotaExceeded
            | ConnectReturnCode::ConnectionRateExceeded
            | ConnectReturnCode::UnspecifiedError => return Err(Failure::Later(format!("MQTT: {code:?}"))),
            _ => return Err(told()),
        }
        if let Some(properties) = properties {
            if properties.max_qos == Some(0) {
                return Err(Failure::Dead("the MQTT broker gives no receipts (quality of service 0)".to_owned()));
            }
            link.packet_bytes = properties.max_packet_size;
        }
        Ok(link)
    }

    async fn send(&mut self, _: &Dialer, target: &Target, message: Message<'_>) -> Result<(), Failure> {
        let named = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        let mut user_properties = vec![named("Idempotency-Key", message.id)];
        user_properties.extend(message.profile.map(|profile| named("profile", profile)));
        let content_type = Some("application/json".to_owned());
        let properties = PublishProperties {
            payload_format_indicator: Some(1),
            user_properties,
            content_type,
            ..Default::default()
        };
        let body = Bytes::copy_from_slice(message.body.get().as_bytes());
        let mut publish = Publish::new(target.topic.as_str(), QoS::AtLeastOnce, body, Some(properties));
        publish.pkid = PACKET;
        self.write(&Packet::Publish(publish)).await?;
        let acknowledged = match self.read().await? {
            Packet::PubAck(receipt) if receipt.pkid == PACKET => receipt.reason,
            Packet::Disconnect(end) => return Err(ended(end.reason_code)),
            _ => return Err(unexpected()),
        };
        match acknowledged {
            PubAckReason::Success | PubAckReason::NoMatchingSubscribers => Ok(()),
            PubAckReason::NotAuthorized | PubAckReason::TopicNameInvalid | PubAckReason::PayloadFormatInvalid => {
                Err(Failure::Dead(format!("the MQTT broker refuses it: {acknowledged:?}")))
            }
            _ => Err(Failure::Later(format!("the MQTT broker does not take it: {acknowledged:?}"))),
        }
    }
}

impl Link {
    async fn write(&mut self, packet: &Packet) -> Result<(), Failure> {
        let mut bytes = BytesMut::new();
        packet.write(&mut bytes, self.packet_bytes).map_err(|error| match error {
            Error::OutgoingPacketTooLarge { pkt_size, max } => {
                Failure::Dead(format!("the MQTT broker takes at most {max} bytes; these are {pkt_size}"))
            }
            error => Failure::Dead(format!("MQTT: {error}")),
        })?;
        self.wire.write(&bytes).await
    }

    async fn read(&mut self) -> Result<Packet, Failure> {
        self.wire
            .read(|bytes| match Packet::read(bytes, None) {
                Ok(packet) => Ok(Some(packet)),
                Err(Error::InsufficientBytes(_)) => Ok(None),
                Err(error) => Err(error.to_string()),
            })
            .await
    }
}

fn unexpected() -> Failure {
    Failure::Broken("the MQTT broker says something else than a receipt".to_owned())
}

/// The broker left instead of giving a receipt.
fn ended(reason: DisconnectReasonCode) -> Failure {
    let told = format!("the MQTT broker closed the connection: {reason:?}");
    match reason {
        DisconnectReasonCode::PacketTooLarge
        | DisconnectReasonCode::NotAuthorized
        | DisconnectReasonCode::TopicNameInvalid
        | DisconnectReasonCode::PayloadFormatInvalid
        | DisconnectReasonCode::QoSNotSupported => Failure::Dead(told),
        _ => Failure::Broken(told),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn settings() {
        let credentials = json!({"url": "h", "port": 1884, "username": "u", "password": "geheim"});
        let target = Target::read(&credentials, &json!({"topic": "a/b", "timeout": 5})).unwrap();
        assert_eq!((target.topic.as_str(), target.timeout()), ("a/b", Duration::from_secs(5)));
        assert!(!format!("{target:?}").contains("geheim"));
        for (credentials, init, named) in [
            (json!({}), json!({"topic": "a"}), "url"),
            (json!({"url": "ftp://h"}), json!({"topic": "a"}), "mqtt://"),
            (json!({"url": "h"}), json!({}), "topic"),
            (json!({"url": "h"}), json!({"topic": "a/#"}), "topic"),
        ] {
            assert!(Target::read(&credentials, &init).unwrap_err().contains(named), "{credentials} {init}");
        }
    }
}
