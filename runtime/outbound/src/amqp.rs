//! Publishes to an exchange of RabbitMQ (AMQP 0-9-1), so that it is kept (delivery mode 2) and must reach a queue
//! (`mandatory`). The receipt is the broker's confirmation.
//!
//! Exchange and queue have the same name (spec/workflows.md); with `auto_declare` they are made and bound when they are not there.

use std::io::Cursor;
use std::time::Duration;

use amq_protocol::frame::parsing::parse_frame;
use amq_protocol::frame::{AMQPContentHeader, AMQPFrame, ProtocolVersion, WriteContext, gen_frame};
use amq_protocol::protocol::basic::{AMQPMethod as Basic, AMQPProperties, Publish};
use amq_protocol::protocol::channel::{AMQPMethod as Channel, Close as ChannelClose};
use amq_protocol::protocol::confirm::AMQPMethod as Confirm;
use amq_protocol::protocol::connection::{AMQPMethod as Connection, Close, StartOk, TuneOk};
use amq_protocol::protocol::exchange::{AMQPMethod as Exchange, Declare as DeclareExchange};
use amq_protocol::protocol::queue::{AMQPMethod as Queue, Bind, Declare as DeclareQueue};
use amq_protocol::protocol::{AMQPClass, channel, confirm, connection};
use amq_protocol::types::{AMQPValue, FieldTable};
use bytes::BytesMut;
use serde_json::Value;

use crate::access::{Access, Dialect};
use crate::dial::{Dialer, Failure, Wire};
use crate::pool::{self, Destination};
use crate::sent::Message;
use crate::settings::{filled, flag, json_alone, needed};

const DIALECT: Dialect = Dialect { field: "uri", plain: ("amqp", 5672), tls: ("amqps", 5671) };
/// The class of content, here and in every broker.
const BASIC: u16 = 60;
/// The only channel.
const CHANNEL: u16 = 1;
/// Of a frame, these bytes are not content.
const AROUND: u32 = 8;
/// What a broker that sets no bound gets in one frame.
const FRAME_BYTES: u32 = 128 << 10;
/// What says no more than names and credentials is smaller.
const METHOD_BYTES: usize = 16 << 10;
const KINDS: [&str; 4] = ["direct", "fanout", "topic", "headers"];

/// An exchange and how to get at it.
#[derive(Debug, PartialEq, Eq, Hash)]
pub struct Target {
    pub(crate) access: Access,
    virtual_host: String,
    /// Of the exchange, and of the queue.
    name: String,
    routing_key: String,
    kind: String,
    auto_declare: bool,
}

impl Target {
    /// `credentials`: `{"uri", "port": 5672, "virtual_host": "/", "username"?, "password"?, "ca"?}`; `init`: `{"queue": {"name",
    /// "routing_key": "routing", "queue_type": "direct", "auto_declare": true, "serializer": "json", "compression"?},
    /// "timeout": 30}`. The error names the field.
    pub fn read(credentials: &Value, init: &Value) -> Result<Self, String> {
        let access = Access::read(&DIALECT, credentials, init)?;
        let virtual_host = access.path.clone().or_else(|| filled(credentials, "virtual_host"));
        let queue = init.get("queue").ok_or("`queue`: its name is needed")?;
        json_alone(queue)?;
        let kind = filled(queue, "queue_type").map_or("direct".to_owned(), |kind| kind.to_ascii_lowercase());
        if !KINDS.contains(&&*kind) {
            return Err(format!("`queue_type` {kind:?}: expected one of {}", KINDS.join(", ")));
        }
        let (name, routing_key) = (needed(queue, "name", "the name of a queue")?, filled(queue, "routing_key"));
        let routing_key = routing_key.unwrap_or_else(|| "routing".to_owned());
        let virtual_host = virtual_host.unwrap_or_else(|| "/".to_owned());
        for (field, text) in [("name", &name), ("routing_key", &routing_key), ("virtual_host", &virtual_host)] {
            if text.len() > usize::from(u8::MAX) {
                return Err(format!("`{field}` has more than 255 bytes"));
            }
        }
        Ok(Self { access, virtual_host, name, routing_key, kind, auto_declare: flag(queue, "auto_declare")? })
    }
}

