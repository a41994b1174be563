//! Long-running components: starting them in a node's namespaces, knowing whether they still run, ending them.
//!
//! A pid by itself says nothing after a crash or a reboot, because the kernel gives numbers out again. So a pid file also
//! holds the start time that the kernel reports and the machine's boot id, and is believed only when both match.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::sys::wait::{WaitPidFlag, waitpid};
use nix::unistd::Pid;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::error::{Error, Result};
use crate::paths::{Layout, NodePlan};
use crate::run::{path, wait_until};

/// Ticks per second in `/proc/PID/stat`: the kernel's USER_HZ, 100 on every architecture that Kubernetes supports.
pub(crate) const TICKS_PER_SECOND: u64 = 100;

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
        let tail = crate::run::last_lines(&fs::read_to_string(&log).unwrap_or_default(), 15);
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

/// What the kernel says about a process.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Observed {
    pub(crate) started: u64,
    pub(crate) zombie: bool,
    /// Resident memory in pages of 4 KiB.
    pub(crate) resident_pages: u64,
}

/// Reads a line of `/proc/PID/stat`; the second field, the program's name, may itself hold spaces and brackets.
pub(crate) fn parse_stat(line: &str) -> Option<Observed> {
    let (_, rest) = line.rsplit_once(')')?;
    let fields: Vec<&str> = rest.split_whitespace().collect();
    Some(Observed {
        zombie: *fields.first()? == "Z",
        started: fields.get(19)?.parse().ok()?,
        resident_pages: fields.get(21)?.parse().ok()?,
    })
}

/// Whether the pid file speaks about the process that the kernel shows.
pub(crate) fn matches(file: &PidFile, boot: &str, observed: &Observed, command_line: &[String]) -> bool {
    // Between fork and exec the command line is still that of `setsid` or `nsenter`, which name the program later on.
    let named = command_line
        .iter()
        .any(|word| Path::new(word).file_name().is_some_and(|name| name.to_string_lossy() == file.program));
    file.boot == boot && file.started == observed.started && !observed.zombie && named
}

pub(crate) fn observe(pid: i32) -> Option<Observed> {
    parse_stat(&fs::read_to_string(format!("/proc/{pid}/stat")).ok()?)
}

pub(crate) fn command_line(pid: i32) -> Vec<String> {
    let bytes = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
    bytes
        .split(|byte| *byte == 0)
        .filter(|word| !word.is_empty())
        .map(|word| String::from_utf8_lossy(word).into_owned())
        .collect()
}

/// Changes with every start of the machine.
pub(crate) fn boot_id() -> String {
    fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default().trim().to_owned()
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

/// Asks the processes to end, and after `patience` makes them.
pub(crate) fn end(pids: &[i32], patience: Duration) {
    signal(pids, Signal::SIGTERM);
    let gone = || pids.iter().all(|pid| is_gone(*pid));
    if !wait_until(patience, Duration::from_millis(50), gone) {
        signal(pids, Signal::SIGKILL);
        wait_until(Duration::from_secs(10), Duration::from_millis(20), gone);
    }
}

/// Makes the processes end at once; whether they all did.
pub(crate) fn end_now(pids: &[i32]) -> bool {
    signal(pids, Signal::SIGKILL);
    wait_until(Duration::from_secs(10), Duration::from_millis(20), || pids.iter().all(|pid| is_gone(*pid)))
}

fn signal(pids: &[i32], signal: Signal) {
    for pid in pids.iter().filter(|pid| **pid > 1) {
        // It may have ended by itself meanwhile.
        let _ = kill(Pid::from_raw(*pid), signal);
    }
}

/// Gone, or dead and only waiting for its parent to notice.
fn is_gone(pid: i32) -> bool {
    match observe(pid) {
        None => true,
        Some(observed) if observed.zombie => {
            reap(pid);
            true
        }
        Some(_) => false,
    }
}

/// Takes a dead child's exit status, so that no zombie is left when this process started it.
fn reap(pid: i32) {
    // An error means that it is somebody else's child.
    let _ = waitpid(Pid::from_raw(pid), Some(WaitPidFlag::WNOHANG));
}

/// Every process there is.
pub(crate) fn all_pids() -> Vec<i32> {
    let Ok(entries) = fs::read_dir("/proc") else { return Vec::new() };
    entries.flatten().filter_map(|entry| entry.file_name().to_str()?.parse().ok()).collect()
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        use std::fmt::Write as _;
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// Writes a file so that a killed run leaves either the old content or the new one.
pub(crate) fn write(file: &Path, content: &str) -> Result<()> {
    if let Some(folder) = file.parent() {
        make_folder(folder)?;
    }
    let mut temporary = file.as_os_str().to_owned();
    temporary.push(".new");
    let temporary = PathBuf::from(temporary);
    fs::write(&temporary, content).map_err(Error::io("cannot write", &temporary))?;
    fs::rename(&temporary, file).map_err(Error::io("cannot write", file))
}

pub(crate) fn make_folder(folder: &Path) -> Result<()> {
    fs::create_dir_all(folder).map_err(Error::io("cannot create", folder))
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
    fn stat_lines_with_awkward_names() {
        let line =
            "7 (a) b (c)) S 1 7 7 0 -1 4194560 1 0 0 0 1 2 0 0 20 0 14 0 10283 1268000 2345 18446744073709551615 1";
        assert_eq!(parse_stat(line), Some(Observed { started: 10_283, zombie: false, resident_pages: 2345 }));
        assert_eq!(parse_stat("nonsense"), None);
        assert!(parse_stat(&line.replace(") S ", ") Z ")).unwrap().zombie);
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
    fn this_process_is_observed() {
        let pid = i32::try_from(std::process::id()).unwrap();
        assert!(!observe(pid).unwrap().zombie);
        assert!(!command_line(pid).is_empty());
        assert!(all_pids().contains(&pid));
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
