//! A ledger in a SQLite file, for all processes of one machine.
//!
//! The file is in WAL mode. Writes survive the end of the process; after a power failure the last moments may be missing.
//!
//! A dedicated thread owns the connection, so that no other blocking work of the process delays the ledger.

use std::fs::OpenOptions;
use std::os::unix::fs::OpenOptionsExt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use bytes::Bytes;
use rusqlite::{Connection, ErrorCode, OptionalExtension, TransactionBehavior, params};
use tokio::sync::oneshot;

use crate::clock::Clock;
use crate::counter::{CounterOutcome, CounterUpdate};
use crate::entry::{LedgerEntry, LedgerKey, LedgerWrite, ListedEntry, Revision};
use crate::error::LedgerError;
use crate::ledger::{InsertOutcome, Ledger, bounded};

/// A ledger in a file. Cheap to clone.
#[derive(Clone, Debug)]
pub struct SqliteLedger {
    /// Jobs for the connection's thread, which ends when the last sender is dropped.
    asked: Sender<SqliteJob>,
    path: PathBuf,
    clock: Clock,
}

type SqliteJob = Box<dyn FnOnce(&mut Connection) + Send>;

impl SqliteLedger {
    /// Opens the file at `path`, or creates it, readable by its owner only.
    ///
    /// # Errors
    /// [`LedgerError::Denied`] if it cannot be opened, [`LedgerError::Format`] if it is not a ledger.
    pub async fn open(path: &Path, clock: Clock) -> Result<Self, LedgerError> {
        let (asked, jobs) = channel();
        let (reply, opened) = oneshot::channel();
        let of_thread = path.to_owned();
        let begin = move || match connect(&of_thread) {
            Ok(connection) => {
                if reply.send(Ok(())).is_ok() {
                    work(connection, &jobs);
                }
            }
            Err(error) => drop(reply.send(Err(error))),
        };
        let thread = std::thread::Builder::new().name("ledger".to_owned()).spawn(begin);
        thread.map_err(|error| LedgerError::Unreachable { ledger: name(path), cause: error.to_string() })?;
        opened.await.unwrap_or_else(|_| Err(ended(path)))?;
        Ok(Self { asked, path: path.to_owned(), clock })
    }

    /// Runs `work` in a transaction on the connection's thread; skips it if the caller has stopped waiting.
    async fn with<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Connection, i64) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, LedgerError> {
        let (clock, (reply, done)) = (self.clock.clone(), oneshot::channel());
        let job = move |connection: &mut Connection| {
            if reply.is_closed() {
                return;
            }
            let transact = || {
                let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
                let result = work(&transaction, milliseconds(clock.now()))?;
                transaction.commit()?;
                Ok(result)
            };
            let _ = reply.send(transact());
        };
        self.asked.send(Box::new(job)).map_err(|_| ended(&self.path))?;
        match done.await {
            Ok(result) => result.map_err(|error| failed(&self.path, &error)),
            Err(_) => Err(ended(&self.path)),
        }
    }
}

#[async_trait]
impl Ledger for SqliteLedger {
    async fn read(&self, key: &LedgerKey) -> Result<Option<LedgerEntry>, LedgerError> {
        let key = key.clone();
        self.with(move |connection, now| read(connection, &key, now)).await
    }

    async fn insert(&self, key: &LedgerKey, value: Bytes, ttl: Duration) -> Result<InsertOutcome, LedgerError> {
        bounded(&value)?;
        let (key, revision) = (key.clone(), Revision::draw()?);
        self.with(move |connection, now| {
            if let Some(entry) = read(connection, &key, now)? {
                return Ok(InsertOutcome::Exists(entry));
            }
            connection.prepare_cached(PURGE)?.execute(params![now, 8])?;
            put(connection, &key, &value, revision, now.saturating_add(milliseconds(ttl)))?;
            Ok(InsertOutcome::New(revision))
        })
        .await
    }

    async fn replace(
        &self,
        key: &LedgerKey,
        revision: Revision,
        value: Bytes,
        ttl: Duration,
    ) -> Result<Option<Revision>, LedgerError> {
        bounded(&value)?;
        let (key, new) = (key.clone(), Revision::draw()?);
        self.with(move |connection, now| {
            let end = now.saturating_add(milliseconds(ttl));
            let mut put = connection.prepare_cached(
                "UPDATE entries SET value = ?5, revision = ?6, ends = ?7 WHERE partition = ?1 AND sort = ?2 AND revision = ?3 AND ends > ?4",
            )?;
            let old = stored(revision);
            let written = put.execute(params![key.partition(), key.sort(), old, now, &value[..], stored(new), end])?;
            Ok((written > 0).then_some(new))
        })
        .await
    }

