//! Names to addresses, of which only those remain that may be dialled. The client dials what it is given here and nothing
//! else, so no name can lead it elsewhere after it was checked.

use std::error::Error;
use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use hickory_resolver::TokioResolver;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};

use crate::guard::{self, Guard};

/// A name whose addresses are all refused by the [`Guard`].
#[derive(Debug)]
pub(crate) struct Forbidden(String);

impl fmt::Display for Forbidden {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&guard::refusal(&self.0))
    }
}

impl Error for Forbidden {}

/// Asks the servers that the system names, without a thread that would wait for them: a name server that is silent holds
/// up nobody but those who need it.
#[derive(Clone)]
pub(crate) struct Resolver {
    names: Result<TokioResolver, String>,
    guard: Arc<Guard>,
}

impl Resolver {
    /// With the servers and the search list of `/etc/resolv.conf`, and the names of `/etc/hosts`. Without them only
    /// addresses can be dialled: no name leads anywhere.
    pub(crate) fn new(guard: Arc<Guard>) -> Self {
        let names = TokioResolver::builder_tokio().and_then(hickory_resolver::ResolverBuilder::build);
        let names = names.map_err(|error| format!("the name servers in /etc/resolv.conf cannot be used: {error}"));
        Self { names, guard }
    }

    /// With names of its own: lines as in `/etc/hosts`.
    #[cfg(test)]
    pub(crate) fn knowing(hosts: &str, guard: Arc<Guard>) -> Self {
        let mut resolver = Self::new(guard);
        let mut known = hickory_resolver::Hosts::default();
        known.read_hosts_conf(hosts.as_bytes()).unwrap();
        resolver.names.as_mut().unwrap().set_hosts(Arc::new(known));
        resolver
    }

    /// With a name server for which every name has these addresses: one after the other, with each question the next, and in
    /// the end the last one for good.
    #[cfg(test)]
    pub(crate) async fn changing(addresses: &'static [[u8; 4]], guard: Arc<Guard>) -> Self {
        use hickory_resolver::config::{ConnectionConfig, NameServerConfig, ResolverConfig};
        use hickory_resolver::net::runtime::TokioRuntimeProvider;
        let socket = tokio::net::UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let (place, mut connection) = (socket.local_addr().unwrap(), ConnectionConfig::udp());
        connection.port = place.port();
        let servers = vec![NameServerConfig::new(place.ip(), true, vec![connection])];
        let config = ResolverConfig::from_name_servers(servers);
        let mut names = TokioResolver::builder_with_config(config, TokioRuntimeProvider::default());
        names.options_mut().cache_size = 0;
        let serving = tests::serve_names(socket, addresses);
        tracardi_process::Supervisor::new().spawn_job("names", tracardi_process::Phase::Drain, serving);
        Self { names: names.build().map_err(|error| error.to_string()), guard }
    }
}

impl Resolver {
    /// Of a name's addresses those that may be dialled; [`Forbidden`] when it has none of these.
    pub(crate) async fn addresses(&self, name: &str) -> Result<Vec<IpAddr>, Box<dyn Error + Send + Sync>> {
        let found = self.names.as_ref().map_err(Clone::clone)?.lookup_ip(name).await?;
        let open: Vec<IpAddr> = found.iter().filter(|address| self.guard.permits(*address)).collect();
        if open.is_empty() { Err(Forbidden(name.to_owned()).into()) } else { Ok(open) }
    }
}

impl Resolve for Resolver {
    fn resolve(&self, name: Name) -> Resolving {
        let resolver = self.clone();
        Box::pin(async move {
            let open = resolver.addresses(name.as_str()).await?;
            Ok(Box::new(open.into_iter().map(|address| SocketAddr::new(address, 0))) as Addrs)
        })
    }
}

#[cfg(test)]
mod tests {
    use tokio::net::UdpSocket;

    use super::*;

    /// A name server (RFC 1035, section 4), see [`Resolver::changing`].
    pub(super) async fn serve_names(socket: UdpSocket, addresses: &'static [[u8; 4]]) {
        let (mut asked, mut bytes) = (addresses.iter(), [0; 512]);
        let mut last = addresses[0];
        loop {
            let (length, client) = socket.recv_from(&mut bytes).await.unwrap();
            let rest = &bytes[12..length];
            let question = &rest[..rest.iter().position(|byte| *byte == 0).unwrap() + 5];
            let for_ipv4 = question.ends_with(&[0, 1, 0, 1]);
            let head = [bytes[0], bytes[1], 0x81, 0x80, 0, 1, 0, u8::from(for_ipv4), 0, 0, 0, 0];
            let mut answer = [&head, question].concat();
            if for_ipv4 {
                last = asked.next().copied().unwrap_or(last);
                // The name of the question, an address, not to be remembered.
                answer.extend([0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 0, 0, 4]);
                answer.extend(last);
            }
            socket.send_to(&answer, client).await.unwrap();
        }
    }

    #[tokio::test]
    async fn only_addresses_that_may_be_dialled_remain() {
        let hosts = "10.0.0.1 mixed.example\n1.1.1.1 mixed.example\n127.0.0.1 inside.example\n::1 inside.example";
        let resolver = Resolver::knowing(hosts, Arc::default());
        let found = resolver.resolve("mixed.example".parse().unwrap()).await.unwrap();
        assert_eq!(found.map(|address| address.ip().to_string()).collect::<Vec<_>>(), ["1.1.1.1"]);
        let refused = resolver.resolve("inside.example".parse().unwrap()).await.err().unwrap();
        assert!(refused.is::<Forbidden>() && refused.to_string().starts_with("inside.example "), "{refused}");
    }

    #[tokio::test]
    async fn a_name_is_judged_whenever_it_is_looked_up() {
        let resolver = Resolver::changing(&[[1, 1, 1, 1], [10, 0, 0, 1], [1, 0, 0, 1]], Arc::default()).await;
        assert_eq!(resolver.addresses("shop.example").await.unwrap(), [IpAddr::from([1, 1, 1, 1])]);
        assert!(resolver.addresses("shop.example").await.unwrap_err().is::<Forbidden>());
        assert_eq!(resolver.addresses("shop.example").await.unwrap(), [IpAddr::from([1, 0, 0, 1])]);
    }
}
