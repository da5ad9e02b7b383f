//! The manifest of a version: the inputs and outputs of its network, and the digests of all its blobs.
//!
//! Only the manifest is looked up by name, and trusted only if a trusted publisher signed it; blobs are verified by digest. It is
//! stored as the payload of a DSSE envelope.

use std::collections::BTreeMap;

use amaas_engine::infer::InputContract;
use amaas_engine::{Batching, RunSharing, TensorSpec};
use amaas_wire::Tensor;
use amaas_wire::dsse::{DsseError, Envelope, SigningKey, VerifyingKey};
use serde::{Deserialize, Serialize};

use crate::at_rest::{BlobRole, SegmentTag};
use amaas_store::{ModelName, Version};
use amaas_wire::{Digest, DigestHasher};

/// `models/{model}/{version}/manifest.json`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Manifest {
    /// [`FORMAT`].
    pub format: String,
    /// The model's name.
    pub model: ModelName,
    /// The version's name.
    pub version: Version,
    /// When it was published, in seconds since 1970. Functions reject versions below their `AMAAS_LEAST_SERIAL`.
    pub serial: u64,
    /// How the blobs are sealed; `None` if they are not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sealing: Option<BlobSealing>,
    /// The name of the model's task; `None` if the network is served as tensors.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub task: Option<String>,
    /// The network, an ONNX file.
    pub network: Blob,
    /// The network's external data files, by name; most networks have none.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub external: BTreeMap<String, Blob>,
    /// The network as ONNX Runtime optimised it, if that loads faster.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prepared: Option<PreparedNetwork>,
    /// Files that the task needs, by name.
    #[serde(default)]
    pub assets: BTreeMap<String, Blob>,
    /// The auxiliary networks of the task, by name; most tasks have none.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub networks: BTreeMap<String, AuxiliaryNetwork>,
    /// Input tensors.
    pub inputs: Vec<TensorSpec>,
    /// Output tensors.
    pub outputs: Vec<TensorSpec>,
    /// The metadata of the ONNX file.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub metadata: BTreeMap<String, String>,
    /// Whether rows of different calls may share a run.
    pub batching: Batching,
    /// The version of the analysis that proved that rows are independent, [`ROWS_PROOF`](amaas_engine::ROWS_PROOF) or an older one; `None` if there is no proof.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rows_proof: Option<u32>,
    /// Golden cases, which a function runs before it is ready.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub golden: Option<GoldenBlob>,
}

impl Manifest {
    /// Signs the manifest, and returns the document to store.
    ///
    /// # Panics
    /// Never: all members have a JSON form.
    pub fn sign(&self, signer: &SigningKey) -> Vec<u8> {
        let payload = serde_json::to_vec(self).expect("all map keys are strings");
        Envelope::sign(PAYLOAD_TYPE, payload, &[signer]).to_json()
    }

    /// Verifies and parses a stored manifest. No field is used before the signature of one of `publishers` is verified.
    ///
    /// # Errors
    /// [`ManifestError::Unsigned`], [`ManifestError::Signer`], [`ManifestError::Signature`], or another [`ManifestError`] if the manifest is invalid.
    pub fn verify(document: &[u8], publishers: &[VerifyingKey]) -> Result<Self, ManifestError> {
        Self::verify_with_digest(document, publishers).map(|(manifest, _)| manifest)
    }

    /// The same, with the digest of the signed payload.
    pub fn verify_with_digest(document: &[u8], publishers: &[VerifyingKey]) -> Result<(Self, Digest), ManifestError> {
        let envelope = Envelope::from_json(document).map_err(|_| ManifestError::Unsigned)?;
        let payload = envelope.verify(PAYLOAD_TYPE, publishers).map_err(|error| match error {
            DsseError::UnknownSigner => ManifestError::Signer,
            DsseError::PayloadType => ManifestError::Unsigned,
            _ => ManifestError::Signature,
        })?;
        Ok((Self::from_json(payload)?, Digest::of(payload)))
    }

