//! Records on their way to the ledger, in files of this machine: so that a process that is killed loses none that was answered for.
//!
//! A record is appended before its answer leaves. A process has a name of its own, a locked file of that name while it lives, and
//! segments `NAME-NUMBER.jsonl`; a segment that is closed goes to the ledger and is deleted then. Whoever finds a lock file that nobody
//! holds takes over what lies beside it. What was written is there when the process is killed; when the machine loses its power the last
//! moments may be missing.

use std::collections::{BTreeMap, VecDeque};
use std::fs::{self, DirBuilder, File, OpenOptions, TryLockError};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::Record;

/// The journal of a process.
#[derive(Debug)]
pub(crate) struct Journal {
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
    pub(crate) fn in_folder(folder: &Path) -> io::Result<Self> {
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
    pub(crate) fn in_memory() -> Self {
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
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn record(id: u32) -> Record {
        serde_json::from_value(serde_json::json!({
            "id": format!("{id:032x}"), "repeatable": false, "time": 7, "tenant": "acme", "model": "m", "version": "1",
            "route": "infer", "rows": 1, "billed_ms": 1, "bytes_in": 1, "bytes_out": 1, "sealed": false, "cost": "0",
            "request": "r",
        }))
        .expect("a record")
    }

    fn ids(batches: &[Batch]) -> Vec<u32> {
        let records = batches.iter().flat_map(|batch| batch.read().expect("read"));
        records.map(|record| u32::from_str_radix(&record.id, 16).expect("made here")).collect()
    }

    fn files(folder: &Path) -> usize {
        fs::read_dir(folder).expect("listed").count()
    }

    #[test]
    fn what_is_kept_comes_back_until_it_is_done() {
        let folder = tempfile::tempdir().expect("a folder");
        for journal in [Journal::in_memory(), Journal::in_folder(folder.path()).expect("made")] {
            assert!(journal.closed().expect("read").is_empty());
            for id in 0..3 {
                journal.append(record(id)).expect("kept");
            }
            let mut batches = journal.closed().expect("read");
            journal.append(record(3)).expect("kept");
            assert_eq!(ids(&batches), [0, 1, 2]);
            journal.undone(batches.pop().expect("one"));
            let batches = journal.closed().expect("read");
            let mut seen = ids(&batches);
            seen.sort_unstable();
            assert_eq!(seen, [0, 1, 2, 3]);
            for batch in &batches {
                Journal::done(batch).expect("forgotten");
            }
            assert!(journal.closed().expect("read").is_empty());
        }
        assert_eq!(files(folder.path()), 0, "the lock goes with a process that left nothing");
    }

    #[test]
    fn what_the_dead_leave_is_taken_over_once_and_what_the_living_have_is_not() {
        let folder = tempfile::tempdir().expect("a folder");
        let (living, dead) = (Journal::in_folder(folder.path()), Journal::in_folder(folder.path()));
        let (living, dead) = (living.expect("made"), dead.expect("made"));
        for (id, journal) in [(1, &dead), (2, &living)] {
            journal.append(record(id)).expect("kept");
        }
        dead.closed().expect("read");
        dead.append(record(3)).expect("kept, in a segment that is open");
        let heir = Journal::in_folder(folder.path()).expect("made");
        assert!(heir.left_by_others().expect("read").is_empty(), "both live");
        // What a killed process leaves: its files, unlocked.
        if let Place::Folder { lock, .. } = &dead.place {
            lock.unlock().expect("it was locked");
        }
        std::mem::forget(dead);
        let left = heir.left_by_others().expect("read");
        assert_eq!(ids(&left), [1, 3]);
        assert!(living.left_by_others().expect("read").is_empty(), "the heir has it");
        for batch in left {
            Journal::done(&batch).expect("forgotten");
        }
        assert!(heir.left_by_others().expect("read").is_empty());
        assert_eq!(files(folder.path()), 3, "two locks and the segment of the living");
    }

    #[test]
    fn a_folder_that_others_may_write_is_not_used() {
        let folder = tempfile::tempdir().expect("a folder");
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o770)).expect("it is ours");
        let error = Journal::in_folder(folder.path()).expect_err("a group may write it");
        assert!(error.to_string().contains("others than this user"), "{error}");
        assert_eq!(files(folder.path()), 0);
    }

    #[test]
    fn what_is_kept_while_others_are_brought_away_is_not_lost() {
        let folder = tempfile::tempdir().expect("a folder");
        let journal = Arc::new(Journal::in_folder(folder.path()).expect("made"));
        let keeping = Arc::clone(&journal);
        let kept = std::thread::spawn(move || (0..4000).for_each(|id| keeping.append(record(id)).expect("kept")));
        let mut seen = Vec::new();
        loop {
            let is_over = kept.is_finished();
            let batches = journal.closed().expect("read");
            seen.extend(ids(&batches));
            for batch in &batches {
                Journal::done(batch).expect("forgotten");
            }
            if is_over {
                break;
            }
        }
        kept.join().expect("no panic");
        seen.sort_unstable();
        assert_eq!(seen, (0..4000).collect::<Vec<_>>());
    }

    #[test]
    fn what_was_claimed_and_not_brought_goes_back() {
        let folder = tempfile::tempdir().expect("a folder");
        for journal in [Journal::in_memory(), Journal::in_folder(folder.path()).expect("made")] {
            let journal = Arc::new(journal);
            journal.append(record(1)).expect("kept");
            let claim = || Claimed::of(Arc::clone(&journal), Journal::closed).expect("read");
            for _ in 0..2 {
                let claimed = claim();
                assert_eq!(claimed.first().expect("read").map(|records| records.len()), Some(1));
                assert!(claim().is_empty(), "somebody has it");
            }
            claim().done().expect("forgotten");
            assert!(claim().is_empty());
        }
    }

    #[test]
    fn what_the_disk_does_not_take_is_kept_in_memory() {
        let folder = tempfile::tempdir().expect("a folder");
        let journal = Journal::in_folder(folder.path()).expect("made");
        let Place::Folder { name, .. } = &journal.place else { panic!("it has a folder") };
        // A folder in the place of the segment, since root may write where it is forbidden.
        fs::create_dir(segment(folder.path(), name, 0)).expect("made");
        assert!(journal.append(record(1)).is_err());
        let batches = journal.closed().expect("read");
        assert_eq!(ids(&batches), [1]);
        fs::remove_dir(segment(folder.path(), name, 0)).expect("empty");
    }

    #[test]
    fn a_torn_line_hides_no_other() {
        let folder = tempfile::tempdir().expect("a folder");
        let journal = Journal::in_folder(folder.path()).expect("made");
        journal.append(record(1)).expect("kept");
        let Place::Folder { name, .. } = &journal.place else { panic!("it has a folder") };
        let mut file = OpenOptions::new().append(true).open(segment(folder.path(), name, 0)).expect("it is there");
        file.write_all(br#"{"id":"0000"#).expect("written");
        assert_eq!(ids(&journal.closed().expect("read")), [1]);
    }
}
