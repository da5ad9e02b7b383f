//! Documents of a container image (OCI Image Format 1.1): the types of `oci-spec`, and their text.

use oci_spec::image::{Descriptor, MediaType, Sha256Digest};
use serde::Serialize;

use crate::error::CliError;
use amaas_wire::Digest;

/// The text of `document`. The same content must have the same digest, so every map is sorted: the hash maps of `oci-spec` differ
/// in order from process to process, and `serde_json::Value` has sorted maps (without its feature `preserve_order`).
pub(super) fn to_text(document: &impl Serialize) -> Result<Vec<u8>, CliError> {
    let sorted = serde_json::to_value(document).map_err(CliError::new)?;
    serde_json::to_vec(&sorted).map_err(CliError::new)
}

/// The descriptor of a blob.
pub(super) fn descriptor(media_type: MediaType, digest: Digest, size: u64) -> Result<Descriptor, CliError> {
    let digest: Sha256Digest = digest.to_string().parse().map_err(CliError::new)?;
    Ok(Descriptor::new(media_type, size, digest))
}

/// The media type in OCI's terms, if it is Docker's.
pub(super) fn media_type(declared: &MediaType) -> MediaType {
    match declared.as_ref() {
        "application/vnd.docker.distribution.manifest.list.v2+json" => MediaType::ImageIndex,
        "application/vnd.docker.distribution.manifest.v2+json" => MediaType::ImageManifest,
        "application/vnd.docker.image.rootfs.diff.tar.gzip" => MediaType::ImageLayerGzip,
        "application/vnd.docker.image.rootfs.diff.tar" => MediaType::ImageLayer,
        _ => declared.clone(),
    }
}
