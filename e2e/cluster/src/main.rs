//! `cluster`: a real Kubernetes on this machine, by one command.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use tracardi_cluster::{Cluster, Error, Ground, Instance, Plain, Progress as _, Result};

/// A real Kubernetes from packages, in namespaces of its own.
#[derive(Parser)]
#[command(name = "cluster", version)]
struct Arguments {
    /// Which of several clusters on this machine.
    #[arg(long, global = true, env = "TRACARDI_CLUSTER_INSTANCE", value_name = "N")]
    instance: Option<u8>,
    #[command(subcommand)]
    action: Action,
}

#[derive(Subcommand)]
enum Action {
    /// Bring the cluster up, or repair what died of it; prints the line that points a shell at it.
    Up {
        /// Number of nodes (real kubelets), 1 or 2.
        #[arg(long, value_parser = clap::value_parser!(u8).range(1..=2))]
        nodes: Option<u8>,
    },
    /// End every process and remove every trace.
    Down,
    /// Show what runs. Exit code 1 when something is missing.
    Status,
    /// Hand image archives (OCI layout in a tar file) to every node.
    LoadImage {
        /// The archives.
        #[arg(required = true, value_name = "FILE")]
        files: Vec<PathBuf>,
    },
    /// Print the line that points a shell at the cluster: eval "$(cluster env)".
    Env,
    /// Install packages and build programs and images without starting anything.
    Build,
}

fn main() -> ExitCode {
    match work(&Arguments::parse()) {
        Ok(code) => code,
        Err(error) => {
            say(&mut std::io::stderr(), &format!("error: {error}"));
            if let Some(remedy) = error.remedy() {
                say(&mut std::io::stderr(), &format!("try: {remedy}"));
            }
            ExitCode::FAILURE
        }
    }
}

fn work(arguments: &Arguments) -> Result<ExitCode> {
    let instance = arguments.instance.map(Instance);
    let progress = &mut Plain;
    let out = &mut std::io::stdout();
    match &arguments.action {
        Action::Up { nodes } => {
            if let Ground::Own(cluster) = Ground::up(instance, *nodes, progress)? {
                say(out, &cluster.exports());
            }
        }
        Action::Down => own(instance)?.down(progress)?,
        Action::Status => match Ground::detect(instance)? {
            Ground::Own(cluster) => {
                let status = cluster.status();
                say(out, status.to_string().trim_end());
                return Ok(if status.is_whole() { ExitCode::SUCCESS } else { ExitCode::FAILURE });
            }
            Ground::Foreign(foreign) => say(out, &foreign.to_string()),
        },
        Action::LoadImage { files } => {
            let ground = Ground::detect(instance)?;
            for file in files {
                ground.load_image(file)?;
                progress.note(&format!("loaded {}", file.display()));
            }
        }
        Action::Env => match Ground::detect(instance)? {
            Ground::Own(cluster) if cluster.is_up() => say(out, &cluster.exports()),
            Ground::Own(_) => return Err(Error::unmet("no cluster is running", "`make cluster` brings one up")),
            Ground::Foreign(foreign) => say(out, &format!("export KUBECONFIG='{}'", foreign.kubeconfig)),
        },
        Action::Build => own(instance)?.prepare(progress)?,
    }
    Ok(ExitCode::SUCCESS)
}

/// Ours, whatever `KUBECONFIG` says: somebody's own cluster is never taken down from here.
fn own(instance: Option<Instance>) -> Result<Cluster> {
    match Ground::detect(instance) {
        Ok(Ground::Own(cluster)) => Ok(cluster),
        _ => Cluster::at(instance.unwrap_or_default()),
    }
}

/// A closed pipe is not worth an error.
fn say(to: &mut dyn std::io::Write, text: &str) {
    let _ = writeln!(to, "{text}");
    let _ = to.flush();
}
