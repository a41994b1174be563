//! The part of Pulsar's protocol (`PulsarApi.proto`) that a producer needs, by the numbers of its fields. Pure.

use bytes::{Buf as _, BufMut as _, BytesMut};
use prost::Message;

use crate::dial::Failure;

/// What a command is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, prost::Enumeration)]
#[repr(i32)]
pub(super) enum Kind {
    /// Not one of these.
    Other = 0,
    Connect = 2,
    Connected = 3,
    Producer = 5,
    Send = 6,
    SendReceipt = 7,
    SendError = 8,
    Error = 14,
    CloseProducer = 15,
    ProducerSuccess = 17,
    Ping = 18,
    Pong = 19,
    PartitionedMetadata = 21,
    PartitionedMetadataResponse = 22,
    Lookup = 23,
    LookupResponse = 24,
}

macro_rules! messages {
    ($($(#[$doc:meta])* $name:ident { $($(#[$field:meta])* $field_name:ident: $type:ty),* $(,)? })*) => {
        $($(#[$doc])* #[derive(Clone, PartialEq, Message)]
        pub(super) struct $name { $($(#[$field])* pub(super) $field_name: $type),* })*
    };
}

messages! {
    /// A command of any kind: the kind, and the field that belongs to it.
    BaseCommand {
        #[prost(enumeration = "Kind", required, tag = "1")] kind: i32,
        #[prost(message, optional, tag = "2")] connect: Option<CommandConnect>,
        #[prost(message, optional, tag = "3")] connected: Option<CommandConnected>,
        #[prost(message, optional, tag = "5")] producer: Option<CommandProducer>,
        #[prost(message, optional, tag = "6")] send: Option<CommandSend>,
        #[prost(message, optional, tag = "7")] send_receipt: Option<CommandSendReceipt>,
        #[prost(message, optional, tag = "8")] send_error: Option<CommandSendError>,
        #[prost(message, optional, tag = "14")] error: Option<CommandError>,
        #[prost(message, optional, tag = "17")] producer_success: Option<CommandProducerSuccess>,
        #[prost(message, optional, tag = "18")] ping: Option<Empty>,
        #[prost(message, optional, tag = "19")] pong: Option<Empty>,
        #[prost(message, optional, tag = "21")] partition_metadata: Option<CommandPartitionedTopicMetadata>,
        #[prost(message, optional, tag = "22")]
        partition_metadata_response: Option<CommandPartitionedTopicMetadataResponse>,
        #[prost(message, optional, tag = "23")] lookup_topic: Option<CommandLookupTopic>,
        #[prost(message, optional, tag = "24")] lookup_topic_response: Option<CommandLookupTopicResponse>,
    }
    Empty {}
    CommandConnect {
        #[prost(string, required, tag = "1")] client_version: String,
        #[prost(bytes = "vec", optional, tag = "3")] auth_data: Option<Vec<u8>>,
        #[prost(int32, optional, tag = "4")] protocol_version: Option<i32>,
        #[prost(string, optional, tag = "5")] auth_method_name: Option<String>,
        #[prost(string, optional, tag = "6")] proxy_to_broker_url: Option<String>,
    }
    CommandConnected {
        #[prost(int32, optional, tag = "3")] max_message_size: Option<i32>,
    }
    CommandPartitionedTopicMetadata {
        #[prost(string, required, tag = "1")] topic: String,
        #[prost(uint64, required, tag = "2")] request_id: u64,
    }
    /// `response`: 0 well, 1 not.
    CommandPartitionedTopicMetadataResponse {
        #[prost(uint32, optional, tag = "1")] partitions: Option<u32>,
        #[prost(int32, optional, tag = "3")] response: Option<i32>,
        #[prost(int32, optional, tag = "4")] error: Option<i32>,
        #[prost(string, optional, tag = "5")] message: Option<String>,
    }
    CommandLookupTopic {
        #[prost(string, required, tag = "1")] topic: String,
        #[prost(uint64, required, tag = "2")] request_id: u64,
        #[prost(bool, optional, tag = "3")] authoritative: Option<bool>,
    }
    /// `response`: 0 ask there, 1 connect there, 2 failed.
    CommandLookupTopicResponse {
        #[prost(string, optional, tag = "1")] broker_service_url: Option<String>,
        #[prost(string, optional, tag = "2")] broker_service_url_tls: Option<String>,
        #[prost(int32, optional, tag = "3")] response: Option<i32>,
        #[prost(bool, optional, tag = "5")] authoritative: Option<bool>,
        #[prost(int32, optional, tag = "6")] error: Option<i32>,
        #[prost(string, optional, tag = "7")] message: Option<String>,
        #[prost(bool, optional, tag = "8")] proxy_through_service_url: Option<bool>,
    }
    CommandProducer {
        #[prost(string, required, tag = "1")] topic: String,
        #[prost(uint64, required, tag = "2")] producer_id: u64,
        #[prost(uint64, required, tag = "3")] request_id: u64,
    }
    CommandProducerSuccess {
        #[prost(string, required, tag = "2")] producer_name: String,
    }
    CommandSend {
        #[prost(uint64, required, tag = "1")] producer_id: u64,
        #[prost(uint64, required, tag = "2")] sequence_id: u64,
        #[prost(int32, optional, tag = "3")] num_messages: Option<i32>,
    }
    CommandSendReceipt {
        #[prost(uint64, required, tag = "1")] producer_id: u64,
        #[prost(uint64, required, tag = "2")] sequence_id: u64,
    }
    CommandSendError {
        #[prost(int32, required, tag = "3")] error: i32,
        #[prost(string, required, tag = "4")] message: String,
    }
    CommandError {
        #[prost(int32, required, tag = "2")] error: i32,
        #[prost(string, required, tag = "3")] message: String,
    }
    MessageMetadata {
        #[prost(string, required, tag = "1")] producer_name: String,
        #[prost(uint64, required, tag = "2")] sequence_id: u64,
        #[prost(uint64, required, tag = "3")] publish_time: u64,
        #[prost(message, repeated, tag = "4")] properties: Vec<KeyValue>,
        #[prost(string, optional, tag = "6")] partition_key: Option<String>,
    }
    KeyValue {
        #[prost(string, required, tag = "1")] key: String,
        #[prost(string, required, tag = "2")] value: String,
    }
}

/// Stands in front of a message that has a checksum.
const MAGIC: u16 = 0x0e01;

impl BaseCommand {
    /// One of this kind, without its field.
    pub(super) fn of(kind: Kind) -> Self {
        Self { kind: kind.into(), ..Self::default() }
    }

    /// As it is sent: length of all, length of the command, the command; then, if it sends a message, that.
    pub(super) fn written(&self, message: Option<(&MessageMetadata, &[u8])>) -> BytesMut {
        let mut rest = BytesMut::new();
        if let Some((metadata, body)) = message {
            let metadata = metadata.encode_to_vec();
            let mut summed = BytesMut::with_capacity(body.len().saturating_add(metadata.len()).saturating_add(4));
            summed.put_u32(length(&metadata));
            summed.extend_from_slice(&metadata);
            summed.extend_from_slice(body);
            rest.put_u16(MAGIC);
            rest.put_u32(crc32c::crc32c(&summed));
            rest.unsplit(summed);
        }
        let command = self.encode_to_vec();
        let mut bytes = BytesMut::new();
        bytes.put_u32(length(&command).saturating_add(length(&rest)).saturating_add(4));
        bytes.put_u32(length(&command));
        bytes.extend_from_slice(&command);
        bytes.unsplit(rest);
        bytes
    }

    /// Out of a frame, its length already taken off.
    pub(super) fn read(mut frame: BytesMut) -> Result<Self, String> {
        let length = frame.try_get_u32().ok().and_then(|length| usize::try_from(length).ok());
        let command = length.and_then(|length| frame.get(..length)).ok_or("a command has no end")?;
        Self::decode(command).map_err(|error| error.to_string())
    }
}

fn length(bytes: &[u8]) -> u32 {
    u32::try_from(bytes.len()).unwrap_or(u32::MAX)
}

/// What Pulsar's errors mean: 3 and 4 that we may not, 11 that there is no such topic, 15 that it has ended, 17 that it cannot be
/// named so, 18 that its schema is another, 22 that it is not allowed. Everything else may pass.
pub(super) fn refused(error: Option<i32>, message: Option<&str>) -> Failure {
    let said = message.unwrap_or_default().lines().next().unwrap_or_default();
    let told = format!("Pulsar answered {}: {said}", error.unwrap_or_default());
    match error {
        Some(3 | 4 | 11 | 15 | 17 | 18 | 22) => Failure::Dead(told),
        _ => Failure::Later(told),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::dial::framed;

    /// An answer with texts of the broker's.
    fn answers() -> impl Strategy<Value = BaseCommand> {
        (any::<i32>(), any::<Option<u32>>(), ".{0,30}", any::<u64>()).prop_map(|(number, partitions, text, id)| {
            let mut answer = BaseCommand::of(Kind::Other);
            answer.kind = number;
            answer.error = Some(CommandError { error: number, message: text.clone() });
            answer.partition_metadata_response = Some(CommandPartitionedTopicMetadataResponse {
                partitions,
                message: Some(text.clone()),
                ..CommandPartitionedTopicMetadataResponse::default()
            });
            answer.lookup_topic_response = Some(CommandLookupTopicResponse {
                broker_service_url: Some(text),
                response: Some(number),
                ..CommandLookupTopicResponse::default()
            });
            answer.send_receipt = Some(CommandSendReceipt { producer_id: id, sequence_id: id });
            answer
        })
    }

    proptest! {
        #[test]
        fn whatever_a_broker_says_is_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = BaseCommand::read(BytesMut::from(&bytes[..]));
            let whole = [&u32::try_from(bytes.len()).unwrap().to_be_bytes()[..], &bytes].concat();
            let _ = BaseCommand::read(BytesMut::from(&whole[..]));
        }

        #[test]
        fn answers_are_understood_until_they_are_cut(
            answer in answers(),
            at in any::<prop::sample::Index>(),
            with in any::<u8>(),
        ) {
            let frame = framed(&mut answer.written(None)).unwrap().unwrap();
            prop_assert_eq!(BaseCommand::read(frame.clone()), Ok(answer));
            let at = at.index(frame.len());
            prop_assert!(BaseCommand::read(BytesMut::from(&frame[..at])).is_err());
            let mut changed = frame;
            changed[at] = with;
            let _ = BaseCommand::read(changed).map(|answer| answer.kind());
        }
    }

    #[test]
    fn a_command_is_read_as_it_was_written() {
        let mut command = BaseCommand::of(Kind::Send);
        command.send = Some(CommandSend { producer_id: 0, sequence_id: 7, num_messages: Some(1) });
        let properties = vec![KeyValue { key: "a".to_owned(), value: String::new() }];
        let metadata = MessageMetadata { producer_name: "p".to_owned(), properties, ..MessageMetadata::default() };
        let bytes = command.written(Some((&metadata, b"{}")));
        for end in 0..bytes.len() {
            assert_eq!(framed(&mut BytesMut::from(&bytes[..end])), Ok(None));
        }
        let mut read = bytes.clone();
        assert_eq!(BaseCommand::read(framed(&mut read).unwrap().unwrap()).unwrap(), command);
        assert!(read.is_empty() && bytes.ends_with(b"{}"));
        assert!(BaseCommand::read(BytesMut::from(&b"\0\0\0\x09x"[..])).is_err());
        assert!(BaseCommand::read(BytesMut::new()).is_err());
    }
}
