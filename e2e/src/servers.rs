//! The servers of larger installations, beside the cluster: started by the first test that needs them, shared by those that run at the
//! same time, ended with the last.

use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::thread;
use std::time::Instant;

use anyhow::{Context, Result, anyhow};
use serde_json::json;
use tracardi_cluster::Ground;
use tracardi_servers::beside::{self, Access};
use tracardi_servers::{Kind, Server};

use crate::{Installation, Json, Namespace, Scenario, manifest};

/// Running servers.
pub struct Servers {
    access: Access,
    /// Of the databases of Redis.
    next: AtomicU8,
    _running: Vec<Server>,
}

/// The servers; `None` where the cluster is somebody's own: of the way from its pods to this machine nothing is known.
pub fn servers() -> Result<Option<Arc<Servers>>> {
    static SHARED: Mutex<Weak<Servers>> = Mutex::new(Weak::new());
    let Ground::Own(cluster) = Ground::detect(None)? else { return Ok(None) };
    let mut shared = SHARED.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(running) = shared.upgrade() {
        return Ok(Some(running));
    }
    let started = Arc::new(Servers::start(cluster.beside())?);
    *shared = Arc::downgrade(&started);
    Ok(Some(started))
}

impl Servers {
    fn start(network: std::net::Ipv4Addr) -> Result<Self> {
        let (begin, options) = (Instant::now(), &beside::options(network));
        let running = thread::scope(|scope| {
            let start = |kind: Kind| scope.spawn(move || kind.start_with(options));
            let starting: Vec<_> = beside::kinds(true).into_iter().map(start).collect();
            let wait = |one: thread::ScopedJoinHandle<'_, _>| one.join().map_err(|_| anyhow!("a start panicked"));
            starting.into_iter().map(|one| Ok(wait(one)??)).collect::<Result<Vec<Server>>>()
        })?;
        println!("servers beside the cluster: started in {:.1} s", begin.elapsed().as_secs_f64());
        let access = Access::new(true, |kind| {
            let address = running.iter().find(|server| server.kind() == kind).map(|server| server.address().ip());
            match address {
                Some(std::net::IpAddr::V4(address)) => Ok(address),
                _ => Err(tracardi_cluster::Error::unmet(format!("{} does not run", kind.name()), "start it")),
            }
        })?;
        Ok(Self { access, next: AtomicU8::new(0), _running: running })
    }

    /// The way to them.
    #[must_use]
    pub fn access(&self) -> &Access {
        &self.access
    }

    /// Applies the example of a mode (`open`, `distributed`) in a namespace of its own: on these servers, with few and small pods,
    /// and with what `change` makes of the resource's spec and of the Secret with the credentials.
    pub async fn install(
        &self,
        test: &Scenario,
        mode: &str,
        name: &str,
        change: impl FnOnce(&mut Json, &mut Json),
    ) -> Result<Installation> {
        let mut resource = manifest::example(&format!("examples/{mode}.yaml"))?;
        resource["metadata"]["name"] = json!(name);
        let spec = &mut resource["spec"];
        // 16 databases has a Redis of itself.
        let number = self.next.fetch_add(1, Ordering::Relaxed) % 16;
        let access = Access { broker: self.access.broker.filter(|_| mode == "distributed"), ..self.access.clone() };
        access.write_into(spec, name, number);
        spec["resources"] = json!({"requests": {"cpu": "10m", "memory": "32Mi"}, "limits": {"memory": "512Mi"}});
        for service in ["publicApi", "privateApi", "gui"] {
            spec[service]["replicas"] = json!(1);
        }
        spec["workers"] = json!({"collector": {"replicas": 1}});
        let mut credentials = access.secret();
        change(spec, &mut credentials);
        access.prepare(name).with_context(|| format!("cannot prepare the servers for {name}"))?;
        let namespace = test.namespace(name).await?;
        put_secret(&namespace, credentials).await?;
        namespace.apply_object(resource).await?;
        Ok(namespace.installation(name))
    }
}

/// Writes the credentials, whole or some of them.
pub async fn put_secret(namespace: &Namespace, texts: Json) -> Result<()> {
    let texts = json!({"stringData": texts});
    if namespace.find("Secret", beside::SECRET).await?.is_some() {
        return namespace.patch("Secret", beside::SECRET, &texts).await.map(drop);
    }
    let secret = json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": beside::SECRET},
        "stringData": texts["stringData"]});
    namespace.create(secret).await.map(drop)
}
