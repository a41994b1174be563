//! Who may use which core, so that clients and server do not take each other's time.

#![allow(dead_code, reason = "each benchmark uses a part")]

use std::process::{Command, Stdio};

/// The server's core.
pub(crate) const SERVER: usize = 0;
/// Of those who ask it.
pub(crate) const CLIENTS: usize = 1;

/// Keeps a process, all its threads and those to come on one core. On a machine with a single core nothing is kept.
pub(crate) fn keep(pid: u32, core: usize) {
    if cores() < 2 {
        return;
    }
    let mut command = Command::new("taskset");
    command.args(["--all-tasks", "--cpu-list", "--pid", &core.to_string(), &pid.to_string()]).stdout(Stdio::null());
    assert!(command.status().unwrap().success(), "taskset (util-linux) cannot keep process {pid} on core {core}");
}

/// Cores of the machine, whichever this process may use.
pub(crate) fn cores() -> usize {
    let online = std::fs::read_to_string("/sys/devices/system/cpu/online").unwrap_or_default();
    let last = online.trim().rsplit(['-', ',']).next().and_then(|core| core.parse::<usize>().ok());
    last.map_or(1, |core| core + 1)
}