impl Destination for Target {
    fn timeout(&self) -> Duration {
        self.access.timeout
    }
}

/// A connection that got in, with one channel that confirms.
pub struct Link {
    wire: Wire,
    /// Content in one frame.
    frame_bytes: usize,
    /// Messages so far; the number of the last one.
    sent: u64,
}

impl pool::Link for Link {
    type Target = Target;

    async fn open(dialer: &Dialer, target: &Target) -> Result<Self, Failure> {
        let (_, wire) = dialer.dial_any(&target.access.places, &target.access.security).await?;
        let mut link = Self { wire, frame_bytes: 0, sent: 0 };
        link.enter(target).await?;
        if target.auto_declare {
            link.declare(target).await?;
        }
        Ok(link)
    }

    async fn send(&mut self, _: &Dialer, target: &Target, message: Message<'_>) -> Result<(), Failure> {
        let body = message.body.get().as_bytes();
        let publish = Basic::Publish(Publish {
            exchange: target.name.as_str().into(),
            routing_key: target.routing_key.as_str().into(),
            mandatory: true,
            immediate: false,
        });
        let header =
            AMQPContentHeader { class_id: BASIC, body_size: body.len() as u64, properties: properties(message) };
        let mut frames = vec![method(AMQPClass::Basic(publish)), AMQPFrame::Header(CHANNEL, header)];
        frames.extend(body.chunks(self.frame_bytes.max(1)).map(|part| AMQPFrame::Body(CHANNEL, part.to_vec())));
        self.write(&frames).await?;
        self.sent += 1;
        // What reaches no queue comes back before it is confirmed.
        let mut came_back = None;
        loop {
            match self.read().await? {
                AMQPFrame::Method(_, AMQPClass::Basic(Basic::Ack(ack))) if ack.delivery_tag == self.sent => {
                    return came_back.map_or(Ok(()), |why| Err(Failure::Dead(why)));
                }
                AMQPFrame::Method(_, AMQPClass::Basic(Basic::Nack(_))) => {
                    return Err(Failure::Later("RabbitMQ does not take it at the moment".to_owned()));
                }
                AMQPFrame::Method(_, AMQPClass::Basic(Basic::Return(back))) => {
                    let (code, text) = (back.reply_code, back.reply_text);
                    came_back = Some(format!("it reaches no queue: RabbitMQ answered {code} {text}"));
                }
                // The content of what came back.
                AMQPFrame::Header(..) | AMQPFrame::Body(..) => {}
                other => return Err(unexpected(&other)),
            }
        }
    }
}

fn properties(message: Message<'_>) -> AMQPProperties {
    let mut headers = FieldTable::default();
    headers.insert("Idempotency-Key".into(), AMQPValue::LongString(message.id.into()));
    if let Some(profile) = message.profile {
        headers.insert("profile".into(), AMQPValue::LongString(profile.into()));
    }
    let properties = AMQPProperties::default().with_content_type("application/json".into()).with_headers(headers);
    let properties = properties.with_delivery_mode(2);
    if message.id.len() > usize::from(u8::MAX) { properties } else { properties.with_message_id(message.id.into()) }
}

