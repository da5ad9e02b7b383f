//! The file with a publisher's signing key: PKCS#8 in PEM, as `openssl genpkey -algorithm ed25519` writes it.

use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use amaas_wire::dsse::SigningKey;
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use zeroize::Zeroizing;

/// A file with the private key of a publisher.
pub struct SignerFile;

impl SignerFile {
    /// Generates a key, and writes it to a new file that only its owner can read.
    ///
    /// # Errors
    /// If the file exists already or cannot be written.
    pub fn create(path: &Path) -> Result<SigningKey, SignerError> {
        let wrong = |cause: String| SignerError { path: path.display().to_string(), cause };
        let key = SigningKey::generate().map_err(|error| wrong(error.to_string()))?;
        let der = Zeroizing::new([PREFIX, key.to_bytes().as_slice()].concat());
        let text = Zeroizing::new(format!("{BEGIN}\n{}\n{END}\n", BASE64_STANDARD.encode(der.as_slice())));
        let file = std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path);
        file.and_then(|mut file| file.write_all(text.as_bytes())).map_err(|error| wrong(error.to_string()))?;
        Ok(key)
    }

    /// Reads the key of a file.
    ///
    /// # Errors
    /// [`SignerError`] says why not.
    pub fn open(path: &Path) -> Result<SigningKey, SignerError> {
        let wrong = |cause: String| SignerError { path: path.display().to_string(), cause };
        let text = Zeroizing::new(std::fs::read_to_string(path).map_err(|error| wrong(error.to_string()))?);
        parse(&text).ok_or_else(|| wrong("expected an Ed25519 private key, PKCS#8 in PEM".to_owned()))
    }
}

fn parse(text: &str) -> Option<SigningKey> {
    let inner = text.trim().strip_prefix(BEGIN)?.strip_suffix(END)?;
    let inner = Zeroizing::new(inner.split_ascii_whitespace().collect::<String>());
    let der = Zeroizing::new(BASE64_STANDARD.decode(inner.as_bytes()).ok()?);
    let seed = Zeroizing::new(<[u8; 32]>::try_from(der.strip_prefix(PREFIX)?).ok()?);
    Some(SigningKey::from_bytes(&seed))
}

/// Why a key file cannot be read or written.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("signing key {path}: {cause}")]
pub struct SignerError {
    path: String,
    cause: String,
}

const BEGIN: &str = "-----BEGIN PRIVATE KEY-----";
const END: &str = "-----END PRIVATE KEY-----";
/// `PrivateKeyInfo` of RFC 8410 §7 up to the 32 bytes of the key: SEQUENCE, version 0, id-Ed25519, OCTET STRING of OCTET STRING.
const PREFIX: &[u8] = &[0x30, 0x2e, 2, 1, 0, 0x30, 5, 6, 3, 0x2b, 0x65, 0x70, 4, 0x22, 4, 0x20];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_published_key_is_read() {
        // RFC 8410 §10.3; the public key is in §10.1.
        let text = "-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEINTuctv5E1hK1bbY8fdp+K06/nwoy/HU++CXqI9EdVhC\n\
                    -----END PRIVATE KEY-----";
        let public = parse(text).expect("a key").verifying_key();
        assert_eq!(public.to_string(), "Gb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE=");
    }

    #[test]
    fn files_round_trip_and_are_never_overwritten() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = folder.path().join("signer.pem");
        let key = SignerFile::create(&path).expect("made");
        assert_eq!(SignerFile::open(&path).expect("read").verifying_key(), key.verifying_key());
        assert!(SignerFile::create(&path).is_err());
        std::fs::write(&path, "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----").expect("written");
        assert!(SignerFile::open(&path).is_err());
    }
}
