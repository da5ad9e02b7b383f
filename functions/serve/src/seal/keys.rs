//! The keys that calls are sealed to.

use std::fmt;
use std::time::{Duration, SystemTime};

use amaas_wire::dsse::SigningKey;
use amaas_wire::keys::{Audience, KeyList, Manifest};
use amaas_wire::ohttp::{KeyRing, OhttpError, PrivateKey, Suite};
use aws_lc_rs::rand;
use bytes::Bytes;
use serde::{Deserialize, Serialize};

/// What a function opens sealed calls with.
pub struct Sealing {
    ring: KeyRing,
    list: Bytes,
    signer: SigningKey,
    serial: u64,
    policy: Policy,
}

/// Which calls are taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Policy {
    /// Plain ones.
    Off,
    /// Sealed and plain ones.
    Optional,
    /// Sealed ones; a plain call is refused, and its key has been seen by whoever stands between.
    Required,
}

/// Private keys as they are kept: a file that only the function may read.
#[derive(Serialize, Deserialize)]
pub struct KeyFile {
    /// [`FORMAT`].
    format: String,
    /// Grows with each change of the keys.
    serial: u64,
    /// The seed of the Ed25519 key that signs the list of public keys, in hexadecimal.
    signer: String,
    /// Private keys, newest first, in hexadecimal: [`PrivateKey::to_bytes`].
    keys: Vec<String>,
}

impl KeyFile {
    /// New keys: one for each suite, and a signer.
    ///
    /// # Errors
    /// When the operating system gives no randomness.
    pub fn generate() -> Result<Self, SealingError> {
        let mut seed = [0; 32];
        rand::fill(&mut seed).map_err(|_| SealingError::Random)?;
        let keys = Suite::ALL
            .into_iter()
            .zip(1..)
            .map(|(suite, id)| Ok(hex(&PrivateKey::generate(id, suite)?.to_bytes())))
            .collect::<Result<_, OhttpError>>()?;
        Ok(Self { format: FORMAT.to_owned(), serial: now(), signer: hex(&seed), keys })
    }

    /// Reads a file.
    ///
    /// # Errors
    /// [`SealingError::File`] says where, and never holds a key.
    pub fn from_json(bytes: &[u8]) -> Result<Self, SealingError> {
        let file: Self =
            serde_json::from_slice(bytes).map_err(|error| SealingError::File(format!("line {}", error.line())))?;
        if file.format == FORMAT { Ok(file) } else { Err(SealingError::File(format!("format {:?}", file.format))) }
    }

    /// The file's text.
    pub fn to_json(&self) -> Vec<u8> {
        serde_json::to_vec_pretty(self).unwrap_or_default()
    }
}

impl fmt::Debug for KeyFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeyFile").field("serial", &self.serial).finish_non_exhaustive()
    }
}

impl Sealing {
    /// What `file` holds, for calls as `policy` says.
    ///
    /// # Errors
    /// When a key in it is none.
    pub fn new(file: &KeyFile, policy: Policy) -> Result<Self, SealingError> {
        let wrong = |what: &str| SealingError::File(what.to_owned());
        let keys = file.keys.iter().map(|key| {
            let bytes = unhex(key).ok_or_else(|| wrong("a key is not hexadecimal"))?;
            PrivateKey::from_bytes(&bytes).map_err(SealingError::from)
        });
        let ring = KeyRing::new(keys.collect::<Result<_, _>>()?)?;
        let list = KeyList::new(ring.public_keys()).ok_or_else(|| wrong("there is no key"))?;
        let seed = unhex(&file.signer).and_then(|seed| seed.try_into().ok());
        let signer = SigningKey::from_bytes(&seed.ok_or_else(|| wrong("the signer is not 32 bytes"))?);
        Ok(Self { ring, list: list.encode().into(), signer, serial: file.serial, policy })
    }

    /// The public keys, `application/ohttp-keys`.
    pub(crate) fn list(&self) -> Bytes {
        self.list.clone()
    }

    /// What the signer says of the public keys, for callers of this model and version, from now on for a day.
    pub(crate) fn manifest(&self, model: &str, version: &str) -> Vec<u8> {
        let audience = Audience { model: model.to_owned(), version: version.to_owned() };
        let now = now();
        // Clocks differ a little.
        let valid = now.saturating_sub(CLOCK.as_secs())..=now.saturating_add(VALID.as_secs());
        Manifest::new(&self.list, audience, valid, self.serial).sign(&[&self.signer])
    }

    pub(super) fn ring(&self) -> &KeyRing {
        &self.ring
    }

    pub(super) fn policy(&self) -> Policy {
        self.policy
    }
}

/// What is wrong with the keys.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SealingError {
    /// The operating system gave no randomness.
    #[error("the operating system gave no randomness")]
    Random,
    /// The file is not what it should be.
    #[error("the file of sealing keys is malformed: {0}")]
    File(String),
    /// A key is none.
    #[error("sealing keys: {0}")]
    Key(#[from] OhttpError),
}

fn now() -> u64 {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_secs()
}

fn hex(bytes: &[u8]) -> String {
    bytes
        .iter()
        .flat_map(|byte| [byte >> 4, byte & 15])
        .filter_map(|digit| char::from_digit(digit.into(), 16))
        .collect()
}

fn unhex(text: &str) -> Option<Vec<u8>> {
    let digits: Vec<u8> =
        text.chars().map(|digit| digit.to_digit(16).and_then(|digit| digit.try_into().ok())).collect::<Option<_>>()?;
    let (pairs, rest) = digits.as_chunks::<2>();
    rest.is_empty().then(|| pairs.iter().map(|[high, low]| high << 4 | low).collect())
}

const FORMAT: &str = "amaas.sealing-keys/1";
const VALID: Duration = Duration::from_hours(24);
const CLOCK: Duration = Duration::from_mins(5);

#[cfg(test)]
mod tests {
    use amaas_wire::keys::Requirement;

    use super::*;

    #[test]
    fn files_round_trip_and_are_not_shown() {
        let file = KeyFile::generate().expect("random");
        let again = KeyFile::from_json(&file.to_json()).expect("a file");
        let (first, second) = (Sealing::new(&file, Policy::Required), Sealing::new(&again, Policy::Required));
        assert_eq!(first.expect("keys").list(), second.expect("keys").list());
        assert!(!format!("{file:?}").contains(&file.signer));
    }

    #[test]
    fn the_manifest_holds_for_its_audience() {
        let sealing = Sealing::new(&KeyFile::generate().expect("random"), Policy::Optional).expect("keys");
        let document = sealing.manifest("m", "1");
        let audience = |version: &str| Audience { model: "m".to_owned(), version: version.to_owned() };
        let verify = |version| {
            let requirement = Requirement { audience: audience(version), now: now(), least_serial: 0 };
            Manifest::verify(&document, &sealing.list(), &[sealing.signer.verifying_key()], &requirement)
        };
        assert!(verify("1").is_ok());
        assert!(verify("2").is_err());
    }

    #[test]
    fn files_that_are_none_are_refused() {
        assert!(KeyFile::from_json(b"{}").is_err());
        let mut file = KeyFile::generate().expect("random");
        file.keys = vec!["zz".to_owned()];
        assert!(Sealing::new(&file, Policy::Optional).is_err());
        file.keys = vec![];
        assert!(Sealing::new(&file, Policy::Optional).is_err());
    }
}
