//! A write-ahead journal of usage records on this machine's disk, so that a killed process loses no record of an answered call.
//!
//! A record is appended before its response is sent. A process has a unique name, a locked file of that name while it runs, and
//! segments `NAME-NUMBER.jsonl`; a closed segment is written to the ledger and then deleted. A process that finds an unlocked lock file
//! takes over the segments beside it. Records survive the end of the process; after a power failure the last moments may be missing.
//!
//! Written by hand: a record needs no index or transaction, only an append without `fsync` and a hand-over between processes. Each
//! process appends to a file of its own, so none waits for another; SQLite has one writer at a time.

use std::collections::{BTreeMap, VecDeque};
use std::fs::{self, DirBuilder, File, OpenOptions, TryLockError};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::Record;

/// The journal of a process.
#[derive(Debug)]
pub struct Journal {
    place: Place,
}

#[derive(Debug)]
enum Place {
    Folder {
        folder: PathBuf,
        name: String,
        lock: File,
        open: Mutex<Open>,
    },
    /// Where no folder can be written: what is in it goes with the process.
    Memory(Mutex<Vec<Record>>),
}

#[derive(Debug, Default)]
struct Open {
    file: Option<File>,
    number: u64,
    /// Whether there are closed segments.
    waiting: bool,
    /// What could not be written, because the disk is full.
    unwritten: Vec<Record>,
}

/// Records that go to the ledger together, and are forgotten here when they are there.
#[derive(Debug)]
pub(super) struct Batch {
    /// Where they lie.
    segment: Option<PathBuf>,
    /// Those that lie nowhere.
    unwritten: Vec<Record>,
    /// Who held them, where nobody does any more.
    lock: Option<(PathBuf, File)>,
}

impl Journal {
    /// A journal in `folder`, which is made where it is not there.
    ///
    /// # Errors
    /// When the folder cannot be made or written, or others than this user may write it.
    pub fn in_folder(folder: &Path) -> io::Result<Self> {
        DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
        let (name, lock) = own_name(folder)?;
        let (whose, mine) = (fs::metadata(folder)?, lock.metadata()?.uid());
        if whose.uid() != mine || whose.mode() & 0o022 != 0 {
            let _ = fs::remove_file(lock_file(folder, &name));
            return Err(io::Error::other("others than this user may write the folder"));
        }
        let (folder, open) = (folder.to_owned(), Mutex::default());
        Ok(Self { place: Place::Folder { folder, name, lock, open } })
    }

    /// A journal that ends with the process.
    pub fn in_memory() -> Self {
        Self { place: Place::Memory(Mutex::default()) }
    }

    /// Keeps `record`.
    ///
    /// # Errors
    /// Why it could not be written: it is kept in memory then.
    pub(super) fn append(&self, record: Record) -> io::Result<()> {
        match &self.place {
            Place::Memory(records) => lock(records).push(record),
            Place::Folder { folder, name, open, .. } => {
                let mut open = lock(open);
                if let Err(error) = open.write(folder, name, &record) {
                    open.unwritten.push(record);
                    return Err(error);
                }
            }
        }
        Ok(())
    }

    /// What is to go to the ledger: all that was kept until now.
    pub(super) fn closed(&self) -> io::Result<Vec<Batch>> {
        match &self.place {
            Place::Memory(records) => {
                let records = std::mem::take(&mut *lock(records));
                Ok(Open { unwritten: records, ..Open::default() }.unwritten())
            }
            Place::Folder { folder, name, open, .. } => {
                let below = {
                    let mut open = lock(open);
                    if open.file.is_some() {
                        open.close();
                    }
                    if !std::mem::take(&mut open.waiting) {
                        return Ok(open.unwritten());
                    }
                    open.number
                };
                // The next segment may be there by now, and is not closed.
                let mut batches = batches(folder, name, Some(below)).inspect_err(|_| lock(open).waiting = true)?;
                batches.extend(lock(open).unwritten());
                Ok(batches)
            }
        }
    }

