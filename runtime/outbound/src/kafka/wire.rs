//! One connection to one broker of Kafka: requests and answers, one after the other, and how to get in.

use bytes::{BufMut as _, Bytes, BytesMut};
use kafka_protocol::error::ParseResponseErrorCode as _;
use kafka_protocol::messages::{
    RequestHeader, ResponseHeader, SaslAuthenticateRequest, SaslAuthenticateResponse, SaslHandshakeRequest,
    SaslHandshakeResponse,
};
use kafka_protocol::protocol::{Decodable, Encodable, HeaderVersion, StrBytes};

use super::scram::Scram;
use super::shape::{self, Shape};
use super::{Target, refused};
use crate::dial::{Failure, Wire, framed};

/// A request's number, the version of it that we speak (brokers know these since Kafka 2.1), and what it is answered with.
#[derive(Clone, Copy)]
pub(super) struct Api {
    key: i16,
    version: i16,
    answer: &'static [Shape],
}

pub(super) mod api {
    use super::{Api, shape};

    pub(in super::super) const PRODUCE: Api = Api { key: 0, version: 7, answer: shape::PRODUCED };
    pub(in super::super) const METADATA: Api = Api { key: 3, version: 7, answer: shape::METADATA };
    pub(super) const SASL_HANDSHAKE: Api = Api { key: 17, version: 1, answer: shape::HANDSHAKE };
    pub(super) const SASL_AUTHENTICATE: Api = Api { key: 36, version: 0, answer: shape::AUTHENTICATED };
}

/// How to get in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Mechanism {
    Plain,
    ScramSha256,
    ScramSha512,
}

impl Mechanism {
    pub(super) fn named(name: &str) -> Result<Self, String> {
        let known = [Self::Plain, Self::ScramSha256, Self::ScramSha512];
        let found = known.into_iter().find(|mechanism| mechanism.name().eq_ignore_ascii_case(name));
        found.ok_or_else(|| format!("`sasl_mechanism` {name:?}: expected one of {}", known.map(Self::name).join(", ")))
    }

    fn name(self) -> &'static str {
        match self {
            Self::Plain => "PLAIN",
            Self::ScramSha256 => "SCRAM-SHA-256",
            Self::ScramSha512 => "SCRAM-SHA-512",
        }
    }
}

/// A broker that has let us in.
pub(super) struct Broker {
    wire: Wire,
    /// Numbers requests.
    correlation: i32,
}

impl Broker {
    pub(super) async fn enter(wire: Wire, target: &Target) -> Result<Self, Failure> {
        let mut broker = Self { wire, correlation: 0 };
        let (Some(mechanism), Some((user, password))) = (target.mechanism, target.access.login()) else {
            return Ok(broker);
        };
        let request = SaslHandshakeRequest::default().with_mechanism(StrBytes::from_static_str(mechanism.name()));
        let answer: SaslHandshakeResponse = broker.call(api::SASL_HANDSHAKE, &request).await?;
        if let Some(error) = answer.error_code.err() {
            return Err(refused(error, None));
        }
        if mechanism == Mechanism::Plain {
            broker.authenticate(format!("\0{user}\0{password}")).await?;
            return Ok(broker);
        }
        let scram = Scram::new(mechanism == Mechanism::ScramSha512, user, password).map_err(Failure::Later)?;
        let challenge = broker.authenticate(scram.first()).await?;
        let (answer, signature) = scram.last(&challenge).map_err(Failure::Dead)?;
        let proof = broker.authenticate(answer).await?;
        if proof != signature {
            return Err(Failure::Dead("Kafka does not know the password that it is to know".to_owned()));
        }
        Ok(broker)
    }

    async fn authenticate(&mut self, text: String) -> Result<String, Failure> {
        let request = SaslAuthenticateRequest::default().with_auth_bytes(text.into_bytes().into());
        let answer: SaslAuthenticateResponse = self.call(api::SASL_AUTHENTICATE, &request).await?;
        if let Some(error) = answer.error_code.err() {
            return Err(refused(error, answer.error_message.as_ref()));
        }
        Ok(String::from_utf8_lossy(&answer.auth_bytes).into_owned())
    }