    async fn extend(&self, key: &LedgerKey, revision: Revision, ttl: Duration) -> Result<bool, LedgerError> {
        let key = key.clone();
        self.with(move |connection, now| {
            let end = now.saturating_add(milliseconds(ttl));
            let mut put = connection.prepare_cached(
                "UPDATE entries SET ends = ?5 WHERE partition = ?1 AND sort = ?2 AND revision = ?3 AND ends > ?4",
            )?;
            Ok(put.execute(params![key.partition(), key.sort(), stored(revision), now, end])? > 0)
        })
        .await
    }

    async fn remove(&self, key: &LedgerKey, revision: Revision) -> Result<bool, LedgerError> {
        let key = key.clone();
        self.with(move |connection, now| {
            let mut delete = connection.prepare_cached(
                "DELETE FROM entries WHERE partition = ?1 AND sort = ?2 AND revision = ?3 AND ends > ?4",
            )?;
            Ok(delete.execute(params![key.partition(), key.sort(), stored(revision), now])? > 0)
        })
        .await
    }

    async fn write(&self, writes: &[LedgerWrite]) -> Result<(), LedgerError> {
        writes.iter().try_for_each(|write| bounded(&write.value))?;
        let (writes, revision) = (writes.to_vec(), Revision::draw()?);
        let purged = i64::try_from(8 + 2 * writes.len()).unwrap_or(i64::MAX);
        self.with(move |connection, now| {
            connection.prepare_cached(PURGE)?.execute(params![now, purged])?;
            for LedgerWrite { key, value, ttl } in &writes {
                put(connection, key, value, revision, now.saturating_add(milliseconds(*ttl)))?;
            }
            Ok(())
        })
        .await
    }

    async fn list(&self, partition: &str, after: &str, limit: usize) -> Result<Vec<ListedEntry>, LedgerError> {
        let (partition, after) = (partition.to_owned(), after.to_owned());
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        self.with(move |connection, now| {
            let mut select = connection.prepare_cached(
                "SELECT sort, value, revision FROM entries WHERE partition = ?1 AND sort > ?2 AND ends > ?3 ORDER BY sort LIMIT ?4",
            )?;
            let rows = select.query_map(params![partition, after, now, limit], |row| {
                let value = Bytes::from(row.get::<_, Vec<u8>>(1)?);
                let revision = Revision::from_number(row.get::<_, i64>(2)?.cast_unsigned());
                Ok(ListedEntry { sort: row.get(0)?, entry: LedgerEntry { value, revision } })
            })?;
            rows.collect()
        })
        .await
    }

    async fn count(&self, key: &LedgerKey, count: CounterUpdate) -> Result<CounterOutcome, LedgerError> {
        let (key, revision) = (key.clone(), Revision::draw()?);
        self.with(move |connection, now| {
            let stands = read(connection, &key, now)?;
            let stands = stands.and_then(|entry| entry.value.as_ref().try_into().ok().map(i64::from_be_bytes));
            let counted = count.on(stands);
            if let CounterOutcome::Now(sum) = counted {
                let end = now.saturating_add(milliseconds(count.ttl));
                put(connection, &key, &sum.to_be_bytes(), revision, end)?;
            }
            Ok(counted)
        })
        .await
    }
}

/// The thread of a connection.
fn work(mut connection: Connection, jobs: &Receiver<SqliteJob>) {
    while let Ok(job) = jobs.recv() {
        // A job that panics has rolled back its transaction and dropped its reply channel.
        if catch_unwind(AssertUnwindSafe(|| job(&mut connection))).is_err() {
            tracing::error!("ledger operation panicked");
        }
    }
}

fn ended(path: &Path) -> LedgerError {
    LedgerError::Unreachable { ledger: name(path), cause: "its thread dropped the operation".to_owned() }
}

/// Writes an entry unconditionally.
fn put(connection: &Connection, key: &LedgerKey, value: &[u8], revision: Revision, end: i64) -> rusqlite::Result<()> {
    let mut put = connection.prepare_cached(
        "INSERT OR REPLACE INTO entries (partition, sort, value, revision, ends) VALUES (?1, ?2, ?3, ?4, ?5)",
    )?;
    put.execute(params![key.partition(), key.sort(), value, stored(revision), end])?;
    Ok(())
}

