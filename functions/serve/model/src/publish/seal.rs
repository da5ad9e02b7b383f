//! Seals the blobs of a version and completes its manifest.

use amaas_wire::dsse::SigningKey;
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use bytes::Bytes;
use tokio::task::spawn_blocking;

use super::PublishError;
use crate::at_rest::{BlobRole, DataKey};
use crate::manifest::{ALGORITHM, Blob, BlobSealing, GoldenBlob, Manifest, PreparedNetwork, SEGMENT_SIZE};
use amaas_store::vault::{EncryptionContext, Vault, VaultError};

/// The publisher's signing key, and the protection of blobs.
#[derive(Clone, Debug)]
pub struct Publisher {
    /// Signs manifests; functions have to trust its public key.
    pub signer: SigningKey,
    /// Whether blobs are sealed.
    pub protection: BlobProtection,
}

/// Whether blobs are encrypted in the store.
#[derive(Clone, Debug)]
pub enum BlobProtection {
    /// Sealed, with a data key that this vault wraps.
    Sealed(Vault),
    /// Plaintext: for public models.
    Unsealed,
}

/// A manifest and its blobs, ready to upload.
pub(super) struct PackedVersion {
    pub(super) manifest: Manifest,
    pub(super) blobs: Vec<Bytes>,
}

/// The files of a version, by role.
pub(super) type VersionFiles = Vec<(BlobRole, Bytes)>;

/// Completes `draft`, whose blobs have only sizes, with the stored form of `files`.
pub(super) async fn pack(
    draft: Manifest,
    files: VersionFiles,
    protection: &BlobProtection,
) -> Result<PackedVersion, PublishError> {
    let BlobProtection::Sealed(vault) = protection else {
        let mut manifest = Manifest { sealing: None, ..draft };
        for (role, bytes) in &files {
            set_blob(&mut manifest, role, Blob::of(bytes));
        }
        return Ok(PackedVersion { manifest, blobs: files.into_iter().map(|(_, bytes)| bytes).collect() });
    };
    let (key, bytes) = DataKey::generate().ok_or(VaultError::Random)?;
    let name = format!("weights/{}", draft.version);
    let wrapped = vault.wrap(bytes.as_slice(), EncryptionContext { model: draft.model.as_str(), key: &name }).await?;
    let sealing = BlobSealing {
        algorithm: ALGORITHM.to_owned(),
        key: name,
        wrapped: BASE64_STANDARD.encode(wrapped),
        commitment: key.commitment(),
    };
    let manifest = Manifest { sealing: Some(sealing), ..draft };
    let sealed = spawn_blocking(move || seal(manifest, files, &key)).await;
    sealed.map_err(|error| PublishError::Interrupted(error.to_string()))?
}

fn seal(mut manifest: Manifest, files: VersionFiles, key: &DataKey) -> Result<PackedVersion, PublishError> {
    let fingerprints: Vec<_> = files.iter().map(|(role, bytes)| Some(key.fingerprint(role, bytes))).collect();
    for ((role, bytes), fingerprint) in files.iter().zip(&fingerprints) {
        set_blob(&mut manifest, role, Blob { fingerprint: *fingerprint, ..sized_blob(bytes) });
    }
    let identity = manifest.identity();
    let mut blobs = Vec::with_capacity(files.len());
    for ((role, bytes), fingerprint) in files.into_iter().zip(fingerprints) {
        let (mut bytes, mut tags) = (Vec::from(bytes), Vec::new());
        for (index, segment) in (0..).zip(bytes.chunks_mut(SEGMENT_SIZE)) {
            let tag = key.seal(&role, identity, index, segment);
            tags.push(tag.ok_or_else(|| PublishError::Interrupted("a segment could not be sealed".to_owned()))?);
        }
        set_blob(&mut manifest, &role, Blob { tags, fingerprint, ..Blob::of(&bytes) });
        blobs.push(bytes.into());
    }
    Ok(PackedVersion { manifest, blobs })
}

