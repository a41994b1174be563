//! The servers of the demo's larger installations. Each is kept by a process of its own, which outlives the command and is found again
//! by its socket: it tells whoever connects where the server is, and ends when it is told to.

use std::fs::{self, File};
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{IpAddr, Ipv4Addr};
use std::os::unix::net::{UnixListener, UnixStream};
use std::os::unix::process::CommandExt as _;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use serde_json::{Value, json};
use tracardi_cluster::{Ground, Plain};
use tracardi_servers::Kind;
use tracardi_servers::beside::{self, Access};

use super::{Mode, state_dir};
use crate::install;
use crate::shell::root;

/// What a keeper is asked.
const WHERE: &str = "where";
const END: &str = "end";
const STARTED_WITHIN: Duration = Duration::from_mins(5);

/// Finds or starts the servers of a mode, and makes what an installation expects of them.
pub(crate) fn provide(ground: &Ground, mode: Mode) -> Result<Access> {
    network(ground)?;
    let distributed = mode == Mode::Distributed;
    let kinds = beside::kinds(distributed);
    println!(
        "==> its servers beside the cluster: {}",
        kinds.iter().map(|kind| kind.name()).collect::<Vec<_>>().join(", ")
    );
    tracardi_servers::install(&kinds, &mut Plain).map_err(|error| install::readable(&error))?;
    let missing = kinds.iter().filter(|kind| ask(**kind, WHERE).is_none());
    let starting = missing.map(|kind| Ok((*kind, start(*kind)?))).collect::<Result<Vec<_>>>()?;
    let begin = Instant::now();
    for (kind, mut keeper) in starting {
        while ask(kind, WHERE).is_none() {
            let ended = keeper.try_wait()?.is_some();
            if ended || begin.elapsed() > STARTED_WITHIN {
                let said = fs::read_to_string(file(kind, "log")?).unwrap_or_default();
                bail!("{} did not start: {}", kind.name(), said.trim());
            }
            std::thread::sleep(Duration::from_millis(100));
        }
        println!("    {} serves after {:.1} s", kind.name(), begin.elapsed().as_secs_f64());
    }
    let unmet =
        |kind: Kind| tracardi_cluster::Error::unmet(format!("{} has ended", kind.name()), "run `make demo` again");
    let access = Access::new(distributed, |kind| {
        ask(kind, WHERE).and_then(|said| said.parse::<Ipv4Addr>().ok()).ok_or_else(|| unmet(kind))
    });
    let access = access.map_err(|error| install::readable(&error))?;
    access.prepare(mode.example().0).map_err(|error| install::readable(&error))?;
    Ok(access)
}

/// The Secret and the resource: the mode's example with these servers, and no more pods than one machine wants.
pub(crate) fn objects(access: &Access, mode: Mode) -> Result<[Value; 2]> {
    let (name, example) = mode.example();
    let text = fs::read_to_string(root().join(example)).with_context(|| format!("cannot read {example}"))?;
    let mut resource: Value = serde_yaml::from_str(&text).with_context(|| format!("{example} is not YAML"))?;
    let spec = &mut resource["spec"];
    // Both modes may stand at once.
    access.write_into(spec, name, u8::from(mode == Mode::Distributed));
    for service in ["publicApi", "privateApi", "gui"] {
        spec[service]["replicas"] = json!(1);
    }
    spec["workers"] = json!({"collector": {"replicas": 1}});
    if let Some(spec) = spec.as_object_mut() {
        // Nobody answers at the example's.
        spec.remove("publicUrl");
    }
    let secret = json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": beside::SECRET},
        "stringData": access.secret()});
    Ok([secret, resource])
}

/// Ends the servers that run, and removes their data.
pub(crate) fn end() -> Result<()> {
    for kind in beside::kinds(true) {
        if ask(kind, END).is_some() {
            println!("    {} has ended", kind.name());
        }
        let _ = fs::remove_file(file(kind, "sock")?);
    }
    Ok(())
}

/// Starts one server and keeps it.
pub(crate) fn keep(kind: Kind) -> Result<()> {
    let ground = Ground::detect(None).map_err(|error| install::readable(&error))?;
    let readable = |error| install::readable(&error);
    let mut server = kind.start_with(&beside::options(network(&ground)?)).map_err(readable)?;
    let socket = file(kind, "sock")?;
    let _ = fs::remove_file(&socket);
    let listener = UnixListener::bind(&socket).with_context(|| format!("cannot listen at {}", socket.display()))?;
    for visitor in listener.incoming() {
        let mut visitor = visitor?;
        let mut word = String::new();
        // One that goes away again wanted nothing.
        let _ = BufReader::new(&visitor).read_line(&mut word);
        if word.trim() == END {
            server.stop().map_err(readable)?;
            break;
        }
        if !server.is_running() {
            server.restart().map_err(readable)?;
        }
        let IpAddr::V4(address) = server.address().ip() else { continue };
        let _ = writeln!(visitor, "{address}");
    }
    Ok(())
}

/// What the keeper of a server says; `None` when there is none. After [`END`] it says nothing, and the connection ends with it.
fn ask(kind: Kind, word: &str) -> Option<String> {
    let mut keeper = UnixStream::connect(file(kind, "sock").ok()?).ok()?;
    writeln!(keeper, "{word}").ok()?;
    let mut said = String::new();
    BufReader::new(&keeper).read_line(&mut said).ok()?;
    Some(said.trim().to_owned())
}

/// A process of its own, away from the terminal.
fn start(kind: Kind) -> Result<Child> {
    let log = file(kind, "log")?;
    let log = File::create(&log).with_context(|| format!("cannot write {}", log.display()))?;
    let this = std::env::current_exe().context("the name of this program cannot be found")?;
    let mut keeper = Command::new(this);
    keeper.args(["keep", kind.name()]).stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log).process_group(0);
    keeper.spawn().with_context(|| format!("cannot start {}", kind.name()))
}

/// Addresses of this machine that pods reach.
fn network(ground: &Ground) -> Result<Ipv4Addr> {
    match ground {
        Ground::Own(cluster) => Ok(cluster.beside()),
        Ground::Foreign(foreign) => bail!(
            "the demo's servers run on this machine, and of the way to it from the pods of {} nothing is known: unset KUBECONFIG, or \
             apply examples/open.yaml with servers of your own",
            foreign.context
        ),
    }
}

fn file(kind: Kind, extension: &str) -> Result<PathBuf> {
    Ok(state_dir()?.join(format!("{}.{extension}", kind.name())))
}
