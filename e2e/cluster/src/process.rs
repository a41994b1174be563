//! Long-running components: starting them in a node's namespaces, knowing whether they still run, ending them.
//!
//! A pid by itself says nothing after a crash or a reboot, because the kernel gives numbers out again. So a pid file also
//! holds the start time that the kernel reports and the machine's boot id, and is believed only when both match.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use tracardi_machine::files::{hex, make_folder, write};
use tracardi_machine::process::{Observed, all_pids, boot_id, command_line, end, observe, reap};
use tracardi_machine::run::{path, wait_until};
use tracardi_machine::{Error, Result};

use crate::paths::{Layout, NodePlan};

/// A program of the cluster with everything it needs to be started.
#[derive(Clone, Debug)]
pub(crate) struct Component {
    /// Unique in the instance: `kubelet`, `kubelet-2`.
    pub(crate) name: String,
    /// Node in whose namespaces it runs.
    pub(crate) node: NodePlan,
    pub(crate) program: PathBuf,
    pub(crate) arguments: Vec<String>,
    /// Configuration files: path and content.
    pub(crate) files: Vec<(PathBuf, String)>,
    /// What to try when it does not start.
    pub(crate) remedy: &'static str,
}

impl Component {
    /// Changes when program, arguments or configuration change, so that `up` knows what to start anew.
    fn fingerprint(&self) -> String {
        let mut hash = Sha256::new();
        let mut part = |text: &str| {
            hash.update((text.len() as u64).to_le_bytes());
            hash.update(text.as_bytes());
        };
        part(&self.program.to_string_lossy());
        self.arguments.iter().for_each(|argument| part(argument));
        for (file, content) in &self.files {
            part(&file.to_string_lossy());
            part(content);
        }
        hex(&hash.finalize())
    }

    pub(crate) fn log(&self, layout: &Layout) -> PathBuf {
        log_file(layout, &self.name)
    }

    /// An error about this component with the end of its log.
    pub(crate) fn error(&self, layout: &Layout, problem: impl Into<String>) -> Error {
        let log = self.log(layout);
        let tail = tracardi_machine::run::last_lines(&fs::read_to_string(&log).unwrap_or_default(), 15);
        let remedy = self.remedy.to_owned();
        Error::Component { component: self.name.clone(), problem: problem.into(), log, tail, remedy }
    }
}

pub(crate) fn log_file(layout: &Layout, name: &str) -> PathBuf {
    layout.logs().join(format!("{name}.log"))
}

/// What a pid file says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct PidFile {
    pub(crate) pid: i32,
    /// Ticks after boot at which the process began: field 22 of `/proc/PID/stat`.
    pub(crate) started: u64,
    pub(crate) boot: String,
    /// File name of the program, compared with the process's command line.
    pub(crate) program: String,
    pub(crate) fingerprint: String,
}

/// Whether the pid file speaks about the process that the kernel shows.
pub(crate) fn matches(file: &PidFile, boot: &str, observed: &Observed, command_line: &[String]) -> bool {
    // Between fork and exec the command line is still that of `setsid` or `nsenter`, which name the program later on.
    let named = command_line
        .iter()
        .any(|word| Path::new(word).file_name().is_some_and(|name| name.to_string_lossy() == file.program));
    file.boot == boot && file.started == observed.started && !observed.zombie && named
}

/// The living process that a pid file names.
pub(crate) fn running(layout: &Layout, name: &str) -> Option<PidFile> {
    let text = fs::read(layout.pids().join(format!("{name}.json"))).ok()?;
    let file: PidFile = serde_json::from_slice(&text).ok()?;
    let observed = observe(file.pid)?;
    if observed.zombie {
        reap(file.pid);
    }
    matches(&file, &boot_id(), &observed, &command_line(file.pid)).then_some(file)
}

/// Whether anything had to be started.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Started {
    /// It runs already as it should.
    Already,
    /// It was not there (or had died) and has been started.
    Now,
    /// It ran with another program or configuration and has been started anew.
    Anew,
}

/// Makes the component run, as it is described.
pub(crate) fn ensure(layout: &Layout, component: &Component) -> Result<Started> {
    let outcome = match running(layout, &component.name) {
        Some(file) if file.fingerprint == component.fingerprint() => return Ok(Started::Already),
        Some(file) => {
            end(&[file.pid], Duration::from_secs(15));
            Started::Anew
        }
        None => Started::Now,
    };
    // A run that was killed just here has left a process and no pid file; two of a kind would fight.
    let stray = all_pids().into_iter().filter(|pid| is_same(&command_line(*pid), component)).collect::<Vec<_>>();
    if !stray.is_empty() {
        end(&stray, Duration::from_secs(15));
    }
    for (file, content) in &component.files {
        write(file, content)?;
    }
    spawn(layout, component)?;
    Ok(outcome)
}

/// Whether the command line is exactly the component's; its arguments name the instance.
fn is_same(words: &[String], component: &Component) -> bool {
    words
        .split_first()
        .is_some_and(|(program, arguments)| Path::new(program) == component.program && arguments == component.arguments)
}

