//! What a task is loaded from: the files that were published with the model, and the tensors that its networks declare.

use std::collections::BTreeMap;

use amaas_engine::{TaskError, TensorSpec};
use bytes::Bytes;

/// The verified files that were published with a model, by name.
#[derive(Clone, Debug, Default)]
pub struct Assets(BTreeMap<String, Bytes>);

impl Assets {
    /// Assets from names and bytes.
    pub fn new(files: impl IntoIterator<Item = (String, Bytes)>) -> Self {
        Self(files.into_iter().collect())
    }

    /// The bytes of the file `name`.
    ///
    /// # Errors
    /// If it was not published.
    pub fn bytes(&self, name: &str) -> Result<&Bytes, TaskError> {
        self.0.get(name).ok_or_else(|| TaskError::new(format!("asset {name:?} was not published with the model")))
    }

    /// The text of the file `name`.
    ///
    /// # Errors
    /// If it was not published or is not UTF-8.
    pub fn text(&self, name: &str) -> Result<&str, TaskError> {
        std::str::from_utf8(self.bytes(name)?)
            .map_err(|error| TaskError::new(format!("asset {name:?} is not UTF-8: {error}")))
    }
}

/// The tensors of a network, and the metadata of its ONNX file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NetworkInfo {
    /// Input tensors.
    pub inputs: Vec<TensorSpec>,
    /// Output tensors.
    pub outputs: Vec<TensorSpec>,
    /// The metadata of the ONNX file (`metadata_props`).
    pub metadata: BTreeMap<String, String>,
}

/// What a task is loaded from.
#[derive(Clone, Debug, Default)]
pub struct TaskContext {
    /// The files that were published with the model.
    pub assets: Assets,
    /// The model's own network.
    pub network: NetworkInfo,
    /// The auxiliary networks, by name.
    pub networks: BTreeMap<String, NetworkInfo>,
}
