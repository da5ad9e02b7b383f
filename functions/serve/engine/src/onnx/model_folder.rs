//! The folder of an ONNX file, which confines its external data and the export's other files.
//!
//! A downloaded ONNX file may name any path. Without this check, `amaas publish` would put a private key into a model
//! that clients can call. So links are resolved before a file is opened.
//!
//! One kind of link out of the folder is allowed. In Hugging Face's cache, each file of a snapshot is a link to a blob:
//! `models--ORG--NAME/snapshots/REVISION/model.onnx` to `models--ORG--NAME/blobs/DIGEST`. Both belong to one downloaded
//! repository. A blob that is itself a link is refused.

use std::fs::File;
use std::io::{ErrorKind, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::external_path::ExternalPath;
use super::{OnnxError, zeroed};

/// The folder of an export, with its links resolved. Files outside of it are refused.
#[derive(Clone, Debug)]
pub struct ModelFolder {
    path: PathBuf,
    /// The blobs of the snapshot, if the folder is in a cache.
    blobs: Option<PathBuf>,
}

/// Why a file of a folder is not read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FolderFileError {
    /// There is no such file.
    #[error("there is no such file")]
    Missing,
    /// It is a link out of the folder.
    #[error("it is a link out of the folder; put the file itself there")]
    Outside,
    /// It is not a regular file, or the operating system refuses.
    #[error("it cannot be read: {0}")]
    Unreadable(String),
}

impl ModelFolder {
    /// The folder at `path`.
    ///
    /// # Errors
    /// If its links cannot be resolved.
    pub fn open(path: &Path) -> std::io::Result<Self> {
        let path = path.canonicalize()?;
        Ok(Self { blobs: blobs(&path), path })
    }

    /// The folder of `file`.
    pub(super) fn of(file: &Path) -> std::io::Result<Self> {
        let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        Self::open(folder)
    }

    /// Reads the file `name`, a path relative to the folder with parts separated by `/`.
    ///
    /// # Errors
    /// [`FolderFileError`].
    pub fn read_file(&self, name: &str) -> Result<Arc<[u8]>, FolderFileError> {
        let unreadable = |error: std::io::Error| FolderFileError::Unreadable(error.to_string());
        let path = self.path.join(name).canonicalize().map_err(|error| match error.kind() {
            ErrorKind::NotFound | ErrorKind::NotADirectory => FolderFileError::Missing,
            _ => unreadable(error),
        })?;
        let is_blob = self.blobs.as_deref().is_some_and(|blobs| path.parent() == Some(blobs));
        if !path.starts_with(&self.path) && !is_blob {
            return Err(FolderFileError::Outside);
        }
        // Check before opening, since opening a pipe blocks until it has a writer.
        if !path.metadata().map_err(unreadable)?.is_file() {
            return Err(FolderFileError::Unreadable("it is not a regular file".to_owned()));
        }
        read_whole(&path).map_err(unreadable)
    }

    /// Reads a file with external data.
    pub(super) fn read(&self, location: &ExternalPath) -> Result<Arc<[u8]>, OnnxError> {
        let file = location.to_string();
        self.read_file(location.as_str()).map_err(|error| match error {
            FolderFileError::Missing => OnnxError::Missing { file },
            FolderFileError::Outside => OnnxError::Outside { file },
            FolderFileError::Unreadable(cause) => OnnxError::Unreadable { file, cause },
        })
    }
}

/// The bytes of the file at `path`, in memory that ONNX Runtime can share.
fn read_whole(path: &Path) -> std::io::Result<Arc<[u8]>> {
    let mut opened = File::open(path)?;
    let size = usize::try_from(opened.metadata()?.len()).map_err(|_| ErrorKind::FileTooLarge)?;
    let mut bytes = zeroed(size);
    opened.read_exact(Arc::get_mut(&mut bytes).expect("the buffer has one owner"))?;
    Ok(bytes)
}

