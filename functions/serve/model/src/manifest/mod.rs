//! The manifest of a version: what a network takes and gives, and the digest of every byte that belongs to it.
//!
//! It is the one thing that is trusted by name, and only when a publisher signed it; everything else is trusted by digest.
//! As stored it is the payload of a DSSE envelope.

use std::collections::BTreeMap;

use amaas_engine::infer::InputContract;
use amaas_engine::{Batching, RunSharing, TensorSpec};
use amaas_wire::Tensor;
use amaas_wire::dsse::{DsseError, Envelope, SigningKey, VerifyingKey};
use serde::{Deserialize, Serialize};

use crate::at_rest::{Role, Tag};
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
    /// When it was published, in seconds since 1970: a function that was told of a later one takes no earlier one.
    pub serial: u64,
    /// What the blobs are sealed with; `None` where they lie open.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sealing: Option<Sealing>,
    /// The task whose typed inputs and predictions the model has; `None` for a network that is served as it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub task: Option<String>,
    /// The network, an ONNX file.
    pub network: Blob,
    /// The files in which the network has weights, by the names that it has for them; most networks have none.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub external: BTreeMap<String, Blob>,
    /// The network with its weights once more, in a form that is ready sooner, where publishing found one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prepared: Option<Prepared>,
    /// Files that the task needs, by name.
    #[serde(default)]
    pub assets: BTreeMap<String, Blob>,
    /// The networks that the task runs beside the model's own, by the names that it gives them; most tasks have none.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub networks: BTreeMap<String, NamedNetwork>,
    /// Input tensors.
    pub inputs: Vec<TensorSpec>,
    /// Output tensors.
    pub outputs: Vec<TensorSpec>,
    /// The metadata of the ONNX file.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub metadata: BTreeMap<String, String>,
    /// Whether rows of different calls may share a run.
    pub batching: Batching,
    /// Which analysis proved that rows do not see one another, [`ROWS_PROOF`] or an older one; `None` where none did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rows_proof: Option<u32>,
    /// Cases with known answers, which a function runs before it calls itself ready.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub golden: Option<GoldenBlob>,
}

impl Manifest {
    /// The manifest as it is stored, signed by `signer`.
    ///
    /// # Panics
    /// Never: numbers, texts and maps with texts as keys can be written as JSON.
    pub fn sign(&self, signer: &SigningKey) -> Vec<u8> {
        let payload = serde_json::to_vec(self).expect("no map has other keys than texts");
        Envelope::sign(PAYLOAD_TYPE, payload, &[signer]).to_json()
    }

    /// Reads a manifest as it is stored, if one of `publishers` signed it. Nothing in it is believed before.
    ///
    /// # Errors
    /// [`ManifestError::Unsigned`], [`ManifestError::Signer`], [`ManifestError::Signature`], or what is wrong with the manifest.
    pub fn verify(document: &[u8], publishers: &[VerifyingKey]) -> Result<Self, ManifestError> {
        Self::verified(document, publishers).map(|(manifest, _)| manifest)
    }

    /// The same, with the digest of what was signed.
    pub fn verified(document: &[u8], publishers: &[VerifyingKey]) -> Result<(Self, Digest), ManifestError> {
        let envelope = Envelope::from_json(document).map_err(|_| ManifestError::Unsigned)?;
        let payload = envelope.verify(PAYLOAD_TYPE, publishers).map_err(|error| match error {
            DsseError::UnknownSigner => ManifestError::Signer,
            DsseError::PayloadType => ManifestError::Unsigned,
            _ => ManifestError::Signature,
        })?;
        Ok((Self::from_json(payload)?, Digest::of(payload)))
    }

    /// The digest of all that the manifest says, but for the digests and tags of the blobs as they are stored: sealed segments
    /// are bound to it.
    #[allow(clippy::missing_panics_doc)] // every map of a manifest has texts for keys
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
        Digest::of(&serde_json::to_vec(&bare).expect("no map has other keys than texts"))
    }

    /// Reads what was signed.
    ///
    /// # Errors
    /// [`ManifestError`] says what is wrong with it.
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

    /// The bytes of all blobs of the version.
    pub fn stored_bytes(&self) -> u64 {
        self.blobs().map(|(_, blob)| blob.size).fold(0, u64::saturating_add)
    }

    /// Every blob of the version, and what it is to it.
    pub fn blobs(&self) -> impl Iterator<Item = (Role, &Blob)> {
        let named = self.networks.iter().flat_map(|(name, network)| {
            let own = (Role::Named(name.clone()), &network.blob);
            let rest = external(&network.external, Some(name)).chain(prepared(network.prepared.as_ref(), Some(name)));
            std::iter::once(own).chain(rest)
        });
        std::iter::once((Role::Network, &self.network))
            .chain(external(&self.external, None))
            .chain(prepared(self.prepared.as_ref(), None))
            .chain(self.assets.iter().map(|(name, blob)| (Role::Asset(name.clone()), blob)))
            .chain(named)
            .chain(self.golden.as_ref().map(|golden| (Role::Golden, &golden.blob)))
    }
}

impl<'m> From<&'m Manifest> for InputContract<'m> {
    fn from(manifest: &'m Manifest) -> Self {
        let sharing = RunSharing::of(manifest.batching, manifest.rows_proof);
        Self { inputs: &manifest.inputs, batching: manifest.batching, sharing }
    }
}

