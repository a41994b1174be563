//! `make demo`: from nothing to a person's profile in a browser.

mod servers;

use std::collections::BTreeSet;
use std::fs;
use std::net::{SocketAddr, TcpStream};
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use serde_json::{Value, json};
use tracardi_cluster::Ground;

use crate::http::Api;
use crate::shell::{output, root, run};
use crate::{images, install};

pub(crate) use servers::keep;

/// How the installation is laid out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Mode {
    Standalone,
    Open,
    Distributed,
}

impl Mode {
    /// The example that is applied; its name there is the installation's.
    fn example(self) -> (&'static str, &'static str) {
        match self {
            Mode::Standalone => ("demo", "examples/tracardi.yaml"),
            Mode::Open => ("open", "examples/open.yaml"),
            Mode::Distributed => ("distributed", "examples/distributed.yaml"),
        }
    }
}

/// Namespace of the demo's installation.
const NAMESPACE: &str = "tracardi-demo";
/// Namespace of the simulated shop: not trusted by the installation, as the internet is not.
const SHOP: &str = "tracardi-demo-shop";
/// Event source that the simulated shop sends to.
const SOURCE: &str = "demo-shop";
/// Local addresses that lead to the installation while the demo stands.
const FORWARDS: [(&str, u16); 3] = [("gui", 8787), ("private-api", 8686), ("public-api", 8585)];
const READY_WITHIN: Duration = Duration::from_mins(3);
const SIMULATED_WITHIN: &str = "--timeout=300s";
/// What was acknowledged is seen when a worker has stored it, in the modes that have workers.
const STORED_WITHIN: Duration = Duration::from_mins(1);

/// Cluster, operator, installation, an hour of a shop's traffic, the addresses.
pub(crate) fn up(given: &images::Given, mode: Mode) -> Result<()> {
    let start = Instant::now();
    let ground = install::ground()?;
    let access = if mode == Mode::Standalone { None } else { Some(servers::provide(&ground, mode)?) };
    let built = images::provide(&ground, given)?;
    install::install_images(&ground, &built)?;

    let (name, example) = mode.example();
    println!("==> an installation from {example} in namespace {NAMESPACE}");
    ensure_namespace(&ground, NAMESPACE)?;
    match access {
        None => drop(output(&mut install::kubectl(&ground, &["-n", NAMESPACE, "apply", "-f", example]))?),
        Some(access) => {
            for object in servers::objects(&access, mode)? {
                apply(&ground, NAMESPACE, &object)?;
            }
        }
    }
    wait_ready(&ground, name)?;

    let forwards = forward(&ground, name)?;
    let mut api = Api::at(forwards["private-api"]);
    let (email, password) = credential(&ground, name)?;
    api.login(&email, &password)?;
    let source = json!({"id": SOURCE, "name": "Demo shop", "type": ["rest"], "channel": "Web", "enabled": true,
        "bridge": {"id": "778ded05-4ff3-4e08-9a86-72c0195fa95d", "name": "REST"}, "description": "The simulated shop of the demo"});
    api.post("/event-source", &source)?;
    let identified = simulate(&ground, &built, name)?;
    print_profile(&api, &identified)?;
    farewell(&forwards, name, start);
    Ok(())
}

/// Removes the demo's namespaces, its servers and the local addresses; the cluster and the operator stay.
pub(crate) fn down() -> Result<()> {
    let ground = install::ground()?;
    for (service, _) in FORWARDS {
        end_forward(service)?;
    }
    run(
        "removing the demo's namespaces",
        &mut install::kubectl(
            &ground,
            &["delete", "namespace", NAMESPACE, SHOP, "--ignore-not-found", "--timeout=120s"],
        ),
    )?;
    servers::end()?;
    println!("    the cluster still runs: `make cluster-down` ends it");
    Ok(())
}

fn ensure_namespace(ground: &Ground, name: &str) -> Result<()> {
    let namespace = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name,
        "labels": {"pod-security.kubernetes.io/enforce": "restricted"}}});
    let file = state_dir()?.join(format!("{name}.json"));
    fs::write(&file, namespace.to_string())?;
    output(install::kubectl(ground, &["apply", "--server-side", "-f"]).arg(&file)).map(drop)
}

/// Applies an object, from a file that others on this machine cannot read.
fn apply(ground: &Ground, namespace: &str, object: &Value) -> Result<()> {
    let file = tempfile::NamedTempFile::new().context("cannot make a temporary file")?;
    fs::write(file.path(), object.to_string())?;
    output(install::kubectl(ground, &["-n", namespace, "apply", "-f"]).arg(file.path())).map(drop)
}

