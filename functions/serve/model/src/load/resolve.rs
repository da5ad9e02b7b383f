//! Resolves a model's name and an alias or version to the manifest.

use crate::alias_pointer::{AliasPointer, PointerError};
use crate::load::{LoadError, ModelSource};
use crate::manifest::Manifest;
use amaas_store::{Alias, ModelName, Version, VersionSelector, alias_key, manifest_key};
use amaas_wire::Digest;

/// The version that a selector resolves to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct ResolvedVersion {
    pub(super) version: Version,
    /// The serial of the alias's pointer, which grows with each move of the alias; `None` if the selector is a version.
    pub(super) serial: Option<u64>,
}

/// Resolves `selector` to a version.
pub async fn resolve(
    source: &ModelSource,
    model: &ModelName,
    selector: &VersionSelector,
) -> Result<Version, LoadError> {
    Ok(resolve_selector(source, model, selector).await?.version)
}

/// Resolves `selector`; an alias through its pointer, if a publisher signed it.
pub(super) async fn resolve_selector(
    source: &ModelSource,
    model: &ModelName,
    selector: &VersionSelector,
) -> Result<ResolvedVersion, LoadError> {
    match selector {
        VersionSelector::Version(version) => Ok(ResolvedVersion { version: version.clone(), serial: None }),
        VersionSelector::Alias(alias) => match read_pointer(source, model, alias).await {
            // The alias may have moved during this read, and another process may have seen the new pointer.
            Err(LoadError::Alias { cause: PointerError::Older { .. }, .. }) => read_pointer(source, model, alias).await,
            followed => followed,
        },
    }
}

async fn read_pointer(source: &ModelSource, model: &ModelName, alias: &Alias) -> Result<ResolvedVersion, LoadError> {
    let object = source.store.read(&alias_key(model, alias)).await?;
    let failed = |cause| LoadError::Alias { model: model.to_string(), alias: alias.to_string(), cause };
    let pointer = AliasPointer::verify(&object.bytes, (model, alias), source.publishers()).map_err(failed)?;
    source.accept_pointer(&pointer).await?;
    Ok(ResolvedVersion { version: pointer.version, serial: Some(pointer.serial) })
}

/// Reads the manifest of a version, with the digest of its payload. Checks its signature, name and serial.
pub async fn read_manifest(
    source: &ModelSource,
    model: &ModelName,
    version: &Version,
) -> Result<(Manifest, Digest), LoadError> {
    let key = manifest_key(model, version);
    let object = source.store.read(&key).await?;
    let (manifest, digest) = match Manifest::verify_with_digest(&object.bytes, source.publishers()) {
        Ok(verified) => verified,
        Err(cause) => return Err(LoadError::Manifest { key, cause }),
    };
    if manifest.model != *model || manifest.version != *version {
        let (model, version) = (manifest.model.to_string(), manifest.version.to_string());
        return Err(LoadError::Misplaced { key, model, version });
    }
    let (serial, least) = (manifest.serial, source.least_serial());
    if serial < least {
        return Err(LoadError::RolledBack { key, serial, least });
    }
    Ok((manifest, digest))
}