impl Link {
    /// From the first byte to a channel that confirms.
    async fn enter(&mut self, target: &Target) -> Result<(), Failure> {
        self.write(&[AMQPFrame::ProtocolHeader(ProtocolVersion::amqp_0_9_1())]).await?;
        let AMQPFrame::Method(_, AMQPClass::Connection(Connection::Start(_))) = self.read().await? else {
            return Err(Failure::Dead("whoever listens there does not speak AMQP 0-9-1".to_owned()));
        };
        // With this, the broker says it when it lets us not in.
        let mut capabilities = FieldTable::default();
        capabilities.insert("authentication_failure_close".into(), AMQPValue::Boolean(true));
        let mut client_properties = FieldTable::default();
        client_properties.insert("product".into(), AMQPValue::LongString("tracardi".into()));
        client_properties.insert("capabilities".into(), AMQPValue::FieldTable(capabilities));
        let (user, password) = target.access.login().unwrap_or(("guest", "guest"));
        let start = StartOk {
            client_properties,
            mechanism: "PLAIN".into(),
            response: format!("\0{user}\0{password}").into(),
            locale: "en_US".into(),
        };
        self.write(&[of_connection(Connection::StartOk(start))]).await?;
        let tune = match self.read().await? {
            AMQPFrame::Method(_, AMQPClass::Connection(Connection::Tune(tune))) => tune,
            other => return Err(unexpected(&other)),
        };
        let frame_max = if tune.frame_max == 0 { FRAME_BYTES } else { tune.frame_max.min(FRAME_BYTES) };
        self.frame_bytes = usize::try_from(frame_max.saturating_sub(AROUND)).unwrap_or(usize::MAX);
        // No heartbeats: who is silent for half a minute is closed by us.
        let tuned = TuneOk { channel_max: 1, frame_max, heartbeat: 0 };
        let open = connection::Open { virtual_host: target.virtual_host.as_str().into() };
        self.write(&[of_connection(Connection::TuneOk(tuned)), of_connection(Connection::Open(open))]).await?;
        self.expect(|class| matches!(class, AMQPClass::Connection(Connection::OpenOk(_)))).await?;
        self.ask(AMQPClass::Channel(Channel::Open(channel::Open {})), |class| {
            matches!(class, AMQPClass::Channel(Channel::OpenOk(_)))
        })
        .await?;
        self.ask(AMQPClass::Confirm(Confirm::Select(confirm::Select { nowait: false })), |class| {
            matches!(class, AMQPClass::Confirm(Confirm::SelectOk(_)))
        })
        .await
    }

    /// Exchange, queue, and the way from one to the other.
    async fn declare(&mut self, target: &Target) -> Result<(), Failure> {
        let exchange = Exchange::Declare(DeclareExchange {
            exchange: target.name.as_str().into(),
            kind: target.kind.as_str().into(),
            passive: false,
            durable: true,
            auto_delete: false,
            internal: false,
            nowait: false,
            arguments: FieldTable::default(),
        });
        self.ask(AMQPClass::Exchange(exchange), |class| matches!(class, AMQPClass::Exchange(Exchange::DeclareOk(_))))
            .await?;
        let queue = Queue::Declare(DeclareQueue {
            queue: target.name.as_str().into(),
            passive: false,
            durable: true,
            exclusive: false,
            auto_delete: false,
            nowait: false,
            arguments: FieldTable::default(),
        });
        self.ask(AMQPClass::Queue(queue), |class| matches!(class, AMQPClass::Queue(Queue::DeclareOk(_)))).await?;
        let bind = Queue::Bind(Bind {
            queue: target.name.as_str().into(),
            exchange: target.name.as_str().into(),
            routing_key: target.routing_key.as_str().into(),
            nowait: false,
            arguments: FieldTable::default(),
        });
        self.ask(AMQPClass::Queue(bind), |class| matches!(class, AMQPClass::Queue(Queue::BindOk(_)))).await
    }

    async fn ask(&mut self, class: AMQPClass, is_answer: impl Fn(&AMQPClass) -> bool) -> Result<(), Failure> {
        self.write(&[method(class)]).await?;
        self.expect(is_answer).await
    }

    async fn expect(&mut self, is_answer: impl Fn(&AMQPClass) -> bool) -> Result<(), Failure> {
        match self.read().await? {
            AMQPFrame::Method(_, class) if is_answer(&class) => Ok(()),
            other => Err(unexpected(&other)),
        }
    }

    async fn write(&mut self, frames: &[AMQPFrame]) -> Result<(), Failure> {
        let mut bytes = Vec::new();
        for frame in frames {
            let room = if let AMQPFrame::Body(_, part) = frame { part.len() } else { METHOD_BYTES };
            let mut buffer = vec![0; room.saturating_add(AROUND as usize)];
            let written = gen_frame(frame)(WriteContext::from(Cursor::new(&mut *buffer)));
            let end = written.map_err(|error| Failure::Dead(format!("AMQP: {error}")))?.position;
            buffer.truncate(usize::try_from(end).unwrap_or_default());
            bytes.append(&mut buffer);
        }
        self.wire.write(&bytes).await
    }