fn connect(path: &Path) -> Result<Connection, LedgerError> {
    // SQLite gives its other files the mode of this one.
    let made = OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).open(path);
    made.map_err(|error| LedgerError::Denied { ledger: name(path), cause: error.to_string() })?;
    let set_up = || {
        let mut connection = Connection::open(path)?;
        connection.busy_timeout(BUSY_TIMEOUT)?;
        connection.pragma_update(None, "journal_mode", "wal")?;
        connection.pragma_update(None, "synchronous", "normal")?;
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let version = transaction.query_row("PRAGMA user_version", [], |row| row.get::<_, i64>(0))?;
        if version == 0 {
            transaction.execute_batch(TABLES)?;
        }
        transaction.commit()?;
        Ok((connection, version))
    };
    let begun = Instant::now();
    let (connection, version) = loop {
        match set_up() {
            // Switching to WAL mode needs the file exclusively for a moment, and SQLite does not wait for that.
            Err(error) if is_busy(&error) && begun.elapsed() < BUSY_TIMEOUT * 5 => {
                std::thread::sleep(BUSY_TIMEOUT / 100);
            }
            opened => break opened.map_err(|error| failed(path, &error))?,
        }
    };
    if version > VERSION {
        let cause = format!("expected version {VERSION}, got {version}");
        return Err(LedgerError::Format { ledger: name(path), cause });
    }
    Ok(connection)
}

fn read(connection: &Connection, key: &LedgerKey, now: i64) -> rusqlite::Result<Option<LedgerEntry>> {
    let mut select = connection
        .prepare_cached("SELECT value, revision FROM entries WHERE partition = ?1 AND sort = ?2 AND ends > ?3")?;
    let entry = select.query_row(params![key.partition(), key.sort(), now], |row| {
        let value = Bytes::from(row.get::<_, Vec<u8>>(0)?);
        Ok(LedgerEntry { value, revision: Revision::from_number(row.get::<_, i64>(1)?.cast_unsigned()) })
    });
    entry.optional()
}

fn is_busy(error: &rusqlite::Error) -> bool {
    matches!(error.sqlite_error_code(), Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked))
}

fn failed(path: &Path, error: &rusqlite::Error) -> LedgerError {
    let (ledger, cause) = (name(path), error.to_string());
    match error.sqlite_error_code() {
        Some(ErrorCode::NotADatabase | ErrorCode::DatabaseCorrupt | ErrorCode::Unknown) => {
            LedgerError::Format { ledger, cause }
        }
        Some(ErrorCode::CannotOpen | ErrorCode::PermissionDenied | ErrorCode::ReadOnly) => {
            LedgerError::Denied { ledger, cause }
        }
        _ => LedgerError::Unreachable { ledger, cause },
    }
}

fn name(path: &Path) -> String {
    format!("the ledger {}", path.display())
}

fn milliseconds(time: Duration) -> i64 {
    i64::try_from(time.as_millis()).unwrap_or(i64::MAX)
}

/// SQLite's numbers have a sign.
fn stored(revision: Revision) -> i64 {
    revision.number().cast_signed()
}

const TABLES: &str = "
    CREATE TABLE entries (
        partition TEXT NOT NULL,
        sort TEXT NOT NULL,
        value BLOB NOT NULL,
        revision INTEGER NOT NULL,
        ends INTEGER NOT NULL, -- milliseconds since 1970
        PRIMARY KEY (partition, sort)
    );
    CREATE INDEX entries_by_end ON entries (ends);
    PRAGMA user_version = 1;
