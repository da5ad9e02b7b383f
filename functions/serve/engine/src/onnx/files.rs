//! The files of a network.

use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use prost::Message;

use super::OnnxError;
use super::external::ExternalTensor;
use super::external_path::ExternalPath;
use super::model_folder::ModelFolder;
use super::proto::Model;
use super::read::{TensorOwner, each_tensor, read};
use super::sniff::{LFS_POINTER, is_lfs_pointer};

/// An ONNX file, and the external data files beside it.
///
/// A network of 2 GiB or more always has external data, since an ONNX file is smaller than that.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct NetworkFiles {
    /// The ONNX file.
    pub file: Bytes,
    /// The external data files, by their paths in the ONNX file.
    pub external: BTreeMap<String, Arc<[u8]>>,
}

impl NetworkFiles {
    /// Reads the ONNX file at `path` and all its external data. ONNX Runtime accepts external data in memory only for
    /// the main graph. So external tensors of subgraphs, attributes and functions are moved into the ONNX file.
    ///
    /// # Errors
    /// [`OnnxError`] names the file that is missing, leads out of the ONNX file's folder, or is shorter than a tensor in it.
    pub fn read(path: &Path) -> Result<Self, OnnxError> {
        let failed = |error: std::io::Error| OnnxError::Io(error.to_string());
        let (file, folder) = (std::fs::read(path).map_err(failed)?, ModelFolder::of(path).map_err(failed)?);
        Self::gather(file.into(), |location| folder.read(location))
    }

    /// The ONNX file `file` with its external data, which `open` reads.
    pub(super) fn gather(
        file: Bytes,
        mut open: impl FnMut(&ExternalPath) -> Result<Arc<[u8]>, OnnxError>,
    ) -> Result<Self, OnnxError> {
        let (mut model, mut graph) = read(&file)?;
        let mut opened: BTreeMap<ExternalPath, Arc<[u8]>> = BTreeMap::new();
        let (mut external, mut moved) = (BTreeMap::new(), false);
        each_tensor(&mut model, &mut graph, |owner, tensor| {
            let Some(found) = ExternalTensor::of(tensor)? else { return Ok(()) };
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
                TensorOwner::Main => {
                    external.entry(found.file.as_str().to_owned()).or_insert_with(|| Arc::clone(&bytes));
                }
                TensorOwner::Nested => (*tensor, moved) = (found.inline(values), true),
            }
            opened.insert(found.file, bytes);
            Ok(())
        })?;
        model.graph = Some(graph);
        let file = if moved { encode(&model)? } else { file };
        Ok(Self { file, external })
    }

    /// Bytes of all files.
    pub fn size(&self) -> u64 {
        self.file.len() as u64 + self.external.values().map(|file| file.len() as u64).sum::<u64>()
    }
}

impl<B: Into<Bytes>> From<B> for NetworkFiles {
    /// An ONNX file without external data.
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

/// The bytes of an ONNX file.
pub(super) fn encode(model: &Model) -> Result<Bytes, OnnxError> {
    // Protocol buffers are limited to a signed 32-bit length.
    match model.encoded_len() {
        got if i32::try_from(got).is_err() => Err(OnnxError::Large { got: got as u64 }),
        _ => Ok(model.encode_to_vec().into()),
    }
}

/// Zeroed memory that ONNX Runtime can share, filled by its only owner. Writing the zeros is the cost of safe code.
pub fn zeroed(size: usize) -> Arc<[u8]> {
    std::iter::repeat_n(0, size).collect()
}
