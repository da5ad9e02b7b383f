//! A vault with a key file: AES-256-GCM with a random nonce for each secret.

use std::fmt;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::sync::Arc;

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use zeroize::Zeroizing;

use super::{EncryptionContext, VaultError};

/// A key in a file, for a single machine and for tests.
#[derive(Clone)]
pub struct FileKey(Arc<LessSafeKey>);

impl FileKey {
    /// Creates a key in a new file that only its owner may read.
    ///
    /// # Errors
    /// If the file exists or cannot be written.
    pub fn create(path: &Path) -> Result<Self, VaultError> {
        let mut key = Zeroizing::new([0; KEY_LEN]);
        getrandom::fill(key.as_mut_slice()).map_err(|_| VaultError::Random)?;
        let text = Zeroizing::new(amaas_wire::hex::encode(key.as_slice()));
        let file = std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path);
        file.and_then(|mut file| file.write_all(text.as_bytes())).map_err(|error| wrong(path, &error))?;
        Self::new(key.as_slice()).ok_or(VaultError::Random)
    }

    /// Reads the key of a file: 64 hexadecimal digits.
    ///
    /// # Errors
    /// [`VaultError::File`].
    pub fn open(path: &Path) -> Result<Self, VaultError> {
        let mut text = Zeroizing::new(std::fs::read(path).map_err(|error| wrong(path, &error))?);
        text.make_ascii_lowercase();
        let digits = std::str::from_utf8(text.trim_ascii()).ok();
        let key = digits.and_then(amaas_wire::hex::decode::<KEY_LEN>).map(Zeroizing::new);
        key.and_then(|key| Self::new(key.as_slice())).ok_or_else(|| wrong(path, &"expected 64 hexadecimal digits"))
    }

    fn new(key: &[u8]) -> Option<Self> {
        UnboundKey::new(&AES_256_GCM, key).ok().map(|key| Self(Arc::new(LessSafeKey::new(key))))
    }

    pub(super) fn wrap(&self, secret: &[u8], context: EncryptionContext<'_>) -> Result<Vec<u8>, VaultError> {
        let mut nonce = [0; NONCE_LEN];
        getrandom::fill(&mut nonce).map_err(|_| VaultError::Random)?;
        let mut sealed = Vec::with_capacity(secret.len() + AES_256_GCM.tag_len());
        sealed.extend_from_slice(secret);
        let nonce_of_it = Nonce::assume_unique_for_key(nonce);
        self.0
            .seal_in_place_append_tag(nonce_of_it, Aad::from(bound(context)), &mut sealed)
            .map_err(|_| refused(context, "it is too long"))?;
        Ok([&[VERSION], nonce.as_slice(), &sealed].concat())
    }

    pub(super) fn unwrap(
        &self,
        wrapped: &[u8],
        context: EncryptionContext<'_>,
    ) -> Result<Zeroizing<Vec<u8>>, VaultError> {
        let parts = wrapped.split_first().and_then(|(version, rest)| {
            let (nonce, sealed) = rest.split_first_chunk::<NONCE_LEN>()?;
            (*version == VERSION).then_some((*nonce, sealed))
        });
        let (nonce, sealed) = parts.ok_or_else(|| refused(context, "it is no wrapped key"))?;
        let mut secret = Zeroizing::new(sealed.to_vec());
        let opened = self.0.open_in_place(Nonce::assume_unique_for_key(nonce), Aad::from(bound(context)), &mut secret);
        let length = opened.map_err(|_| refused(context, "the key in the file does not open it"))?.len();
        secret.truncate(length);
        Ok(secret)
    }
}

impl fmt::Debug for FileKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FileKey").finish_non_exhaustive()
    }
}

/// The context as bytes: no two contexts have the same.
fn bound(context: EncryptionContext<'_>) -> Vec<u8> {
    let field = |text: &str| [&(text.len() as u64).to_be_bytes(), text.as_bytes()].concat();
    [field(context.model), field(context.key)].concat()
}

fn refused(context: EncryptionContext<'_>, cause: &str) -> VaultError {
    VaultError::Refused { model: context.model.to_owned(), key: context.key.to_owned(), cause: cause.to_owned() }
}

fn wrong(path: &Path, cause: &dyn fmt::Display) -> VaultError {
    VaultError::File { path: path.display().to_string(), cause: cause.to_string() }
}

const KEY_LEN: usize = 32;
const VERSION: u8 = 1;

#[cfg(test)]
mod tests {
    use super::*;

    const CONTEXT: EncryptionContext<'_> = EncryptionContext { model: "m", key: "1" };

    #[test]
    fn secrets_come_back_for_their_context_only() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = folder.path().join("kms.key");
        let wrapped = FileKey::create(&path).expect("made").wrap(b"secret", CONTEXT).expect("wrapped");
        let key = FileKey::open(&path).expect("read");
        assert_eq!(key.unwrap(&wrapped, CONTEXT).expect("unwrapped").as_slice(), b"secret");
        for other in [
            EncryptionContext { model: "m1", key: "" },
            EncryptionContext { model: "", key: "m1" },
            EncryptionContext { key: "2", ..CONTEXT },
        ] {
            assert!(matches!(key.unwrap(&wrapped, other), Err(VaultError::Refused { .. })), "{other:?}");
        }
        for index in 0..wrapped.len() {
            let mut altered = wrapped.clone();
            altered[index] ^= 1;
            assert!(key.unwrap(&altered, CONTEXT).is_err(), "{index}");
            assert!(key.unwrap(&wrapped[..index], CONTEXT).is_err(), "{index}");
        }
    }

    #[test]
    fn files_that_hold_no_key_are_refused() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = folder.path().join("kms.key");
        assert!(FileKey::open(&path).is_err());
        for text in ["", "00", &"0".repeat(63), &"g".repeat(64)] {
            std::fs::write(&path, text).expect("written");
            let error = FileKey::open(&path).expect_err(text);
            assert!(error.to_string().ends_with("expected 64 hexadecimal digits"), "{error}");
        }
        assert!(FileKey::create(&path).is_err(), "a key is never overwritten");
    }
}
