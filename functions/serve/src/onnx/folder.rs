//! The folder of an ONNX file, out of which no file is read that was named in it.
//!
//! An ONNX file from somewhere else names any file it likes. Were it read, `amaas publish` would put a private key into a model for
//! others to call, so links are followed to their end before anything is opened.

use std::fs::File;
use std::io::{ErrorKind, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::location::Location;
use super::{OnnxError, zeroed};

/// The folder, without a link in its path.
pub(super) struct Folder(PathBuf);

impl Folder {
    /// The folder in which `file` lies.
    pub(super) fn of(file: &Path) -> std::io::Result<Self> {
        let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        folder.canonicalize().map(Self)
    }

    /// The bytes of a file in it.
    pub(super) fn read(&self, location: &Location) -> Result<Arc<[u8]>, OnnxError> {
        let file = location.to_string();
        let failed = |error: std::io::Error| match error.kind() {
            ErrorKind::NotFound | ErrorKind::NotADirectory => OnnxError::Missing { file: file.clone() },
            _ => OnnxError::Unreadable { file: file.clone(), cause: error.to_string() },
        };
        let path = self.0.join(location).canonicalize().map_err(failed)?;
        if !path.starts_with(&self.0) {
            return Err(OnnxError::Outside { file });
        }
        // Before it is opened: to open a pipe is to wait for whoever writes into it.
        if !path.metadata().map_err(failed)?.is_file() {
            return Err(OnnxError::Unreadable { file, cause: "it is no regular file".to_owned() });
        }
        let mut opened = File::open(&path).map_err(failed)?;
        let size = usize::try_from(opened.metadata().map_err(failed)?.len());
        let size = size.map_err(|_| failed(ErrorKind::FileTooLarge.into()))?;
        let mut bytes = zeroed(size);
        opened.read_exact(Arc::get_mut(&mut bytes).expect("it was made on the line above")).map_err(failed)?;
        Ok(bytes)
    }
}
