//! A disk that is slow for some processes: the kernel lets few of their writes through. With cgroup v1, as root.

use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::{fs, io};

const CONTROLLER: &str = "/sys/fs/cgroup/blkio";

/// A group of processes for which a disk is slow. Dropping it lets them go.
pub(crate) struct SlowDisk {
    group: PathBuf,
}

impl SlowDisk {
    /// Makes the disk slow on which this lies, for nobody yet. None where the kernel does not offer that.
    pub(crate) fn below(path: &Path, writes_a_second: u32) -> Option<Self> {
        let device = disk(path)?;
        let group = Path::new(CONTROLLER).join(format!("tracardi-slow-disk-{}", std::process::id()));
        // The name of one that a test which was killed has left is taken again.
        if let Err(error) = fs::create_dir(&group)
            && error.kind() != io::ErrorKind::AlreadyExists
        {
            return None;
        }
        let limit = format!("{device} {writes_a_second}");
        let slow = Self { group };
        fs::write(slow.group.join("blkio.throttle.write_iops_device"), limit).ok().map(|()| slow)
    }

    /// From now on it is slow for this process.
    pub(crate) fn slow_down(&self, process: u32) {
        fs::write(self.group.join("cgroup.procs"), process.to_string()).unwrap();
    }

    /// Writes that were let through so far.
    pub(crate) fn writes(&self) -> u64 {
        let told = fs::read_to_string(self.group.join("blkio.throttle.io_serviced")).unwrap();
        told.lines()
            .filter_map(|line| line.split_once(" Write "))
            .map(|(_, number)| number.parse::<u64>().unwrap())
            .sum()
    }
}

impl Drop for SlowDisk {
    fn drop(&mut self) {
        let processes = fs::read_to_string(self.group.join("cgroup.procs")).unwrap_or_default();
        for process in processes.lines() {
            // It may have ended.
            let _ = fs::write(Path::new(CONTROLLER).join("cgroup.procs"), process);
        }
        let _ = fs::remove_dir(&self.group);
    }
}

/// Numbers of the disk on which this lies: of the whole disk, whatever the partition.
fn disk(path: &Path) -> Option<String> {
    let device = fs::metadata(path).ok()?.dev();
    // As the C library takes the two apart.
    let (major, minor) = (device >> 8 & 0xfff | device >> 32 & !0xfff, device & 0xff | device >> 12 & !0xff);
    let described = fs::canonicalize(format!("/sys/dev/block/{major}:{minor}")).ok()?;
    let whole = if described.join("partition").exists() { described.parent()? } else { &described };
    Some(fs::read_to_string(whole.join("dev")).ok()?.trim().to_owned())
}
