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

use super::UsageRecord;

/// The journal of a process.
#[derive(Debug)]
pub struct UsageJournal {
    place: JournalPlace,
}

#[derive(Debug)]
enum JournalPlace {
    Folder {
        folder: PathBuf,
        name: String,
        lock: File,
        open: Mutex<OpenSegment>,
    },
    /// Without a writable folder: records are lost with the process.
    Memory(Mutex<Vec<UsageRecord>>),
}

#[derive(Debug, Default)]
struct OpenSegment {
    file: Option<File>,
    number: u64,
    /// Whether there are closed segments.
    waiting: bool,
    /// Records that could not be written because the disk is full.
    unwritten: Vec<UsageRecord>,
}

/// Records that are written to the ledger together, and then deleted here.
#[derive(Debug)]
pub(super) struct JournalBatch {
    /// The segment's file.
    segment: Option<PathBuf>,
    /// Records without a file.
    unwritten: Vec<UsageRecord>,
    /// The lock file of the ended process that wrote them.
    lock: Option<(PathBuf, File)>,
}

impl UsageJournal {
    /// A journal in `folder`, which is created if missing.
    ///
    /// # Errors
    /// If the folder cannot be created or written, or if other users may write it.
    pub fn in_folder(folder: &Path) -> io::Result<Self> {
        DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
        let (name, lock) = own_name(folder)?;
        let (whose, mine) = (fs::metadata(folder)?, lock.metadata()?.uid());
        if whose.uid() != mine || whose.mode() & 0o022 != 0 {
            let _ = fs::remove_file(lock_file(folder, &name));
            return Err(io::Error::other("other users may write the folder"));
        }
        let (folder, open) = (folder.to_owned(), Mutex::default());
        Ok(Self { place: JournalPlace::Folder { folder, name, lock, open } })
    }

    /// A journal in memory, which ends with the process.
    pub fn in_memory() -> Self {
        Self { place: JournalPlace::Memory(Mutex::default()) }
    }

    /// Appends `record`.
    ///
    /// # Errors
    /// Why it could not be written; it is kept in memory then.
    pub(super) fn append(&self, record: UsageRecord) -> io::Result<()> {
        match &self.place {
            JournalPlace::Memory(records) => lock(records).push(record),
            JournalPlace::Folder { folder, name, open, .. } => {
                let mut open = lock(open);
                if let Err(error) = open.write(folder, name, &record) {
                    open.unwritten.push(record);
                    return Err(error);
                }
            }
        }
        Ok(())
    }

    /// Closes the open segment; all batches until now.
    pub(super) fn closed(&self) -> io::Result<Vec<JournalBatch>> {
        match &self.place {
            JournalPlace::Memory(records) => {
                let records = std::mem::take(&mut *lock(records));
                Ok(OpenSegment { unwritten: records, ..OpenSegment::default() }.unwritten())
            }
            JournalPlace::Folder { folder, name, open, .. } => {
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
                // The next segment may exist by now, and is not closed.
                let mut batches = batches(folder, name, Some(below)).inspect_err(|_| lock(open).waiting = true)?;
                batches.extend(lock(open).unwritten());
                Ok(batches)
            }
        }
    }

    /// The batches of ended processes.
    pub(super) fn left_by_others(&self) -> io::Result<Vec<JournalBatch>> {
        let JournalPlace::Folder { folder, name: own, .. } = &self.place else { return Ok(Vec::new()) };
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
                // Another process may have removed it a moment ago.
                let _ = fs::remove_file(&path);
            }
            // The last batch holds the lock, so that no other process takes the rest over.
            if let Some(last) = batches.last_mut() {
                last.lock = Some((path.clone(), lock));
            }
            all.append(&mut batches);
        }
        Ok(all)
    }

    /// Deletes a batch that is in the ledger.
    fn done(batch: &JournalBatch) -> io::Result<()> {
        if let Some(segment) = &batch.segment {
            fs::remove_file(segment)?;
        }
        if let Some((path, _held)) = &batch.lock {
            fs::remove_file(path)?;
        }
        Ok(())
    }

    /// Takes back a batch that could not be written to the ledger; its file still exists.
    fn undone(&self, batch: JournalBatch) {
        match &self.place {
            JournalPlace::Memory(records) => lock(records).extend(batch.unwritten),
            JournalPlace::Folder { open, .. } if batch.segment.is_some() => lock(open).waiting = true,
            JournalPlace::Folder { open, .. } => lock(open).unwritten.extend(batch.unwritten),
        }
    }
}

/// Batches that are being written to the ledger. On drop, the rest goes back to the journal.
#[derive(Debug)]
pub(super) struct ClaimedBatches {
    journal: Arc<UsageJournal>,
    batches: VecDeque<JournalBatch>,
}

