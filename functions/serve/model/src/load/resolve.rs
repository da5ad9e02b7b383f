//! A model's name and an alias or version to the manifest.

use crate::alias_pointer::{AliasPointer, PointerError};
use crate::load::{LoadError, ModelSource};
use crate::manifest::Manifest;
use amaas_store::{Alias, ModelName, Version, VersionSelector, alias_key, manifest_key};
use amaas_wire::Digest;

/// What a selector stands for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct ResolvedVersion {
    pub(super) version: Version,
    /// That of the pointer, which grows each time that the alias is moved; `None` where no alias is followed.
    pub(super) serial: Option<u64>,
}

/// The version that `selector` stands for now.
pub async fn resolve(
    source: &ModelSource,
    model: &ModelName,
    selector: &VersionSelector,
) -> Result<Version, LoadError> {
    Ok(pointed(source, model, selector).await?.version)
}

/// What `selector` stands for now: where it is an alias, as a publisher pointed it.
pub(super) async fn pointed(
    source: &ModelSource,
    model: &ModelName,
    selector: &VersionSelector,
) -> Result<ResolvedVersion, LoadError> {
    match selector {
        VersionSelector::Version(version) => Ok(ResolvedVersion { version: version.clone(), serial: None }),
        VersionSelector::Alias(alias) => match follow(source, model, alias).await {
            // The alias may have been moved while it was read here, and another process have read where to.
            Err(LoadError::Alias { cause: PointerError::Older { .. }, .. }) => follow(source, model, alias).await,
            followed => followed,
        },
    }
}

async fn follow(source: &ModelSource, model: &ModelName, alias: &Alias) -> Result<ResolvedVersion, LoadError> {
    let object = source.store.read(&alias_key(model, alias)).await?;
    let failed = |cause| LoadError::Alias { model: model.to_string(), alias: alias.to_string(), cause };
    let pointer = AliasPointer::verify(&object.bytes, (model, alias), source.publishers()).map_err(failed)?;
    source.take(&pointer).await?;
    Ok(ResolvedVersion { version: pointer.version, serial: Some(pointer.serial) })
}

/// The manifest of a version, signed by a publisher, in its place and not too old; with the digest of what was signed.
pub async fn manifest(
    source: &ModelSource,
    model: &ModelName,
    version: &Version,
) -> Result<(Manifest, Digest), LoadError> {
    let key = manifest_key(model, version);
    let object = source.store.read(&key).await?;
    let (manifest, digest) = match Manifest::verified(&object.bytes, source.publishers()) {
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
