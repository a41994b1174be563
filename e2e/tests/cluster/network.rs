//! Who reaches what, tried by real connections with the policies in force.

use anyhow::{Context as _, Result, ensure};
use serde_json::json;
use tracardi_crds::contract::{GUI, MANAGEMENT, PRIVATE_API, PUBLIC_API};
use tracardi_e2e::{
    Installation, Json, Namespace, Outcome, PodRun, Wanted, condition, eventually, field, http::Http, load, scenario,
    secs, text,
};

/// A pod from which connections are tried. One that stays: the enforcer of the policies learns of new pods with a delay.
pub(crate) struct Visitor<'a> {
    namespace: &'a Namespace,
    pod: String,
}

impl<'a> Visitor<'a> {
    /// Starts one. The image has no program that does nothing, so it serves the web application to nobody.
    pub(crate) async fn new(namespace: &'a Namespace, image: &str) -> Result<Self> {
        let arguments = ["gui", "--listen", "127.0.0.1:9999", "--api-url", "http://127.0.0.1:9998"];
        let pod = PodRun::new("visitor-", image, &arguments).start(namespace).await?;
        eventually("the visitor's pod runs", secs(60), async || {
            let state = namespace.get("Pod", &pod).await?;
            let ready = condition(&state, "Ready").is_some_and(|(status, _)| status == "True");
            Ok(Wanted::when(ready, (), || field(&state, "status.containerStatuses").to_string()))
        })
        .await?;
        Ok(Self { namespace, pod })
    }

    /// True when there is an answer over HTTP, whatever its status.
    pub(crate) async fn reaches(&self, url: &str) -> Result<bool> {
        probe(self.namespace, &self.pod, "main", url).await
    }

    /// What it reaches of an installation: public API, private API, web application, management.
    async fn reached(&self, installation: &Installation) -> Result<Vec<&'static str>> {
        let pod = installation.pod().await?;
        let address = text(&pod, "status.podIP");
        ensure!(!address.is_empty(), "the pod has no address");
        let mut reached = Vec::new();
        for (name, url) in [
            (PUBLIC_API.name, format!("{}/healthcheck", installation.inside(PUBLIC_API))),
            (PRIVATE_API.name, format!("{}/healthcheck", installation.inside(PRIVATE_API))),
            (GUI.name, format!("{}/", installation.inside(GUI))),
            (MANAGEMENT.name, format!("http://{address}:{}/livez", MANAGEMENT.number)),
        ] {
            if self.reaches(&url).await? {
                reached.push(name);
            }
        }
        Ok(reached)
    }

    /// Waits until a URL is reached, or is not reached any more.
    pub(crate) async fn until(&self, url: &str, wanted: bool) -> Result<()> {
        eventually(&format!("{url} is {}reached", if wanted { "" } else { "not " }), secs(60), async || {
            let now = self.reaches(url).await?;
            Ok(Wanted::when(now == wanted, (), || format!("reached is {now}")))
        })
        .await
    }
}

/// Asks a URL with `tracardi probe` in a running container.
async fn probe(namespace: &Namespace, pod: &str, container: &str, url: &str) -> Result<bool> {
    match namespace.exec(pod, container, &["/tracardi", "probe", "--url", url, "--timeout-ms", "2500"]).await {
        Ok(said) => {
            println!("{} {url}: {}", namespace.name(), said.trim());
            Ok(true)
        }
        Err(error) if error.to_string().contains("exit code 1") => {
            println!("{error}");
            Ok(false)
        }
        Err(error) => Err(error),
    }
}

#[test]
fn only_the_public_api_is_open_to_everyone() -> Outcome {
    scenario("network", async |test| {
        let trusted = test.namespace("trusted").await?;
        let untrusted = test.namespace("stranger").await?;
        let spec = json!({"networking": {"trustedNamespaces": [trusted.name()]}});
        let installation = test.namespace("home").await?.install("fenced", spec).await?;
        installation.ready(secs(120)).await?;
        let image = installation.image().await?;
        let friend = Visitor::new(&trusted, &image).await?;
        let stranger = Visitor::new(&untrusted, &image).await?;
        // As much a stranger as any other pod, as long as the spec does not name the namespace.
        let neighbour = Visitor::new(installation.namespace(), &image).await?;

        // The trusted side first: what it reaches is there to be reached.
        let everything = [PUBLIC_API.name, PRIVATE_API.name, GUI.name, MANAGEMENT.name];
        eventually("a trusted namespace reaches everything", secs(60), async || {
            let reached = friend.reached(&installation).await?;
            Ok(Wanted::when(reached == everything, (), || format!("it reaches {reached:?}")))
        })
        .await?;
        for (who, visitor) in [("a pod in another namespace", &stranger), ("a pod beside the installation", &neighbour)]
        {
            // A pod is connected some time after it is ready; from then on, one look is enough.
            visitor.until(&format!("{}/healthcheck", installation.inside(PUBLIC_API)), true).await?;
            let reached = visitor.reached(&installation).await?;
            test.figure(&format!("{who} reaches"), reached.join(", "));
            ensure!(reached == [PUBLIC_API.name], "{who} reaches {reached:?}");
        }
        Ok(())
    })
}