    /// The next frame that says something.
    async fn read(&mut self) -> Result<AMQPFrame, Failure> {
        loop {
            match self.wire.read(frame).await? {
                AMQPFrame::Heartbeat => {}
                AMQPFrame::Method(_, AMQPClass::Connection(Connection::Close(close))) => return Err(closed(&close)),
                AMQPFrame::Method(_, AMQPClass::Channel(Channel::Close(close))) => {
                    let ChannelClose { reply_code, reply_text, class_id, method_id } = close;
                    return Err(closed(&Close { reply_code, reply_text, class_id, method_id }));
                }
                frame => return Ok(frame),
            }
        }
    }
}

/// Takes a frame off the bytes.
fn frame(read: &mut BytesMut) -> Result<Option<AMQPFrame>, String> {
    // Type, channel, length of the content; the content, and a byte at the end.
    let Some([_, _, _, a, b, c, d]) = read.first_chunk::<7>() else { return Ok(None) };
    let length = usize::try_from(u32::from_be_bytes([*a, *b, *c, *d])).unwrap_or(usize::MAX).saturating_add(8);
    if length > FRAME_BYTES as usize + 8 {
        return Err(format!("a frame of {length} bytes is announced"));
    }
    if read.len() < length {
        return Ok(None);
    }
    let bytes = read.split_to(length);
    parse_frame(&*bytes).map(|(_, frame)| Some(frame)).map_err(|_| "this is no frame of AMQP 0-9-1".to_owned())
}

fn method(class: AMQPClass) -> AMQPFrame {
    AMQPFrame::Method(CHANNEL, class)
}

fn of_connection(method: Connection) -> AMQPFrame {
    AMQPFrame::Method(0, AMQPClass::Connection(method))
}

fn unexpected(frame: &AMQPFrame) -> Failure {
    Failure::Broken(format!("RabbitMQ says something unexpected: {frame}"))
}

/// 311 too large, 402 no such host, 403 not allowed, 404 no such exchange, 406 declared otherwise or too large, 5xx: ours.
fn closed(close: &Close) -> Failure {
    let told = format!("RabbitMQ answered {} {}", close.reply_code, close.reply_text);
    match close.reply_code {
        311 | 402 | 403 | 404 | 406 | 501..=505 | 530 => Failure::Dead(told),
        _ => Failure::Broken(told),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn settings() {
        let credentials = json!({"uri": "amqp://u:geheim@h/v", "port": 5673});
        let queue = json!({"queue": {"name": "q", "compression": "", "queue_type": "Topic", "auto_declare": false}});
        let target = Target::read(&credentials, &queue).unwrap();
        assert_eq!((target.virtual_host.as_str(), target.name.as_str(), target.kind.as_str()), ("v", "q", "topic"));
        assert_eq!((target.routing_key.as_str(), target.auto_declare), ("routing", false));
        assert!(!format!("{target:?}").contains("geheim"));
        let uri = json!({"uri": "h", "virtual_host": "w"});
        assert_eq!(Target::read(&uri, &json!({"queue": {"name": "q"}})).unwrap().virtual_host, "w");
        for (queue, named) in [
            (json!({}), "name"),
            (json!({"name": "q", "queue_type": "round"}), "queue_type"),
            (json!({"name": "q", "compression": "gzip"}), "compression"),
            (json!({"name": "q", "serializer": "pickle"}), "serializer"),
            (json!({"name": "q".repeat(256)}), "name"),
        ] {
            assert!(Target::read(&uri, &json!({"queue": queue})).unwrap_err().contains(named), "{queue}");
        }
        assert!(Target::read(&uri, &json!({})).unwrap_err().contains("queue"));
        assert!(Target::read(&json!({}), &json!({"queue": {"name": "q"}})).unwrap_err().contains("uri"));
    }
}
