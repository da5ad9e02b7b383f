//! Settings from the environment and from env files: files of shell assignments, such as the `.amaas/env` that `amaas dev` writes.
//!
//! An env file names the endpoint that calls, and with them the payload, go to. An attacker can place such a file: in a repository
//! that the user clones, or in a parent folder that others can write. Owner and mode do not tell a cloned file from the user's own,
//! because `git clone` makes the user its owner. So a file that is only *found* is used only if `amaas dev` of this user wrote it
//! with this content. A file that the user *names* is used because it is named:
//!
//! | the folder comes from | the folder | required |
//! | --- | --- | --- |
//! | an absolute path in `AMAAS_DATA`, or `amaas --data` | that one | *mode* |
//! | a relative path in `AMAAS_DATA` | that one | *mode*, *record* |
//! | neither | `.amaas` in the current folder or the nearest parent, up to the root of the Git repository or the home folder | *mode*, *record*, no symbolic links |
//!
//! - *mode*: folder and file belong to the effective user or to root, and neither their group nor others can write them. Both are
//!   checked on the open descriptors, so an attacker cannot swap the file after the check.
//! - *record*: `amaas dev` stores the SHA-256 of the file that it wrote in the user's state folder (`$XDG_STATE_HOME/amaas/data`, or
//!   `~/.local/state/amaas/data`), by the path of the file. A file from a clone or an archive, or one that `git checkout` has
//!   overwritten, has no such record.
//! - Outside both a repository and the home folder, only the current folder is searched.
//!
//! A file that is found and does not pass is an error that explains the remedy. The search never continues with the next parent, so
//! that the settings do not change silently. Git solves the same problem with `safe.directory` (CVE-2022-24765), direnv with
//! `direnv allow`.
//!
//! # Why not a dotenv crate
//! Crates such as `dotenvy` check neither owner nor record, and do not wipe values. They also expand `$NAME`; this parser refuses a
//! line that a shell would read differently. It is a crate of its own because the SDK and the CLI share it, and because
//! `amaas-wire` does no I/O.

mod error;
mod lookup;
mod owned_file;
mod process;
mod record;
mod shell;
mod variables;

pub use error::EnvError;
pub use lookup::{EnvFileLookup, FoundEnvFile};
pub use process::{AMAAS_ENDPOINT, endpoints, file_in_use, select_file};
pub use variables::EnvVariables;