    /// The digest of the manifest without the digests and tags of the stored blobs. Sealed segments are bound to it.
    #[allow(clippy::missing_panics_doc)] // all map keys are strings
    pub fn identity(&self) -> Digest {
        let mut bare = self.clone();
        let golden = bare.golden.as_mut().map(|golden| &mut golden.blob);
        let named = bare.networks.values_mut();
        let named = named.flat_map(|network| {
            let prepared = network.prepared.as_mut().map(|prepared| &mut prepared.blob);
            std::iter::once(&mut network.blob).chain(network.external.values_mut()).chain(prepared)
        });
        let prepared = bare.prepared.as_mut().map(|prepared| &mut prepared.blob);
        let own = std::iter::once(&mut bare.network).chain(bare.external.values_mut()).chain(prepared);
        for blob in own.chain(bare.assets.values_mut()).chain(named).chain(golden) {
            (blob.digest, blob.segments, blob.tags) = (Digest::from_bytes([0; 32]), Vec::new(), Vec::new());
        }
        Digest::of(&serde_json::to_vec(&bare).expect("all map keys are strings"))
    }

    /// Parses the signed payload.
    ///
    /// # Errors
    /// [`ManifestError`] if it is invalid.
    pub fn from_json(bytes: &[u8]) -> Result<Self, ManifestError> {
        let manifest: Self = serde_json::from_slice(bytes).map_err(|error| ManifestError::Json(error.to_string()))?;
        if manifest.format != FORMAT {
            return Err(ManifestError::Format { got: manifest.format });
        }
        for (_, blob) in manifest.blobs() {
            blob.check(manifest.sealing.is_some())?;
        }
        Ok(manifest)
    }

    /// The total size of the version's blobs.
    pub fn stored_bytes(&self) -> u64 {
        self.blobs().map(|(_, blob)| blob.size).fold(0, u64::saturating_add)
    }

    /// Every blob of the version, with its role.
    pub fn blobs(&self) -> impl Iterator<Item = (BlobRole, &Blob)> {
        let named = self.networks.iter().flat_map(|(name, network)| {
            let own = (BlobRole::Auxiliary(name.clone()), &network.blob);
            let rest = external(&network.external, Some(name)).chain(prepared(network.prepared.as_ref(), Some(name)));
            std::iter::once(own).chain(rest)
        });
        std::iter::once((BlobRole::Network, &self.network))
            .chain(external(&self.external, None))
            .chain(prepared(self.prepared.as_ref(), None))
            .chain(self.assets.iter().map(|(name, blob)| (BlobRole::Asset(name.clone()), blob)))
            .chain(named)
            .chain(self.golden.as_ref().map(|golden| (BlobRole::Golden, &golden.blob)))
    }
}

impl<'m> From<&'m Manifest> for InputContract<'m> {
    fn from(manifest: &'m Manifest) -> Self {
        let sharing = RunSharing::of(manifest.batching, manifest.rows_proof);
        Self { inputs: &manifest.inputs, batching: manifest.batching, sharing }
    }
}

impl<'m> From<&'m AuxiliaryNetwork> for InputContract<'m> {
    fn from(network: &'m AuxiliaryNetwork) -> Self {
        let sharing = RunSharing::of(network.batching, network.rows_proof);
        Self { inputs: &network.inputs, batching: network.batching, sharing }
    }
}

/// The external data files of a network.
fn external<'m>(
    files: &'m BTreeMap<String, Blob>,
    network: Option<&'m String>,
) -> impl Iterator<Item = (BlobRole, &'m Blob)> {
    files.iter().map(move |(file, blob)| (BlobRole::External { network: network.cloned(), file: file.clone() }, blob))
}

fn prepared<'m>(
    prepared: Option<&'m PreparedNetwork>,
    network: Option<&'m String>,
) -> impl Iterator<Item = (BlobRole, &'m Blob)> {
    prepared.into_iter().map(move |prepared| (BlobRole::Prepared { network: network.cloned() }, &prepared.blob))
}

