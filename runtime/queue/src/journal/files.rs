//! The segments on disk.

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tracardi_process::lock;

use super::format::{self, HEADER, Record, Scan};
use super::state::Place;

/// A file of records.
#[derive(Debug)]
struct Segment {
    file: Arc<File>,
    /// Bytes that count; what stands behind them is left from a write that failed.
    length: u64,
}

/// The segments of a journal; the newest one is written to.
#[derive(Debug)]
pub(super) struct Files {
    directory: PathBuf,
    segments: BTreeMap<u64, Segment>,
    /// Locked as long as this lives.
    _lock: File,
}

/// What was found when a journal was opened.
#[derive(Debug, Default)]
pub(super) struct Found {
    /// All records in order.
    pub(super) records: Vec<(Place, Record)>,
    /// Segments with pieces that are no records, and these.
    pub(super) damage: Vec<(u64, Vec<Vec<u8>>)>,
    /// Bytes that were cut off the end.
    pub(super) torn: u64,
}

impl Files {
    /// Opens the segments of a directory, which is made if there is none, and reads them. One process at a time.
    pub(super) fn open(directory: &Path) -> io::Result<(Self, Found)> {
        fs::create_dir_all(directory)?;
        let lock = OpenOptions::new().create(true).truncate(false).write(true).open(directory.join("lock"))?;
        lock::take(&lock).map_err(|error| match error {
            TryLockError::WouldBlock => io::Error::new(
                io::ErrorKind::ResourceBusy,
                format!(
                    "{} is in use by another process: end it first or choose another directory",
                    directory.display()
                ),
            ),
            TryLockError::Error(error) => error,
        })?;
        let mut files = Self { directory: directory.to_owned(), segments: BTreeMap::new(), _lock: lock };
        let mut numbers = Vec::new();
        for entry in fs::read_dir(directory)? {
            let name = entry?.file_name();
            let number = name.to_str().and_then(|name| name.strip_suffix(".journal")?.parse::<u64>().ok());
            numbers.extend(number);
        }
        numbers.sort_unstable();
        let mut found = Found::default();
        for number in &numbers {
            files.read(*number, numbers.last() == Some(number), &mut found)?;
        }
        if files.segments.is_empty() {
            files.add(1)?;
        }
        Ok((files, found))
    }

    fn read(&mut self, number: u64, last: bool, found: &mut Found) -> io::Result<()> {
        let path = self.path(number);
        let file = OpenOptions::new().read(true).write(true).open(&path)?;
        let bytes = fs::read(&path)?;
        let start = match format::version(&bytes) {
            Some(version) if format::is_known(version) => HEADER,
            Some(version) => {
                let told = format!("{} has format {version}, which only a newer tracardi can read", path.display());
                return Err(io::Error::new(io::ErrorKind::Unsupported, told));
            }
            // Made at the moment of a crash, or damaged: then what can be read is read.
            None => 0,
        };
        let Scan { records, mut damage, end } = format::scan(&bytes, start);
        if records.is_empty() && start == 0 && last {
            found.torn += as_u64(bytes.len());
            drop(file);
            fs::remove_file(&path)?;
            return self.sync_directory();
        }
        if last {
            found.torn += as_u64(bytes.len() - end);
            file.set_len(as_u64(end))?;
        } else if end < bytes.len() {
            damage.push(end..bytes.len());
        }
        // What was read may be in memory only yet, if the process died and the machine did not.
        file.sync_data()?;
        let place = |(at, length)| Place { segment: number, at: as_u64(at), length: as_u64(length) };
        found.records.extend(records.into_iter().map(|(at, length, record)| (place((at, length)), record)));
        if !damage.is_empty() {
            let pieces = damage.into_iter().filter_map(|range| bytes.get(range).map(<[u8]>::to_vec));
            found.damage.push((number, pieces.collect()));
        }
        self.segments
            .insert(number, Segment { file: Arc::new(file), length: as_u64(if last { end } else { bytes.len() }) });
        Ok(())
    }

