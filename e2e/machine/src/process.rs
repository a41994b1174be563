//! Processes, as the kernel shows them in `/proc`: looking at them, ending them.

use std::fs;
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::sys::wait::{WaitPidFlag, waitpid};
use nix::unistd::Pid;

use crate::run::wait_until;

/// Ticks per second in `/proc/PID/stat`: the kernel's USER_HZ, 100 on every architecture that Kubernetes supports.
pub const TICKS_PER_SECOND: u64 = 100;

/// What the kernel says about a process.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Observed {
    /// Ticks after boot at which it began: field 22 of `/proc/PID/stat`.
    pub started: u64,
    /// It has ended, and its parent has not noticed yet.
    pub zombie: bool,
    /// Resident memory in pages of 4 KiB.
    pub resident_pages: u64,
}

/// Reads a line of `/proc/PID/stat`; the second field, the program's name, may itself hold spaces and brackets.
fn parse_stat(line: &str) -> Option<Observed> {
    let (_, rest) = line.rsplit_once(')')?;
    let fields: Vec<&str> = rest.split_whitespace().collect();
    Some(Observed {
        zombie: *fields.first()? == "Z",
        started: fields.get(19)?.parse().ok()?,
        resident_pages: fields.get(21)?.parse().ok()?,
    })
}

/// The process with this number, if there is one.
#[must_use]
pub fn observe(pid: i32) -> Option<Observed> {
    parse_stat(&fs::read_to_string(format!("/proc/{pid}/stat")).ok()?)
}

/// Program and arguments of a process; empty when there is none.
#[must_use]
pub fn command_line(pid: i32) -> Vec<String> {
    let bytes = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
    bytes
        .split(|byte| *byte == 0)
        .filter(|word| !word.is_empty())
        .map(|word| String::from_utf8_lossy(word).into_owned())
        .collect()
}

/// Changes with every start of the machine.
#[must_use]
pub fn boot_id() -> String {
    fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default().trim().to_owned()
}

/// Asks the processes to end, and after `patience` makes them.
pub fn end(pids: &[i32], patience: Duration) {
    signal(pids, Signal::SIGTERM);
    let gone = || pids.iter().all(|pid| is_gone(*pid));
    if !wait_until(patience, Duration::from_millis(50), gone) {
        signal(pids, Signal::SIGKILL);
        wait_until(Duration::from_secs(10), Duration::from_millis(20), gone);
    }
}

/// Makes the processes end at once; whether they all did.
#[must_use]
pub fn end_now(pids: &[i32]) -> bool {
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
pub fn reap(pid: i32) {
    // An error means that it is somebody else's child.
    let _ = waitpid(Pid::from_raw(pid), Some(WaitPidFlag::WNOHANG));
}

/// Every process there is.
#[must_use]
pub fn all_pids() -> Vec<i32> {
    let Ok(entries) = fs::read_dir("/proc") else { return Vec::new() };
    entries.flatten().filter_map(|entry| entry.file_name().to_str()?.parse().ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stat_lines_with_awkward_names() {
        let line =
            "7 (a) b (c)) S 1 7 7 0 -1 4194560 1 0 0 0 1 2 0 0 20 0 14 0 10283 1268000 2345 18446744073709551615 1";
        assert_eq!(parse_stat(line), Some(Observed { started: 10_283, zombie: false, resident_pages: 2345 }));
        assert_eq!(parse_stat("nonsense"), None);
        assert!(parse_stat(&line.replace(") S ", ") Z ")).unwrap().zombie);
    }

    #[test]
    fn this_process_is_observed() {
        let pid = i32::try_from(std::process::id()).unwrap();
        assert!(!observe(pid).unwrap().zombie);
        assert!(!command_line(pid).is_empty());
        assert!(all_pids().contains(&pid));
    }
}