/// A network in ONNX Runtime's own format, as written after optimisation: loading it skips parsing and optimising, and uses
/// its weights in place. Publishing compared its outputs with those of the ONNX file, to the last bit.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PreparedNetwork {
    /// [`ORT_FORMAT`].
    pub format: String,
    /// The version of ONNX Runtime that wrote it; other versions load the ONNX file.
    pub runtime: String,
    /// The CPU architecture that it was written on, as Rust names it; others load the ONNX file.
    pub architecture: String,
    /// Its bytes.
    pub blob: Blob,
}

impl PreparedNetwork {
    /// Describes `blob`, written by this program on this machine.
    pub fn of_this_machine(blob: Blob) -> Self {
        let (runtime, architecture) = (amaas_engine::runtime::VERSION.to_owned(), std::env::consts::ARCH.to_owned());
        Self { format: ORT_FORMAT.to_owned(), runtime, architecture, blob }
    }

    /// Whether this program can load it.
    pub fn is_usable_here(&self) -> bool {
        let here = (ORT_FORMAT, amaas_engine::runtime::VERSION, std::env::consts::ARCH);
        (self.format.as_str(), self.runtime.as_str(), self.architecture.as_str()) == here
    }
}

/// ONNX Runtime's own format.
pub const ORT_FORMAT: &str = "ort";

/// How the blobs of a version are sealed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BlobSealing {
    /// [`ALGORITHM`].
    pub algorithm: String,
    /// The id of the data key, which is part of the encryption context.
    pub key: String,
    /// The data key, wrapped, in base64.
    pub wrapped: String,
    /// The commitment that the data key has to match.
    pub commitment: Digest,
}

/// Content-addressed bytes, with a digest for each segment, so that segments are verified as they arrive.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Blob {
    /// SHA-256 of the stored bytes.
    pub digest: Digest,
    /// The size in bytes.
    pub size: u64,
    /// The size of each segment but the last.
    pub segment_size: u64,
    /// SHA-256 of each stored segment.
    pub segments: Vec<Digest>,
    /// The authentication tag of each segment, if the blob is sealed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tags: Vec<SegmentTag>,
    /// A keyed digest of the plaintext, which only a holder of the data key can compute.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fingerprint: Option<Digest>,
}

impl Blob {
    /// Describes `bytes`.
    pub fn of(bytes: &[u8]) -> Self {
        let mut whole = DigestHasher::default();
        let segments = bytes
            .chunks(SEGMENT_SIZE)
            .map(|segment| {
                whole.update(segment);
                Digest::of(segment)
            })
            .collect();
        let (size, segment_size) = (bytes.len() as u64, SEGMENT_SIZE as u64);
        Self { digest: whole.finish(), size, segment_size, segments, tags: Vec::new(), fingerprint: None }
    }

    fn check(&self, sealed: bool) -> Result<(), ManifestError> {
        let tags = if sealed { self.segments.len() } else { 0 };
        if self.tags.len() != tags {
            return Err(ManifestError::Tags { blob: self.digest, expected: tags, got: self.tags.len() });
        }
        let expected = if self.segment_size == 0 { None } else { Some(self.size.div_ceil(self.segment_size)) };
        let got = self.segments.len() as u64;
        if expected == Some(got) && self.size <= MAX_BLOB_SIZE && self.segment_size <= MAX_SEGMENT_SIZE {
            Ok(())
        } else {
            Err(ManifestError::Segments { blob: self.digest, size: self.size, segment_size: self.segment_size, got })
        }
    }
}