    /// Appends bytes to the newest segment; where they begin. They are not durable yet. After an error nothing of them counts.
    pub(super) fn append(&mut self, bytes: &[u8]) -> io::Result<Place> {
        if self.segments.is_empty() {
            self.add(1)?;
        }
        let Some((number, segment)) = self.segments.iter_mut().next_back() else {
            return Err(io::ErrorKind::NotFound.into());
        };
        let place = Place { segment: *number, at: segment.length, length: as_u64(bytes.len()) };
        if let Err(error) = segment.file.write_all_at(bytes, segment.length) {
            // Should this fail as well: the next write overwrites it, and at the next start it is a torn end.
            let _ = segment.file.set_len(segment.length);
            return Err(error);
        }
        segment.length += place.length;
        Ok(place)
    }

    /// The newest segment's file, to be synced while others read.
    pub(super) fn newest(&self) -> Option<Arc<File>> {
        self.segments.values().next_back().map(|segment| segment.file.clone())
    }

    /// The oldest and the newest segment.
    #[cfg(test)]
    pub(super) fn ends(&self) -> (u64, u64) {
        let mut numbers = self.segments.keys().copied();
        let oldest = numbers.next().unwrap_or_default();
        (oldest, numbers.next_back().unwrap_or(oldest))
    }

    /// What was appended last does not count: it could not be made durable. What the disk has of it nobody knows, so this segment is
    /// not written to again.
    pub(super) fn take_back(&mut self, place: Place) -> io::Result<()> {
        if let Some(segment) = self.segments.get_mut(&place.segment) {
            segment.length = place.at;
            let _ = segment.file.set_len(place.at);
        }
        self.roll()
    }

    /// Begins a new segment.
    pub(super) fn roll(&mut self) -> io::Result<()> {
        let number = self.segments.keys().next_back().copied().unwrap_or_default();
        self.add(number.saturating_add(1))
    }

    fn add(&mut self, number: u64) -> io::Result<()> {
        let path = self.path(number);
        let made = OpenOptions::new().create(true).truncate(true).read(true).write(true).open(&path).and_then(|file| {
            file.write_all_at(&format::header(number), 0)?;
            file.sync_data()?;
            self.sync_directory()?;
            Ok(file)
        });
        match made {
            Ok(file) => {
                self.segments.insert(number, Segment { file: Arc::new(file), length: as_u64(HEADER) });
                Ok(())
            }
            Err(error) => {
                let _ = fs::remove_file(&path);
                Err(error)
            }
        }
    }

    /// Removes the oldest segment, for good: none behind it may go before it.
    pub(super) fn remove_oldest(&mut self) -> io::Result<()> {
        let Some(number) = self.oldest() else { return Ok(()) };
        fs::remove_file(self.path(number))?;
        self.segments.remove(&number);
        self.sync_directory()
    }

    /// The oldest segment that is not written to.
    pub(super) fn oldest(&self) -> Option<u64> {
        (self.segments.len() > 1).then(|| self.segments.keys().next().copied()).flatten()
    }

    /// Bytes of all segments, and of the newest.
    pub(super) fn lengths(&self) -> (u64, u64) {
        let newest = self.segments.values().next_back().map_or(0, |segment| segment.length);
        (self.segments.values().map(|segment| segment.length).sum(), newest)
    }

    /// The file in which a record stands.
    pub(super) fn file(&self, place: Place) -> Option<Arc<File>> {
        self.segments.get(&place.segment).map(|segment| segment.file.clone())
    }

    fn path(&self, number: u64) -> PathBuf {
        self.directory.join(format!("{number:020}.journal"))
    }

    fn sync_directory(&self) -> io::Result<()> {
        File::open(&self.directory)?.sync_all()
    }
}

/// Reads a record; none if the disk does not have it any more as it was written.
pub(super) fn read(file: &File, place: Place) -> Option<Record> {
    let mut bytes = vec![0; usize::try_from(place.length).ok()?];
    file.read_exact_at(&mut bytes, place.at).ok()?;
    Record::read(&bytes).map(|(record, _)| record)
}

fn as_u64(length: usize) -> u64 {
    u64::try_from(length).unwrap_or(u64::MAX)
}
