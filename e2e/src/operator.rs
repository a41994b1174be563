//! The operator under test.

use anyhow::{Context, Result, bail};

use crate::{Cluster, Json, Metrics, Namespace, field, text};

/// Label that the chart puts on the operator's objects.
const SELECTOR: &str = "app.kubernetes.io/name=tracardi-operator";

/// The operator as the chart installed it.
#[derive(Clone)]
pub struct Operator {
    /// The namespace it runs in.
    pub namespace: String,
    /// The Deployment's name.
    pub deployment: String,
    cluster: Cluster,
}

/// The operator, ready to work; an error says what to run when it is not.
pub async fn operator_installed(cluster: &Cluster) -> Result<Operator> {
    let Some(operator) = find_operator(cluster).await? else {
        bail!("the operator is not installed in this cluster; run `make install`, or `make e2e`, which does it first");
    };
    let deployment = operator.deployment().await?;
    if field(&deployment, "status.availableReplicas").as_i64().unwrap_or(0) == 0 {
        let (namespace, name) = (&operator.namespace, &operator.deployment);
        bail!("no pod of the operator is available; see `kubectl -n {namespace} describe deployment {name}`");
    }
    Ok(operator)
}

pub(crate) async fn find_operator(cluster: &Cluster) -> Result<Option<Operator>> {
    let found = cluster.list("Deployment", None, SELECTOR).await?;
    Ok(found.first().map(|deployment| Operator {
        namespace: text(deployment, "metadata.namespace").to_owned(),
        deployment: text(deployment, "metadata.name").to_owned(),
        cluster: cluster.clone(),
    }))
}

impl Operator {
    /// The namespace it runs in, as something to work with.
    #[must_use]
    pub fn home(&self) -> Namespace {
        Namespace::existing(&self.cluster, &self.namespace)
    }

    /// Its Deployment.
    pub async fn deployment(&self) -> Result<Json> {
        self.home().get("Deployment", &self.deployment).await
    }

    /// Its pods that are not on their way out.
    pub async fn pods(&self) -> Result<Vec<Json>> {
        let mut pods = self.home().list("Pod", SELECTOR).await?;
        pods.retain(|pod| {
            pod["metadata"]["deletionTimestamp"].is_null()
                && field(pod, "metadata.ownerReferences.0.kind") == "ReplicaSet"
        });
        Ok(pods)
    }

    /// The Lease of the leader election; its holder is the leader.
    pub async fn lease(&self) -> Result<Json> {
        let leases = self.home().list("Lease", "").await?;
        let lease = leases.into_iter().find(|lease| text(lease, "metadata.name").contains("tracardi-operator"));
        lease.with_context(|| format!("there is no Lease of the operator in namespace {}", self.namespace))
    }

    /// Who holds the Lease: the name of a pod and something that tells its processes apart. Empty when nobody does.
    pub async fn holder(&self) -> Result<String> {
        Ok(text(&self.lease().await?, "spec.holderIdentity").to_owned())
    }

    /// The name of the pod that leads.
    pub async fn leader(&self) -> Result<String> {
        let holder = self.holder().await?;
        let pods = self.pods().await?;
        let leader = pods.iter().map(|pod| text(pod, "metadata.name")).find(|name| holder.contains(name));
        leader
            .map(str::to_owned)
            .with_context(|| format!("the Lease's holder {holder:?} is none of the operator's pods"))
    }

    /// The name of the operator's container in its pods.
    pub async fn container(&self) -> Result<String> {
        let deployment = self.deployment().await?;
        Ok(text(&deployment, "spec.template.spec.containers.0.name").to_owned())
    }

    /// What a pod of the operator has written so far.
    pub async fn logs(&self, pod: &str) -> Result<String> {
        self.home().logs(pod, &self.container().await?).await
    }

    /// The metrics that a pod of the operator shows now.
    pub async fn metrics(&self, pod: &str) -> Result<Metrics> {
        let pod = self.home().get("Pod", pod).await?;
        Metrics::of_pod(&self.home(), &pod).await
    }

    /// Runs that many replicas and waits until they are ready.
    pub async fn scale(&self, replicas: u32) -> Result<()> {
        let patch = serde_json::json!({"spec": {"replicas": replicas}});
        self.home().patch("Deployment", &self.deployment, &patch).await?;
        crate::eventually(&format!("{replicas} pods of the operator"), crate::secs(60), async || {
            let pods = self.pods().await?;
            let ready =
                pods.iter().filter(|pod| crate::condition(pod, "Ready").is_some_and(|(status, _)| status == "True"));
            let ready = ready.count();
            Ok(crate::Wanted::when(ready == replicas as usize && pods.len() == ready, (), || {
                format!("{ready} ready of {}", pods.len())
            }))
        })
        .await
    }
}
