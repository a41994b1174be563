//! What is set about the queue on Pulsar.

use std::time::Duration;

use tracardi_model::Tenant;
use tracardi_process::Endpoint;
use url::Url;

use crate::QueueError;

/// Where Pulsar is, whose queue it is, and its bounds.
#[derive(Clone, Debug)]
pub struct PulsarSettings {
    /// `pulsar://host:6650` or `pulsar+ssl://host:6651`; the only credential is a token.
    pub broker: Endpoint,
    /// The admin API, `http://host:8080` or `https://host:8443`, and a token.
    pub admin: Endpoint,
    /// Whose queue it is.
    pub tenant: Tenant,
    /// Tenant in Pulsar's sense. It has to exist.
    pub pulsar_tenant: String,
    /// Namespace in it; made when it is absent.
    pub namespace: String,
    /// Partitions of a topic that is made. One that exists keeps those it has: with others its keys would move.
    pub partitions: u32,
    /// Messages that may wait; beyond them nothing is taken.
    pub most_waiting: u64,
    /// Bytes of messages that one producer may have under way.
    pub bytes_under_way: u32,
    /// Messages that a consumer asks for in advance, of each partition. It holds at most three times as many.
    pub ahead: u32,
    /// How long an answer of Pulsar is waited for.
    pub patience: Duration,
}

impl PulsarSettings {
    /// The usual settings, in `public/default`.
    #[must_use]
    pub fn new(broker: Endpoint, admin: Endpoint, tenant: Tenant) -> Self {
        Self {
            broker,
            admin,
            tenant,
            pulsar_tenant: "public".to_owned(),
            namespace: "default".to_owned(),
            partitions: 16,
            most_waiting: 10_000_000,
            bytes_under_way: 64 << 20,
            ahead: 100,
            patience: Duration::from_secs(10),
        }
    }

    /// Looks at what can be judged without asking anybody; the two addresses, read.
    pub(super) fn check(&self) -> Result<(Url, Url), QueueError> {
        if self.partitions == 0 || self.partitions > 1024 {
            let given = self.partitions;
            return Err(QueueError::Refused(format!("a queue on Pulsar has 1 to 1024 partitions, not {given}")));
        }
        let broker = address(&self.broker, "broker", ["pulsar", "pulsar+ssl"], "pulsar://host:6650")?;
        let admin = address(&self.admin, "admin API", ["http", "https"], "http://host:8080")?;
        Ok((broker, admin))
    }
}

fn address(endpoint: &Endpoint, what: &str, schemes: [&str; 2], example: &str) -> Result<Url, QueueError> {
    let refused = |why: &str| QueueError::Refused(format!("the address of Pulsar's {what} {why}"));
    let url = Url::parse(&endpoint.url).ok().filter(Url::has_host);
    let url = url.ok_or_else(|| refused(&format!("is no URL: write it like {example}")))?;
    if !schemes.contains(&url.scheme()) {
        let [plain, encrypted] = schemes;
        return Err(refused(&format!("begins with {}://: give {plain}:// or {encrypted}://", url.scheme())));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(refused("holds credentials: give the token by its own setting"));
    }
    if endpoint.username.is_some() || endpoint.password.is_some() {
        return Err(refused("comes with a name or a password: Pulsar takes a token here"));
    }
    Ok(url)
}

#[cfg(test)]
mod tests {
    use tracardi_process::Secret;

    use super::*;

    #[test]
    fn an_address_that_cannot_work_is_refused_with_what_to_write() {
        let told = |broker: Endpoint, admin: &str| {
            let settings = PulsarSettings::new(broker, Endpoint::new(admin), Tenant::only());
            settings.check().map(drop).map_err(|error| error.to_string())
        };
        let (broker, admin) = (|| Endpoint::new("pulsar://broker:6650"), "http://broker:8080");
        assert_eq!(told(broker(), admin), Ok(()));
        assert!(
            told(Endpoint::new("http://broker:6650"), admin).unwrap_err().contains("give pulsar:// or pulsar+ssl://")
        );
        assert!(told(broker(), "broker:8080").unwrap_err().contains("http://host:8080"));
        assert!(told(Endpoint::new("pulsar://me:geheim@broker"), admin).unwrap_err().contains("by its own setting"));
        let password = Endpoint { password: Some(Secret::new("geheim")), ..broker() };
        assert!(told(password, admin).unwrap_err().contains("takes a token"));
    }
}
