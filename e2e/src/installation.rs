//! A `TracardiInstallation` and the services that it becomes.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use serde_json::json;
use tokio::sync::OnceCell;
use tracardi_crds::contract::{GUI, PRIVATE_API, PUBLIC_API, Port};

use crate::{Forward, Json, Namespace, Wanted, collect, condition, decode, eventually, field, http::Http, secs, text};

/// The resource's kind.
pub(crate) const KIND: &str = "tracardi.io/TracardiInstallation";

/// An installation by name; it need not exist yet. Forwarded ports live as long as this value.
pub struct Installation {
    namespace: Namespace,
    name: String,
    forwards: [OnceCell<Forward>; 3],
}

impl Installation {
    pub(crate) fn new(namespace: Namespace, name: &str) -> Self {
        Self { namespace, name: name.to_owned(), forwards: Default::default() }
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its namespace.
    #[must_use]
    pub fn namespace(&self) -> &Namespace {
        &self.namespace
    }

    /// The resource as it is now.
    pub async fn resource(&self) -> Result<Json> {
        self.namespace.get(KIND, &self.name).await
    }

    /// Changes the spec by a merge patch.
    pub async fn change(&self, spec: Json) -> Result<Json> {
        self.namespace.patch(KIND, &self.name, &json!({ "spec": spec })).await
    }

    /// Deletes the resource.
    pub async fn delete(&self) -> Result<()> {
        self.namespace.delete(KIND, &self.name).await
    }

    /// Waits until the condition `Ready` is true for the spec as it is now. Prints conditions as they change; on
    /// timeout the error holds reason, pods and events.
    pub async fn ready(&self, within: Duration) -> Result<Json> {
        self.becomes("Ready", "True", within).await
    }

    /// Waits until a condition has a status for the spec as it is now; otherwise as [`Self::ready`].
    pub async fn becomes(&self, kind: &str, status: &str, within: Duration) -> Result<Json> {
        let start = Instant::now();
        let mut shown = BTreeSet::new();
        let outcome = eventually(&format!("{} {kind}={status}", self.name), within, async || {
            let object = self.resource().await?;
            for line in condition_lines(&object) {
                if shown.insert(line.clone()) {
                    println!("{} {:>6.2} s  {line}", self.name, start.elapsed().as_secs_f64());
                }
            }
            let current = field(&object, "status.observedGeneration") == field(&object, "metadata.generation");
            let now = condition(&object, kind);
            Ok(if current && now.is_some_and(|(now, _)| now == status) {
                Wanted::Yes(object)
            } else if current {
                Wanted::NotYet(condition_lines(&object).join("; "))
            } else {
                Wanted::NotYet("the status describes an older spec".into())
            })
        })
        .await;
        match outcome {
            Ok(object) => Ok(object),
            Err(error) => {
                let around = self.around().await.unwrap_or_else(|error| format!("{error:#}"));
                bail!("{error:#}\n{around}")
            }
        }
    }

    /// Pods and events, for an error.
    async fn around(&self) -> Result<String> {
        let mut lines = vec!["pods:".to_owned()];
        for pod in self.namespace.list("Pod", "").await? {
            let states: Vec<_> = ["status.initContainerStatuses", "status.containerStatuses"]
                .iter()
                .flat_map(|list| field(&pod, list).as_array().cloned().unwrap_or_default())
                .map(|status| format!("{} {}", text(&status, "name"), status["state"]))
                .collect();
            let (name, phase) = (text(&pod, "metadata.name"), text(&pod, "status.phase"));
            lines.push(format!("  {name} {phase} {}", states.join(", ")));
        }
        lines.push("events:".to_owned());
        let events = collect::events(&self.namespace).await?;
        lines.extend(events.lines().rev().take(15).map(|line| format!("  {line}")));
        Ok(lines.join("\n"))
    }

    /// The objects that the operator made, as `(kind, name)`, from the resource's inventory.
    pub async fn children(&self) -> Result<Vec<(String, String)>> {
        let object = self.resource().await?;
        let inventory = field(&object, "status.inventory").as_array().cloned().unwrap_or_default();
        Ok(inventory.iter().map(|entry| (text(entry, "kind").to_owned(), text(entry, "name").to_owned())).collect())
    }

    /// The names of the children of a kind.
    pub async fn children_of(&self, kind: &str) -> Result<Vec<String>> {
        Ok(self.children().await?.into_iter().filter(|(known, _)| known == kind).map(|(_, name)| name).collect())
    }

    /// The only StatefulSet.
    pub async fn workload(&self) -> Result<Json> {
        let names = self.children_of("StatefulSet").await?;
        let name = names.first().context("the inventory names no StatefulSet")?;
        self.namespace.get("StatefulSet", name).await
    }

    /// The pod of the StatefulSet.
    pub async fn pod(&self) -> Result<Json> {
        let workload = self.workload().await?;
        self.namespace.get("Pod", &format!("{}-0", text(&workload, "metadata.name"))).await
    }

    /// Name of the pod of the StatefulSet.
    pub async fn pod_name(&self) -> Result<String> {
        Ok(format!("{}-0", text(&self.workload().await?, "metadata.name")))
    }

    /// The image of the services.
    pub async fn image(&self) -> Result<String> {
        let children = self.children().await?;
        let workload = children.iter().find(|(kind, _)| ["StatefulSet", "Deployment"].contains(&kind.as_str()));
        let (kind, name) = workload.context("the inventory names no workload")?;
        let workload = self.namespace.get(kind, name).await?;
        Ok(text(&workload, "spec.template.spec.containers.0.image").to_owned())
    }

    /// The pods of a service of its own, as in `worker-collector`.
    pub async fn pods_of(&self, component: &str) -> Result<Vec<Json>> {
        let of = format!("app.kubernetes.io/instance={},app.kubernetes.io/component={component}", self.name);
        self.namespace.list("Pod", &of).await
    }

    /// Name of the Service of a listener.
    #[must_use]
    pub fn service(&self, port: Port) -> String {
        format!("{}-{}", self.name, port.name)
    }

    /// URL of a listener inside the cluster, by its Service.
    #[must_use]
    pub fn inside(&self, port: Port) -> String {
        format!("http://{}.{}.svc:{}", self.service(port), self.namespace.name(), port.number)
    }

    async fn forward(&self, cell: usize, port: Port) -> Result<Http> {
        let start = async || self.namespace.port_forward(&self.service(port), port.number).await;
        Ok(self.forwards[cell].get_or_try_init(start).await?.http())
    }

    /// The public API, over a forwarded port.
    pub async fn public_api(&self) -> Result<Http> {
        self.forward(0, PUBLIC_API).await
    }

    /// The private API without a login, over a forwarded port.
    pub async fn private_api(&self) -> Result<Http> {
        self.forward(1, PRIVATE_API).await
    }

    /// The web application, over a forwarded port.
    pub async fn gui(&self) -> Result<Http> {
        self.forward(2, GUI).await
    }

    /// URL of the web application on this machine.
    pub async fn gui_url(&self) -> Result<String> {
        self.gui().await?;
        Ok(self.forwards[2].get().context("not forwarded")?.url())
    }

    /// URL of the public API on this machine.
    pub async fn public_url(&self) -> Result<String> {
        self.public_api().await?;
        Ok(self.forwards[0].get().context("not forwarded")?.url())
    }

    /// E-mail address and password of the first administrator.
    pub async fn admin(&self) -> Result<(String, String)> {
        let secret = self.namespace.get("Secret", &format!("{}-admin", self.name)).await?;
        Ok((decode(&secret, "email")?, decode(&secret, "password")?))
    }

    /// The private API, logged in as the first administrator.
    pub async fn login(&self) -> Result<Http> {
        let (email, password) = self.admin().await?;
        self.login_as(&email, &password).await
    }

    /// The private API, logged in as somebody.
    pub async fn login_as(&self, email: &str, password: &str) -> Result<Http> {
        let api = self.private_api().await?;
        // The first connections after a pod became ready may still be refused by a lagging endpoint.
        let answer = eventually("the private API answers", secs(15), async || {
            Ok(Wanted::Yes(api.post_form("/user/token", &[("username", email), ("password", password)]).await?))
        })
        .await?;
        let token = answer.ok()?;
        Ok(api.with_token(token["access_token"].as_str().context("the login gave no token")?))
    }

    /// Makes an event source for `/track`.
    pub async fn event_source(&self, api: &Http, id: &str) -> Result<()> {
        let bridge = json!({"id": "778ded05-4ff3-4e08-9a86-72c0195fa95d", "name": "REST"});
        let source =
            json!({"id": id, "name": id, "type": ["rest"], "bridge": bridge, "channel": "Web", "enabled": true});
        api.post("/event-source", &source).await?.ok().map(drop)
    }

    /// How many documents there are in an index: `event`, `profile` or `session`.
    pub async fn count(&self, api: &Http, index: &str) -> Result<u64> {
        let answer = api.get(&format!("/{index}/count")).await?.ok()?;
        answer["count"].as_u64().with_context(|| format!("/{index}/count answered {answer}"))
    }
}

/// The conditions of a resource, one a line.
fn condition_lines(object: &Json) -> Vec<String> {
    let conditions = field(object, "status.conditions").as_array().cloned().unwrap_or_default();
    let line = |condition: &Json| {
        let (kind, status) = (text(condition, "type"), text(condition, "status"));
        format!("{kind}={status} {}: {}", text(condition, "reason"), text(condition, "message"))
    };
    conditions.iter().map(line).collect()
}
