//! One connection to one broker of Kafka: requests and answers, one after the other, and how to get in.

use bytes::{BufMut as _, BytesMut};
use kafka_protocol::error::ParseResponseErrorCode as _;
use kafka_protocol::messages::{
    RequestHeader, ResponseHeader, SaslAuthenticateRequest, SaslAuthenticateResponse, SaslHandshakeRequest,
    SaslHandshakeResponse,
};
use kafka_protocol::protocol::{Decodable, Encodable, HeaderVersion, StrBytes};

use super::scram::Scram;
use super::{Target, refused};
use crate::dial::{Failure, Wire, framed};

/// A request's number, and the version of it that we speak: brokers know these since Kafka 2.1.
#[derive(Clone, Copy)]
pub(super) struct Api {
    key: i16,
    version: i16,
}

pub(super) mod api {
    use super::Api;

    pub(in super::super) const PRODUCE: Api = Api { key: 0, version: 7 };
    pub(in super::super) const METADATA: Api = Api { key: 3, version: 7 };
    pub(super) const SASL_HANDSHAKE: Api = Api { key: 17, version: 1 };
    pub(super) const SASL_AUTHENTICATE: Api = Api { key: 36, version: 0 };
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
        Api { key, version }: Api,
        request: &Q,
    ) -> Result<A, Failure> {
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
        let mut answer = self.wire.read(framed).await?.freeze();
        let strange = |error| Failure::Broken(format!("Kafka is not understood: {error}"));
        let header = ResponseHeader::decode(&mut answer, A::header_version(version)).map_err(strange)?;
        if header.correlation_id != self.correlation {
            return Err(Failure::Broken("Kafka answers what was not asked".to_owned()));
        }
        A::decode(&mut answer, version).map_err(strange)
    }
}