/// Shows each condition as it changes until `Ready` is true.
fn wait_ready(ground: &Ground, name: &str) -> Result<()> {
    let start = Instant::now();
    let mut shown = BTreeSet::new();
    loop {
        let text = output(&mut install::kubectl(
            ground,
            &["-n", NAMESPACE, "get", "tracardiinstallation", name, "-o", "json"],
        ))?;
        let object: Value = serde_json::from_str(&text).context("kubectl printed no JSON")?;
        let current = object["status"]["observedGeneration"] == object["metadata"]["generation"];
        let conditions = object["status"]["conditions"].as_array().cloned().unwrap_or_default();
        for condition in &conditions {
            let text = |key: &str| condition[key].as_str().unwrap_or_default().to_owned();
            let line = format!("{:<12} {:<6} {:<24} {}", text("type"), text("status"), text("reason"), text("message"));
            if shown.insert(line.clone()) {
                println!("    {:>5.1} s  {line}", start.elapsed().as_secs_f64());
            }
        }
        if current && conditions.iter().any(|condition| condition["type"] == "Ready" && condition["status"] == "True") {
            return Ok(());
        }
        if start.elapsed() > READY_WITHIN {
            let _ = install::kubectl(ground, &["-n", NAMESPACE, "get", "pods,events"]).status();
            bail!("the installation is not Ready after {} s; the lines above say why", READY_WITHIN.as_secs());
        }
        std::thread::sleep(Duration::from_millis(300));
    }
}

/// E-mail address and password of the administrator, from the Secret that the operator made.
fn credential(ground: &Ground, name: &str) -> Result<(String, String)> {
    let field = |key: &str| -> Result<String> {
        let template = format!("go-template={{{{index .data \"{key}\" | base64decode}}}}");
        output(&mut install::kubectl(
            ground,
            &["-n", NAMESPACE, "get", "secret", &format!("{name}-admin"), "-o", &template],
        ))
    };
    Ok((field("email")?, field("password")?))
}

/// The simulated shop: a Job in a namespace of its own that sends through the public Service.
/// Gives back the id of a profile that the traffic identified.
fn simulate(ground: &Ground, built: &images::Built, name: &str) -> Result<String> {
    println!("==> an hour of a shop's traffic, sent through the public Service");
    ensure_namespace(ground, SHOP)?;
    output(&mut install::kubectl(ground, &["-n", SHOP, "delete", "job", "simulate", "--ignore-not-found", "--wait"]))?;
    let job = json!({
        "apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": "simulate"},
        "spec": {"backoffLimit": 0, "template": {"spec": {
            "restartPolicy": "Never", "automountServiceAccountToken": false,
            "securityContext": {"runAsNonRoot": true, "runAsUser": 65532, "seccompProfile": {"type": "RuntimeDefault"}},
            "containers": [{
                "name": "simulate", "image": built.runtime, "imagePullPolicy": "IfNotPresent",
                "args": ["simulate", "--url", format!("http://{name}-public-api.{NAMESPACE}:8585"), "--source", SOURCE],
                "securityContext": {"allowPrivilegeEscalation": false, "readOnlyRootFilesystem": true, "capabilities": {"drop": ["ALL"]}}}]}}}
    });
    apply(ground, SHOP, &job)?;
    let finished = output(&mut install::kubectl(
        ground,
        &["-n", SHOP, "wait", "job/simulate", "--for=condition=Complete", SIMULATED_WITHIN],
    ));
    let log = output(&mut install::kubectl(ground, &["-n", SHOP, "logs", "job/simulate"]))?;
    println!("{log}");
    finished.context("the simulated shop did not finish; its log is above")?;
    log.lines()
        .find_map(|line| line.split_once("profile to look at").map(|(_, id)| id.trim_matches([':', ' ']).to_owned()))
        .context("the simulation named no profile to look at")
}

