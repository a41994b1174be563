//! A lock file, by which one process at a time has a directory.

use std::fs::{File, TryLockError};
use std::time::{Duration, Instant};

/// How long somebody who is just leaving is waited for.
const LEAVING: Duration = Duration::from_secs(1);

/// Takes the lock of an open file; it is held until the file is closed. Blocks for at most a second when another one has it, then
/// [`TryLockError::WouldBlock`].
///
/// It is not asked for once, because a lock outlives its holder for moments: a child that the holder has started has the file, too,
/// until it begins with its own program, and a job that has told its last result may not be gone.
pub fn take(file: &File) -> Result<(), TryLockError> {
    let until = Instant::now() + LEAVING;
    loop {
        match file.try_lock() {
            Err(TryLockError::WouldBlock) if Instant::now() < until => std::thread::sleep(Duration::from_millis(10)),
            taken => return taken,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_is_just_leaving_is_waited_for() {
        let path = std::env::temp_dir().join(format!("tracardi-lock-{}", std::process::id()));
        let open = || File::create(&path).unwrap();
        let first = open();
        take(&first).unwrap();
        assert!(matches!(take(&open()), Err(TryLockError::WouldBlock)));
        let leaving = std::thread::spawn(move || {
            std::thread::sleep(Duration::from_millis(50));
            drop(first);
        });
        assert!(take(&open()).is_ok());
        leaving.join().unwrap();
        let _ = std::fs::remove_file(path);
    }
}
