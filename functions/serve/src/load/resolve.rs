//! A model's name and an alias or version to the manifest.

use crate::digest::Digest;
use crate::load::{LoadError, Source};
use crate::manifest::Manifest;
use crate::store::{ModelName, Selector, Store, Version, alias_key, manifest_key};

/// The version that `selector` stands for now.
pub(crate) async fn resolve(store: &Store, model: &ModelName, selector: &Selector) -> Result<Version, LoadError> {
    match selector {
        Selector::Version(version) => Ok(version.clone()),
        Selector::Alias(alias) => {
            let object = store.read(&alias_key(model, alias)).await?;
            let text = String::from_utf8_lossy(&object.bytes);
            let failed = |cause| LoadError::Alias { model: model.to_string(), alias: alias.to_string(), cause };
            text.trim().parse().map_err(failed)
        }
    }
}

/// The manifest of a version, signed by a publisher, in its place and not too old; with the digest of what was signed.
pub(super) async fn manifest(
    source: &Source,
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