impl<'m> From<&'m NamedNetwork> for InputContract<'m> {
    fn from(network: &'m NamedNetwork) -> Self {
        let sharing = RunSharing::of(network.batching, network.rows_proof);
        Self { inputs: &network.inputs, batching: network.batching, sharing }
    }
}

/// The files in which a network has weights.
fn external<'m>(
    files: &'m BTreeMap<String, Blob>,
    network: Option<&'m String>,
) -> impl Iterator<Item = (Role, &'m Blob)> {
    files.iter().map(move |(file, blob)| (Role::External { network: network.cloned(), file: file.clone() }, blob))
}

fn prepared<'m>(prepared: Option<&'m Prepared>, network: Option<&'m String>) -> impl Iterator<Item = (Role, &'m Blob)> {
    prepared.into_iter().map(move |prepared| (Role::Prepared { network: network.cloned() }, &prepared.blob))
}

/// A network as ONNX Runtime writes it when it has made a session: it has not to be taken apart and improved again, and its weights
/// are used where they lie. What it gives was compared, to the last bit, with what the ONNX file gives.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Prepared {
    /// [`PREPARED_FORMAT`].
    pub format: String,
    /// The version of ONNX Runtime that wrote it; others make their sessions of the ONNX file.
    pub runtime: String,
    /// The processors that it was written on, as Rust names them; others make their sessions of the ONNX file.
    pub architecture: String,
    /// Its bytes.
    pub blob: Blob,
}

impl Prepared {
    /// What this program writes, with `blob`.
    pub fn here(blob: Blob) -> Self {
        let (runtime, architecture) = (amaas_engine::runtime::VERSION.to_owned(), std::env::consts::ARCH.to_owned());
        Self { format: PREPARED_FORMAT.to_owned(), runtime, architecture, blob }
    }

    /// Whether this program can begin with it.
    pub fn fits(&self) -> bool {
        let here = (PREPARED_FORMAT, amaas_engine::runtime::VERSION, std::env::consts::ARCH);
        (self.format.as_str(), self.runtime.as_str(), self.architecture.as_str()) == here
    }
}

/// ONNX Runtime's own format.
pub const PREPARED_FORMAT: &str = "ort";

/// What the blobs of a version are sealed with.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sealing {
    /// [`ALGORITHM`].
    pub algorithm: String,
    /// The id of the data key, which it was wrapped for.
    pub key: String,
    /// The data key, wrapped, in base64.
    pub wrapped: String,
    /// What the data key has to match.
    pub commitment: Digest,
}

/// Bytes named by their digest, with a digest for each segment so that they can be verified as they land.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Blob {
    /// SHA-256 of all bytes as they are stored.
    pub digest: Digest,
    /// Bytes in all.
    pub size: u64,
    /// Bytes of each segment but the last.
    pub segment_size: u64,
    /// SHA-256 of each segment as it is stored.
    pub segments: Vec<Digest>,
    /// The tag of each segment, where they are sealed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tags: Vec<Tag>,
    /// A digest of what is sealed that only who has the data key can compare with anything.
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
        if expected == Some(got) && self.size <= LARGEST_BLOB && self.segment_size <= LARGEST_SEGMENT {
            Ok(())
        } else {
            Err(ManifestError::Segments { blob: self.digest, size: self.size, segment_size: self.segment_size, got })
        }
    }
}

/// A network that a task runs beside the model's own.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NamedNetwork {
    /// The network, an ONNX file.
    pub blob: Blob,
    /// The files in which it has weights, as of [`Manifest::external`].
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub external: BTreeMap<String, Blob>,
    /// The same in a form that is ready sooner, as of [`Manifest::prepared`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prepared: Option<Prepared>,
    /// Input tensors.
    pub inputs: Vec<TensorSpec>,
    /// Output tensors.
    pub outputs: Vec<TensorSpec>,
    /// The metadata of the ONNX file.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub metadata: BTreeMap<String, String>,
    /// Whether rows of different calls may share a run.
    pub batching: Batching,
    /// As of [`Manifest::rows_proof`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rows_proof: Option<u32>,
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
    /// It is not in an envelope.
    #[error("it is not signed: expected a DSSE envelope of the type {PAYLOAD_TYPE}")]
    Unsigned,
    /// Somebody else signed it.
    #[error("none of the publishers that this function trusts (AMAAS_PUBLISHERS) signed it")]
    Signer,
    /// It is not what was signed.
    #[error("the signature is not good: it was altered")]
    Signature,
    /// Sealed segments and tags do not fit together.
    #[error("blob {blob}: expected {expected} tags, got {got}")]
    Tags { blob: Digest, expected: usize, got: usize },
    /// Sizes and segments do not fit together.
    #[error("blob {blob}: {got} segments of {segment_size} bytes do not make {size} bytes")]
    Segments { blob: Digest, size: u64, segment_size: u64, got: u64 },
}

/// The `format` of a manifest.
pub const FORMAT: &str = "amaas.manifest/2";
/// The type of what is signed.
pub const PAYLOAD_TYPE: &str = "application/vnd.amaas.model-manifest+json";
/// The one `algorithm` of a [`Sealing`].
pub const ALGORITHM: &str = "HKDF-SHA256+AES-256-GCM";
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

#[cfg(any(test, feature = "testing"))]
mod testing;
#[cfg(test)]
mod tests;
