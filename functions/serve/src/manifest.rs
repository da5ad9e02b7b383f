//! The manifest of a version: what a network takes and gives, and the digest of every byte that belongs to it.
//!
//! It is the one thing that is trusted by name; everything else is trusted by digest.

use std::collections::BTreeMap;

use amaas_wire::oip::TensorMetadata;
use amaas_wire::{Datatype, Tensor};
use serde::{Deserialize, Serialize};

use crate::digest::{Digest, Hasher};
use crate::store::{ModelName, Version};

/// `models/{model}/{version}/manifest.json`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Manifest {
    /// [`FORMAT`].
    pub format: String,
    /// The model's name.
    pub model: ModelName,
    /// The version's name.
    pub version: Version,
    /// The task whose typed inputs and predictions the model has; `None` for a network that is served as it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub task: Option<String>,
    /// The network, an ONNX file.
    pub network: Blob,
    /// Files that the task needs, by name.
    #[serde(default)]
    pub assets: BTreeMap<String, Blob>,
    /// Input tensors.
    pub inputs: Vec<TensorSpec>,
    /// Output tensors.
    pub outputs: Vec<TensorSpec>,
    /// Whether rows of different calls may share a run.
    pub batching: Batching,
    /// Cases with known answers, which a function runs before it calls itself ready.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub golden: Option<GoldenBlob>,
}

impl Manifest {
    /// Reads a manifest.
    ///
    /// # Errors
    /// [`ManifestError`] says what is wrong with it.
    pub fn from_json(bytes: &[u8]) -> Result<Self, ManifestError> {
        let manifest: Self = serde_json::from_slice(bytes).map_err(|error| ManifestError::Json(error.to_string()))?;
        if manifest.format != FORMAT {
            return Err(ManifestError::Format { got: manifest.format });
        }
        for blob in manifest.blobs() {
            blob.check()?;
        }
        Ok(manifest)
    }

    /// The manifest as it is stored: pretty, because people read it.
    pub fn to_json(&self) -> Vec<u8> {
        let mut json = serde_json::to_vec_pretty(self).unwrap_or_default();
        json.push(b'\n');
        json
    }

    /// Every blob of the version.
    pub fn blobs(&self) -> impl Iterator<Item = &Blob> {
        std::iter::once(&self.network)
            .chain(self.assets.values())
            .chain(self.golden.as_ref().map(|golden| &golden.blob))
    }
}

/// Bytes named by their digest, with a digest for each segment so that they can be verified as they land.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Blob {
    /// SHA-256 of all bytes.
    pub digest: Digest,
    /// Bytes in all.
    pub size: u64,
    /// Bytes of each segment but the last.
    pub segment_size: u64,
    /// SHA-256 of each segment.
    pub segments: Vec<Digest>,
}

impl Blob {
    /// Describes `bytes`.
    pub fn of(bytes: &[u8]) -> Self {
        let mut whole = Hasher::new();
        let segments = bytes
            .chunks(SEGMENT_SIZE)
            .map(|segment| {
                whole.update(segment);
                Digest::of(segment)
            })
            .collect();
        Self { digest: whole.finish(), size: bytes.len() as u64, segment_size: SEGMENT_SIZE as u64, segments }
    }

    fn check(&self) -> Result<(), ManifestError> {
        let expected = if self.segment_size == 0 { None } else { Some(self.size.div_ceil(self.segment_size)) };
        let got = self.segments.len() as u64;
        if expected == Some(got) && self.size <= LARGEST_BLOB && self.segment_size <= LARGEST_SEGMENT {
            Ok(())
        } else {
            Err(ManifestError::Segments { blob: self.digest, size: self.size, segment_size: self.segment_size, got })
        }
    }
}

/// A tensor that a network takes or gives.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TensorSpec {
    /// The tensor's name.
    pub name: String,
    /// The datatype of every value.
    pub datatype: Datatype,
    /// Dimensions, outermost first.
    pub shape: Vec<Dim>,
}

impl TensorSpec {
    /// Its form in the Open Inference Protocol.
    pub fn metadata(&self) -> TensorMetadata {
        let shape = self.shape.iter().map(|dim| dim.fixed().and_then(|size| i64::try_from(size).ok()).unwrap_or(-1));
        TensorMetadata { name: self.name.clone(), datatype: self.datatype, shape: shape.collect() }
    }
}

/// One dimension of a [`TensorSpec`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Dim {
    /// Always this size.
    Fixed(usize),
    /// Any size, the same wherever the symbol stands; an empty symbol is any size on its own.
    Symbol(String),
}

impl Dim {
    /// The size, where it is always the same.
    pub fn fixed(&self) -> Option<usize> {
        match self {
            Self::Fixed(size) => Some(*size),
            Self::Symbol(_) => None,
        }
    }
}

/// Whether rows of different calls may share a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Batching {
    /// The first dimension of every tensor is the batch, and publishing saw that its rows do not change one another.
    Rows,
    /// Each call is run alone.
    None,
}

/// The golden cases of a version.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct GoldenBlob {
    /// The cases, [`Golden`] as JSON.
    pub blob: Blob,
}

