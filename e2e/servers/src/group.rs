//! A server's processes: one process group, ended as a whole, and never outliving us.

use std::fs::{self, File};
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Child, Stdio};
use std::time::Duration;

use nix::sys::signal::{Signal, killpg};
use nix::unistd::{Pid, getpgid};
use tracardi_machine::process::{all_pids, observe};
use tracardi_machine::run::{command, wait_until};
use tracardi_machine::{Error, Result};

use crate::recipe::Launch;

/// A running process group. Dropping it ends it.
#[derive(Debug)]
pub(crate) struct Group {
    /// Its number is the group's. It is waited for only after the group was killed: until then the kernel does not give
    /// the number to anybody else.
    leader: Child,
    /// Ends the group when our end of its standard input is closed, so also when this process dies, however it dies.
    keeper: Child,
}

impl Group {
    /// Starts a program whose output goes to `log`; what an earlier run wrote there is kept as `<log>.before`.
    pub(crate) fn start(launch: &Launch, log: &Path) -> Result<Group> {
        if log.exists() {
            fs::rename(log, log.with_extension("log.before")).map_err(Error::io("cannot rename", log))?;
        }
        let out = File::create(log).map_err(Error::io("cannot create", log))?;
        let err = out.try_clone().map_err(Error::io("cannot create", log))?;
        let mut program = command(&launch.program, &launch.arguments);
        program.envs(launch.environment.iter().cloned()).stdout(out).stderr(err).process_group(0);
        // What it leaves behind, such as a core, goes with its folder.
        program.current_dir(log.parent().unwrap_or(Path::new("/")));
        if let Some(user) = launch.user {
            program.uid(user).gid(user);
        }
        let mut leader = program.spawn().map_err(Error::io("cannot start", &launch.program))?;
        // In a group of its own: it must live on while the server is frozen.
        let mut keeper =
            command("sh", ["-c", "read -r _; kill -s KILL -- \"-$1\"", "keeper", &leader.id().to_string()]);
        keeper.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null()).process_group(0);
        match keeper.spawn() {
            Ok(keeper) => Ok(Group { leader, keeper }),
            Err(error) => {
                // It has a keeper or it does not run; whether ending it works, it must be waited for.
                let _ = leader.kill().and_then(|()| leader.wait());
                Err(Error::io("cannot start", Path::new("sh"))(error))
            }
        }
    }

    /// Number of the leading process.
    pub(crate) fn pid(&self) -> i32 {
        i32::try_from(self.leader.id()).unwrap_or_default()
    }

    /// Whether the leading process has ended (and only waits for being noticed).
    pub(crate) fn has_ended(&self) -> bool {
        observe(self.pid()).is_none_or(|process| process.zombie)
    }

    /// Resident memory of all its processes in bytes; what they share counts for each.
    pub(crate) fn resident_bytes(&self) -> u64 {
        let is_ours = |pid: &i32| getpgid(Some(Pid::from_raw(*pid))).is_ok_and(|group| group.as_raw() == self.pid());
        all_pids().into_iter().filter(is_ours).filter_map(observe).map(|process| process.resident_pages * 4096).sum()
    }

    /// Sends a signal to every process of the group; one that has ended meanwhile is no error.
    pub(crate) fn signal(&self, signal: Signal) {
        let _ = killpg(Pid::from_raw(self.pid()), signal);
    }

    /// Asks the group to end; whether the leading process did within `patience`. What is left is killed.
    pub(crate) fn end(self, patience: Duration) -> bool {
        self.signal(Signal::SIGTERM);
        // One that is frozen cannot end.
        self.signal(Signal::SIGCONT);
        wait_until(patience, Duration::from_millis(20), || self.has_ended())
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        // The keeper first: it must not send its signal to a number that is somebody else's by then.
        let _ = self.keeper.kill().and_then(|()| self.keeper.wait());
        self.signal(Signal::SIGKILL);
        let _ = self.leader.wait();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str) -> Launch {
        Launch::new("sh", ["-c", script])
    }

    fn is_alive(pid: i32) -> bool {
        observe(pid).is_some_and(|process| !process.zombie)
    }

    /// Starts a shell that has a child, and waits until the child's number stands in the log.
    fn with_child(log: &Path) -> (Group, i32) {
        let group = Group::start(&shell("sleep 1000 & echo $!; wait"), log).unwrap();
        let mut child = None;
        wait_until(Duration::from_mins(1), Duration::from_millis(5), || {
            child = fs::read_to_string(log)
                .ok()
                .filter(|text| text.ends_with('\n'))
                .and_then(|text| text.trim().parse().ok());
            child.is_some()
        });
        (group, child.unwrap())
    }

    #[test]
    fn a_dropped_group_ends_with_all_its_processes() {
        let folder = tempfile::tempdir().unwrap();
        let (group, child) = with_child(&folder.path().join("log"));
        assert!(!group.has_ended() && is_alive(child));
        drop(group);
        assert!(wait_until(Duration::from_mins(1), Duration::from_millis(5), || !is_alive(child)));
    }

    #[test]
    fn a_group_ends_when_its_keeper_sees_that_we_are_gone() {
        let folder = tempfile::tempdir().unwrap();
        let (mut group, child) = with_child(&folder.path().join("log"));
        // What the kernel does with our end when we die.
        drop(group.keeper.stdin.take());
        assert!(wait_until(Duration::from_mins(1), Duration::from_millis(5), || group.has_ended() && !is_alive(child)));
    }

    #[test]
    fn a_frozen_group_can_be_asked_to_end() {
        let folder = tempfile::tempdir().unwrap();
        let (group, _) = with_child(&folder.path().join("log"));
        group.signal(Signal::SIGSTOP);
        assert!(group.end(Duration::from_mins(1)));
    }
}
