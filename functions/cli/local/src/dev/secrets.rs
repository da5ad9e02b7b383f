//! The keys that `dev` keeps in files: one in place of KMS, and the publisher's signing key.

use std::path::{Path, PathBuf};

use amaas_model::at_rest::SignerFile;
use amaas_model::publish::{BlobProtection, Publisher};
use amaas_store::vault::{FileKey, Vault};
use amaas_wire::dsse::{SigningKey, VerifyingKey};

use super::error::DevError;

/// The secrets of a folder.
pub(super) struct DevSecrets {
    kms_key: PathBuf,
    signing_key: PathBuf,
    vault: Vault,
    signer: SigningKey,
}

impl DevSecrets {
    /// The keys in the folder `data`; new ones are made if there are none.
    pub(super) fn of(data: &Path) -> Result<Self, DevError> {
        let data = data.canonicalize().map_err(|error| DevError::file(data, &error))?;
        let (kms_key, signing_key) = (data.join("kms.key"), data.join("signer.pem"));
        let vault = if kms_key.exists() { FileKey::open(&kms_key) } else { FileKey::create(&kms_key) };
        let signer =
            if signing_key.exists() { SignerFile::open(&signing_key) } else { SignerFile::create(&signing_key) };
        let (vault, signer) = (Vault::File(vault?), signer.map_err(DevError::usage)?);
        Ok(Self { kms_key, signing_key, vault, signer })
    }

    pub(super) fn vault(&self) -> &Vault {
        &self.vault
    }

    pub(super) fn publisher(&self) -> VerifyingKey {
        self.signer.verifying_key()
    }

    /// The publisher of the bundled models.
    pub(super) fn as_publisher(&self) -> Publisher {
        Publisher { signer: self.signer.clone(), protection: BlobProtection::Sealed(self.vault.clone()) }
    }

    /// As `AMAAS_KMS_KEY` has it.
    pub(super) fn kms_key(&self) -> String {
        format!("file:{}", self.kms_key.display())
    }

    pub(super) fn signing_key(&self) -> &Path {
        &self.signing_key
    }
}