fn spawn(layout: &Layout, component: &Component) -> Result<()> {
    let log = component.log(layout);
    make_folder(&layout.logs())?;
    make_folder(&layout.pids())?;
    if log.exists() {
        // What a component said before it died is what one wants to read.
        fs::rename(&log, log.with_extension("log.before")).map_err(Error::io("cannot rename", &log))?;
    }
    let out = fs::File::create(&log).map_err(Error::io("cannot create", &log))?;
    let err = out.try_clone().map_err(Error::io("cannot create", &log))?;
    // A session of its own, so that neither a closed terminal nor Ctrl-C in `make` reaches it. `setsid` and `nsenter`
    // become the program (no fork), so this child's pid stays the component's.
    let mut command = Command::new("setsid");
    command
        .arg("nsenter")
        .args(enter(&component.node))
        .arg(&component.program)
        .args(&component.arguments)
        .env("PATH", path())
        .current_dir("/")
        .stdin(Stdio::null())
        .stdout(out)
        .stderr(err);
    let child = command.spawn().map_err(Error::io("cannot start", &component.program))?;
    let pid = i32::try_from(child.id()).unwrap_or_default();
    let Some(observed) = observe(pid) else {
        return Err(component.error(layout, "ended at once"));
    };
    let file = PidFile {
        pid,
        started: observed.started,
        boot: boot_id(),
        program: component.program.file_name().unwrap_or_default().to_string_lossy().into_owned(),
        fingerprint: component.fingerprint(),
    };
    let text = serde_json::to_string(&file).unwrap_or_default();
    write(&layout.pids().join(format!("{}.json", component.name)), &text)
}

/// Arguments of `nsenter` that lead into a node. (`ip netns exec` would hide the cgroup mounts behind a fresh `/sys`.)
pub(crate) fn enter(node: &NodePlan) -> [String; 2] {
    [format!("--mount={}", node.mounts().display()), format!("--net={}", node.net().display())]
}

/// Looks in a row that must not find a component before it counts as dead.
const MISSED: u8 = 5;

/// Waits until `check` says yes; stops waiting when the component dies.
pub(crate) fn wait_ready(
    layout: &Layout,
    component: &Component,
    limit: Duration,
    mut check: impl FnMut() -> bool,
) -> Result<()> {
    // One look may fall into the moment in which `setsid` and `nsenter` become the program and /proc shows no command line.
    let mut missed = 0_u8;
    let ready = wait_until(limit, Duration::from_millis(100), || {
        missed = if running(layout, &component.name).is_none() { missed + 1 } else { 0 };
        missed >= MISSED || (missed == 0 && check())
    });
    if missed >= MISSED {
        return Err(component.error(layout, "ended while starting"));
    }
    if !ready {
        return Err(component.error(layout, format!("is not ready after {} s", limit.as_secs())));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file() -> PidFile {
        let (pid, started) = (7, 10_283);
        PidFile { pid, started, boot: "b".into(), program: "kubelet".into(), fingerprint: "f".into() }
    }

    fn words(line: &str) -> Vec<String> {
        line.split(' ').map(str::to_owned).collect()
    }

    #[test]
    fn a_pid_file_is_believed_only_when_all_matches() {
        let observed = Observed { started: 10_283, zombie: false, resident_pages: 1 };
        let line = words("/cache/kubelet --config=x");
        assert!(matches(&file(), "b", &observed, &line));
        assert!(matches(&file(), "b", &observed, &words("nsenter --net=n /cache/kubelet")));
        assert!(!matches(&file(), "other boot", &observed, &line));
        assert!(!matches(&file(), "b", &Observed { started: 10_284, ..observed.clone() }, &line));
        assert!(!matches(&file(), "b", &Observed { zombie: true, ..observed.clone() }, &line));
        assert!(!matches(&file(), "b", &observed, &words("vim kubelet.yaml")));
        assert!(!matches(&file(), "b", &observed, &[]));
    }

    #[test]
    fn configuration_changes_the_fingerprint_and_boundaries_count() {
        let layout = Layout::new("/c".into(), crate::Instance(0));
        let component = |arguments: &[&str], content: &str| Component {
            name: "x".into(),
            node: layout.node(1),
            program: "/bin/x".into(),
            arguments: arguments.iter().map(|word| (*word).to_owned()).collect(),
            files: vec![("/f".into(), content.to_owned())],
            remedy: "",
        };
        assert!(is_same(&words("/bin/x a b"), &component(&["a", "b"], "c")));
        assert!(!is_same(&words("/bin/x a"), &component(&["a", "b"], "c")));
        assert!(!is_same(&words("/bin/y a b"), &component(&["a", "b"], "c")));
        let one = component(&["a", "b"], "c").fingerprint();
        assert_eq!(one, component(&["a", "b"], "c").fingerprint());
        assert_ne!(one, component(&["ab"], "c").fingerprint());
        assert_ne!(one, component(&["a", "b"], "d").fingerprint());
    }
}
