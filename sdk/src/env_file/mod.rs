//! Env files: files of shell assignments, such as the `.amaas/env` that `amaas dev` writes, and which of them are used.
//!
//! An env file says where calls, and with them the payload, go. Somebody else can place such a file: in a repository that the
//! user clones, or in a folder above that others can write. Owner and mode do not tell a cloned file from the user's own, because
//! `git clone` makes the user its owner. So a file that is only *found* is used only if `amaas dev` of this user wrote it as it
//! is, and a file that the user *names* is used because it was named:
//!
//! | the folder comes from | which folder | what has to hold |
//! | --- | --- | --- |
//! | an absolute path in `AMAAS_DATA`, or `amaas --data` | that one | *mode* |
//! | a relative path in `AMAAS_DATA` | that one | *mode*, *record* |
//! | neither | `.amaas` in the current folder, or the nearest above it, up to the root of the Git repository or the home folder | *mode*, *record*, no symbolic links |
//!
//! - *mode*: folder and file belong to the effective user or to root, and neither its group nor others can write them. Both are
//!   checked on the descriptors that are read, so nothing can be put in between.
//! - *record*: `amaas dev` keeps the SHA-256 of the file that it wrote in the user's own state folder
//!   (`$XDG_STATE_HOME/amaas/data`, or `~/.local/state/amaas/data`), by the path of the file. A file that came with a clone or an
//!   archive, or that a `git checkout` wrote over, has no such record.
//! - Outside both a repository and the home folder, only the current folder is looked into.
//!
//! A file that is found and does not pass is an error that says how to mend it. It is never skipped for the next one above, so
//! that the settings do not change silently. Cargo and direnv had the same question; Git answers it with `safe.directory`
//! (CVE-2022-24765), direnv with `direnv allow`.

mod lookup;
mod own;
mod record;
mod shell;
mod text;

pub use self::lookup::{Found, Lookup};
pub use self::text::EnvFile;

use crate::{Error, environment};

/// The env file that [`Client::from_env`](crate::Client::from_env) takes endpoint and key from, for programs that say so to a person;
/// `None` if the environment names an endpoint.
///
/// # Errors
/// As [`Client::from_env`](crate::Client::from_env).
pub fn in_use() -> Result<Option<Found>, Error> {
    environment::file(&environment::process()?, &environment::current()?, &Lookup::from_env())
}
