//! What `amaas dev` keeps in place of KMS and of a publisher's key.

use std::path::{Path, PathBuf};

use amaas_model::at_rest::SignerFile;
use amaas_model::publish::{Protection, Publisher};
use amaas_store::vault::{FileKey, Vault};
use amaas_wire::dsse::{SigningKey, VerifyingKey};

use crate::error::CliError;

/// The secrets of a folder.
pub(crate) struct Secrets {
    kms_key: PathBuf,
    signing_key: PathBuf,
    vault: Vault,
    signer: SigningKey,
}

impl Secrets {
    /// Those of the folder `data`; new ones where there are none.
    pub(crate) fn of(data: &Path) -> Result<Self, CliError> {
        let data = data.canonicalize().map_err(|error| CliError::file(data, &error))?;
        let (kms_key, signing_key) = (data.join("kms.key"), data.join("signer.pem"));
        let vault = if kms_key.exists() { FileKey::open(&kms_key) } else { FileKey::create(&kms_key) };
        let signer =
            if signing_key.exists() { SignerFile::open(&signing_key) } else { SignerFile::create(&signing_key) };
        let (vault, signer) = (Vault::File(vault?), signer.map_err(CliError::usage)?);
        Ok(Self { kms_key, signing_key, vault, signer })
    }

    pub(crate) fn vault(&self) -> &Vault {
        &self.vault
    }

    pub(crate) fn publisher(&self) -> VerifyingKey {
        self.signer.verifying_key()
    }

    /// Who publishes what comes with the program.
    pub(crate) fn as_publisher(&self) -> Publisher {
        Publisher { signer: self.signer.clone(), protection: Protection::Sealed(self.vault.clone()) }
    }

    /// As `AMAAS_KMS_KEY` has it.
    pub(crate) fn kms_key(&self) -> String {
        format!("file:{}", self.kms_key.display())
    }

    pub(crate) fn signing_key(&self) -> &Path {
        &self.signing_key
    }
}