/// The blobs folder of the snapshot that contains `folder`; `None` outside of a cache. The path is resolved, so a
/// `blobs` link to another place does not count.
fn blobs(folder: &Path) -> Option<PathBuf> {
    let named =
        |path: &Path, is: &dyn Fn(&str) -> bool| path.file_name().and_then(|name| name.to_str()).is_some_and(is);
    let snapshots = folder.ancestors().skip(1).find(|path| named(path, &|name| name == "snapshots"))?;
    let repository = snapshots.parent().filter(|path| named(path, &|name| name.starts_with("models--")))?;
    let blobs = repository.join("blobs");
    blobs.canonicalize().ok().filter(|end| *end == blobs)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    /// A cache in the layout of `huggingface_hub`, with a file in a folder of the snapshot.
    fn cache(root: &Path) -> PathBuf {
        let repository = root.join("models--org--name");
        let snapshot = repository.join("snapshots/0a1b/onnx");
        for folder in [repository.join("blobs"), snapshot.clone()] {
            std::fs::create_dir_all(folder).expect("made");
        }
        std::fs::write(repository.join("blobs/abc"), b"weights").expect("written");
        std::fs::write(root.join("secret"), b"secret").expect("written");
        symlink("../../../blobs/abc", snapshot.join("model.onnx_data")).expect("linked");
        snapshot
    }

    fn read(snapshot: &Path, file: &str) -> Result<Vec<u8>, OnnxError> {
        let folder = ModelFolder::of(&snapshot.join("model.onnx")).expect("a folder");
        folder.read(&ExternalPath::parse(file.as_bytes()).expect("a plain path")).map(|bytes| bytes.to_vec())
    }

    #[test]
    fn the_blobs_of_a_snapshot_are_read_and_nothing_behind_them() {
        let root = tempfile::tempdir().expect("a folder");
        let snapshot = cache(root.path());
        assert_eq!(read(&snapshot, "model.onnx_data").as_deref(), Ok(&b"weights"[..]));
        let repository = root.path().join("models--org--name");
        let other = root.path().join("models--org--other/blobs");
        std::fs::create_dir_all(&other).expect("made");
        std::fs::write(other.join("abc"), b"of another").expect("written");
        symlink(root.path().join("secret"), repository.join("blobs/link")).expect("linked");
        std::fs::create_dir(repository.join("blobs/deeper")).expect("made");
        std::fs::write(repository.join("blobs/deeper/abc"), b"no blob").expect("written");
        for target in [
            "../../../../secret",
            "../../../blobs/link",
            "../../../blobs/deeper/abc",
            "../../../../models--org--other/blobs/abc",
            "../../../snapshots/0a1b/../../../secret",
        ] {
            let link = snapshot.join("hostile");
            let _ = std::fs::remove_file(&link);
            symlink(target, link).expect("linked");
            assert_eq!(read(&snapshot, "hostile"), Err(OnnxError::Outside { file: "hostile".to_owned() }), "{target}");
        }
    }

    #[test]
    fn a_folder_that_only_looks_like_a_cache_is_none() {
        for (name, blobs_are_a_link) in [("datasets--org--name", false), ("name", false), ("models--org--name", true)] {
            let root = tempfile::tempdir().expect("a folder");
            let made = cache(root.path());
            let repository = root.path().join(name);
            if blobs_are_a_link {
                std::fs::rename(repository.join("blobs"), root.path().join("elsewhere")).expect("moved");
                symlink(root.path().join("elsewhere"), repository.join("blobs")).expect("linked");
            } else {
                std::fs::rename(root.path().join("models--org--name"), &repository).expect("moved");
            }
            let snapshot = repository.join(made.strip_prefix(root.path().join("models--org--name")).expect("inside"));
            let outside = Err(OnnxError::Outside { file: "model.onnx_data".to_owned() });
            assert_eq!(read(&snapshot, "model.onnx_data"), outside, "{name}");
        }
    }
}