/// Cases with known answers, made by another implementation than ours.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Golden {
    /// [`GOLDEN_FORMAT`].
    pub format: String,
    /// How far an answer may be off, absolutely.
    pub atol: f64,
    /// What gave the answers.
    #[serde(default)]
    pub producer: String,
    /// The cases.
    pub cases: Vec<GoldenCase>,
}

/// Inputs and the outputs that they should give.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct GoldenCase {
    /// Input tensors.
    #[serde(with = "tensors")]
    pub inputs: Vec<Tensor>,
    /// Output tensors.
    #[serde(with = "tensors")]
    pub outputs: Vec<Tensor>,
}

impl Golden {
    /// Reads golden cases.
    ///
    /// # Errors
    /// [`ManifestError`] says what is wrong with them.
    pub fn from_json(bytes: &[u8]) -> Result<Self, ManifestError> {
        let golden: Self = serde_json::from_slice(bytes).map_err(|error| ManifestError::Json(error.to_string()))?;
        if golden.format != GOLDEN_FORMAT {
            return Err(ManifestError::Format { got: golden.format });
        }
        Ok(golden)
    }
}

/// What is wrong with a manifest or golden cases.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
#[allow(missing_docs)] // the fields are what the message says
pub enum ManifestError {
    /// Not the JSON that was expected.
    #[error("not a manifest: {0}")]
    Json(String),
    /// A format that this program does not know.
    #[error("format {got:?} is not known; expected {FORMAT:?} or {GOLDEN_FORMAT:?}")]
    Format { got: String },
    /// Sizes and segments do not fit together.
    #[error("blob {blob}: {got} segments of {segment_size} bytes do not make {size} bytes")]
    Segments { blob: Digest, size: u64, segment_size: u64, got: u64 },
}

/// The `format` of a manifest.
pub const FORMAT: &str = "amaas.manifest/1";
/// The `format` of golden cases.
pub const GOLDEN_FORMAT: &str = "amaas.golden/1";
/// 8 MiB: large enough that a request's latency does not count, small enough that many travel at once.
pub const SEGMENT_SIZE: usize = 8 << 20;
const LARGEST_SEGMENT: u64 = 256 << 20;
/// ONNX files end at 2 GiB; what is larger has external data.
const LARGEST_BLOB: u64 = 64 << 30;

/// Tensors in their protocol form, inside other JSON.
mod tensors {
    use amaas_wire::Tensor;
    use amaas_wire::oip::InferRequest;
    use serde::de::Error as _;
    use serde::ser::Error as _;
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    pub(super) fn serialize<S: Serializer>(tensors: &[Tensor], serializer: S) -> Result<S::Ok, S::Error> {
        let request = InferRequest { id: None, inputs: tensors.to_vec(), outputs: None };
        let mut json = serde_json::to_value(request).map_err(S::Error::custom)?;
        json["inputs"].take().serialize(serializer)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Tensor>, D::Error> {
        let inputs = serde_json::Value::deserialize(deserializer)?;
        let json = serde_json::json!({ "inputs": inputs }).to_string();
        InferRequest::from_json(json.as_bytes()).map(|request| request.inputs).map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn manifest() -> Manifest {
        Manifest {
            format: FORMAT.to_owned(),
            model: "m".parse().expect("a name"),
            version: "1".parse().expect("a name"),
            task: None,
            network: Blob::of(&vec![7; SEGMENT_SIZE + 1]),
            assets: BTreeMap::from([("words.txt".to_owned(), Blob::of(b""))]),
            inputs: vec![TensorSpec {
                name: "x".to_owned(),
                datatype: Datatype::Fp32,
                shape: vec![Dim::Symbol("batch".to_owned()), Dim::Fixed(2)],
            }],
            outputs: vec![],
            batching: Batching::Rows,
            golden: None,
        }
    }

    #[test]
    fn manifests_round_trip() {
        let manifest = manifest();
        assert_eq!(Manifest::from_json(&manifest.to_json()), Ok(manifest.clone()));
        assert_eq!(manifest.network.segments.len(), 2);
        assert_eq!(manifest.inputs[0].metadata().shape, [-1, 2]);
    }

    #[test]
    fn sizes_that_do_not_fit_are_refused() {
        for (size, segment_size) in [(1, 0), (SEGMENT_SIZE as u64 * 5, SEGMENT_SIZE as u64), (u64::MAX, u64::MAX / 2)] {
            let mut manifest = manifest();
            (manifest.network.size, manifest.network.segment_size) = (size, segment_size);
            assert!(matches!(Manifest::from_json(&manifest.to_json()), Err(ManifestError::Segments { .. })));
        }
        assert!(matches!(Manifest::from_json(b"{}"), Err(ManifestError::Json(_))));
    }

    #[test]
    fn golden_cases_are_tensors() {
        let json = br#"{"format":"amaas.golden/1","atol":1e-6,"cases":[{"inputs":[{"name":"x","datatype":"INT64",
            "shape":[1,2],"data":[1,2]}],"outputs":[{"name":"y","datatype":"FP32","shape":[1],"data":[0.25]}]}]}"#;
        let golden = Golden::from_json(json).expect("golden cases");
        let again = serde_json::to_vec(&golden).expect("golden cases are JSON");
        assert_eq!(Golden::from_json(&again), Ok(golden));
    }
}