    /// What processes that are gone have left.
    pub(super) fn left_by_others(&self) -> io::Result<Vec<Batch>> {
        let Place::Folder { folder, name: own, .. } = &self.place else { return Ok(Vec::new()) };
        let mut all = Vec::new();
        for file in fs::read_dir(folder)? {
            let path = file?.path();
            let name = path.file_stem().and_then(|name| name.to_str()).filter(|name| *name != own);
            let (Some(name), Some("lock")) = (name, path.extension().and_then(|extension| extension.to_str())) else {
                continue;
            };
            let Some(lock) = taken_over(&path)? else { continue };
            let mut batches = batches(folder, name, None)?;
            if batches.is_empty() {
                // Somebody else may have done so a moment ago.
                let _ = fs::remove_file(&path);
            }
            // The lock goes with the last: until then nobody else takes what is left.
            if let Some(last) = batches.last_mut() {
                last.lock = Some((path.clone(), lock));
            }
            all.append(&mut batches);
        }
        Ok(all)
    }

    /// Forgets what is in the ledger.
    fn done(batch: &Batch) -> io::Result<()> {
        if let Some(segment) = &batch.segment {
            fs::remove_file(segment)?;
        }
        if let Some((path, _held)) = &batch.lock {
            fs::remove_file(path)?;
        }
        Ok(())
    }

    /// Takes back what could not be brought into the ledger: files are there still.
    fn undone(&self, batch: Batch) {
        match &self.place {
            Place::Memory(records) => lock(records).extend(batch.unwritten),
            Place::Folder { open, .. } if batch.segment.is_some() => lock(open).waiting = true,
            Place::Folder { open, .. } => lock(open).unwritten.extend(batch.unwritten),
        }
    }
}

/// Batches on their way to the ledger. Dropped, those that are left go back: whoever brought them was cut off.
#[derive(Debug)]
pub(super) struct Claimed {
    journal: Arc<Journal>,
    batches: VecDeque<Batch>,
}

impl Claimed {
    /// What `read` finds in `journal`.
    pub(super) fn of(journal: Arc<Journal>, read: impl FnOnce(&Journal) -> io::Result<Vec<Batch>>) -> io::Result<Self> {
        let batches = read(&journal)?.into();
        Ok(Self { journal, batches })
    }

    pub(super) fn is_empty(&self) -> bool {
        self.batches.is_empty()
    }

    /// The records that come first, which are read now: there can be more of them than fit into memory together.
    pub(super) fn first(&self) -> io::Result<Option<Vec<Record>>> {
        self.batches.front().map(Batch::read).transpose()
    }

    /// Forgets those: they are in the ledger.
    pub(super) fn done(&mut self) -> io::Result<()> {
        let Some(batch) = self.batches.pop_front() else { return Ok(()) };
        let done = Journal::done(&batch);
        if done.is_err() {
            self.journal.undone(batch);
        }
        done
    }
}

impl Drop for Claimed {
    fn drop(&mut self) {
        for batch in self.batches.drain(..) {
            self.journal.undone(batch);
        }
    }
}

impl Open {
    fn write(&mut self, folder: &Path, name: &str, record: &Record) -> io::Result<()> {
        let mut line = serde_json::to_vec(record)?;
        line.push(b'\n');
        let mut file = match self.file.take() {
            Some(file) => file,
            None => created(&segment(folder, name, self.number))?,
        };
        // In one piece: whoever is killed has written all of it or none.
        let written = file.write_all(&line);
        self.file = Some(file);
        if written.is_err() {
            // What comes next is not to stand behind a part of this one.
            self.close();
        }
        written
    }

    fn close(&mut self) {
        self.file = None;
        self.number += 1;
        self.waiting = true;
    }

    fn unwritten(&mut self) -> Vec<Batch> {
        let records = std::mem::take(&mut self.unwritten);
        if records.is_empty() { Vec::new() } else { vec![Batch { segment: None, unwritten: records, lock: None }] }
    }
}