";
const VERSION: i64 = 1;
/// Removes some expired entries: more than are written meanwhile.
const PURGE: &str = "DELETE FROM entries WHERE rowid IN (SELECT rowid FROM entries WHERE ends <= ?1 LIMIT ?2)";
/// How long a write waits for another process's write.
const BUSY_TIMEOUT: Duration = Duration::from_secs(1);

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;
    use std::sync::{Arc, Mutex};

    use super::*;

    #[test]
    fn blocking_work_of_others_does_not_stand_before_it() {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().max_blocking_threads(1).build();
        runtime.expect("a runtime").block_on(async {
            let folder = tempfile::tempdir().expect("a folder");
            let ledger = SqliteLedger::open(&folder.path().join("ledger"), Clock::default()).await.expect("opened");
            let (go, wait) = channel::<()>();
            let blocking = tokio::task::spawn_blocking(move || wait.recv());
            let key = LedgerKey::new("a", "b");
            let inserting = ledger.insert(&key, Bytes::new(), Duration::from_secs(9));
            let inserted = tokio::time::timeout(Duration::from_secs(5), inserting).await;
            drop(go);
            assert!(matches!(inserted, Ok(Ok(InsertOutcome::New(_)))), "it waited for the others");
            let _ = blocking.await;
        });
    }

    #[tokio::test]
    async fn what_nobody_waits_for_is_not_done_and_a_panic_ends_one_operation_only() {
        let folder = tempfile::tempdir().expect("a folder");
        let ledger = SqliteLedger::open(&folder.path().join("ledger"), Clock::default()).await.expect("opened");
        let (go, wait) = channel::<()>();
        let blocks = ledger.with(move |_, _| Ok(wait.recv().is_ok()));
        let (key, ended) = (LedgerKey::new("a", "b"), LedgerKey::new("c", "d"));
        let left = async {
            let insert = ledger.insert(&key, Bytes::new(), Duration::from_secs(9));
            let waited = tokio::time::timeout(Duration::from_millis(10), insert).await;
            drop(go);
            waited.expect_err("the thread is busy")
        };
        let (blocked, _) = tokio::join!(blocks, left);
        assert!(!blocked.expect("done"));
        assert!(ledger.read(&key).await.expect("read").is_none(), "who asked for it has gone");
        let panics = ledger.with::<()>(move |connection, now| {
            put(connection, &ended, &[], Revision::draw().expect("random"), now + 9000)?;
            panic!("in the middle of a transaction");
        });
        assert!(matches!(panics.await, Err(LedgerError::Unreachable { .. })));
        assert!(ledger.read(&LedgerKey::new("c", "d")).await.expect("it goes on").is_none(), "rolled back");
    }

    #[tokio::test]
    async fn the_files_are_their_owners_alone() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("ledger.sqlite");
        let ledger = SqliteLedger::open(&path, Clock::default()).await.expect("opened");
        ledger.insert(&LedgerKey::new("a", "b"), Bytes::new(), Duration::from_secs(9)).await.expect("written");
        let mut seen = 0;
        for file in std::fs::read_dir(folder.path()).expect("listed") {
            let mode = file.expect("a file").metadata().expect("its metadata").permissions().mode();
            assert_eq!(mode & 0o777, 0o600);
            seen += 1;
        }
        assert!(seen >= 2, "a write-ahead log too");
    }

    #[tokio::test]
    async fn many_open_a_new_file_at_once() {
        for _ in 0..8 {
            let folder = tempfile::tempdir().expect("a folder");
            let path = folder.path().join("ledger.sqlite");
            let opening = (0..8).map(|_| SqliteLedger::open(&path, Clock::default()));
            for opened in futures_util::future::join_all(opening).await {
                opened.expect("opened");
            }
        }
    }

    #[tokio::test]
    async fn what_is_no_ledger_is_refused() {
        let folder = tempfile::tempdir().expect("a folder");
        let text = folder.path().join("text");
        std::fs::write(&text, "this is no database, whatever it is called, and it is long enough").expect("written");
        assert!(matches!(SqliteLedger::open(&text, Clock::default()).await, Err(LedgerError::Format { .. })));
        let missing = folder.path().join("no/such/folder");
        assert!(matches!(SqliteLedger::open(&missing, Clock::default()).await, Err(LedgerError::Denied { .. })));
        let newer = folder.path().join("newer");
        Connection::open(&newer).and_then(|made| made.pragma_update(None, "user_version", 7)).expect("made");
        let error = SqliteLedger::open(&newer, Clock::default()).await.expect_err("another version");
        assert!(error.to_string().contains("expected version 1, got 7"), "{error}");
    }

    #[tokio::test]
    async fn what_has_ended_is_taken_away() {
        let folder = tempfile::tempdir().expect("a folder");
        let time = Arc::new(Mutex::new(Duration::from_secs(1)));
        let hand = Arc::clone(&time);
        let clock = Clock::new(move || *hand.lock().expect("not poisoned"));
        let ledger = SqliteLedger::open(&folder.path().join("ledger"), clock).await.expect("opened");
        let insert = async |number: u32| {
            let inserted =
                ledger.insert(&LedgerKey::new(number.to_string(), "x"), Bytes::new(), Duration::from_secs(1)).await;
            assert!(matches!(inserted, Ok(InsertOutcome::New(_))));
        };
        for number in 0..8 {
            insert(number).await;
        }
        *time.lock().expect("not poisoned") += Duration::from_secs(1);
        insert(8).await;
        let left = ledger
            .with(|connection, _| connection.query_row("SELECT count(*) FROM entries", [], |row| row.get::<_, i64>(0)));
        assert_eq!(left.await.expect("counted"), 1);
    }
}