/// A person's profile as a table of what is known.
fn print_profile(api: &Api, id: &str) -> Result<()> {
    let start = Instant::now();
    let profile = loop {
        let profile = api.get(&format!("/profile/{id}"));
        let told = profile.as_ref().is_ok_and(|profile| profile["data"]["contact"]["email"]["main"].is_string());
        if told || start.elapsed() > STORED_WITHIN {
            break profile?;
        }
        std::thread::sleep(Duration::from_millis(500));
    };
    println!("==> what is known of one visitor now");
    let mut rows = Vec::new();
    for (label, pointer) in [
        ("profile", "/id"),
        ("first name", "/data/pii/firstname"),
        ("last name", "/data/pii/lastname"),
        ("e-mail", "/data/contact/email/main"),
        ("customer id", "/data/identifier/pk"),
        ("visits", "/metadata/time/visit/count"),
        ("last visit", "/metadata/time/visit/current"),
        ("checkouts started", "/data/metrics/ltcosc"),
        ("checkouts completed", "/data/metrics/ltcocc"),
        ("bought for", "/data/metrics/ltcocv"),
        ("interests", "/interests"),
        ("consents", "/consents"),
    ] {
        match profile.pointer(pointer) {
            None | Some(Value::Null) => {}
            Some(Value::String(text)) => rows.push((label, text.clone())),
            Some(Value::Object(map)) if map.is_empty() => {}
            Some(Value::Object(map)) => rows.push((label, map.keys().cloned().collect::<Vec<_>>().join(", "))),
            Some(other) => rows.push((label, other.to_string())),
        }
    }
    for (label, value) in rows {
        println!("    {label:<20} {value}");
    }
    Ok(())
}

fn farewell(forwards: &std::collections::BTreeMap<&'static str, SocketAddr>, name: &str, start: Instant) {
    let (gui, public) = (forwards["gui"], forwards["public-api"]);
    println!(
        "
The demo stands after {:.0} s.

  GUI          http://{gui}
               log in as the e-mail and password that these print:
               kubectl -n {NAMESPACE} get secret {name}-admin -o go-template='{{{{.data.email | base64decode}}}} {{{{.data.password | base64decode}}}}{{{{\"\\n\"}}}}'
  shop         http://{gui}/shop/?source={SOURCE}&api=http://{public}
               click around in it and watch the events arrive in the GUI
  public API   http://{public}/track

Look around (`make cluster STATUS=1` prints KUBECONFIG and PATH):

  kubectl get tracardiinstallations -A
  kubectl -n {NAMESPACE} describe tci {name}
  kubectl -n {NAMESPACE} get all,networkpolicy,pvc,secret
  kubectl explain tracardiinstallation.spec --recursive

Remove it: make demo-down    End the cluster: make cluster-down",
        start.elapsed().as_secs_f64()
    );
}

/// Local addresses for the three Services, kept by `kubectl port-forward` processes that outlive this program.
fn forward(ground: &Ground, installation: &str) -> Result<std::collections::BTreeMap<&'static str, SocketAddr>> {
    let mut addresses = std::collections::BTreeMap::new();
    for (name, port) in FORWARDS {
        end_forward(name)?;
        let address = SocketAddr::from(([127, 0, 0, 1], port));
        if TcpStream::connect_timeout(&address, Duration::from_millis(200)).is_ok() {
            bail!("port {port} of this machine is taken by another program; end it and run `make demo` again");
        }
        let log = fs::File::create(state_dir()?.join(format!("forward-{name}.log")))?;
        let child = install::kubectl(
            ground,
            &["-n", NAMESPACE, "port-forward", &format!("service/{installation}-{name}"), &format!("{port}:{port}")],
        )
        .stdin(Stdio::null())
        .stdout(log.try_clone()?)
        .stderr(log)
        .spawn()
        .context("cannot start kubectl port-forward")?;
        fs::write(pid_file(name)?, child.id().to_string())?;
        let start = Instant::now();
        while TcpStream::connect_timeout(&address, Duration::from_millis(200)).is_err() {
            if start.elapsed() > Duration::from_secs(15) {
                let said = fs::read_to_string(state_dir()?.join(format!("forward-{name}.log"))).unwrap_or_default();
                bail!("no way to service {installation}-{name}: {}", said.trim());
            }
            std::thread::sleep(Duration::from_millis(100));
        }
        addresses.insert(name, address);
    }
    Ok(addresses)
}

/// Ends a port-forward of an earlier run, if the process with that id still is one.
fn end_forward(name: &str) -> Result<()> {
    let file = pid_file(name)?;
    let Ok(pid) = fs::read_to_string(&file) else { return Ok(()) };
    let ours = fs::read_to_string(format!("/proc/{}/cmdline", pid.trim()))
        .is_ok_and(|line| line.contains("port-forward") && line.contains(NAMESPACE));
    if ours {
        Command::new("kill").arg(pid.trim()).status().context("cannot end an earlier port-forward")?;
        std::thread::sleep(Duration::from_millis(200));
    }
    fs::remove_file(&file).with_context(|| format!("cannot remove {}", file.display()))
}

fn pid_file(name: &str) -> Result<PathBuf> {
    Ok(state_dir()?.join(format!("forward-{name}.pid")))
}

fn state_dir() -> Result<PathBuf> {
    let folder = root().join("artifacts/demo");
    fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
    Ok(folder)
}
