//! A network's files.

use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use prost::Message;

use super::OnnxError;
use super::external::External;
use super::folder::Folder;
use super::location::Location;
use super::proto::Model;
use super::read::{Owner, each_tensor, read};
use super::sniff::{LFS_POINTER, is_lfs_pointer};

/// An ONNX file, and the files beside it in which it has weights (external data).
///
/// A network of 2 GiB or more has such files always, for an ONNX file ends there; a smaller one may.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct NetworkFiles {
    /// The ONNX file.
    pub file: Bytes,
    /// The files beside it, by the names that it has for them.
    pub external: BTreeMap<String, Arc<[u8]>>,
}

impl NetworkFiles {
    /// Reads the ONNX file at `path` and every file that it names. Tensors of subgraphs, attributes and functions that lie in
    /// other files are moved into the ONNX file, because ONNX Runtime takes none for them from memory.
    ///
    /// # Errors
    /// [`OnnxError`] names the file that is missing, leads out of the ONNX file's folder, or is shorter than a tensor in it.
    pub fn read(path: &Path) -> Result<Self, OnnxError> {
        let failed = |error: std::io::Error| OnnxError::Io(error.to_string());
        let (file, folder) = (std::fs::read(path).map_err(failed)?, Folder::of(path).map_err(failed)?);
        Self::gather(file.into(), |location| folder.read(location))
    }

    /// The ONNX file `file` with what `open` gives for the files that it names.
    pub(super) fn gather(
        file: Bytes,
        mut open: impl FnMut(&Location) -> Result<Arc<[u8]>, OnnxError>,
    ) -> Result<Self, OnnxError> {
        let (mut model, mut graph) = read(&file)?;
        let mut opened: BTreeMap<Location, Arc<[u8]>> = BTreeMap::new();
        let (mut external, mut moved) = (BTreeMap::new(), false);
        each_tensor(&mut model, &mut graph, |owner, tensor| {
            let Some(found) = External::of(tensor)? else { return Ok(()) };
            let bytes = match opened.get(&found.file) {
                Some(bytes) => Arc::clone(bytes),
                None => open(&found.file)?,
            };
            if is_lfs_pointer(&bytes) {
                let (file, cause) = (found.file.to_string(), LFS_POINTER.to_owned());
                return Err(OnnxError::Unreadable { file, cause });
            }
            let values = found.values(&bytes)?;
            match owner {
                Owner::Main => {
                    external.entry(found.file.as_str().to_owned()).or_insert_with(|| Arc::clone(&bytes));
                }
                Owner::Nested => (*tensor, moved) = (found.inline(values), true),
            }
            opened.insert(found.file, bytes);
            Ok(())
        })?;
        model.graph = Some(graph);
        let file = if moved { written(&model)? } else { file };
        Ok(Self { file, external })
    }

    /// Bytes of all files.
    pub fn size(&self) -> u64 {
        self.file.len() as u64 + self.external.values().map(|file| file.len() as u64).sum::<u64>()
    }
}

impl<B: Into<Bytes>> From<B> for NetworkFiles {
    /// An ONNX file that has all of its weights in it.
    fn from(file: B) -> Self {
        Self { file: file.into(), external: BTreeMap::new() }
    }
}

impl fmt::Debug for NetworkFiles {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let external: BTreeMap<_, _> = self.external.iter().map(|(name, file)| (name, file.len())).collect();
        f.debug_struct("NetworkFiles").field("file", &self.file.len()).field("external", &external).finish()
    }
}

fn written(model: &Model) -> Result<Bytes, OnnxError> {
    // Protocol buffers end where a signed number of 32 bits does.
    match model.encoded_len() {
        got if i32::try_from(got).is_err() => Err(OnnxError::Large { got: got as u64 }),
        _ => Ok(model.encode_to_vec().into()),
    }
}

/// Memory that ONNX Runtime can share, to be filled by whoever has it alone. It is written once with zeros, at the speed of memory:
/// the price of doing without `unsafe`.
pub fn zeroed(size: usize) -> Arc<[u8]> {
    std::iter::repeat_n(0, size).collect()
}