    /// A request, and its answer.
    pub(super) async fn call<Q: Encodable + HeaderVersion, A: Decodable + HeaderVersion>(
        &mut self,
        api: Api,
        request: &Q,
    ) -> Result<A, Failure> {
        let Api { key, version, .. } = api;
        self.correlation = self.correlation.wrapping_add(1);
        let header = RequestHeader::default()
            .with_request_api_key(key)
            .with_request_api_version(version)
            .with_correlation_id(self.correlation)
            .with_client_id(Some(StrBytes::from_static_str("tracardi")));
        let mut content = BytesMut::new();
        let written = header.encode(&mut content, Q::header_version(version));
        let written = written.and_then(|()| request.encode(&mut content, version));
        written.map_err(|error| Failure::Dead(format!("Kafka: {error}")))?;
        let mut bytes = BytesMut::new();
        bytes.put_u32(u32::try_from(content.len()).unwrap_or(u32::MAX));
        bytes.unsplit(content);
        self.wire.write(&bytes).await?;
        let answer = self.wire.read(framed).await?.freeze();
        read(api, self.correlation, answer).map_err(Failure::Broken)
    }
}

/// The answer to a request with this number, out of a frame whose length was taken off. The error is for people.
fn read<A: Decodable + HeaderVersion>(api: Api, correlation: i32, mut frame: Bytes) -> Result<A, String> {
    let strange = |error| format!("Kafka is not understood: {error}");
    let header = ResponseHeader::decode(&mut frame, A::header_version(api.version)).map_err(strange)?;
    if header.correlation_id != correlation {
        return Err("Kafka answers what was not asked".to_owned());
    }
    if !shape::fits(api.answer, &frame) {
        return Err("Kafka is not understood: an answer announces more than it holds".to_owned());
    }
    A::decode(&mut frame, api.version).map_err(strange)
}

#[cfg(test)]
mod tests {
    use kafka_protocol::messages::{MetadataResponse, ProduceResponse};
    use proptest::prelude::*;

    use super::*;

    /// Whether the bytes are read as the answer to the request with this number; never a panic, whatever they are.
    fn understood<A: Decodable + HeaderVersion>(api: Api, correlation: i32, answer: &[u8]) -> bool {
        let frame = [&correlation.to_be_bytes(), answer].concat();
        assert!(read::<A>(api, correlation.wrapping_add(1), frame.clone().into()).is_err(), "another's answer");
        read::<A>(api, correlation, frame.into()).is_ok()
    }

    fn each_understood(correlation: i32, answers: [&[u8]; 4]) -> [bool; 4] {
        let [produced, metadata, handshake, authenticated] = answers;
        [
            understood::<ProduceResponse>(api::PRODUCE, correlation, produced),
            understood::<MetadataResponse>(api::METADATA, correlation, metadata),
            understood::<SaslHandshakeResponse>(api::SASL_HANDSHAKE, correlation, handshake),
            understood::<SaslAuthenticateResponse>(api::SASL_AUTHENTICATE, correlation, authenticated),
        ]
    }

    proptest! {
        #[test]
        fn whatever_a_broker_says_is_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..200), n in any::<i32>()) {
            each_understood(n, [&bytes[..]; 4]);
            let _ = read::<MetadataResponse>(api::METADATA, n, bytes.into());
        }

        /// So the shapes are those of the codec.
        #[test]
        fn answers_are_understood_until_they_are_cut(
            produced in shape::tests::answers(shape::PRODUCED),
            metadata in shape::tests::answers(shape::METADATA),
            handshake in shape::tests::answers(shape::HANDSHAKE),
            authenticated in shape::tests::answers(shape::AUTHENTICATED),
            at in any::<prop::sample::Index>(),
            with in any::<u8>(),
        ) {
            let whole = [produced, metadata, handshake, authenticated];
            prop_assert_eq!(each_understood(7, whole.each_ref().map(|bytes| &bytes[..])), [true; 4]);
            prop_assert_eq!(each_understood(7, whole.each_ref().map(|bytes| &bytes[..at.index(bytes.len())])), [false; 4]);
            let changed = whole.map(|mut bytes| {
                let at = at.index(bytes.len());
                bytes[at] = with;
                bytes
            });
            each_understood(7, changed.each_ref().map(|bytes| &bytes[..]));
        }
    }

    #[test]
    fn a_list_of_billions_is_refused_before_memory_is_set_aside_for_it() {
        let frame = [&7_i32.to_be_bytes()[..], &i32::MAX.to_be_bytes(), &[0; 64]].concat();
        let refused = read::<ProduceResponse>(api::PRODUCE, 7, frame.into()).unwrap_err();
        assert!(refused.contains("announces more than it holds"), "{refused}");
    }
}