#[test]
fn trust_can_be_given_and_taken_back() -> Outcome {
    scenario("trust", async |test| {
        let namespace = test.namespace("guest").await?;
        let home = test.namespace("home").await?;
        let installation = home.install("doors", json!({})).await?;
        installation.ready(secs(120)).await?;
        let guest = Visitor::new(&namespace, &installation.image().await?).await?;
        let url = format!("{}/healthcheck", installation.inside(PRIVATE_API));
        // The public API is open: the guest's pod is connected, and the other door is really closed.
        guest.until(&format!("{}/healthcheck", installation.inside(PUBLIC_API)), true).await?;
        ensure!(!guest.reaches(&url).await?, "the private API is open to a stranger");

        installation.change(json!({"networking": {"trustedNamespaces": [namespace.name()]}})).await?;
        home.appears("NetworkPolicy", "doors-trusted", secs(15)).await?;
        guest.until(&url, true).await?;

        installation.change(json!({"networking": {"trustedNamespaces": []}})).await?;
        home.disappears("NetworkPolicy", "doors-trusted", secs(15)).await?;
        guest.until(&url, false).await?;

        // Without policies everything is open: it was the policies that kept the stranger out.
        installation.change(json!({"networking": {"networkPolicy": false}})).await?;
        home.disappears("NetworkPolicy", "doors-default-deny", secs(15)).await?;
        guest.until(&url, true).await
    })
}

#[test]
fn the_services_cannot_call_out() -> Outcome {
    scenario("egress", async |test| {
        let home = test.namespace("home").await?;
        let installation = home.install("quiet", json!({})).await?;
        installation.ready(secs(120)).await?;
        let pod = installation.pod_name().await?;
        let container = text(&installation.pod().await?, "spec.containers.0.name").to_owned();
        // The API server answers every pod that may reach it, even one without a right to anything.
        let server =
            test.cluster().find("Service", Some("default"), "kubernetes").await?.context("no Service kubernetes")?;
        let url = format!("http://{}:443/", text(&server, "spec.clusterIP"));
        let outside = test.namespace("outside").await?;
        let ordinary = Visitor::new(&outside, &installation.image().await?).await?;
        // Otherwise it would prove nothing that the services do not.
        ordinary.until(&url, true).await?;
        ensure!(!probe(&home, &pod, &container, &url).await?, "the services reach {url}");
        // Itself it may reach: the probe works in there.
        let own = format!("http://127.0.0.1:{}/livez", MANAGEMENT.number);
        ensure!(probe(&home, &pod, &container, &own).await?, "the probe does not work in the services' container");
        Ok(())
    })
}

/// The one delivery, when it stands so.
async fn delivery(api: &Http, state: &str) -> Result<Json> {
    eventually(&format!("the delivery is {state}"), secs(120), async || {
        let page = api.get("/deliveries").await?.ok()?;
        let delivery = field(&page, "result.0");
        Ok(Wanted::when(text(delivery, "state") == state, delivery.clone(), || page.to_string()))
    })
    .await
}

#[test]
fn a_destination_in_the_cluster_is_reached_when_the_spec_allows_it() -> Outcome {
    scenario("outbound", async |test| {
        // The public API of another installation is a server as good as any.
        let receiver = test.namespace("receiver").await?.install("receiver", json!({})).await?;
        let sender = test.namespace("sender").await?.install("sender", json!({})).await?;
        receiver.ready(secs(120)).await?;
        sender.ready(secs(120)).await?;
        let api = sender.login().await?;
        sender.event_source(&api, "shop").await?;
        let url = format!("{}/healthcheck", receiver.inside(PUBLIC_API));
        let resource = json!({"id": "crm", "name": "CRM", "type": "api", "credentials": {"production": {"url": url}}});
        api.post("/resource", &resource).await?.ok()?;
        let connector = "tracardi.process_engine.destination.http_connector.HttpConnector";
        let destination = json!({"id": "crm", "name": "CRM", "enabled": true, "on_profile_change_only": false,
            "event_type": {"id": "page-view", "name": "Page view"}, "source": {"id": "shop", "name": "Shop"},
            "resource": {"id": "crm"}, "mapping": {"category": "event@properties.category"},
            "destination": {"package": connector, "init": {"method": "get"}}});
        api.post("/destination", &destination).await?.ok()?;
        load::first_event(&sender.public_api().await?, "shop").await?;
        let dead = delivery(&api, "dead").await?;
        ensure!(text(&dead, "error").contains("spec.networking.outbound.allow"), "no remedy in {dead}");

        // The services see the Service's address, the policy that of the pod.
        let service = receiver.namespace().get("Service", &receiver.service(PUBLIC_API)).await?;
        let pod = receiver.pod().await?;
        let range = |address: &str| format!("{address}/{}", if address.contains(':') { 128 } else { 32 });
        let allow = [range(text(&service, "spec.clusterIP")), range(text(&pod, "status.podIP"))];
        sender.change(json!({"networking": {"outbound": {"allow": allow}}})).await?;
        sender.ready(secs(120)).await?;
        api.post("/dead-letters/replay", &json!({"destination": "crm"})).await?.ok()?;
        let delivered = delivery(&api, "delivered").await?;
        test.figure("attempts until the delivery arrived", field(&delivered, "attempts"));
        Ok(())
    })
}

#[test]
fn the_development_example_answers_on_a_node_port() -> Outcome {
    scenario("nodeport", async |test| {
        let namespace = test.namespace("dev").await?;
        namespace.apply("examples/tracardi-development.yaml").await?;
        let installation = namespace.installation("dev");
        installation.ready(secs(120)).await?;
        let node = text(&installation.pod().await?, "status.hostIP").to_owned();
        let service = namespace.get("Service", "dev-public-api").await?;
        let port = field(&service, "spec.ports.0.nodePort").as_u64().context("no node port")?;
        ensure!(port == 30585, "the node port is {port}");
        let outside = test.namespace("outside").await?;
        let visitor = Visitor::new(&outside, &installation.image().await?).await?;
        visitor.until(&format!("http://{node}:{port}/healthcheck"), true).await
    })
}