/// An auxiliary network, which a task runs besides the model's own.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuxiliaryNetwork {
    /// The network, an ONNX file.
    pub blob: Blob,
    /// Its external data files, as in [`Manifest::external`].
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub external: BTreeMap<String, Blob>,
    /// The network as ONNX Runtime optimised it, as in [`Manifest::prepared`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prepared: Option<PreparedNetwork>,
    /// Input tensors.
    pub inputs: Vec<TensorSpec>,
    /// Output tensors.
    pub outputs: Vec<TensorSpec>,
    /// The metadata of the ONNX file.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub metadata: BTreeMap<String, String>,
    /// Whether rows of different calls may share a run.
    pub batching: Batching,
    /// As in [`Manifest::rows_proof`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rows_proof: Option<u32>,
}

/// The golden cases of a version.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct GoldenBlob {
    /// The cases, [`GoldenCases`] as JSON.
    pub blob: Blob,
}

/// Cases with known outputs, computed by a reference implementation.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct GoldenCases {
    /// [`GOLDEN_FORMAT`].
    pub format: String,
    /// The absolute tolerance.
    pub atol: f64,
    /// The reference implementation.
    #[serde(default)]
    pub producer: String,
    /// The cases.
    pub cases: Vec<GoldenCase>,
}

/// Inputs and the expected outputs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct GoldenCase {
    /// Input tensors.
    #[serde(with = "tensors")]
    pub inputs: Vec<Tensor>,
    /// Output tensors.
    #[serde(with = "tensors")]
    pub outputs: Vec<Tensor>,
}

impl GoldenCases {
    /// Parses golden cases.
    ///
    /// # Errors
    /// [`ManifestError`] if they are invalid.
    pub fn from_json(bytes: &[u8]) -> Result<Self, ManifestError> {
        let golden: Self = serde_json::from_slice(bytes).map_err(|error| ManifestError::Json(error.to_string()))?;
        if golden.format != GOLDEN_FORMAT {
            return Err(ManifestError::Format { got: golden.format });
        }
        Ok(golden)
    }
}

/// Errors in a manifest or golden cases.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
#[allow(missing_docs)] // the fields are what the message says
pub enum ManifestError {
    /// Not the JSON that was expected.
    #[error("not a manifest: {0}")]
    Json(String),
    /// An unknown format.
    #[error("format {got:?} is not known; expected {FORMAT:?} or {GOLDEN_FORMAT:?}")]
    Format { got: String },
    /// It is not in a DSSE envelope.
    #[error("it is not signed: expected a DSSE envelope of the type {PAYLOAD_TYPE}")]
    Unsigned,
    /// No trusted publisher signed it.
    #[error("none of the publishers that this function trusts (AMAAS_PUBLISHERS) signed it")]
    Signer,
    /// The signature does not match: the manifest was altered.
    #[error("the signature does not match: the manifest was altered")]
    Signature,
    /// The numbers of segments and tags differ.
    #[error("blob {blob}: expected {expected} tags, got {got}")]
    Tags { blob: Digest, expected: usize, got: usize },
    /// The number of segments does not match the size.
    #[error("blob {blob}: {got} segments of {segment_size} bytes do not make {size} bytes")]
    Segments { blob: Digest, size: u64, segment_size: u64, got: u64 },
}

/// The `format` of a manifest.
pub const FORMAT: &str = "amaas.manifest/2";
/// The DSSE payload type.
pub const PAYLOAD_TYPE: &str = "application/vnd.amaas.model-manifest+json";
/// The one `algorithm` of a [`BlobSealing`].
pub const ALGORITHM: &str = "HKDF-SHA256+AES-256-GCM";
/// The `format` of golden cases.
pub const GOLDEN_FORMAT: &str = "amaas.golden/1";
/// 8 MiB: large enough that request latency is negligible, small enough that many segments are fetched in parallel.
pub const SEGMENT_SIZE: usize = 8 << 20;
const MAX_SEGMENT_SIZE: u64 = 256 << 20;
/// ONNX files are limited to 2 GiB; larger networks have external data.
const MAX_BLOB_SIZE: u64 = 64 << 30;

/// Tensors in the JSON form of the Open Inference Protocol.
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

#[cfg(any(test, feature = "testing"))]
mod testing;
#[cfg(test)]
mod tests;