/// A blob with only its size.
pub(super) fn sized_blob(bytes: &[u8]) -> Blob {
    Blob { size: bytes.len() as u64, ..Blob::of(&[]) }
}

/// Whether the published manifest `there` is the same model as `draft` with `files`. Members that need no data key are
/// compared first. Prepared networks are not compared.
pub(super) async fn is_same(
    there: &Manifest,
    draft: &Manifest,
    files: &VersionFiles,
    protection: &BlobProtection,
) -> Result<bool, VaultError> {
    let described = |manifest: &Manifest| {
        let originals = manifest.blobs().filter(|(role, _)| is_original(role));
        let sizes: Vec<_> = originals.map(|(role, blob)| (role.label(), blob.size)).collect();
        let networks = manifest.networks.values();
        let networks = networks.map(|it| (it.inputs.clone(), it.outputs.clone(), it.batching, it.rows_proof));
        let own = (manifest.inputs.clone(), manifest.outputs.clone(), manifest.batching, manifest.rows_proof);
        (sizes, manifest.task.clone(), own, networks.collect::<Vec<_>>())
    };
    if there.model != draft.model || described(there) != described(draft) {
        return Ok(false);
    }
    let mut files = files.iter().filter(|(role, _)| is_original(role));
    let blob = |role: &BlobRole| there.blobs().find(|(other, _)| other == role).map(|(_, blob)| blob.clone());
    Ok(match (protection, &there.sealing) {
        (BlobProtection::Unsealed, None) => {
            files.all(|(role, bytes)| blob(role).is_some_and(|blob| blob.digest == Blob::of(bytes).digest))
        }
        (BlobProtection::Sealed(vault), Some(sealing)) => {
            let Ok(wrapped) = BASE64_STANDARD.decode(&sealing.wrapped) else { return Ok(false) };
            let context = EncryptionContext { model: there.model.as_str(), key: &sealing.key };
            let bytes = match vault.unwrap(&wrapped, context).await {
                Ok(bytes) => bytes,
                // A publisher that may wrap but not unwrap publishes a new version.
                Err(VaultError::Refused { .. } | VaultError::Denied { .. }) => return Ok(false),
                Err(error) => return Err(error),
            };
            let Some(key) = DataKey::open(&bytes, &sealing.commitment) else { return Ok(false) };
            files.all(|(role, bytes)| {
                blob(role).is_some_and(|blob| blob.fingerprint == Some(key.fingerprint(role, bytes)))
            })
        }
        _ => false,
    })
}

/// Whether a blob is a file of the publication, not derived from one.
fn is_original(role: &BlobRole) -> bool {
    !matches!(role, BlobRole::Prepared { .. })
}

/// Sets the blob of `role` in the manifest.
fn set_blob(manifest: &mut Manifest, role: &BlobRole, blob: Blob) {
    match role {
        BlobRole::Network => manifest.network = blob,
        BlobRole::Golden => manifest.golden = Some(GoldenBlob { blob }),
        BlobRole::Asset(name) => {
            manifest.assets.insert(name.clone(), blob);
        }
        BlobRole::Auxiliary(name) => {
            if let Some(network) = manifest.networks.get_mut(name) {
                network.blob = blob;
            }
        }
        BlobRole::External { network: None, file } => {
            manifest.external.insert(file.clone(), blob);
        }
        BlobRole::External { network: Some(name), file } => {
            if let Some(network) = manifest.networks.get_mut(name) {
                network.external.insert(file.clone(), blob);
            }
        }
        BlobRole::Prepared { network: None } => manifest.prepared = Some(PreparedNetwork::of_this_machine(blob)),
        BlobRole::Prepared { network: Some(name) } => {
            if let Some(network) = manifest.networks.get_mut(name) {
                network.prepared = Some(PreparedNetwork::of_this_machine(blob));
            }
        }
    }
}
