//! Records of the data folders that `amaas dev` created, in the user's own state folder (XDG Base Directory Specification).
//!
//! A record is named after the SHA-256 of the path of an env file, and has the SHA-256 of its content. An attacker who can write it
//! can write the shell profile of the user too.

use std::io::Write;
use std::path::{Path, PathBuf};

use amaas_wire::Digest;

use crate::error::EnvError;

/// The folder of the records.
#[derive(Clone, Debug)]
pub(crate) struct RecordStore(PathBuf);

impl RecordStore {
    /// `state` is the user's state folder.
    pub(crate) fn in_state_folder(state: &Path) -> Self {
        Self(state.join("amaas").join("data"))
    }

    /// The record of the env file at `path`; `None` if `amaas dev` never wrote there.
    pub(crate) fn of(&self, path: &Path) -> Option<EnvFileRecord> {
        let text = std::fs::read_to_string(self.place(path)).ok()?;
        let (digest, recorded) = text.strip_suffix('\n')?.split_once('\n')?;
        if recorded.as_bytes() != path.as_os_str().as_encoded_bytes() {
            return None;
        }
        Some(EnvFileRecord { digest: Digest::from_tagged(digest).ok() })
    }

    /// Records that `amaas dev` writes the env file at `path`, and its content.
    pub(crate) fn put(&self, path: &Path, record: EnvFileRecord) -> Result<(), EnvError> {
        let failed = |source| {
            let folder = self.0.display();
            EnvError::new(format!("{folder}, where `amaas dev` keeps the digests of env files, cannot be written"))
                .with_source(source)
        };
        let Some(name) = path.to_str().filter(|name| !name.contains('\n')) else {
            return Err(EnvError::new(format!("{}: the path is not one line of Unicode", path.display())));
        };
        let digest = record.digest.map_or_else(|| NO_CONTENT.to_owned(), |digest| digest.tagged());
        self.write(&self.place(path), &format!("{digest}\n{name}\n")).map_err(failed)
    }

    fn write(&self, place: &Path, text: &str) -> std::io::Result<()> {
        let mut folders = std::fs::DirBuilder::new();
        let mut options = std::fs::OpenOptions::new();
        #[cfg(unix)]
        {
            use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
            folders.mode(0o700);
            options.mode(0o600);
        }
        folders.recursive(true).create(&self.0)?;
        self.forget_absent();
        let partial = place.with_extension(std::process::id().to_string());
        options.write(true).create(true).truncate(true).open(&partial)?.write_all(text.as_bytes())?;
        std::fs::rename(&partial, place)
    }

    /// Removes the records of folders that are gone.
    fn forget_absent(&self) {
        for entry in std::fs::read_dir(&self.0).into_iter().flatten().flatten() {
            let text = std::fs::read_to_string(entry.path()).unwrap_or_default();
            let folder = text.lines().nth(1).and_then(|path| Path::new(path).parent());
            if folder.is_some_and(|folder| !folder.exists()) {
                let _ = std::fs::remove_file(entry.path());
            }
        }
    }

    fn place(&self, path: &Path) -> PathBuf {
        let digest = Digest::of(path.as_os_str().as_encoded_bytes()).to_string();
        self.0.join(digest)
    }
}

/// The record of an env file that `amaas dev` writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct EnvFileRecord {
    /// The digest of its content; `None` until it is written.
    pub(crate) digest: Option<Digest>,
}

const NO_CONTENT: &str = "none";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_is_of_one_path_and_goes_with_its_folder() {
        let (state, data) = (tempfile::tempdir().expect("a folder"), tempfile::tempdir().expect("a folder"));
        let records = RecordStore::in_state_folder(state.path());
        let (one, other) = (data.path().join("env"), data.path().join("other"));
        assert_eq!(records.of(&one), None);
        let (made, written) = (EnvFileRecord { digest: None }, EnvFileRecord { digest: Some(Digest::of(b"A=b")) });
        for record in [made, written] {
            records.put(&one, record).expect("written");
            assert_eq!(records.of(&one), Some(record));
        }
        assert_eq!(records.of(&other), None);
        // A record under the name of another path is invalid.
        std::fs::copy(records.place(&one), records.place(&other)).expect("copied");
        assert_eq!(records.of(&other), None);

        let gone = tempfile::tempdir().expect("a folder").path().join("env");
        records.put(&gone, written).expect("written");
        records.put(&one, written).expect("written");
        assert_eq!((records.of(&gone), records.of(&one)), (None, Some(written)));
    }
}