impl ClaimedBatches {
    /// The batches that `read` finds in `journal`.
    pub(super) fn of(
        journal: Arc<UsageJournal>,
        read: impl FnOnce(&UsageJournal) -> io::Result<Vec<JournalBatch>>,
    ) -> io::Result<Self> {
        let batches = read(&journal)?.into();
        Ok(Self { journal, batches })
    }

    pub(super) fn is_empty(&self) -> bool {
        self.batches.is_empty()
    }

    /// The records of the first batch. They are read now, because all batches may not fit into memory.
    pub(super) fn first(&self) -> io::Result<Option<Vec<UsageRecord>>> {
        self.batches.front().map(JournalBatch::read).transpose()
    }

    /// Deletes the first batch, which is in the ledger.
    pub(super) fn done(&mut self) -> io::Result<()> {
        let Some(batch) = self.batches.pop_front() else { return Ok(()) };
        let done = UsageJournal::done(&batch);
        if done.is_err() {
            self.journal.undone(batch);
        }
        done
    }
}

impl Drop for ClaimedBatches {
    fn drop(&mut self) {
        for batch in self.batches.drain(..) {
            self.journal.undone(batch);
        }
    }
}

impl OpenSegment {
    fn write(&mut self, folder: &Path, name: &str, record: &UsageRecord) -> io::Result<()> {
        let mut line = serde_json::to_vec(record)?;
        line.push(b'\n');
        let mut file = match self.file.take() {
            Some(file) => file,
            None => created(&segment(folder, name, self.number))?,
        };
        // One write, so that a killed process has written all of the line or none.
        let written = file.write_all(&line);
        self.file = Some(file);
        if written.is_err() {
            // The next record must not follow a part of this one.
            self.close();
        }
        written
    }

    fn close(&mut self) {
        self.file = None;
        self.number += 1;
        self.waiting = true;
    }

    fn unwritten(&mut self) -> Vec<JournalBatch> {
        let records = std::mem::take(&mut self.unwritten);
        if records.is_empty() {
            Vec::new()
        } else {
            vec![JournalBatch { segment: None, unwritten: records, lock: None }]
        }
    }
}

impl Drop for UsageJournal {
    fn drop(&mut self) {
        let JournalPlace::Folder { folder, name, lock, .. } = &self.place else { return };
        // If segments are left, the next process has to find the lock file.
        if batches(folder, name, None).is_ok_and(|batches| batches.is_empty()) {
            let _ = fs::remove_file(lock_file(folder, name));
        }
        let _ = lock.unlock();
    }
}

/// The segments of `name`, oldest first: those with a number below `below`, or all of an ended process.
fn batches(folder: &Path, name: &str, below: Option<u64>) -> io::Result<Vec<JournalBatch>> {
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
    let batch = |path| JournalBatch { segment: Some(path), unwritten: Vec::new(), lock: None };
    Ok(segments.into_values().map(batch).collect())
}

impl JournalBatch {
    fn read(&self) -> io::Result<Vec<UsageRecord>> {
        let Some(segment) = &self.segment else { return Ok(self.unwritten.clone()) };
        let bytes = fs::read(segment)?;
        let mut records = Vec::new();
        for line in bytes.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
            match serde_json::from_slice(line) {
                Ok(record) => records.push(record),
                // The process was killed during the write, before the response. Or the disk was full, and the record is in memory.
                Err(error) => tracing::warn!(column = error.column(), "malformed line in the usage journal"),
            }
        }
        Ok(records)
    }
}

/// A unique name and its lock file, locked.
fn own_name(folder: &Path) -> io::Result<(String, File)> {
    for _ in 0..MAX_NAME_ATTEMPTS {
        let mut random = [0; 8];
        getrandom::fill(&mut random).map_err(|_| io::Error::other("the operating system gave no randomness"))?;
        let name = format!("{:016x}", u64::from_be_bytes(random));
        let path = lock_file(folder, &name);
        let lock = created(&path)?;
        // Before it is locked it looks like that of an ended process, and another process may have removed it.
        let is_there = |lock: &File| Ok::<_, io::Error>(fs::metadata(&path)?.ino() == lock.metadata()?.ino());
        if lock.try_lock().is_ok() && is_there(&lock).unwrap_or(false) {
            return Ok((name, lock));
        }
    }
    Err(io::Error::other("other processes kept removing the lock file"))
}

/// The lock file of an ended process, now held; `None` if its process is running.
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

/// Bounds the attempts to find a unique name.
const MAX_NAME_ATTEMPTS: u32 = 8;

#[cfg(test)]
mod tests;