impl Drop for Journal {
    fn drop(&mut self) {
        let Place::Folder { folder, name, lock, .. } = &self.place else { return };
        // Where segments are left, whoever comes next has to find the lock file.
        if batches(folder, name, None).is_ok_and(|batches| batches.is_empty()) {
            let _ = fs::remove_file(lock_file(folder, name));
        }
        let _ = lock.unlock();
    }
}

/// The segments of `name`, oldest first: those whose number is below `below`, or all, where its process is gone.
fn batches(folder: &Path, name: &str, below: Option<u64>) -> io::Result<Vec<Batch>> {
    let mut segments = BTreeMap::new();
    for file in fs::read_dir(folder)? {
        let path = file?.path();
        let stem = path.file_stem().and_then(|stem| stem.to_str()).and_then(|stem| stem.strip_prefix(name));
        let number = stem.and_then(|rest| rest.strip_prefix('-')?.parse::<u64>().ok());
        let is_segment = path.extension().is_some_and(|is| is == "jsonl");
        if let Some(number) = number.filter(|number| is_segment && below.is_none_or(|below| *number < below)) {
            segments.insert(number, path);
        }
    }
    let batch = |path| Batch { segment: Some(path), unwritten: Vec::new(), lock: None };
    Ok(segments.into_values().map(batch).collect())
}

impl Batch {
    fn read(&self) -> io::Result<Vec<Record>> {
        let Some(segment) = &self.segment else { return Ok(self.unwritten.clone()) };
        let bytes = fs::read(segment)?;
        let mut records = Vec::new();
        for line in bytes.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
            match serde_json::from_slice(line) {
                Ok(record) => records.push(record),
                // Its answer had not left: it was killed while it wrote. Or the disk was full, and it is in memory.
                Err(error) => tracing::warn!(column = error.column(), "a line of the journal is no record"),
            }
        }
        Ok(records)
    }
}

/// A name that nobody else has, and its lock file, locked.
fn own_name(folder: &Path) -> io::Result<(String, File)> {
    for _ in 0..NAMES {
        let mut random = [0; 8];
        getrandom::fill(&mut random).map_err(|_| io::Error::other("the operating system gave no randomness"))?;
        let name = format!("{:016x}", u64::from_be_bytes(random));
        let path = lock_file(folder, &name);
        let lock = created(&path)?;
        // Before it is locked it looks like that of a process that is gone, and somebody may have taken it away.
        let is_there = |lock: &File| Ok::<_, io::Error>(fs::metadata(&path)?.ino() == lock.metadata()?.ino());
        if lock.try_lock().is_ok() && is_there(&lock).unwrap_or(false) {
            return Ok((name, lock));
        }
    }
    Err(io::Error::other("others kept taking the lock file away"))
}

/// The lock file of somebody who is gone, held from now on; nothing where its process lives.
fn taken_over(path: &Path) -> io::Result<Option<File>> {
    let lock = match File::open(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        opened => opened?,
    };
    match lock.try_lock() {
        Ok(()) => Ok(Some(lock)),
        Err(TryLockError::WouldBlock) => Ok(None),
        Err(TryLockError::Error(error)) => Err(error),
    }
}

fn created(path: &Path) -> io::Result<File> {
    OpenOptions::new().append(true).create_new(true).mode(0o600).open(path)
}

fn lock_file(folder: &Path, name: &str) -> PathBuf {
    folder.join(format!("{name}.lock"))
}

fn segment(folder: &Path, name: &str, number: u64) -> PathBuf {
    folder.join(format!("{name}-{number:012}.jsonl"))
}

fn lock<T>(of: &Mutex<T>) -> MutexGuard<'_, T> {
    of.lock().unwrap_or_else(PoisonError::into_inner)
}

/// How often a name is tried.
const NAMES: u32 = 8;

#[cfg(test)]
mod tests;
